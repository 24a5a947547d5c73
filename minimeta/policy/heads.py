"""From network outputs u to actions: the Categorical and the Gaussian distribution.

A head is a distribution over actions a with parameters u [..., n_in], one row each.
What is needed of it are numbers per row, and their derivatives in u:

    log_prob(u, a)      l [...]      log pi(a | u), nats
    entropy(u)          [...]        -E log pi
    kl(u_old, u)        [...]        E_old (log pi_old - log pi), a function of u
    fisher(u, u_dot)    [..., n_in]  E (grad l)(grad l)^T u_dot, = kl_hvp at u_old = u

Each number s per row has a gradient s_grad [..., n_in] and a Hessian-vector product
s_hvp [..., n_in]. Rows do not mix, so the four forms of l as a map of u follow from
these.

Letters: ... any leading axes, n actions or action dimensions.
"""
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import require
from ..calculus import Layout
from ..calculus.fast import max_last, sum_last

LOG_2PI = math.log(2 * math.pi)  # a Python float, which leaves float32 as it is


class Head:
    """The forms of log_prob, from its value, gradient and Hessian-vector product per
    row."""

    def log_prob_jvp(self, u, a, u_dot):
        return dot(self.log_prob_grad(u, a), u_dot)[..., 0]

    def log_prob_vjp(self, u, a, l_bar):
        return l_bar[..., None] * self.log_prob_grad(u, a)

    def log_prob_vjp_dot(self, u, a, l_bar, u_dot, l_bar_dot):
        return (l_bar_dot[..., None] * self.log_prob_grad(u, a)
                + l_bar[..., None] * self.log_prob_hvp(u, a, u_dot))

    def _check(self, u, a, core):
        require.floating("u", u)
        if u.shape[-1:] != (self.n_in,) or a.shape != u.shape[:-1] + core:
            lead = list(u.shape[:-1]) if u.shape[-1:] == (self.n_in,) else ["..."]
            raise ValueError(
                f"{self} needs u [..., {self.n_in}] and actions {lead + list(core)}, "
                f"got {list(u.shape)} and {list(a.shape)}"
            )


def log_softmax(u):
    u = u - max_last(u.real)
    return u - np.log(sum_last(np.exp(u)))


def softmax(u):
    e = np.exp(u - max_last(u.real))
    return e / sum_last(e)


def dot(p, v):
    return sum_last(p * v)


@dataclass(frozen=True)
class Categorical(Head):
    """n actions with probabilities softmax(u); u [..., n] are logits, a [...]
    integers."""

    n: int

    def __post_init__(self):
        require.count("n", self.n)

    @property
    def n_in(self):
        return self.n

    @property
    def n_code(self):
        """Length of an action as a network's input."""
        return self.n

    free = Layout()  # nothing in u is a free parameter: all of it depends on the input

    def encode(self, a):
        """Actions a [...] as one-hot rows [..., n]."""
        return a[..., None] == np.arange(self.n)

    def sample(self, u, rng):
        """One action for each row: the first whose cumulated probability passes a
        uniform."""
        P = np.cumsum(softmax(u), -1)
        return (P[..., :-1] < rng.random(u.shape[:-1] + (1,), P.dtype)).sum(-1)

    def greedy(self, u):
        """The most probable action of each row."""
        return u.argmax(-1)

    def log_prob(self, u, a):
        a = np.asarray(a)
        self._check(u, a, ())
        if not np.issubdtype(a.dtype, np.integer):
            raise TypeError(f"actions must be integers, got dtype {a.dtype}")
        if a.size and not (0 <= a.min() and a.max() < self.n):
            raise ValueError(
                f"actions must be in [0, {self.n}), got {a.min()} to {a.max()}")
        return np.take_along_axis(log_softmax(u), a[..., None], -1)[..., 0]

    def log_prob_grad(self, u, a):
        return self.encode(a) - softmax(u)

    def log_prob_hvp(self, u, a, u_dot):
        return -self.fisher(u, u_dot)

    def entropy(self, u):
        log_p = log_softmax(u)
        return -(np.exp(log_p) * log_p).sum(-1)

    def entropy_grad(self, u):
        log_p = log_softmax(u)
        p = np.exp(log_p)
        return -p * (log_p - dot(p, log_p))

    def entropy_hvp(self, u, u_dot):
        log_p = log_softmax(u)
        p = np.exp(log_p)
        log_p_dot = u_dot - dot(p, u_dot)
        p_dot = p * log_p_dot
        centred = log_p - dot(p, log_p)
        centred_dot = log_p_dot - dot(p_dot, log_p) - dot(p, log_p_dot)
        return -p_dot * centred - p * centred_dot

    def kl(self, u_old, u):
        log_old, log_p = log_softmax(u_old), log_softmax(u)
        return (np.exp(log_old) * (log_old - log_p)).sum(-1)

    def kl_grad(self, u_old, u):
        return softmax(u) - softmax(u_old)

    def kl_hvp(self, u_old, u, u_dot):
        return self.fisher(u, u_dot)

    def fisher(self, u, u_dot):
        p = softmax(u)
        return p * (u_dot - dot(p, u_dot))


