"""The recurrence of the long short-term memory network in four forms: time, no gates.

    seen_t = (x_t, h_{t-1}, 1)         all that the cells see at step t
    z_t = V' seen_t,   V = [W; U; b]
    h_t, c_t = cell(z_t, c_{t-1})      one step after the other

Backpropagation through time is recur_vjp: one loop from the last step to the first,
which carries h_bar and c_bar. recur_vjp_dot is its tangent.

Time is the first axis and an episode is a column, x [T, ..., n_in, B]: all that one
step touches is contiguous, and elementary operations run along it without a stop.
`columns` and `flip` bring data and states into this form, `rows` and `flip` out of it.

Letters: ... leading task axes, T steps, B episodes, H hidden, n_in inputs.
"""
from typing import NamedTuple

import numpy as np

from .cell import cell, cell_jvp, cell_vjp, cell_vjp_dot, gates
from .maps import T


def columns(x):
    """[..., T, B, n] -> [T, ..., n, B], a view."""
    return T(np.moveaxis(x, -3, 0))


def rows(x):
    """[T, ..., n, B] -> [..., T, B, n], a view."""
    return np.moveaxis(T(x), 0, -3)


def flip(state):
    """(h, c), each [..., B, H] -> [..., H, B], or back; views."""
    h, c = state
    return T(h), T(c)


class Cache(NamedTuple):
    """What the backward pass needs; its tangent has the same fields. seen and c have
    one entry more than there are steps, for the state after the last."""

    seen: np.ndarray  # [T + 1, ..., n_in + H + 1, B]   (x_t, h_{t-1}, 1)
    c: np.ndarray     # [T + 1, ..., H, B]              c_{t-1}
    a: np.ndarray     # [T, ..., 4H, B]                 gates, after their activations
    q: np.ndarray     # [T, ..., H, B]                  tanh(c_t)

    @property
    def h(self):
        """[T + 1, ..., H, B], h_{t-1}."""
        return parts(self.seen, self.c)[1]

    @property
    def read(self):
        """[T, ..., H + 1, B], what the read-out sees: (h_t, 1)."""
        return self.seen[1:, ..., -1 - self.c.shape[-2]:, :]

    @property
    def x(self):
        """[..., T, B, n_in]"""
        return rows(parts(self.seen, self.c)[0][:-1])

    @property
    def state(self):
        """(h, c) after the last step, each [..., B, H], to go on from."""
        return flip((self.h[-1], self.c[-1]))


def parts(seen, c):
    """x and h of seen = (x, h, 1); h is as long as c."""
    H = c.shape[-2]
    return seen[..., :-1 - H, :], seen[..., -1 - H:-1, :]


def begin(x, state, one, dtype):
    """The cache before the first step: all but what the steps fill in."""
    (n_steps, *lead, n_in, B), H = x.shape, state[0].shape[-2]

    def room(more, n):
        return np.empty((n_steps + more, *lead, n, B), dtype)

    cache = Cache(room(1, n_in + H + 1), room(1, H), room(0, 4 * H), room(0, H))
    cache.seen[:-1, ..., :n_in, :], cache.seen[-1, ..., :n_in, :] = x, 0
    cache.seen[..., -1, :] = one
    cache.h[0], cache.c[0] = state
    return cache


def recur(V, x, state):
    """x [T, ..., n_in, B], state of [..., H, B] -> cache."""
    cache = begin(x, state, 1, np.result_type(V, x, *state))
    (seen, c, a, q), h = cache, cache.h
    for t in range(len(x)):
        z = np.matmul(T(V), seen[t], out=a[t])
        h[t + 1], c[t + 1], q[t] = cell(gates(z), c[t])
    return cache


def recur_jvp(V, cache, V_dot, x_dot, state_dot):
    seen, c, a, q = cache
    dtype = np.result_type(V, seen, V_dot, x_dot, *state_dot)
    cache_dot = begin(x_dot, state_dot, 0, dtype)
    (seen_dot, c_dot, a_dot, q_dot), h_dot = cache_dot, cache_dot.h
    for t in range(len(a)):
        z_dot = T(V_dot) @ seen[t] + T(V) @ seen_dot[t]
        h_dot[t + 1], c_dot[t + 1], a_dot[t], q_dot[t] = cell_jvp(
            a[t], c[t], q[t], z_dot, c_dot[t])
    return cache_dot


def recur_vjp(V, cache, h_bars, state_bar):
    """h_bars [T, ..., H, B] of all steps, state_bar of the state after the last
    -> V_bar, x_bar [T, ..., n_in, B], state_bar of the state before the first."""
    seen, c, a, q = cache
    h_bar, c_bar = state_bar
    dtype = np.result_type(V, seen, h_bars, *state_bar)
    V_bar = np.zeros(V.shape, dtype)
    x_bar = np.empty_like(parts(seen[1:], c)[0], dtype)
    for t in reversed(range(len(a))):
        h_bar = h_bars[t] + h_bar
        z_bar, c_bar = cell_vjp(a[t], c[t], q[t], h_bar, c_bar)
        V_bar += seen[t] @ T(z_bar)
        x_bar[t], h_bar = parts(V @ z_bar, c)
    return V_bar, x_bar, (h_bar, c_bar)


def recur_vjp_dot(V, cache, h_bars, state_bar,
                  V_dot, cache_dot, h_bars_dot, state_bar_dot):
    (seen, c, a, q), (seen_dot, c_dot, a_dot, q_dot) = cache, cache_dot
    (h_bar, c_bar), (h_bar_dot, c_bar_dot) = state_bar, state_bar_dot
    dtype = np.result_type(
        V, seen, h_bars, *state_bar, V_dot, seen_dot, h_bars_dot, *state_bar_dot)
    V_bar_dot = np.zeros(V.shape, dtype)
    x_bar_dot = np.empty_like(parts(seen[1:], c)[0], dtype)
    for t in reversed(range(len(a))):
        h_bar, h_bar_dot = h_bars[t] + h_bar, h_bars_dot[t] + h_bar_dot
        z_bar_dot, c_bar_dot = cell_vjp_dot(
            a[t], c[t], q[t], h_bar, c_bar,
            a_dot[t], c_dot[t], q_dot[t], h_bar_dot, c_bar_dot)
        z_bar, c_bar = cell_vjp(a[t], c[t], q[t], h_bar, c_bar)
        V_bar_dot += seen_dot[t] @ T(z_bar) + seen[t] @ T(z_bar_dot)
        x_bar_dot[t], h_bar_dot = parts(V_dot @ z_bar + V @ z_bar_dot, c)
        _, h_bar = parts(V @ z_bar, c)
    return V_bar_dot, x_bar_dot, (h_bar_dot, c_bar_dot)
