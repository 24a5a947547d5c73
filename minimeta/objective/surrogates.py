"""Scalars of the log-probabilities l = log pi(a | s) of the actions that were taken.

A surrogate is what policy-gradient methods climb in place of the return. It is a
function of l [..., T, B] alone and never mentions a weight; its data (advantages A, old
log-probabilities, mask) are constants. Values are sums over steps and episodes: scale A
for a mean.

    value(l)        one number per task [...]
    grad(l)         its gradient in l              [..., T, B]
    hvp(l, l_dot)   its Hessian in l times l_dot   [..., T, B]

    LogLikelihood   sum A l
    Ratio           sum A rho,  rho = exp(l - l_old)
    ClippedRatio    sum min(A rho, A clip(rho, 1 - clip, 1 + clip))
    Dice            sum_t r_t exp(sum_{s <= t} l_s - l_old_s)
    LoadedDice      between Ratio (lam = 0) and Dice (lam = 1)

At l = l_old all have the policy gradient as their gradient. They differ in the Hessian,
which is what a meta-gradient is made of. Of the Hessian of the expected return,
H1 + H2 + H12 + H12^T,

    LogLikelihood has H2, Ratio has H1 + H2, Dice has all of it and the most noise.

Letters: ... leading task axes, T steps, B episodes; A advantages, r rewards.
Source: Foerster et al. (2018), DiCE, arXiv 1802.05098; Rothfuss et al. (2018), ProMP,
arXiv 1810.06784; Farquhar et al. (2019), Loaded DiCE, arXiv 1909.10549.
"""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import require


def excess(l, l_old, mask):
    """l - l_old where a step was taken, 0 elsewhere, whatever l holds there."""
    require.like("l", l, "l_old", l_old)
    return np.where(mask, l - l_old, 0)


def require_mask(mask, l_old):
    """A mask is True, or as large as l_old."""
    if mask is not True:
        require.like("mask", mask, "l_old", l_old)


@dataclass(frozen=True)
class LogLikelihood:
    """REINFORCE, and the original MAML of reinforcement learning:  sum A l.

    A   [..., T, B]  advantages, weighted; zero where no step was taken
    """

    A: np.ndarray

    def value(self, l):
        return (self.grad(l) * np.where(self.A != 0, l, 0)).sum((-2, -1))

    def grad(self, l):
        require.like("l", l, "A", self.A)
        return self.A

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "A", self.A)
        return np.zeros_like(l_dot)


@dataclass(frozen=True)
class Ratio:
    """The likelihood ratio, or low-variance curvature (LVC).

        sum A rho,   rho = exp(l - l_old)

    A      [..., T, B]  advantages, weighted; zero where no step was taken
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    """

    A: np.ndarray
    l_old: np.ndarray

    def __post_init__(self):
        require.like("l_old", self.l_old, "A", self.A)

    def value(self, l):
        return self.grad(l).sum((-2, -1))

    def grad(self, l):
        return self.A * np.exp(excess(l, self.l_old, self.A != 0))

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        return self.grad(l) * l_dot


@dataclass(frozen=True)
class ClippedRatio:
    """The pessimistic ratio of PPO: no gain from going far from l_old.

        sum min(A rho, A clip(rho, 1 - clip, 1 + clip)),   rho = exp(l - l_old)

    Where the second is smaller the gradient is zero.

    A      [..., T, B]  advantages, weighted; zero where no step was taken
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    Source: Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7.
    """

    A: np.ndarray
    l_old: np.ndarray
    clip: float = 0.2

    def __post_init__(self):
        require.like("l_old", self.l_old, "A", self.A)
        require.number("clip", self.clip, 0, is_open=True)

    def value(self, l):
        rho = self.ratio(l)
        best = np.where(self.is_free(rho), rho, self.bound())
        return (self.A * best).sum((-2, -1))

    def grad(self, l):
        rho = self.ratio(l)
        return np.where(self.is_free(rho), self.A * rho, 0)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        return self.grad(l) * l_dot

    def ratio(self, l):
        return np.exp(excess(l, self.l_old, self.A != 0))

    def bound(self):
        """The ratio beyond which an advantage of this sign earns nothing more."""
        return np.where(self.A > 0, 1 + self.clip, 1 - self.clip).astype(self.A.dtype)

    def is_free(self, rho):
        """True where min takes the unclipped term."""
        rho, bound = rho.real, self.bound()
        return np.where(self.A > 0, rho <= bound, rho >= bound)


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