@dataclass(frozen=True)
class Gaussian(Head):
    """n independent normal action dimensions; u [..., 2n] = (mu, log_std), a [..., n].

    The log-probability of an action is the sum over its dimensions. log_std is a free
    parameter of the policy, the same in every state; mu comes from the network.
    """

    n: int

    def __post_init__(self):
        require.count("n", self.n)

    @property
    def n_in(self):
        return 2 * self.n

    @property
    def n_code(self):
        """Length of an action as a network's input."""
        return self.n

    @cached_property
    def free(self):
        return Layout(log_std=(self.n,))

    def split(self, u):
        return u[..., :self.n], u[..., self.n:]

    def join(self, mu, log_std):
        return np.concatenate([mu, log_std], -1)

    def encode(self, a):
        """Actions are their own code."""
        return a

    def sample(self, u, rng):
        mu, log_std = self.split(u)
        return mu + np.exp(log_std) * rng.standard_normal(mu.shape, mu.dtype)

    def greedy(self, u):
        """The most probable action of each row: the mean."""
        return self.split(u)[0]

    def log_prob(self, u, a):
        self._check(u, a, (self.n,))
        mu, log_std = self.split(u)
        e = (a - mu) * np.exp(-log_std)
        return sum_last(-0.5 * e * e - log_std - 0.5 * LOG_2PI)[..., 0]

    def log_prob_grad(self, u, a):
        mu, log_std = self.split(u)
        e = (a - mu) * np.exp(-log_std)
        return self.join(e * np.exp(-log_std), e * e - 1)

    def log_prob_hvp(self, u, a, u_dot):
        (mu, log_std), (mu_dot, log_std_dot) = self.split(u), self.split(u_dot)
        precision = np.exp(-log_std)
        e = (a - mu) * precision
        e_dot = -mu_dot * precision - e * log_std_dot
        return self.join((e_dot - e * log_std_dot) * precision, 2 * e * e_dot)

    def entropy(self, u):
        return (self.split(u)[1] + 0.5 * (LOG_2PI + 1)).sum(-1)

    def entropy_grad(self, u):
        mu, log_std = self.split(u)
        return self.join(np.zeros_like(mu), np.ones_like(log_std))

    def entropy_hvp(self, u, u_dot):
        return np.zeros_like(u_dot)

    def kl(self, u_old, u):
        (mu_old, log_old), (mu, log_std) = self.split(u_old), self.split(u)
        spread = np.exp(2 * log_old) + (mu - mu_old) ** 2
        return (log_std - log_old + 0.5 * spread * np.exp(-2 * log_std) - 0.5).sum(-1)

    def kl_grad(self, u_old, u):
        (mu_old, log_old), (mu, log_std) = self.split(u_old), self.split(u)
        spread = np.exp(2 * log_old) + (mu - mu_old) ** 2
        precision = np.exp(-2 * log_std)
        return self.join((mu - mu_old) * precision, 1 - spread * precision)

    def kl_hvp(self, u_old, u, u_dot):
        (mu_old, log_old), (mu, log_std) = self.split(u_old), self.split(u)
        mu_dot, log_std_dot = self.split(u_dot)
        spread = np.exp(2 * log_old) + (mu - mu_old) ** 2
        precision = np.exp(-2 * log_std)
        cross = 2 * (mu - mu_old) * precision
        return self.join(mu_dot * precision - cross * log_std_dot,
                         2 * spread * precision * log_std_dot - cross * mu_dot)

    def fisher(self, u, u_dot):
        (_, log_std), (mu_dot, log_std_dot) = self.split(u), self.split(u_dot)
        return self.join(mu_dot * np.exp(-2 * log_std), 2 * log_std_dot)
