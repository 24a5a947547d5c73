"""Hypothesis strategies that draw sizes and a seed, never arrays of floats.

    @given(networks())
    def test_a_network_obeys_every_law(case):
        check_map(case.net, case.x_shape, seed=case.seed, leads=((), (case.K,)))

All sizes of a case differ, since a square hides a transpose, and are at least 2, since
a row of one hides a sum. A failing case shrinks to the smallest sizes, printed in one
line. Arrays of drawn floats are mostly one value repeated and find few bugs; numbers
come from the seed.

The only module that needs Hypothesis.
"""
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ..calculus import GRU, LSTM, MLP

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
def recurrents(draw, kinds=(LSTM, GRU)):
    """A recurrent network on x [T, B, n_in]."""
    K, T, B, n, H, m = draw(sizes(6))
    return Case(draw(st.sampled_from(kinds))(n, H, m), (T, B, n), K, draw(seeds()))


def lstms():
    """An LSTM on x [T, B, n_in]."""
    return recurrents((LSTM,))


def grus():
    """A GRU on x [T, B, n_in]."""
    return recurrents((GRU,))


def networks():
    """An MLP, an LSTM or a GRU."""
    return st.one_of(mlps(), lstms(), grus())
