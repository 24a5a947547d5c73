"""The tabular softmax policy: theta is a table of logits with one row for each state.

    u = x theta,    where x is one-hot, so u is the row of the state

There are few states, and they share no parameters, so the expected return and its
derivatives can be computed exactly. Estimators are compared with these.

Letters: ... leading task axes, R rows, S states, A actions; P = S A.
"""
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .. import require
from ..calculus import Layout
from ..calculus.maps import transpose
from .categorical import Categorical
from .policies import Memoryless


@dataclass(frozen=True)
class Table:
    """The map y = x W in four forms: theta [..., P] is W [..., S, A]; x [..., R, S]."""

    n_states: int
    n_actions: int

    @cached_property
    def layout(self):
        return Layout(logits=(self.n_states, self.n_actions))

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta [P], N(0, output_scale^2)."""
        return rng.normal(0, output_scale, self.size).astype(dtype)

    def table(self, theta):
        return self.layout.unpack(theta).logits

    def flat(self, W):
        return W.reshape(W.shape[:-2] + (self.size,))

    def forward(self, theta, x):
        return x @ self.table(theta), x

    def jvp(self, theta, x, theta_dot, x_dot=None):
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        return x @ self.table(theta_dot) + x_dot @ self.table(theta), x_dot

    def vjp(self, theta, x, y_bar):
        return self.flat(transpose(x) @ y_bar), y_bar @ transpose(self.table(theta))

    def vjp_dot(self, theta, x, y_bar, theta_dot, x_dot, y_bar_dot):
        W_bar_dot = transpose(x_dot) @ y_bar + transpose(x) @ y_bar_dot
        x_bar_dot = (y_bar_dot @ transpose(self.table(theta))
                     + y_bar @ transpose(self.table(theta_dot)))
        return self.flat(W_bar_dot), x_bar_dot


@dataclass(frozen=True)
class TabularPolicy(Memoryless):
    """pi(a | s) = softmax(theta[s])[a].

    n_states   S; observations are one-hot, of this length
    n_actions  A
    """

    n_states: int
    n_actions: int
    net: Table = field(init=False, repr=False)

    @property
    def obs_size(self):
        return self.n_states

    @property
    def head(self):
        return Categorical(self.n_actions)

    def __post_init__(self):
        require.fields(self, count=("n_states", "n_actions"))
        object.__setattr__(self, "net", Table(self.n_states, self.n_actions))
