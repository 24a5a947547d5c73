"""Hypothesis strategies that draw sizes and a seed, never arrays of floats.

    @given(networks())
    def test_a_network_obeys_every_law(case):
        check_map(case.net, case.x_shape, seed=case.seed, leads=((), (case.K,)))

All sizes of a case differ, since a square hides a transpose, and are at least 2, since
a row of one hides a sum. A failing case shrinks to the smallest sizes, printed in one
line. Numbers come from the seed, since arrays of drawn floats are mostly one value
repeated and find few bugs. Rewards, ends and lengths are drawn one by one, since ties
and zeros are the cases there.

Only this module needs Hypothesis.
"""
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..calculus import GRU, LSTM, MLP, Layout

LARGEST = 7


class Case(NamedTuple):
    """A network, the shape of one task's input, the number of tasks, and a seed."""

    net: Any
    x_shape: tuple
    K: int
    seed: int


def seeds():
    return st.integers(0, 2 ** 32 - 1)


def sizes(n, largest=LARGEST):
    """n sizes from 2 to `largest`, all different."""
    numbers = st.integers(2, largest)
    return st.lists(numbers, min_size=n, max_size=n, unique=True).map(tuple)


@st.composite
def mlps(draw, activations=("tanh", "sigmoid")):
    """An MLP with one to three hidden layers on rows x [R, n_in]."""
    K, R, *widths = draw(st.integers(5, 7).flatmap(lambda n: sizes(n, n + 2)))
    net = MLP(tuple(widths), draw(st.sampled_from(activations)))
    return Case(net, (R, widths[0]), K, draw(seeds()))


@st.composite
def recurrent_networks(draw, kinds=(LSTM, GRU)):
    """A recurrent network on x [T, B, n_in], of one of the kinds."""
    K, T, B, n, H, m = draw(sizes(6))
    return Case(draw(st.sampled_from(kinds))(n, H, m), (T, B, n), K, draw(seeds()))


def networks():
    """An MLP, an LSTM or a GRU."""
    return st.one_of(mlps(), recurrent_networks())


# ---- what else there is to draw

@st.composite
def layouts(draw, largest=LARGEST):
    """A Layout of one to four blocks, with names a, b, .. and up to three axes."""
    size = st.integers(1, largest)
    shape = st.lists(size, max_size=3).map(tuple)
    return Layout(**dict(zip("abcd", draw(st.lists(shape, min_size=1, max_size=4)))))


@st.composite
def policies(draw, make):
    """A policy of your own: make(n, m, H) gives one with n inputs of the world, m
    actions or dimensions of one, and H hidden units, as in

        policies(lambda n, m, H: MLPPolicy(n, Categorical(m), (H,)))
    """
    K, T, B, n, m, H = draw(sizes(6))
    policy = make(n, m, H)
    return Case(policy, (T, B, policy.n_in), K, draw(seeds()))


@st.composite
def families(draw, make, n_sizes=2, smallest=2, largest=LARGEST):
    """A family of drawn sizes: make(*sizes), as in families(BernoulliBandit)."""
    numbers = draw(st.lists(st.integers(smallest, largest), min_size=n_sizes,
                            max_size=n_sizes))
    return make(*numbers)


def shapes(n):
    """n sizes: in two of three cases at least 2 and all different, else 1 to 3 and some
    may be equal."""
    small = st.lists(st.integers(1, 3), min_size=n, max_size=n).map(tuple)
    return st.one_of(small, sizes(n), sizes(n))   # shrinks to the first


def rewards(shape):
    """Arrays with the ties, zeros and signs that a world pays."""
    paid = st.sampled_from((0.0, 1.0, -1.0, 0.5, 10.0))
    return hnp.arrays(float, shape, elements=paid)


def dones(shape):
    """Arrays of truths."""
    return hnp.arrays(bool, shape)


@dataclass(frozen=True)
class Experience:
    """Data in the form of a rollout: trials of 1 to T steps, then padding."""

    x: np.ndarray         # [K, T, B, n]
    action: np.ndarray    # [K, T, B]     integers below n_actions
    reward: np.ndarray    # [K, T, B]     0 where padded, as log_prob, value and end
    log_prob: np.ndarray
    value: np.ndarray
    end: np.ndarray       # [K, T, B]     True at an episode's last step
    mask: np.ndarray      # [K, T, B]     True where a step was taken
    seed: int

    def __getitem__(self, index):
        """Some of the tasks."""
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self)[:-1]}
        return replace(self, **arrays)

    def __repr__(self):
        K, T, B, n = self.x.shape
        steps, ends = (a.astype(int).sum(1).tolist() for a in (self.mask, self.end))
        return (f"Experience(K={K}, T={T}, B={B}, n={n}, steps={steps}, ends={ends}, "
                f"reward={self.reward.ravel().tolist()}, seed={self.seed})")


@st.composite
def rollouts(draw, n=None, n_actions=3):
    """Experience with ragged ends; n is the length of an input, drawn if None."""
    K, T, B, width = draw(shapes(4))
    shape, seed = (K, T, B), draw(seeds())
    rng = np.random.default_rng(seed)
    steps = draw(hnp.arrays(int, (K, 1, B), elements=st.integers(1, T)))
    mask = np.arange(T)[:, None] < steps
    last = np.arange(T)[:, None] == steps - 1
    return Experience(
        rng.normal(size=shape + (n or width,)), rng.integers(n_actions, size=shape),
        draw(rewards(shape)) * mask, -rng.exponential(size=shape) * mask,
        rng.normal(size=shape) * mask, (draw(dones(shape)) & mask) | last, mask, seed)
