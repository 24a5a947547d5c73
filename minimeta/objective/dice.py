"""Dice and LoadedDice: the surrogates in which the ratios of a step multiply all that
comes after it. surrogates.py tells what surrogates are, and which terms of the Hessian
each one has.

Letters: ... leading task axes, T steps, B episodes.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from .ratios import constant, excess, require_steps, taken


@dataclass(frozen=True)
class Dice:
    """Multiplies each reward by the ratios of all the actions that led to it.

        value       = sum_t r_t e^{w_t},            w_t     = sum_{s <= t} l_s - l_old_s
        l_bar_s     = sum_{t >= s} r_t e^{w_t}
        l_bar_dot_s = sum_{t >= s} r_t e^{w_t} w_dot_t,
                                                    w_dot_t = sum_{s <= t} l_dot_s

    since l_s is in w_t for all t >= s. l_old takes the place of the stop-gradient of
    the original. On-policy the two are the same, and the mean of a derivative, of any
    order, is that derivative of the expected sum of r.

    Two steps with the rewards 1 and 2 are  e^{l_0} + 2 e^{l_0 + l_1},  so at l = 0

    >>> l = np.zeros((2, 1))
    >>> dice = Dice(np.array([[1.0], [2.0]]), l)
    >>> dice.grad(l).ravel()
    array([3., 2.])
    >>> [dice.hvp(l, l_dot[:, None]).ravel().tolist() for l_dot in np.eye(2)]
    [[3.0, 2.0], [2.0, 2.0]]

    r      [..., T, B]  rewards, weighted; times gamma^t if J is discounted
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  True where a step was taken; None: everywhere
    Source: Foerster et al. (2018), DiCE, eq. 5.
    """

    r: np.ndarray
    l_old: np.ndarray
    mask: Any = None

    def weighted(self, l):
        """r_t e^{w_t}."""
        w = decayed(excess(l, self.l_old, self.mask), 1)
        return constant(self.r, self.mask, l) * np.exp(w)

    def value(self, l):
        return self.weighted(l).sum((-2, -1))

    def grad(self, l):
        return taken(decayed_transpose(self.weighted(l), 1), self.mask)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        w_dot = decayed(taken(l_dot, self.mask), 1)
        return taken(decayed_transpose(self.weighted(l) * w_dot, 1), self.mask)

    def __post_init__(self):
        require_steps(self.r, self.l_old, self.mask, "r")


@dataclass(frozen=True)
class LoadedDice:
    """Dice with advantages in place of rewards, where older actions weigh less.

        value   = sum_t A_t (e^{w_t} - e^{lam w_{t-1}})
        w_t     = lam w_{t-1} + l_t - l_old_t  = sum_{s <= t} lam^{t-s} (l_s - l_old_s)

    w_t occurs in two terms, its own and that of the next step, so

        w_bar_t = A_t e^{w_t} - lam A_{t+1} e^{lam w_t}
        l_bar_s = sum_{t >= s} lam^{t-s} w_bar_t
        w_bar_dot_t = (A_t e^{w_t} - lam^2 A_{t+1} e^{lam w_t}) w_dot_t
        l_bar_dot_s = sum_{t >= s} lam^{t-s} w_bar_dot_t

    where w_{-1} = 0, A_T = 0, and w_dot is made of l_dot as w is of l.

    With lam = 0, LoadedDice is Ratio minus sum A. With lam = 1 and A_t the sum of the
    rewards from t on, it is Dice minus the sum of the rewards. A baseline, a function
    of the state that is subtracted from A, then takes away noise and adds no bias.

    A      [..., T, B]  advantages, weighted
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  True where a step was taken; None: everywhere
    lam                 in [0, 1]
    Source: Farquhar et al. (2019), Loaded DiCE, algorithm 1.
    """

    A: np.ndarray
    l_old: np.ndarray
    mask: Any = None
    lam: float = 1.0

    def terms(self, l):
        """A_t e^{w_t}, and A_{t+1} e^{lam w_t}."""
        w = decayed(excess(l, self.l_old, self.mask), self.lam)
        A = constant(self.A, self.mask, l)
        following = np.concatenate([A[..., 1:, :], np.zeros_like(A[..., :1, :])], -2)
        return A * np.exp(w), following * np.exp(self.lam * w)

    def value(self, l):
        now, following = self.terms(l)
        first = constant(self.A, self.mask, l)[..., 0, :]  # A_0 e^{lam w_{-1}}
        return (now - following).sum((-2, -1)) - first.sum(-1)

    def grad(self, l):
        now, following = self.terms(l)
        w_bar = now - self.lam * following
        return taken(decayed_transpose(w_bar, self.lam), self.mask)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        now, following = self.terms(l)
        w_dot = decayed(taken(l_dot, self.mask), self.lam)
        w_bar_dot = (now - self.lam**2 * following) * w_dot
        return taken(decayed_transpose(w_bar_dot, self.lam), self.mask)

    def __post_init__(self):
        require_steps(self.A, self.l_old, self.mask)
        lam = float(require.number("lam", self.lam, 0, 1))
        object.__setattr__(self, "lam", lam)


def decayed(x, lam):
    """w_t = lam w_{t-1} + x_t along time, the last axis but one."""
    if lam == 1:
        return np.cumsum(x, -2)
    w = np.array(x)
    for t in range(1, x.shape[-2]):
        w[..., t, :] += lam * w[..., t - 1, :]
    return w


def decayed_transpose(w_bar, lam):
    """x_bar_t = lam x_bar_{t+1} + w_bar_t: the same, backwards in time."""
    return decayed(w_bar[..., ::-1, :], lam)[..., ::-1, :]


def discounts(end, gamma):
    """gamma^t [..., T, B], where t counts the steps from the beginning of an episode.

    end   [..., T, B]  True at the last step of an episode; False everywhere to count
                       the steps of the trial

    >>> discounts(np.array([[False], [True], [False]]), 0.5).ravel()
    array([1. , 0.5, 1. ])
    """
    return float(require.number("gamma", gamma, 0, 1)) ** clock(end)


def clock(end):
    """The step of each episode, 0, 1, 2 ..; `end` is True at an episode's last step."""
    t = np.arange(end.shape[-2])[:, None]
    begins = np.zeros(end.shape, int)
    begins[..., 1:, :] = np.where(end[..., :-1, :], t[1:], 0)
    return t - np.maximum.accumulate(begins, -2)
