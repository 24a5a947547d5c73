"""The recurrence runs a cell through the steps of a trial, forwards and back, in four
forms. It knows time, but no gates; a cell knows gates, but no time (lstm and gru).

    seen_t = (x_t, h_{t-1}, 1)                    all that the cells see at step t
    z_t = V^T seen_t                              V has a row for each number seen
    state_t, kept_t = cell(z_t, state_{t-1})      one step after the other

Backpropagation through time is recur_vjp: one loop from the last step to the first,
which carries the cotangents of the state.

    z_bar_t, (h_bar, ..) = cell.vjp(kept_t, (h_bars_t + h_bar, ..))
    V_bar   += seen_t z_bar_t^T                   each step uses the same V
    x_bar_t  = the rows of x in WU z_bar_t        WU is V without its last row, the
    h_bar   += the rows of h in WU z_bar_t        bias, which multiplies the constant 1

recur_vjp_dot is the tangent of recur_vjp, line by line.

A cell is elementwise: number k of a gate acts on number k of the state alone, in each
episode. The state is a tuple of arrays. The first of them is h, which the next step
sees.

Here time is the first axis and an episode is a column, so that an array of one step,
[..., n, B], is contiguous, and each gate in it too. `to_columns` and `flip` bring data
and states into this form; `from_columns` and `flip` bring them back.

Letters: ... leading task axes, T steps, B episodes, H hidden, n_in inputs, G gates.
"""
from typing import Callable, NamedTuple

import numpy as np

from .maps import transpose


class Cell(NamedTuple):
    """One step in four forms: z [..., G H, B], the arrays of a state [..., H, B].

    state    names of the arrays of a state, such as ("h", "c"); the first is h
    bias     the bias of each of the G gates before training
    forward  z, state -> state, kept                  kept: what the others need
    jvp      kept, z_dot, state_dot -> state_dot, kept_dot
    vjp      kept, state_bar -> z_bar, state_bar
    vjp_dot  kept, state_bar, kept_dot, state_bar_dot -> z_bar_dot, state_bar_dot

    forward and jvp take the state before the step and return the state after it; vjp
    and vjp_dot go from after the step to before it. The recurrence adds the cotangent
    that reaches h_prev through z. So the h_bar that a cell returns holds only what
    reaches h_prev in other ways, and is 0 if there are none.
    """

    state: tuple
    bias: tuple
    forward: Callable
    jvp: Callable
    vjp: Callable
    vjp_dot: Callable


def gates(z, n):
    """The n gates that lie one below the other in z [..., n H, B], as views."""
    H = z.shape[-2] // n
    return [z[..., k * H:(k + 1) * H, :] for k in range(n)]


def join(*gates):
    """The inverse of gates, and its transpose."""
    return np.concatenate(gates, -2)


def to_columns(x):
    """[..., T, B, n] -> [T, ..., n, B], a view."""
    return transpose(np.moveaxis(x, -3, 0))


def from_columns(x):
    """[T, ..., n, B] -> [..., T, B, n], a view."""
    return np.moveaxis(transpose(x), 0, -3)


def flip(state):
    """Arrays [..., B, H] -> [..., H, B], or back; views."""
    return tuple(transpose(s) for s in state)


def flat(V):
    """[..., n, m] -> [..., n m], also where there is no task."""
    return V.reshape(V.shape[:-2] + (V.shape[-2] * V.shape[-1],))


class Cache(NamedTuple):
    """A Cache holds what the backward pass needs; its tangent has the same fields. seen
    and states have one entry more than there are steps, for the state after the last.
    """

    seen: np.ndarray  # [T + 1, ..., n_in + H + 1, B]   (x_t, h_{t-1}, 1)
    states: list      # T + 1 states, their arrays [..., H, B]; h is a view of seen
    kept: list        # T nests of arrays, the cell's own

    @property
    def read(self):
        """[T, ..., H + 1, B], what the read-out sees: (h_t, 1)."""
        return self.seen[1:, ..., -1 - self.states[0][0].shape[-2]:, :]

    @property
    def x(self):
        """[..., T, B, n_in]"""
        x, _ = split(self.seen[:-1], self.states[0][0].shape[-2])
        return from_columns(x)


def split(seen, H):
    """x and h of seen = (x, h, 1), as views."""
    return seen[..., :-1 - H, :], seen[..., -1 - H:-1, :]


def see(x, h):
    """(x, h, 1), what the cells see at one step."""
    n_in, H = x.shape[-2], h.shape[-2]
    seen = np.ones(x.shape[:-2] + (n_in + H + 1, x.shape[-1]), np.result_type(x, h))
    seen[..., :n_in, :], seen[..., n_in:-1, :] = x, h
    return seen


def begin(x, state, one, dtype):
    """Returns seen [T + 1, ..., n_in + H + 1, B], in which only h is not filled in; hs,
    the views of seen that h goes into; and the state before the first step."""
    (n_steps, *lead, n_in, B), H = x.shape, state[0].shape[-2]
    seen = np.empty((n_steps + 1, *lead, n_in + H + 1, B), dtype)
    seen[:-1, ..., :n_in, :], seen[-1, ..., :n_in, :] = x, 0
    seen[..., -1, :] = one
    _, hs = split(seen, H)
    hs[0] = state[0]
    return seen, hs, (hs[0], *state[1:])


