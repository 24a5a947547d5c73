"""The belief oracle is a reinforcement learner that need not infer: it is given the
exact belief about its task, and learns only how to act on it. A learner that has to
infer as well can hardly be better, so the belief oracle tells the two skills apart.

    belief_t = update(belief_{t-1}, s_t, a_{t-1}, r_{t-1}, d_{t-1})    Bayes' rule
    (u_t, value_t) = MLP(s_t, features(belief_t))

This is a recurrent map whose memory is the belief and whose parameters are those of an
MLP, so RL2 trains it, as it trains an LSTM:

    RL2(belief_oracle(family), episodes=family.episodes)

The belief is data to the network: its derivatives in theta are those of the MLP, and
derivatives in x are those in the observation s_t.

Letters: ... leading task axes, T steps, B trials; x [..., T, B, n_in].
"""
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..calculus import MLP
from ..calculus.mlp import fold_steps, unfold_steps
from ..policy import Categorical, RecurrentPolicy
from .beliefs import Belief, exact_belief


def belief_oracle(family, n_hidden=32):
    """A policy that sees the observation and the exact belief.

    family    one that exact_belief knows
    n_hidden  units in each of the two hidden layers
    """
    exact_belief(family)
    return RecurrentPolicy(family.obs_size, Categorical(family.action.n), n_hidden,
                           network=Believer(family))


@dataclass(frozen=True)
class Believer:
    """RecurrentPolicy(.., network=Believer(family)) acts on the exact belief."""

    family: Any

    def __call__(self, n_in, n_hidden, n_out):
        return BeliefNetwork(exact_belief(self.family), n_in, n_hidden, n_out)


@dataclass(frozen=True)
class BeliefNetwork:
    """A recurrent map for acting and training (calculus/recurrent.py has the contract,
    without the unrolls from a given state). x = (s, a one-hot, r, d)."""

    belief: Belief
    n_in: int
    n_hidden: int
    n_out: int
    mlp: MLP = field(init=False, repr=False)

    @property
    def layout(self):
        return self.mlp.layout

    @property
    def size(self):
        """P, the number of parameters."""
        return self.mlp.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta [P], as that of an MLP."""
        return self.mlp.init(rng, dtype, output_scale)

    def initial_state(self, theta, B):
        """The prior."""
        return self.belief.begin(*theta.shape[:-1], B)

    def read(self, state, x):
        """One step of Bayes' rule: state, x [..., B, n_in] -> state, and what the MLP
        sees of both, z [..., B, n]. At the first step of a trial, where x shows no
        action, nothing has happened yet."""
        n, A = self.belief.family.obs_size, self.belief.family.action.n
        seen = x.real
        obs, code, (reward, end) = (
            seen[..., :n], seen[..., n:n + A], np.moveaxis(seen[..., n + A:], -1, 0))
        after = self.belief.update(state, obs, code.argmax(-1), reward, end > 0.5)
        happened = code.any(-1)
        state = tuple(np.where(aligned(happened, new), new, old)
                      for new, old in zip(after, state))
        features = self.belief.features(state).astype(x.dtype)
        return state, np.concatenate([x[..., :n], features], -1)

    def step(self, theta, state, x):
        """One step, for acting: state, x [..., B, n_in] -> y [..., B, n_out], state."""
        state, z = self.read(state, x)
        return self.mlp.forward(theta, z)[0], state

    def state_after(self, cache, n_steps=None):
        """The state after the last step of a forward pass, or that of each row after
        its own n_steps [..., B]."""
        states, _ = cache
        if n_steps is None:
            return states[-1]
        stacked = (np.stack(arrays) for arrays in zip(*states))
        return tuple(np.take_along_axis(a, aligned(n_steps, a[0])[None], 0)[0]
                     for a in stacked)

    # Derivatives are those of the MLP in its rows, [..., T B, n].

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache."""
        states, zs = [self.initial_state(theta, x.shape[-2])], []
        for x_t in np.moveaxis(x, -3, 0):
            state, z = self.read(states[-1], x_t)
            states, zs = [*states, state], [*zs, z]
        y, cache = self.mlp.forward(theta, fold_steps(np.stack(zs, -3)))
        return unfold_steps(y, len(zs)), (states, cache)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        states, cache = cache
        z_dot = None
        if x_dot is not None:
            z_dot = np.zeros_like(x_dot, shape=x_dot.shape[:-1] + self.mlp.sizes[:1])
            n = self.belief.family.obs_size
            z_dot[..., :n] = x_dot[..., :n]
            z_dot = fold_steps(z_dot)
        y_dot, cache_dot = self.mlp.jvp(theta, cache, theta_dot, z_dot)
        return unfold_steps(y_dot, len(states) - 1), (states, cache_dot)

    def vjp(self, theta, cache, y_bar):
        states, cache = cache
        theta_bar, z_bar = self.mlp.vjp(theta, cache, fold_steps(y_bar))
        return theta_bar, self.of_x(unfold_steps(z_bar, len(states) - 1))

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (states, cache), (_, cache_dot) = cache, cache_dot
        theta_bar_dot, z_bar_dot = self.mlp.vjp_dot(
            theta, cache, fold_steps(y_bar), theta_dot, cache_dot,
            fold_steps(y_bar_dot))
        return theta_bar_dot, self.of_x(unfold_steps(z_bar_dot, len(states) - 1))

    def of_x(self, z_bar):
        """z_bar of what the MLP sees -> x_bar: z shares the observation with x."""
        n = self.belief.family.obs_size
        x_bar = np.zeros_like(z_bar, shape=z_bar.shape[:-1] + (self.n_in,))
        x_bar[..., :n] = z_bar[..., :n]
        return x_bar

    def __post_init__(self):
        family = self.belief.family
        sees = family.obs_size + family.action.n + 2
        if self.n_in != sees:
            raise ValueError(f"a policy with an exact belief must see the observation, "
                             f"action, reward and done, {sees} numbers for {family}, "
                             f"got {self.n_in}; use belief_oracle(family)")
        n, H = family.obs_size + self.belief.n_features, self.n_hidden
        object.__setattr__(self, "mlp", MLP((n, H, H, self.n_out)))


def aligned(a, b):
    """a [..., B] with as many axes behind as b [..., B, ..] has."""
    a = np.asarray(a)
    return a.reshape(a.shape + (1,) * (b.ndim - a.ndim))
