"""Layers, losses, heads and learners as a user could write them, all of them right. The tests break
them, one line at a time."""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minimeta import Layout, require
from minimeta.tasks.family import Discrete, Tasks
from minimeta.testing.nests import rebuild

STEP = 1e-30


def step(a, a_dot):
    """a + i h a_dot, for nests of arrays."""
    rest = iter(leaves_of(a_dot))
    return rebuild(lambda array: array + STEP * 1j * next(rest), a)


def leaves_of(nest):
    found = []
    rebuild(lambda array: found.append(array) or array, nest)
    return found


def imag(nest):
    return rebuild(lambda array: array.imag / array.real.dtype.type(STEP), nest)


class ByComplexStep:
    """jvp and vjp_dot by the complex step of forward and vjp: a user writes these two by hand."""

    @property
    def size(self):
        return self.layout.size

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x = cache[0]
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        return imag(self.forward(step(theta, theta_dot), step(x, x_dot)))

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return imag(self.vjp(step(theta, theta_dot), step(cache, cache_dot),
                             step(y_bar, y_bar_dot)))


def mean(a):
    return a.mean(-1, keepdims=True)


@dataclass(frozen=True)
class LayerNorm(ByComplexStep):
    """y = gain (x - mean) / std + shift, along the last axis."""

    n: int = 5

    @cached_property
    def layout(self):
        return Layout(gain=(self.n,), shift=(self.n,))

    def forward(self, theta, x):
        gain, shift = self.layout.unpack(theta)
        s = np.sqrt(mean((x - mean(x)) ** 2))
        h = (x - mean(x)) / s
        return h * gain[..., None, :] + shift[..., None, :], (x, h, s)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        (x, h, s), (gain, _) = cache, self.layout.unpack(theta)
        gain_dot, shift_dot = self.layout.unpack(theta_dot)
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        s_dot = mean(h * x_dot)
        h_dot = (x_dot - mean(x_dot) - h * s_dot) / s
        y_dot = h_dot * gain[..., None, :] + h * gain_dot[..., None, :] + shift_dot[..., None, :]
        return y_dot, (x_dot, h_dot, s_dot)

    def vjp(self, theta, cache, y_bar):
        (_, h, s), (gain, _) = cache, self.layout.unpack(theta)
        h_bar = y_bar * gain[..., None, :]
        x_bar = (h_bar - mean(h_bar) - h * mean(h * h_bar)) / s
        return self.layout.pack(gain=(y_bar * h).sum(-2), shift=y_bar.sum(-2)), x_bar


def flip(a):
    return a.swapaxes(-1, -2)


@dataclass(frozen=True)
class Attention(ByComplexStep):
    """y = softmax(q k' / sqrt(d)) v,  (q, k, v) = x (Q, K, V)."""

    n: int = 5
    d: int = 4

    @cached_property
    def layout(self):
        shape = self.n, self.d
        return Layout(Q=shape, K=shape, V=shape)

    def forward(self, theta, x):
        q, k, v = (x @ W for W in self.layout.unpack(theta))
        e = np.exp(q @ flip(k) / self.d ** .5)
        A = e / e.sum(-1, keepdims=True)
        return A @ v, (x, q, k, v, A)

    def vjp(self, theta, cache, y_bar):
        x, q, k, v, A = cache
        A_bar, v_bar = y_bar @ flip(v), flip(A) @ y_bar
        S_bar = self.softmax_vjp(A, A_bar) / self.d ** .5
        q_bar, k_bar = S_bar @ k, self.k_bar(S_bar, q)
        Q, K, V = self.layout.unpack(theta)
        return self.theta_bar(x, q_bar, k_bar, v_bar), self.x_bar(
            q_bar @ flip(Q), k_bar @ flip(K), v_bar @ flip(V))

    def softmax_vjp(self, A, A_bar):
        return A * (A_bar - (A * A_bar).sum(-1, keepdims=True))

    def k_bar(self, S_bar, q):
        return flip(S_bar) @ q

    def theta_bar(self, x, q_bar, k_bar, v_bar):
        return self.layout.pack(Q=flip(x) @ q_bar, K=flip(x) @ k_bar, V=flip(x) @ v_bar)

    def x_bar(self, from_q, from_k, from_v):
        return from_q + from_k + from_v


