"""The evidence lower bound (ELBO) says how well a belief explains what a trial shows. A
belief is a normal distribution q_t over a hidden variable m, and changes step by step.

    ELBO_t = E log p(trial | m) - KL(q_t, q_{t-1}),    m ~ q_t,    q_{-1} = N(0, 1)
    ELBO   = sum_t w_t ELBO_t

log p(trial | m) is the sum of log p(target | p) over transitions of the trial, past and
to come, where p is what a decoder predicts of a transition from m and what it is shown
of it. All of this is a scalar of

    y_t = (.., mu_t, log sigma_t, p_t1, .., p_tS)

Its gradient is that of the two terms. Let q = (mu, l) with l = log sigma, and let
(mu', l') be the step before. With gap = mu - mu', precision = exp(-2 l') and ratio =
exp(2 (l - l')),

    KL = sum_d  l' - l + ratio / 2 + gap^2 precision / 2 - 1 / 2

    mu_bar  =  gap precision        l_bar  = ratio - 1
    mu'_bar = -gap precision        l'_bar = 1 - ratio - gap^2 precision

and every line of the Hessian product is the product rule applied to one of these. The
belief before is not held constant: its part of the gradient goes to step t - 1.

Letters: T steps, B trials, d numbers of m, S transitions predicted at a step, each by
n_out numbers.
Source: Zintgraf et al. (2020), VariBAD, arXiv 1910.08348, equations 4 to 9.
"""
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require

LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Bernoulli:
    """log p of targets in {0, 1}, where p is the logit of 1.

        log p = target p - softplus(p),    p_bar = target - sigmoid(p)
    """

    def log_prob(self, p, target):
        above = p.real > 0
        softplus = np.where(above, p, 0) + np.log1p(np.exp(np.where(above, -p, p)))
        return target * p - softplus

    def grad(self, p, target):
        return target - self.mean(p)

    def hvp(self, p, p_dot):
        s = self.mean(p)
        return -s * (1 - s) * p_dot

    def mean(self, p):
        """The probability of 1."""
        return 0.5 * (1 + np.tanh(0.5 * p))


@dataclass(frozen=True)
class Normal:
    """log p of numbers that are normal with the mean p and a known standard deviation.

        log p = -e^2 / 2 - log(std) - log(2 pi) / 2,    e = (target - p) / std
    """

    std: float = 1.0

    def log_prob(self, p, target):
        e = (target - p) / self.std
        return -0.5 * e * e - math.log(self.std) - 0.5 * LOG_2PI

    def grad(self, p, target):
        return (target - p) / self.std ** 2

    def hvp(self, p, p_dot):
        return -p_dot / self.std ** 2

    def mean(self, p):
        return p

    def __post_init__(self):
        require.fields(self, positive="std")


@dataclass(frozen=True)
class ELBO:
    """sum_ts v_ts log p(target_ts | p_ts) - sum_t w_t KL(q_t, q_{t-1}).

    n_latent  d
    targets   [..., T, B, S, n_out]
    v         [..., T, B, S]  weights of the predictions
    w         [..., T, B]     weights of the KL
    first     the likelihood of the first number of a target, Bernoulli or Normal
    others    that of the other numbers, if there are any
    """

    n_latent: int
    targets: np.ndarray
    v: np.ndarray
    w: np.ndarray
    first: Any = Bernoulli()
    others: Any = Normal()

    def value(self, y):
        (mu, l), p = self.split(y)
        gap, precision, ratio = self.distance(mu, l)
        kl = self.before(l) - l + 0.5 * (ratio + gap * gap * precision - 1)
        log_p = self.each("log_prob", p, self.targets)
        return ((self.v * log_p.sum(-1)).sum((-3, -2, -1))
                - (self.w * kl.sum(-1)).sum((-2, -1)))

    def grad(self, y):
        (mu, l), p = self.split(y)
        gap, precision, ratio = self.distance(mu, l)
        mu_bar, l_bar = gap * precision, ratio - 1
        before_bar = -gap * precision, 1 - ratio - gap * gap * precision
        p_bar = self.v[..., None] * self.each("grad", p, self.targets)
        return self.join(y, (mu_bar, l_bar), before_bar, p_bar)

    def hvp(self, y, y_dot):
        ((mu, l), p), ((mu_dot, l_dot), p_dot) = self.split(y), self.split(y_dot)
        gap, precision, ratio = self.distance(mu, l)
        gap_dot = mu_dot - self.before(mu_dot)
        precision_dot = -2 * precision * self.before(l_dot)
        ratio_dot = 2 * ratio * (l_dot - self.before(l_dot))
        mu_bar_dot = gap_dot * precision + gap * precision_dot
        before_bar_dot = -mu_bar_dot, (-ratio_dot - 2 * gap * gap_dot * precision
                                       - gap * gap * precision_dot)
        p_bar_dot = self.v[..., None] * self.each("hvp", p, p_dot)
        return self.join(y, (mu_bar_dot, ratio_dot), before_bar_dot, p_bar_dot)

    def distance(self, mu, l):
        """gap, precision and ratio of each step and the one before."""
        before = self.before(l)
        return mu - self.before(mu), np.exp(-2 * before), np.exp(2 * (l - before))

    def before(self, a):
        """a_{t-1} in the place of a_t; zero, as mu and log sigma of N(0, 1), at t = 0.
        """
        b = np.zeros_like(a)
        b[..., 1:, :, :] = a[..., :-1, :, :]
        return b

    def before_vjp(self, b_bar):
        """The transpose of before."""
        a_bar = np.zeros_like(b_bar)
        a_bar[..., :-1, :, :] = b_bar[..., 1:, :, :]
        return a_bar

    def each(self, form, p, other):
        """A form of the likelihood of each number of the targets."""
        return np.concatenate([getattr(self.first, form)(p[..., :1], other[..., :1]),
                               getattr(self.others, form)(p[..., 1:], other[..., 1:])],
                              -1)

    def split(self, y):
        """y -> (mu, log sigma), p [..., T, B, S, n_out]."""
        d, n = self.n_latent, y.shape[-1] - math.prod(self.targets.shape[-2:])
        p = y[..., n:].reshape(y.shape[:-1] + self.targets.shape[-2:])
        return (y[..., n - 2 * d:n - d], y[..., n - d:n]), p

    def join(self, y, kl_bar, before_bar, p_bar):
        """y_bar, of the KL's gradients in q_t and in q_{t-1}, and of p_bar."""
        q_bar = [-self.w[..., None] * bar for bar in kl_bar]
        before = [self.before_vjp(-self.w[..., None] * bar) for bar in before_bar]
        q_bar = [here + there for here, there in zip(q_bar, before)]
        p_bar = p_bar.reshape(p_bar.shape[:-2] + (-1,))
        n = y.shape[-1] - p_bar.shape[-1] - 2 * self.n_latent
        nothing = np.zeros_like(p_bar, shape=y.shape[:-1] + (n,))
        return np.concatenate([nothing, *q_bar, p_bar], -1)

    def __post_init__(self):
        require.like("v", self.v, "the transitions of targets", self.targets[..., 0])
        require.like("w", self.w, "the steps of v", self.v[..., 0])