@dataclass(frozen=True)
class Dice:
    """Infinitely differentiable: each reward times the ratio of all that led to it.

        sum_t r_t exp(w_t),    w_t = sum_{s <= t} l_s - l_old_s

    l_old takes the place of the stop-gradient of the original: on-policy they are the
    same, and derivatives of any order are those of the expected sum of r.

    r      [..., T, B]  rewards, discounted and weighted; zero where no step was taken
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  1 where a step was taken, 0 elsewhere; True if all were
    Source: Foerster et al. (2018), DiCE, eq. 5.
    """

    r: np.ndarray
    l_old: np.ndarray
    mask: Any = True

    def __post_init__(self):
        require.like("l_old", self.l_old, "r", self.r)
        require_mask(self.mask, self.l_old)

    def weighted(self, l):
        """r_t exp(w_t)."""
        w = np.cumsum(excess(l, self.l_old, self.mask), -2)
        return np.where(self.mask, self.r, 0) * np.exp(w)

    def value(self, l):
        return self.weighted(l).sum((-2, -1))

    def grad(self, l):
        return np.where(self.mask, decayed_transpose(self.weighted(l), 1), 0)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        w_dot = np.cumsum(np.where(self.mask, l_dot, 0), -2)
        return np.where(self.mask, decayed_transpose(self.weighted(l) * w_dot, 1), 0)


@dataclass(frozen=True)
class LoadedDice:
    """Dice with advantages in place of rewards, and older actions weighing less.

        sum_t A_t (exp(w_t) - exp(lam w_{t-1})),    w_t = lam w_{t-1} + l_t - l_old_t

    lam = 0 is Ratio minus sum A. With lam = 1 and A the sums of the rewards to come it
    is Dice minus the sum of the rewards; there a baseline in A takes away noise and
    adds no bias.

    A      [..., T, B]  advantages, weighted; zero where no step was taken
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  1 where a step was taken, 0 elsewhere; True if all were
    Source: Farquhar et al. (2019), Loaded DiCE, algorithm 1.
    """

    A: np.ndarray
    l_old: np.ndarray
    mask: Any = True
    lam: float = 1.0

    def __post_init__(self):
        require.like("l_old", self.l_old, "A", self.A)
        require_mask(self.mask, self.l_old)
        require.number("lam", self.lam, 0, 1)

    def terms(self, l):
        """A_t exp(w_t);  A_{t+1} exp(lam w_t), where the next step meets w_t;  A_0."""
        w = decayed(excess(l, self.l_old, self.mask), self.lam)
        A = np.where(self.mask, self.A, 0)
        following = np.concatenate([A[..., 1:, :], np.zeros_like(A[..., :1, :])], -2)
        return A * np.exp(w), following * np.exp(self.lam * w), A[..., :1, :]

    def value(self, l):
        now, following, first = self.terms(l)
        return (now - following).sum((-2, -1)) - first.sum((-2, -1))  # w_{-1} is 0

    def grad(self, l):
        now, following, _ = self.terms(l)
        w_bar = now - self.lam * following
        return np.where(self.mask, decayed_transpose(w_bar, self.lam), 0)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        now, following, _ = self.terms(l)
        w_dot = decayed(np.where(self.mask, l_dot, 0), self.lam)
        w_bar_dot = (now - self.lam**2 * following) * w_dot
        return np.where(self.mask, decayed_transpose(w_bar_dot, self.lam), 0)


ESTIMATORS = {  # name -> surrogate of (A, l_old, mask), so that all share one batch
    "log-likelihood": lambda A, l_old, mask: LogLikelihood(A),
    "ratio": lambda A, l_old, mask: Ratio(A, l_old),
    "clipped-ratio": lambda A, l_old, mask: ClippedRatio(A, l_old),
    "dice": partial(LoadedDice, lam=1.0),
    "loaded-dice": partial(LoadedDice, lam=0.5),
}


def estimator(name, surrogate):
    """The surrogate of that name, as a function of (A, l_old, mask); or, if it is such
    a function already, itself, as in partial(LoadedDice, lam=0.3)."""
    if callable(surrogate):
        return surrogate
    return require.choice(name, surrogate, ESTIMATORS)