@dataclass(frozen=True)
class Embedding(ByComplexStep):
    """y = E[word]: x [.., R, n_words] is one-hot, only its largest entry counts."""

    n_words: int = 5
    m: int = 3

    @cached_property
    def layout(self):
        return Layout(E=(self.n_words, self.m))

    def forward(self, theta, x):
        E, words = self.layout.unpack(theta).E, x.real.argmax(-1)
        return np.take_along_axis(E, words[..., None], -2), (x, words)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        return self.forward(theta_dot, cache[0])[0], (np.zeros_like(cache[0]), cache[1])

    def vjp(self, theta, cache, y_bar):
        x, words = cache
        one_hot = (words[..., None] == np.arange(self.n_words)).astype(x.dtype)
        return self.layout.pack(E=flip(one_hot) @ y_bar), np.zeros_like(x)

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return self.vjp(theta, cache, y_bar_dot)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@dataclass(frozen=True)
class Recurrent(ByComplexStep):
    """A gated recurrent unit in the contract of recurrent maps.

    u, r = sigmoid(x W + h U + b),  c = tanh(x W + b + r (h U)),  h = u h + (1 - u) c,  y = h Y
    """

    n: int = 3
    H: int = 4
    m: int = 2

    @cached_property
    def layout(self):
        n, H, m = self.n, self.H, self.m
        return Layout(W=(n, 3 * H), U=(H, 3 * H), b=(3 * H,), h0=(H,), Y=(H, m))

    def initial_state(self, theta, B):
        h0 = self.layout.unpack(theta).h0
        return np.broadcast_to(h0[..., None, :], theta.shape[:-1] + (B, self.H)),

    def gates(self, p, h, x):
        X, Z = np.split(x @ p.W + p.b[..., None, :], 3, -1), np.split(h @ p.U, 3, -1)
        u, r = sigmoid(X[0] + Z[0]), sigmoid(X[1] + Z[1])
        return u, r, np.tanh(X[2] + r * Z[2]), Z[2]

    def step(self, theta, state, x):
        p, (h,) = self.layout.unpack(theta), state
        u, r, c, _ = self.gates(p, h, x)
        h = u * h + (1 - u) * c
        return h @ p.Y, (h,)

    def unroll(self, theta, state, x):
        ys, hs = [], [state[0]]
        for t in range(x.shape[-3]):
            y, (h,) = self.step(theta, (hs[-1],), x[..., t, :, :])
            ys, hs = ys + [y], hs + [h]
        return np.stack(ys, -3), (x, np.stack(hs, -3))

    def state_after(self, cache, n_steps=None):
        hs = cache[1]
        if n_steps is None:
            return hs[..., -1, :, :],
        return np.take_along_axis(hs, n_steps[..., None, :, None], -3)[..., 0, :, :],

    def unroll_vjp(self, theta, cache, y_bar, state_bar):
        p, (x, hs) = self.layout.unpack(theta), cache
        bars = {name: np.zeros_like(block * y_bar.sum()) for name, block in p._asdict().items()}
        (h_bar,), x_bars = state_bar, []
        for t in reversed(range(x.shape[-3])):
            h, x_t, y_bar_t = hs[..., t, :, :], x[..., t, :, :], y_bar[..., t, :, :]
            u, r, c, Zc = self.gates(p, h, x_t)
            h_bar = h_bar + y_bar_t @ flip(p.Y)
            bars["Y"] = bars["Y"] + flip(hs[..., t + 1, :, :]) @ y_bar_t
            c_bar = h_bar * (1 - u) * (1 - c * c)
            r_bar = c_bar * Zc * r * (1 - r)
            u_bar = h_bar * (h - c) * u * (1 - u)
            x_side = np.concatenate([u_bar, r_bar, c_bar], -1)
            h_side = np.concatenate([u_bar, r_bar, c_bar * r], -1)
            bars["W"] = bars["W"] + flip(x_t) @ x_side
            bars["b"] = bars["b"] + x_side.sum(-2)
            bars["U"] = bars["U"] + flip(self.before(hs, t)) @ h_side
            x_bars = [x_side @ flip(p.W)] + x_bars
            h_bar = self.carry(h_bar * u, h_side @ flip(p.U))
        return self.layout.pack(**bars), (h_bar,), np.stack(x_bars, -3)

    def before(self, hs, t):
        return hs[..., t, :, :]

    def carry(self, direct, through_gates):
        return direct + through_gates

    def unroll_jvp(self, theta, cache, theta_dot, state_dot, x_dot):
        state = cache[1][..., 0, :, :],
        return imag(self.unroll(
            step(theta, theta_dot), step(state, tuple(state_dot)), step(cache[0], x_dot)))

    def unroll_vjp_dot(self, theta, cache, y_bar, state_bar,
                       theta_dot, cache_dot, y_bar_dot, state_bar_dot):
        return imag(self.unroll_vjp(step(theta, theta_dot), step(cache, cache_dot),
                                    step(y_bar, y_bar_dot), step(state_bar, state_bar_dot)))

    def forward(self, theta, x):
        return self.unroll(theta, self.initial_state(theta, x.shape[-2]), x)

    def vjp(self, theta, cache, y_bar):
        nothing = np.zeros_like(cache[1][..., 0, :, :]),
        theta_bar, (h_bar,), x_bar = self.unroll_vjp(theta, cache, y_bar, nothing)
        bars = self.layout.unpack(theta_bar)._asdict()
        return self.layout.pack(**bars | {"h0": self.h0_bar(h_bar)}), x_bar

    def h0_bar(self, h_bar):
        return h_bar.sum(-2)