def recur(cell, V, x, state):
    """x [T, ..., n_in, B], arrays of the state [..., H, B] -> cache."""
    seen, hs, state = begin(x, state, 1, np.result_type(V, x, *state))
    if hasattr(cell.forward, "loop"):
        return Cache(seen, *cell.forward.loop(V, seen, hs, state))
    states, kept, V_transpose = [state], [], transpose(V)
    for seen_t, h in zip(seen, hs[1:]):
        (h[...], *others), kept_t = cell.forward(V_transpose @ seen_t, state)
        state = h, *others
        states.append(state)
        kept.append(kept_t)
    return Cache(seen, states, kept)


def recur_jvp(cell, V, cache, V_dot, x_dot, state_dot):
    dtype = np.result_type(V, cache.seen, V_dot, x_dot, *state_dot)
    seen_dot, hs_dot, state_dot = begin(x_dot, state_dot, 0, dtype)
    if hasattr(cell.jvp, "loop"):
        return Cache(seen_dot, *cell.jvp.loop(
            V, cache, V_dot, seen_dot, hs_dot, state_dot))
    states_dot, kept_dot = [state_dot], []
    V_transpose, V_transpose_dot = transpose(V), transpose(V_dot)
    for seen_t, kept_t, seen_t_dot, h_dot in zip(
            cache.seen, cache.kept, seen_dot, hs_dot[1:]):
        z_dot = V_transpose_dot @ seen_t + V_transpose @ seen_t_dot
        (h_dot[...], *others), kept_t_dot = cell.jvp(kept_t, z_dot, state_dot)
        state_dot = h_dot, *others
        states_dot.append(state_dot)
        kept_dot.append(kept_t_dot)
    return Cache(seen_dot, states_dot, kept_dot)


def recur_vjp(cell, V, cache, h_bars, state_bar):
    """h_bars [T, ..., H, B] of all steps, state_bar of the state after the last
    -> V_bar, x_bar [T, ..., n_in, B], state_bar of the state before the first."""
    if hasattr(cell.vjp, "loop"):
        return cell.vjp.loop(V, cache, h_bars, state_bar)
    (n_steps, *_, H, _), (seen, _, kept), WU = h_bars.shape, cache, V[..., :-1, :]
    dtype = np.result_type(V, seen, h_bars, *state_bar)
    V_bar = np.zeros(V.shape, dtype)
    x_bar = np.empty_like(split(seen[1:], H)[0], dtype)
    h_bar, *others = state_bar
    for t in reversed(range(n_steps)):
        z_bar, (h_bar, *others) = cell.vjp(kept[t], (h_bars[t] + h_bar, *others))
        V_bar += seen[t] @ transpose(z_bar)
        xh_bar = WU @ z_bar
        x_bar[t] = xh_bar[..., :-H, :]
        h_bar = xh_bar[..., -H:, :] + h_bar
    return V_bar, x_bar, (h_bar, *others)


def recur_vjp_dot(cell, V, cache, h_bars, state_bar,
                  V_dot, cache_dot, h_bars_dot, state_bar_dot):
    if hasattr(cell.vjp_dot, "loop"):
        return cell.vjp_dot.loop(V, cache, h_bars, state_bar,
                                 V_dot, cache_dot, h_bars_dot, state_bar_dot)
    (n_steps, *_, H, _), (seen, _, kept), WU = h_bars.shape, cache, V[..., :-1, :]
    (seen_dot, _, kept_dot), WU_dot = cache_dot, V_dot[..., :-1, :]
    dtype = np.result_type(
        V, seen, h_bars, *state_bar, V_dot, seen_dot, h_bars_dot, *state_bar_dot)
    V_bar_dot = np.zeros(V.shape, dtype)
    x_bar_dot = np.empty_like(split(seen[1:], H)[0], dtype)
    (h_bar, *others), (h_bar_dot, *others_dot) = state_bar, state_bar_dot
    for t in reversed(range(n_steps)):
        state_bar = h_bars[t] + h_bar, *others
        state_bar_dot = h_bars_dot[t] + h_bar_dot, *others_dot
        z_bar, (h_bar, *others) = cell.vjp(kept[t], state_bar)
        z_bar_dot, (h_bar_dot, *others_dot) = cell.vjp_dot(
            kept[t], state_bar, kept_dot[t], state_bar_dot)
        V_bar_dot += seen_dot[t] @ transpose(z_bar) + seen[t] @ transpose(z_bar_dot)
        xh_bar, xh_bar_dot = WU @ z_bar, WU_dot @ z_bar + WU @ z_bar_dot
        x_bar_dot[t] = xh_bar_dot[..., :-H, :]
        h_bar = xh_bar[..., -H:, :] + h_bar
        h_bar_dot = xh_bar_dot[..., -H:, :] + h_bar_dot
    return V_bar_dot, x_bar_dot, (h_bar_dot, *others_dot)
