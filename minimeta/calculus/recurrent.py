"""A recurrent network is a cell that runs through the steps of a trial, with a learned
state before the first step and a linear read-out. This file holds all but the cell.

    state_t = cell(x_t W + h_{t-1} U + b, state_{t-1})    gates: lstm, gru
    y_t = h_t Wy + by                                     time: recurrence

RecurrentPolicy and RL2 rely on the contract of a recurrent map. LSTM and GRU keep it. A
network of your own keeps it if it is a subclass of Recurrent that names its cell, or if
it has all of this by itself:

    size, layout                            of theta [..., P]
    init(rng, dtype, output_scale=1.0)      a random theta; the weights of the read-out
                                            times output_scale
    initial_state(theta, B)                 the learned state before the first step
    step(theta, state, x)                   -> y, state        one step, for acting

    forward(theta, x)                       -> y, cache        from the learned state:
    jvp, vjp, vjp_dot                       as those of every map (maps, mlp)

    unroll(theta, state, x)                 -> y, cache        from a given state
    unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)      -> y_dot, cache_dot
    unroll_vjp(theta, cache, y_bar, state_bar)  -> theta_bar, state_bar, x_bar
    unroll_vjp_dot(theta, cache, y_bar, state_bar,
                   theta_dot, cache_dot, y_bar_dot, state_bar_dot)
                                            -> theta_bar_dot, state_bar_dot, x_bar_dot
    initial_state_vjp(state_bar)            -> theta_bar, the transpose of initial_state
    state_after(cache, n_steps=None)        -> the state after the last step, or each
                                            row's after its own number of steps

A state is a tuple of arrays [..., B, H]; the first is h. x is [..., T, B, n_in], y is
[..., T, B, n_out]. The state_bar that an unroll_vjp takes is of the state after the
last step; the one that it returns is of the state before the first, and its theta_bar
has nothing for the learned state. So a trial can be cut where wanted: acting step by
step equals the unroll, and the unrolls of two halves, with the state and its cotangent
handed over, equal the unroll of the whole.

V = [W; U; b] multiplies all that a step sees, (x_t, h_{t-1}, 1), and Y = [Wy; by]
multiplies all that the read-out sees, read_t = (h_t, 1). So

    y_t = Y^T read_t,    Y_bar = sum_t read_t y_bar_t^T,    h_bar_t = Y_h y_bar_t

where Y_h is Y without its last row, the bias. `recurrence` does the rest.

Letters: ... leading task axes, T steps, B episodes, H hidden, G gates, P parameters.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import require
from .layout import Layout
from .maps import transpose
from .recurrence import (flat, flip, from_columns, recur, recur_jvp, recur_vjp,
                         recur_vjp_dot, see, to_columns)


@dataclass(frozen=True)
class Recurrent:
    """One layer of n_hidden cells with a linear read-out. A subclass names its `cell`.

    theta [..., P] holds W [n_in, G H], U [H, G H], b [G H] of the cell, the learned
    state (h0 [H], ..), Wy [H, n_out] and by [n_out].
    """

    n_in: int
    n_hidden: int
    n_out: int

    @cached_property
    def layout(self):
        H, m = self.n_hidden, self.n_out
        start = {f"{name}0": (H,) for name in self.cell.state}
        return Layout(**self.weights(), **start, Wy=(H, m), by=(m,))

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta [P]: weights N(0, 1/n) for n inputs, those of the read-out
        times output_scale; biases as the cell names them, all else zero."""
        blocks = self.layout.random(rng, dtype)
        blocks["b"][:] = np.repeat(self.cell.bias, self.n_hidden)
        blocks["Wy"] *= output_scale
        return self.layout.pack(**blocks)

    def initial_state(self, theta, B):
        """The learned state before the first step, arrays [..., B, H]."""
        p, B = self.layout.unpack(theta), require.count("B", B)
        shape = theta.shape[:-1] + (B, self.n_hidden)
        return tuple(np.broadcast_to(getattr(p, f"{name}0")[..., None, :], shape)
                     for name in self.cell.state)

    def initial_state_vjp(self, state_bar):
        """The sum over the episodes, in the learned state's place in theta_bar."""
        shape, layout = state_bar[0].shape[:-2] + (self.size,), self.layout
        start = layout.offsets[layout.names.index(f"{self.cell.state[0]}0")]
        stop = start + len(state_bar) * self.n_hidden
        theta_bar = np.zeros(shape, np.result_type(*state_bar))
        theta_bar[..., start:stop] = np.concatenate([s.sum(-2) for s in state_bar], -1)
        return theta_bar

    def step(self, theta, state, x):
        """One step, for acting: state, x [..., B, n_in] -> y [..., B, n_out], state."""
        V, Y, state = self.assemble(theta), self.read_out(theta), flip(state)
        seen = see(transpose(x), state[0])
        (h, *others), _ = self.cell.forward(transpose(V) @ seen, state)
        y = transpose(h) @ Y[..., :-1, :] + Y[..., -1:, :]
        return y, flip((h, *others))

    def state_after(self, cache, n_steps=None):
        """The state after the last step of a forward pass, or that of each row b after
        its own n_steps[..., b] steps (integers), since trials may end early."""
        if n_steps is None:
            return flip(cache.states[-1])
        (n_states, *lead, _, B), n_steps = cache.seen.shape, np.asarray(n_steps)
        require_steps(n_steps, n_states - 1, (*lead, B))
        index = n_steps[None, ..., None, :]
        return flip(np.take_along_axis(np.stack(arrays), index, 0)[0]
                    for arrays in zip(*cache.states))

    # The network is the unroll from the learned state. Nothing follows its last step,
    # so the cotangent of the state there is 0.

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache; leading axes of theta."""
        self._require(theta, x)
        return self._unroll(theta, self.initial_state(theta, x.shape[-2]), x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x_dot = np.zeros_like(cache.x) if x_dot is None else x_dot
        state_dot = self.initial_state(theta_dot, x_dot.shape[-2])
        return self.unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)

    def vjp(self, theta, cache, y_bar):
        theta_bar, state_bar, x_bar = self.unroll_vjp(
            theta, cache, y_bar, nothing(cache))
        return theta_bar + self.initial_state_vjp(state_bar), x_bar

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        theta_bar_dot, state_bar_dot, x_bar_dot = self.unroll_vjp_dot(
            theta, cache, y_bar, nothing(cache),
            theta_dot, cache_dot, y_bar_dot, nothing(cache))
        return theta_bar_dot + self.initial_state_vjp(state_bar_dot), x_bar_dot

    # The unroll begins at a given state, which takes part in all four forms.

    def unroll(self, theta, state, x):
        """x [..., T, B, n_in] -> y [..., T, B, n_out], cache."""
        self._require(theta, x)
        if len(state) != len(self.cell.state):
            raise ValueError(f"state must hold {self.cell.state}, got {len(state)} "
                             f"arrays; use initial_state(theta, B)")
        return self._unroll(theta, state, x)

    def _unroll(self, theta, state, x):
        V, Y = self.assemble(theta), self.read_out(theta)
        cache = recur(self.cell, V, to_columns(x), flip(state))
        return from_columns(transpose(Y) @ cache.read), cache

    def unroll_jvp(self, theta, cache, theta_dot, state_dot, x_dot):
        V, Y = self.assemble(theta), self.read_out(theta)
        V_dot, Y_dot = self.assemble(theta_dot), self.read_out(theta_dot)
        cache_dot = recur_jvp(
            self.cell, V, cache, V_dot, to_columns(x_dot), flip(state_dot))
        y_dot = transpose(Y_dot) @ cache.read + transpose(Y) @ cache_dot.read
        return from_columns(y_dot), cache_dot

    def unroll_vjp(self, theta, cache, y_bar, state_bar):
        V, Y, y_bar = self.assemble(theta), self.read_out(theta), to_columns(y_bar)
        Y_bar = (cache.read @ transpose(y_bar)).sum(0)
        h_bars = Y[..., :-1, :] @ y_bar
        V_bar, x_bar, state_bar = recur_vjp(
            self.cell, V, cache, h_bars, flip(state_bar))
        return self.pack(V_bar, Y_bar), flip(state_bar), from_columns(x_bar)

    def unroll_vjp_dot(self, theta, cache, y_bar, state_bar,
                       theta_dot, cache_dot, y_bar_dot, state_bar_dot):
        V, Y = self.assemble(theta), self.read_out(theta)
        V_dot, Y_dot = self.assemble(theta_dot), self.read_out(theta_dot)
        y_bar, y_bar_dot = to_columns(y_bar), to_columns(y_bar_dot)
        Y_bar_dot = (cache_dot.read @ transpose(y_bar)
                     + cache.read @ transpose(y_bar_dot)).sum(0)
        h_bars = Y[..., :-1, :] @ y_bar
        h_bars_dot = Y_dot[..., :-1, :] @ y_bar + Y[..., :-1, :] @ y_bar_dot
        V_bar_dot, x_bar_dot, state_bar_dot = recur_vjp_dot(
            self.cell, V, cache, h_bars, flip(state_bar),
            V_dot, cache_dot, h_bars_dot, flip(state_bar_dot))
        return (self.pack(V_bar_dot, Y_bar_dot), flip(state_bar_dot),
                from_columns(x_bar_dot))

    # How theta holds V and Y. A subclass with other blocks defines weights, assemble
    # and assemble_vjp.

    def weights(self):
        """Names and shapes of the cell's blocks, which are the first of theta."""
        n, H, GH = self.n_in, self.n_hidden, len(self.cell.bias) * self.n_hidden
        return {"W": (n, GH), "U": (H, GH), "b": (GH,)}

    def assemble(self, theta):
        """V [..., n_in + H + 1, G H]: a view, since W, U and b are neighbours."""
        n_seen = self.n_in + self.n_hidden + 1
        n_z = len(self.cell.bias) * self.n_hidden
        return theta[..., :n_seen * n_z].reshape(theta.shape[:-1] + (n_seen, n_z))

    def assemble_vjp(self, V_bar):
        """The transpose of assemble: the cell's part of theta_bar."""
        return flat(V_bar)

    def read_out(self, theta):
        """Y [..., H + 1, n_out]: a view, since Wy and by are neighbours."""
        shape = self.n_hidden + 1, self.n_out
        return theta[..., -shape[0] * shape[1]:].reshape(theta.shape[:-1] + shape)

    def pack(self, V_bar, Y_bar):
        """theta_bar, with nothing for the learned state."""
        lead, n_learned = V_bar.shape[:-2], len(self.cell.state) * self.n_hidden
        none = np.zeros_like(V_bar, shape=lead + (n_learned,))
        return np.concatenate(
            [self.assemble_vjp(V_bar), none, flat(Y_bar)], -1)

    # Checks.

    def _require(self, theta, x):
        """Raises ValueError if theta or x is not finite or has the wrong shape."""
        require.parameters(self.layout, theta)
        require.data("x", x, theta.shape[:-1], (None, None, self.n_in),
                     f"[..., T, B, {self.n_in}]")

    def __post_init__(self):
        require.fields(self, count=("n_in", "n_hidden", "n_out"))


def nothing(cache):
    """A cotangent of zeros, shaped as the state after the last step."""
    return tuple(np.zeros_like(transpose(s)) for s in cache.states[-1])


def require_steps(n_steps, most, shape):
    """Raises ValueError if n_steps is not an array of integers in [0, most]."""
    if n_steps.shape != shape or not np.issubdtype(n_steps.dtype, np.integer):
        raise ValueError(f"n_steps must be integers of shape {list(shape)}, got "
                         f"{n_steps.dtype} of shape {list(n_steps.shape)}")
    if n_steps.size and not (0 <= n_steps.min() and n_steps.max() <= most):
        raise ValueError(f"n_steps must be in [0, {most}], got {n_steps.min()} to "
                         f"{n_steps.max()}")