@dataclass(frozen=True)
class CrossEntropy:
    """-sum of log softmax(y)[label] over rows; y [.., R, m], labels [.., R]."""

    labels: np.ndarray

    def log_p(self, y):
        return y - np.log(np.exp(y).sum(-1, keepdims=True))

    def one_hot(self, y):
        return (self.labels[..., None] == np.arange(y.shape[-1])).astype(y.real.dtype)

    def value(self, y):
        return -(self.one_hot(y) * self.log_p(y)).sum((-2, -1))

    def grad(self, y):
        return np.exp(self.log_p(y)) - self.one_hot(y)

    def hvp(self, y, y_dot):
        p = np.exp(self.log_p(y))
        return p * (y_dot - (p * y_dot).sum(-1, keepdims=True))


def checked(name, count, rng):
    """A whole number of one at least, and a generator beside it."""
    if not hasattr(rng, "random") or rng is np.random:
        raise TypeError(f"rng must be a np.random.Generator, got {rng!r}; use default_rng(seed)")
    return require.count(name, count)


@dataclass(frozen=True)
class Coins:
    """Four guesses of the side on which a bent coin falls, which side pays 1."""

    obs_size = 1
    horizon = 4
    episodes = 1
    action = Discrete(2)
    kind: Any = None   # of tasks, CoinTasks if none

    def sample(self, K, rng):
        return (self.kind or CoinTasks)(self, rng.random(checked("K", K, rng)))


@dataclass(frozen=True)
class CoinTasks(Tasks):
    """K coins; the state is the number of guesses made, [K, B]."""

    family: Coins
    p: np.ndarray   # [K]  probability that side 1 falls

    def reset(self, B, rng):
        state = np.zeros((len(self), checked("B", B, rng)), int)
        return state, np.zeros(state.shape + (1,))

    def step(self, state, action, rng):
        checked("K", len(self), rng)
        self.check_actions(action, state.shape)
        side = rng.random(state.shape) < self.p[:, None]
        reward = (side == action).astype(float)
        return state + 1, np.zeros(state.shape + (1,)), reward, np.zeros(state.shape, bool)

    def oracle(self):
        return 4 * np.maximum(self.p, 1 - self.p)

    def random(self):
        return np.full(len(self), 2.0)
