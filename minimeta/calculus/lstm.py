"""The long short-term memory network, in the four forms: what is around the recurrence.

    h_t, c_t = cell(x_t W + h_{t-1} U + b, c_{t-1})    gates: cell.  time: recurrence
    y_t = h_t Wy + by = Y' (h_t, 1)                    all steps at once

Outside, x, y and the state have a row for each episode; inside it is a column. W, U, b
lie side by side in theta, and so do Wy, by: V = [W; U; b] and Y = [Wy; by] are views of
theta, and a bias is the weight of an input that is 1.

The state (h, c) goes in and comes out, with gradients through both, so a long trial can
be cut where wanted. The state before the first step, h0 and c0, is learned: it is part
of theta. With unroll_vjp_dot the Hessian-vector product of any scalar of y is exact.

Letters: ... leading task axes, T steps, B episodes, H hidden.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import require
from .layout import Layout
from .maps import T
from .recurrence import columns, flip, recur, recur_jvp, recur_vjp, recur_vjp_dot, rows


@dataclass(frozen=True)
class LSTM:
    """One layer of n_hidden cells with a linear read-out.

    theta [..., P] holds W [n_in, 4H], U [H, 4H], b [4H], h0 [H], c0 [H],
    Wy [H, n_out], by [n_out]. The state is the pair (h, c), each [..., B, H]; where
    none is given, the trial begins at the learned (h0, c0), and they have a gradient.
    """

    n_in: int
    n_hidden: int
    n_out: int

    def __post_init__(self):
        for name in ("n_in", "n_hidden", "n_out"):
            require.count(name, getattr(self, name))

    @cached_property
    def layout(self):
        n, H, m = self.n_in, self.n_hidden, self.n_out
        return Layout(W=(n, 4 * H), U=(H, 4 * H), b=(4 * H,), h0=(H,), c0=(H,),
                      Wy=(H, m), by=(m,))

    @cached_property
    def stacked(self):
        """The same theta in fewer blocks: V = [W; U; b], h0, c0, Y = [Wy; by]."""
        n, H, m = self.n_in, self.n_hidden, self.n_out
        return Layout(V=(n + H + 1, 4 * H), h0=(H,), c0=(H,), Y=(H + 1, m))

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        """A random theta [P]: weights N(0, 1/rows), forget bias 1, all else zero."""
        blocks = {name: rng.normal(0, shape[0] ** -0.5, shape) if len(shape) == 2
                  else np.zeros(shape) for name, shape in self.layout.shapes}
        blocks["b"][self.n_hidden:2 * self.n_hidden] = 1
        return self.layout.pack(**blocks).astype(dtype)

    def initial_state(self, theta, B):
        """The learned state before the first step, (h, c), each [..., B, H]."""
        p = self.layout.unpack(theta)
        shape = theta.shape[:-1] + (require.count("B", B), self.n_hidden)
        return (np.broadcast_to(p.h0[..., None, :], shape),
                np.broadcast_to(p.c0[..., None, :], shape))

    def initial_state_vjp(self, state_bar):
        h_bar, c_bar = state_bar
        theta_bar = np.zeros_like(h_bar, shape=h_bar.shape[:-2] + (self.size,))
        start, middle, stop = self.layout.offsets[3:6]
        theta_bar[..., start:middle] = h_bar.sum(-2)
        theta_bar[..., middle:stop] = c_bar.sum(-2)
        return theta_bar

    def check(self, theta, x):
        """Refuses what is not finite parameters, and trials that fit them."""
        require.parameters(self.layout, theta)
        require.data("x", x, theta.shape[:-1], (None, None, self.n_in),
                      f"[..., T, B, {self.n_in}]")

    def step(self, theta, state, x):
        """One step, for acting: state, x [..., B, n_in] -> y [..., B, n_out], state."""
        V, _, _, Y = self.stacked.unpack(theta)
        cache = recur(V, T(x)[None], flip(state))
        return T(cache.read[0]) @ Y, cache.state

    # The unroll: from a given state, which takes part in all four forms.

    def unroll(self, theta, state, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache with the last state."""
        self.check(theta, x)
        V, _, _, Y = self.stacked.unpack(theta)
        cache = recur(V, columns(x), flip(state))
        return rows(T(Y) @ cache.read), cache

    def unroll_jvp(self, theta, cache, theta_dot, state_dot, x_dot):
        V, _, _, Y = self.stacked.unpack(theta)
        V_dot, _, _, Y_dot = self.stacked.unpack(theta_dot)
        cache_dot = recur_jvp(V, cache, V_dot, columns(x_dot), flip(state_dot))
        return rows(T(Y_dot) @ cache.read + T(Y) @ cache_dot.read), cache_dot

    def unroll_vjp(self, theta, cache, y_bar, state_bar):
        """state_bar: of the state after the last step. Returns theta_bar (nothing for
        h0 and c0), state_bar of the state before the first, x_bar."""
        V, _, _, Y = self.stacked.unpack(theta)
        y_bar = columns(y_bar)
        Y_bar = (cache.read @ T(y_bar)).sum(0)
        h_bars = Y[..., :-1, :] @ y_bar
        V_bar, x_bar, state_bar = recur_vjp(V, cache, h_bars, flip(state_bar))
        return self.pack(V_bar, Y_bar), flip(state_bar), rows(x_bar)

    def unroll_vjp_dot(self, theta, cache, y_bar, state_bar,
                       theta_dot, cache_dot, y_bar_dot, state_bar_dot):
        V, _, _, Y = self.stacked.unpack(theta)
        V_dot, _, _, Y_dot = self.stacked.unpack(theta_dot)
        y_bar, y_bar_dot = columns(y_bar), columns(y_bar_dot)
        Y_bar_dot = (cache_dot.read @ T(y_bar) + cache.read @ T(y_bar_dot)).sum(0)
        h_bars = Y[..., :-1, :] @ y_bar
        h_bars_dot = Y_dot[..., :-1, :] @ y_bar + Y[..., :-1, :] @ y_bar_dot
        V_bar_dot, x_bar_dot, state_bar_dot = recur_vjp_dot(
            V, cache, h_bars, flip(state_bar),
            V_dot, cache_dot, h_bars_dot, flip(state_bar_dot))
        return self.pack(V_bar_dot, Y_bar_dot), flip(state_bar_dot), rows(x_bar_dot)

    def pack(self, V, Y):
        """theta with nothing at h0 and c0."""
        nothing = np.zeros_like(V, shape=V.shape[:-2] + (self.n_hidden,))
        return self.stacked.pack(V=V, h0=nothing, c0=nothing, Y=Y)

    # The network: the unroll from the learned state. Nothing follows the last step.

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache; leading axes of theta."""
        self.check(theta, x)
        return self.unroll(theta, self.initial_state(theta, x.shape[-2]), x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x_dot = np.zeros_like(cache.x) if x_dot is None else x_dot
        state_dot = self.initial_state(theta_dot, x_dot.shape[-2])
        return self.unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)

    def vjp(self, theta, cache, y_bar):
        nothing = np.zeros_like(T(cache.c[0]))
        theta_bar, state_bar, x_bar = self.unroll_vjp(
            theta, cache, y_bar, (nothing, nothing))
        return theta_bar + self.initial_state_vjp(state_bar), x_bar

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        nothing = np.zeros_like(T(cache.c[0]))
        theta_bar_dot, state_bar_dot, x_bar_dot = self.unroll_vjp_dot(
            theta, cache, y_bar, (nothing, nothing),
            theta_dot, cache_dot, y_bar_dot, (nothing, nothing))
        return theta_bar_dot + self.initial_state_vjp(state_bar_dot), x_bar_dot
