"""The Gaussian head draws n independent normal numbers, such as torques.

So every number below is a sum over the n dimensions, and their derivatives do not mix.
For mu and log_std of one dimension, the tangents are

    per_std   = exp(-log_std)        per_std_dot   = -per_std log_std_dot
    precision = exp(-2 log_std)      precision_dot = -2 precision log_std_dot
"""
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import require
from ..calculus import Layout
from ..calculus.fast import sum_last
from .heads import Head, quiet

LOG_2PI = math.log(2 * math.pi)  # a Python float, which leaves float32 as it is


@quiet
@dataclass(frozen=True)
class Gaussian(Head):
    """n independent normal action dimensions; u [..., 2n] = (mu, log_std), a [..., n].

    mu comes from the network. log_std is a free parameter of the policy, the same in
    every state.
    """

    n: int

    @cached_property
    def free(self):
        return Layout(log_std=(self.n,))

    @property
    def n_in(self):
        return 2 * self.n

    @property
    def n_code(self):
        """Length of an action as a network's input."""
        return self.n

    def split(self, u):
        """u -> mu, log_std."""
        return u[..., :self.n], u[..., self.n:]

    def join(self, mu, log_std):
        return np.concatenate([mu, log_std], -1)

    def encode(self, a):
        """The actions themselves, which are numbers already."""
        return a

    def sample(self, u, rng):
        mu, log_std = self.split(u)
        return mu + np.exp(log_std) * rng.standard_normal(mu.shape, mu.dtype)

    def greedy(self, u):
        """The most probable action of each row: the mean."""
        return self.split(u)[0]

    # l = sum -e^2 / 2 - log_std - log(2 pi) / 2,      e = (a - mu) per_std
    #   e_dot        = -mu_dot per_std - e log_std_dot
    #   grad l       = (e per_std, e^2 - 1)                      in (mu, log_std)
    #   its tangent  = ((e_dot - e log_std_dot) per_std, 2 e e_dot)

    def log_prob(self, u, a):
        self.require_rows(u, np.asarray(a), (self.n,))
        _, log_std = self.split(u)
        e, _ = self.error(u, a)
        return sum_last(-0.5 * e * e - log_std - 0.5 * LOG_2PI)[..., 0]

    def log_prob_grad(self, u, a):
        e, per_std = self.error(u, a)
        return self.join(e * per_std, e * e - 1)

    def log_prob_hvp(self, u, a, u_dot):
        mu_dot, log_std_dot = self.split(u_dot)
        e, per_std = self.error(u, a)
        e_dot = -mu_dot * per_std - e * log_std_dot
        return self.join((e_dot - e * log_std_dot) * per_std, 2 * e * e_dot)

    def error(self, u, a):
        """e and per_std, in the precision of u."""
        mu, log_std = self.split(u)
        per_std = np.exp(-log_std)
        return (np.asarray(a, u.dtype) - mu) * per_std, per_std

    # F = E (grad l)(grad l)^T is diagonal, since E e (e^2 - 1) = 0: precision for mu,
    # as E e^2 = 1, and 2 for log_std, as E (e^2 - 1)^2 = 2

    def fisher(self, u, u_dot):
        (_, log_std), (mu_dot, log_std_dot) = self.split(u), self.split(u_dot)
        return self.join(mu_dot * np.exp(-2 * log_std), 2 * log_std_dot)

    # H = sum log_std + (log(2 pi) + 1) / 2, which is linear in log_std

    def entropy(self, u):
        return (self.split(u)[1] + 0.5 * (LOG_2PI + 1)).sum(-1)

    def entropy_grad(self, u):
        mu, log_std = self.split(u)
        return self.join(np.zeros_like(mu), np.ones_like(log_std))

    def entropy_hvp(self, u, u_dot):
        return np.zeros_like(u_dot)

    # KL = sum log_std - log_old + spread precision / 2 - 1 / 2
    #   gap = mu - mu_old,    spread = exp(2 log_old) + gap^2 = E_old (a - mu)^2
    #   grad KL      = (gap precision, 1 - spread precision)
    #   its tangent  = (mu_dot precision - 2 gap precision log_std_dot,
    #                   2 spread precision log_std_dot - 2 gap precision mu_dot)
    # At u_old = u, gap is 0 and spread precision is 1, so the tangent is F u_dot

    def kl(self, u_old, u):
        gap, spread, precision = self.distance(u_old, u)
        (_, log_old), (_, log_std) = self.split(u_old), self.split(u)
        return (log_std - log_old + 0.5 * spread * precision - 0.5).sum(-1)

    def kl_grad(self, u_old, u):
        gap, spread, precision = self.distance(u_old, u)
        return self.join(gap * precision, 1 - spread * precision)

    def kl_hvp(self, u_old, u, u_dot):
        gap, spread, precision = self.distance(u_old, u)
        mu_dot, log_std_dot = self.split(u_dot)
        cross = 2 * gap * precision
        return self.join(mu_dot * precision - cross * log_std_dot,
                         2 * spread * precision * log_std_dot - cross * mu_dot)

    def distance(self, u_old, u):
        """gap, spread, precision."""
        (mu_old, log_old), (mu, log_std) = self.split(u_old), self.split(u)
        gap = mu - mu_old
        return gap, np.exp(2 * log_old) + gap * gap, np.exp(-2 * log_std)

    def __post_init__(self):
        require.fields(self, count="n")
