"""The long short-term memory network, in the four forms: the recurrence (time, no gates),
then the network around it.

    w_t = x_t W + b                                 the inputs' part of all steps, at once
    h_t, c_t = cell(w_t + h_{t-1} U, c_{t-1})       one step after the other
    y_t = h_t Wy + by                               the read-out of all steps, at once

Backpropagation through time is recur_vjp: one loop from the last step to the first, which
carries h_bar and c_bar. recur_vjp_dot is its tangent, and with it the Hessian-vector product
of any scalar of y is exact.

The state (h, c) goes in and comes out, with gradients through both, so a long trial can be cut
where wanted. The state before the first step, h0 and c0, is learned: it is part of theta.

Letters: ... leading task axes, T steps, B episodes, H hidden, n_in inputs, n_out outputs.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from . import boundary
from .cell import cell, cell_jvp, cell_vjp, cell_vjp_dot, gates
from .layout import Layout
from .maps import T, affine, affine_jvp, affine_vjp, affine_vjp_dot


class Past(NamedTuple):
    """What the backward pass needs of the recurrence; its tangent has the same fields.
    hs and cs begin with the state before the first step."""

    hs: np.ndarray  # [..., T + 1, B, H]
    cs: np.ndarray  # [..., T + 1, B, H]
    a: np.ndarray   # [..., T, B, 4H]  gates, after their activations
    q: np.ndarray   # [..., T, B, H]   tanh(c)

    @property
    def state(self):
        """(h, c) after the last step."""
        return self.hs[..., -1, :, :], self.cs[..., -1, :, :]


def at(t):
    """The index of one time step of [..., T, B, n]."""
    return np.s_[..., t, :, :]


def fold(x):
    """[..., T, B, n] -> [..., T B, n]: time does not matter to an affine map."""
    return x.reshape(x.shape[:-3] + (-1, x.shape[-1]))


def unfold(x, n_steps):
    return x.reshape(x.shape[:-2] + (n_steps, -1, x.shape[-1]))


def begin(w, state):
    """Room for hs, cs and q of all steps of w [..., T, B, 4H], the state filled in."""
    n_steps, n_rows, n_gates = w.shape[-3:]
    hs, cs = np.empty(
        (2,) + w.shape[:-3] + (n_steps + 1, n_rows, n_gates // 4), w.dtype)
    hs[at(0)], cs[at(0)] = state
    return hs, cs, np.empty_like(hs[..., 1:, :, :])


def recur(w, U, state):
    """w [..., T, B, 4H] is consumed: the gates are written over it."""
    hs, cs, q = begin(w, state)
    for t in range(w.shape[-3]):
        a = w[at(t)]
        a += hs[at(t)] @ U
        hs[at(t + 1)], cs[at(t + 1)], q[at(t)] = cell(gates(a), cs[at(t)])
    return Past(hs, cs, w, q)


def recur_jvp(U, past, w_dot, U_dot, state_dot):
    hs, cs, a, q = past
    z_dot = w_dot + unfold(fold(hs[..., :-1, :, :]) @ U_dot, a.shape[-3])
    hs_dot, cs_dot, q_dot = begin(z_dot, state_dot)
    a_dot = z_dot
    for t in range(a.shape[-3]):
        hs_dot[at(t + 1)], cs_dot[at(t + 1)], a_dot[at(t)], q_dot[at(t)] = cell_jvp(
            a[at(t)], cs[at(t)], q[at(t)],
            z_dot[at(t)] + hs_dot[at(t)] @ U, cs_dot[at(t)])
    return Past(hs_dot, cs_dot, a_dot, q_dot)


def recur_vjp(U, past, hs_bar, state_bar):
    """hs_bar [..., T, B, H] and state_bar (of the state after the last step)
    -> w_bar, U_bar, state_bar (of the state before the first)."""
    hs, cs, a, q = past
    h_bar, c_bar = state_bar
    w_bar = np.empty_like(a, np.result_type(a, hs_bar, h_bar))
    for t in reversed(range(a.shape[-3])):
        h_bar = hs_bar[at(t)] + h_bar
        w_bar[at(t)], c_bar = cell_vjp(a[at(t)], cs[at(t)], q[at(t)], h_bar, c_bar)
        h_bar = w_bar[at(t)] @ T(U)
    U_bar = T(fold(hs[..., :-1, :, :])) @ fold(w_bar)
    return w_bar, U_bar, (h_bar, c_bar)


def recur_vjp_dot(U, past, hs_bar, state_bar,
                   U_dot, past_dot, hs_bar_dot, state_bar_dot):
    (hs, cs, a, q), (hs_dot, cs_dot, a_dot, q_dot) = past, past_dot
    (h_bar, c_bar), (h_bar_dot, c_bar_dot) = state_bar, state_bar_dot
    w_bar, w_bar_dot = np.empty((2,) + a.shape, np.result_type(a, a_dot, hs_bar, h_bar))
    for t in reversed(range(a.shape[-3])):
        h_bar, h_bar_dot = hs_bar[at(t)] + h_bar, hs_bar_dot[at(t)] + h_bar_dot
        w_bar_dot[at(t)], c_bar_dot = cell_vjp_dot(
            a[at(t)], cs[at(t)], q[at(t)], h_bar, c_bar,
            a_dot[at(t)], cs_dot[at(t)], q_dot[at(t)], h_bar_dot, c_bar_dot)
        w_bar[at(t)], c_bar = cell_vjp(a[at(t)], cs[at(t)], q[at(t)], h_bar, c_bar)
        h_bar_dot = w_bar_dot[at(t)] @ T(U) + w_bar[at(t)] @ T(U_dot)
        h_bar = w_bar[at(t)] @ T(U)
    before, before_dot = fold(hs[..., :-1, :, :]), fold(hs_dot[..., :-1, :, :])
    U_bar_dot = T(before_dot) @ fold(w_bar) + T(before) @ fold(w_bar_dot)
    return w_bar, w_bar_dot, U_bar_dot, (h_bar_dot, c_bar_dot)


class Cache(NamedTuple):
    """What LSTM.forward keeps for its derivatives; its tangent has the same fields."""

    x: np.ndarray  # [..., T, B, n_in]
    past: Past

    @property
    def state(self):
        """(h, c) after the last step, to go on from."""
        return self.past.state


@dataclass(frozen=True)
class LSTM:
    """One layer of n_hidden cells with a linear read-out.

    theta [..., P] holds W [n_in, 4H], U [H, 4H], b [4H], h0 [H], c0 [H], Wy [H, n_out],
    by [n_out]. The state is the pair (h, c), each [..., B, H]; where none is given, the trial
    begins at the learned (h0, c0), and the gradient flows into them.
    """

    n_in: int
    n_hidden: int
    n_out: int

    def __post_init__(self):
        for name in ("n_in", "n_hidden", "n_out"):
            boundary.count(name, getattr(self, name))

    @cached_property
    def layout(self):
        n, H, m = self.n_in, self.n_hidden, self.n_out
        return Layout(W=(n, 4 * H), U=(H, 4 * H), b=(4 * H,), h0=(H,), c0=(H,),
                      Wy=(H, m), by=(m,))

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        """A random theta [P]: weights N(0, 1/rows), zero biases and state, forget bias 1."""
        blocks = {name: rng.normal(0, shape[0] ** -0.5, shape) if len(shape) == 2
                  else np.zeros(shape) for name, shape in self.layout.shapes}
        blocks["b"][self.n_hidden:2 * self.n_hidden] = 1
        return self.layout.pack(**blocks).astype(dtype)

    def initial_state(self, theta, B):
        """The learned state before the first step, for B episodes: (h, c) [..., B, H]."""
        p = self.layout.unpack(theta)
        shape = theta.shape[:-1] + (boundary.count("B", B), self.n_hidden)
        return (np.broadcast_to(p.h0[..., None, :], shape),
                np.broadcast_to(p.c0[..., None, :], shape))

    def initial_state_vjp(self, state_bar):
        h_bar, c_bar = state_bar
        theta_bar = np.zeros_like(h_bar, shape=h_bar.shape[:-2] + (self.size,))
        start, middle, stop = self.layout.offsets[3:6]
        theta_bar[..., start:middle] = h_bar.sum(-2)
        theta_bar[..., middle:stop] = c_bar.sum(-2)
        return theta_bar

    def step(self, theta, state, x):
        """One step, for acting: state, x [..., B, n_in] -> y [..., B, n_out], state."""
        p = self.layout.unpack(theta)
        h, c = state
        h, c, _ = cell(gates(affine(x, p.W, p.b) + h @ p.U), c)
        return affine(h, p.Wy, p.by), (h, c)

    # The unroll: from a given state, which takes part in all four forms.

    def unroll(self, theta, state, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache; cache.state is the last."""
        boundary.parameters(self.layout, theta)
        boundary.data("x", x, theta.shape[:-1], (None, None, self.n_in),
                      f"[..., T, B, {self.n_in}]")
        p = self.layout.unpack(theta)
        w = unfold(affine(fold(x), p.W, p.b), x.shape[-3])
        past = recur(w, p.U, state)
        y = affine(fold(past.hs[..., 1:, :, :]), p.Wy, p.by)
        return unfold(y, x.shape[-3]), Cache(x, past)

    def unroll_jvp(self, theta, cache, theta_dot, state_dot, x_dot):
        p, p_dot = self.layout.unpack(theta), self.layout.unpack(theta_dot)
        x, past = cache
        w_dot = affine_jvp(fold(x), p.W, fold(x_dot), p_dot.W, p_dot.b)
        past_dot = recur_jvp(p.U, past, unfold(w_dot, x.shape[-3]), p_dot.U, state_dot)
        hs, hs_dot = fold(past.hs[..., 1:, :, :]), fold(past_dot.hs[..., 1:, :, :])
        y_dot = affine_jvp(hs, p.Wy, hs_dot, p_dot.Wy, p_dot.by)
        return unfold(y_dot, x.shape[-3]), Cache(x_dot, past_dot)

    def unroll_vjp(self, theta, cache, y_bar, state_bar):
        """state_bar: of the state after the last step. Returns theta_bar (nothing for h0 and
        c0), state_bar of the state before the first, x_bar."""
        p = self.layout.unpack(theta)
        x, past = cache
        hs = fold(past.hs[..., 1:, :, :])
        hs_bar, Wy_bar, by_bar = affine_vjp(hs, p.Wy, fold(y_bar))
        hs_bar = unfold(hs_bar, x.shape[-3])
        w_bar, U_bar, state_bar = recur_vjp(p.U, past, hs_bar, state_bar)
        x_bar, W_bar, b_bar = affine_vjp(fold(x), p.W, fold(w_bar))
        theta_bar = self._pack(W=W_bar, U=U_bar, b=b_bar, Wy=Wy_bar, by=by_bar)
        return theta_bar, state_bar, unfold(x_bar, x.shape[-3])

    def unroll_vjp_dot(self, theta, cache, y_bar, state_bar,
                       theta_dot, cache_dot, y_bar_dot, state_bar_dot):
        p, p_dot = self.layout.unpack(theta), self.layout.unpack(theta_dot)
        (x, past), (x_dot, past_dot) = cache, cache_dot
        hs, hs_dot = fold(past.hs[..., 1:, :, :]), fold(past_dot.hs[..., 1:, :, :])
        y_bar, y_bar_dot = fold(y_bar), fold(y_bar_dot)
        hs_bar, _, _ = affine_vjp(hs, p.Wy, y_bar)
        hs_bar_dot, Wy_bar_dot, by_bar_dot = affine_vjp_dot(
            hs, p.Wy, y_bar, hs_dot, p_dot.Wy, y_bar_dot)
        w_bar, w_bar_dot, U_bar_dot, state_bar_dot = recur_vjp_dot(
            p.U, past, unfold(hs_bar, x.shape[-3]), state_bar,
            p_dot.U, past_dot, unfold(hs_bar_dot, x.shape[-3]), state_bar_dot)
        x_bar_dot, W_bar_dot, b_bar_dot = affine_vjp_dot(
            fold(x), p.W, fold(w_bar), fold(x_dot), p_dot.W, fold(w_bar_dot))
        theta_bar_dot = self._pack(
            W=W_bar_dot, U=U_bar_dot, b=b_bar_dot, Wy=Wy_bar_dot, by=by_bar_dot)
        return theta_bar_dot, state_bar_dot, unfold(x_bar_dot, x.shape[-3])

    def _pack(self, **blocks):
        nothing = np.zeros_like(blocks["by"], shape=blocks["b"].shape[:-1] + (self.n_hidden,))
        return self.layout.pack(h0=nothing, c0=nothing, **blocks)

    # The network: the unroll from the learned state. Nothing follows the last step.

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache; leading axes as theta's."""
        boundary.parameters(self.layout, theta)
        return self.unroll(theta, self.initial_state(theta, x.shape[-2]), x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x_dot = np.zeros_like(cache.x) if x_dot is None else x_dot
        state_dot = self.initial_state(theta_dot, x_dot.shape[-2])
        return self.unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)

    def vjp(self, theta, cache, y_bar):
        nothing = np.zeros_like(cache.past.cs[at(0)])
        theta_bar, state_bar, x_bar = self.unroll_vjp(
            theta, cache, y_bar, (nothing, nothing))
        return theta_bar + self.initial_state_vjp(state_bar), x_bar

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        nothing = np.zeros_like(cache.past.cs[at(0)])
        theta_bar_dot, state_bar_dot, x_bar_dot = self.unroll_vjp_dot(
            theta, cache, y_bar, (nothing, nothing),
            theta_dot, cache_dot, y_bar_dot, (nothing, nothing))
        return theta_bar_dot + self.initial_state_vjp(state_bar_dot), x_bar_dot
