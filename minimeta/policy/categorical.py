"""The Categorical head chooses one of n actions with probabilities p = softmax(u).

A logit may be -inf: then the action has probability 0, and the terms p log p and their
derivatives take their limit, 0. The same holds where p is too small for its dtype.

All derivatives follow from two lines; sums run over the actions.

    log_p = u - log sum exp(u)      log_p_dot = u_dot - sum p u_dot
    p     = exp(log_p)              p_dot     = p log_p_dot
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from ..calculus import Layout
from ..calculus.fast import cumsum_last, max_last, sum_last, take_last
from .heads import Head, dot, quiet


def log_softmax(u):
    """u - log sum exp(u), without overflow; -inf where u is -inf."""
    u = u - max_last(u.real)
    return u - np.log(sum_last(np.exp(u)))


def softmax(u):
    """exp(u) / sum exp(u), without overflow."""
    e = np.exp(u - max_last(u.real))
    return e / sum_last(e)


def p_and_log_p(u):
    """p and log_p, with 0 in place of log_p where p is 0. All that use it multiply it
    by p, and so p log_p is 0, its limit."""
    log_p = log_softmax(u)
    p = np.exp(log_p)
    return p, np.where(p != 0, log_p, 0)


@quiet
@dataclass(frozen=True)
class Categorical(Head):
    """n actions with probabilities softmax(u); u [..., n] are logits, a [...]
    integers."""

    n: int

    free = Layout()  # nothing in u is a free parameter: all of it depends on the input

    @property
    def n_in(self):
        return self.n

    @property
    def n_code(self):
        """Length of an action as a network's input."""
        return self.n

    def encode(self, a):
        """Actions a [...] as one-hot rows [..., n]."""
        return np.asarray(a)[..., None] == np.arange(self.n)

    def sample(self, u, rng):
        """One action for each row: the first whose cumulated probability is above r,
        uniform in [0, P_n).

        P_n, the last of them, is not 1, since p is not divided by its sum here. The
        first P above r is also above the P before it, so the action's own p is not 0.
        """
        P = cumsum_last(np.exp(u - max_last(u)))
        r = P[..., -1:] * rng.random(u.shape[:-1] + (1,), P.dtype)
        return (P[..., :-1] <= r).sum(-1)

    def greedy(self, u):
        """The most probable action of each row."""
        return u.argmax(-1)

    # l = log_p of the action taken, whose one-hot row is e
    #   grad l           = e - p
    #   (Hessian) u_dot  = -p_dot, whatever the action

    def log_prob(self, u, a):
        a = np.asarray(a)
        self.require_actions(u, a)
        return take_last(log_softmax(u), a)

    def log_prob_grad(self, u, a):
        return self.encode(a) - softmax(u)

    def log_prob_hvp(self, u, a, u_dot):
        return -self.fisher(u, u_dot)

    # F = E (e - p)(e - p)^T = diag(p) - p p^T,  so  F u_dot = p (u_dot - sum p u_dot),
    # which is p_dot

    def fisher(self, u, u_dot):
        p = softmax(u)
        return p * (u_dot - dot(p, u_dot))

    # H = -sum p log_p
    #   H_dot       = -sum p_dot log_p - sum p log_p_dot,  the last sum is sum p_dot = 0
    #   grad H      = -p centred,      centred     = log_p - sum p log_p
    #   its tangent = -p_dot centred - p centred_dot
    #                                  centred_dot = log_p_dot - sum p_dot log_p
    # and again sum p log_p_dot = 0 has been left out

    def entropy(self, u):
        p, log_p = p_and_log_p(u)
        return -dot(p, log_p)[..., 0]

    def entropy_grad(self, u):
        p, log_p = p_and_log_p(u)
        return -p * (log_p - dot(p, log_p))

    def entropy_hvp(self, u, u_dot):
        p, log_p = p_and_log_p(u)
        log_p_dot = u_dot - dot(p, u_dot)
        p_dot = p * log_p_dot
        centred = log_p - dot(p, log_p)
        centred_dot = log_p_dot - dot(p_dot, log_p)
        return -p_dot * centred - p * centred_dot

    # KL = sum p_old (log p_old - log p); u_old is a constant
    #   KL_dot       = -sum p_old (u_dot - sum p u_dot) = -sum p_old u_dot + sum p u_dot
    #   grad KL      = p - p_old
    #   its tangent  = p_dot
    # A term is 0 where p_old is 0, and inf where p is 0 and p_old is not

    def kl(self, u_old, u):
        p_old, log_old = p_and_log_p(u_old)
        log_p = np.where(p_old != 0, log_softmax(u), 0)
        return (p_old * (log_old - log_p)).sum(-1)

    def kl_grad(self, u_old, u):
        return softmax(u) - softmax(u_old)

    def kl_hvp(self, u_old, u, u_dot):
        return self.fisher(u, u_dot)

    def require_actions(self, u, a):
        self.require_rows(u, a, ())
        if a.dtype.kind not in "iu":
            raise TypeError(f"actions must be integers, got dtype {a.dtype}")
        if a.size and not (0 <= a.min() and a.max() < self.n):
            raise ValueError(
                f"actions must be in [0, {self.n}), got {a.min()} to {a.max()}")

    def __post_init__(self):
        require.fields(self, count="n")
