"""This file holds the scalars of a network's outputs y that losses are made of. Each
has three forms:

    value(y)        one number per task                [...]
    grad(y)         y_bar, the gradient                [..., T, B, m]
    hvp(y, y_dot)   y_bar_dot, the Hessian times y_dot [..., T, B, m]

    OfActions      a surrogate of the log-probabilities of the actions taken
    Entropy        sum w H(pi)
    KL             sum w KL(pi_old, pi)
    ValueFit       sum w (v - target)^2
    MeanError      sum w |mu - a|^2 of the mean mu of a Gaussian
    SquaredError   sum w |y - target|^2
    Minus          -scalar: a loss descends, a surrogate climbs
    Sum            sum of weight * scalar

The weights w [..., T, B] of the steps are 1 / n for a mean over n steps, and 0 where no
step was taken. A policy splits y into the head's u and a value v, and joins u_bar and
v_bar to y_bar. All data are constants.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..calculus.fast import concatenate_last, sum_last


@dataclass(frozen=True)
class OfActions:
    """A surrogate s(l) of l = log pi(a | u(y)), the log-probabilities of the actions.

        u_bar     = l_bar grad l,      l_bar = grad s(l)
        u_bar_dot = l_bar_dot grad l + l_bar (Hessian of l) u_dot
                    l_bar_dot = (Hessian of s) l_dot,  l_dot = grad l . u_dot

    actions   [..., T, B], or [..., T, B, n] of a Gaussian
    """

    policy: Any
    actions: np.ndarray
    surrogate: Any

    def value(self, y):
        u, _ = self.policy.split(y)
        return self.surrogate.value(self.policy.head.log_prob(u, self.actions))

    def grad(self, y):
        (u, _), head, a = self.policy.split(y), self.policy.head, self.actions
        l_bar = self.surrogate.grad(head.log_prob(u, a))
        return self.policy.join(head.log_prob_vjp(u, a, l_bar), y)

    def hvp(self, y, y_dot):
        (u, _), (u_dot, _) = self.policy.split(y), self.policy.split(y_dot)
        head, a = self.policy.head, self.actions
        l, l_grad = head.log_prob(u, a), head.log_prob_grad(u, a)
        l_dot = sum_last(l_grad * u_dot)[..., 0]
        l_bar, l_bar_dot = self.surrogate.grad(l), self.surrogate.hvp(l, l_dot)
        u_bar_dot = (l_bar_dot[..., None] * l_grad
                     + l_bar[..., None] * head.log_prob_hvp(u, a, u_dot))
        return self.policy.join(u_bar_dot, y)

    def __post_init__(self):
        a = np.asarray(self.actions)
        if self.policy.head.free.size:  # then each column of y is contiguous (attach),
            a = concatenate_last([a], a.ndim - 3)    # and each column of a should be
        object.__setattr__(self, "actions", a)


@dataclass(frozen=True)
class Entropy:
    """sum w H(pi), nats.

        u_bar = w grad H,    u_bar_dot = w (Hessian of H) u_dot
    """

    policy: Any
    w: np.ndarray

    def value(self, y):
        u, _ = self.policy.split(y)
        return (self.w * self.policy.head.entropy(u)).sum((-2, -1))

    def grad(self, y):
        u, _ = self.policy.split(y)
        return self.policy.join(self.w[..., None] * self.policy.head.entropy_grad(u), y)

    def hvp(self, y, y_dot):
        (u, _), (u_dot, _) = self.policy.split(y), self.policy.split(y_dot)
        u_bar_dot = self.w[..., None] * self.policy.head.entropy_hvp(u, u_dot)
        return self.policy.join(u_bar_dot, y)


@dataclass(frozen=True)
class KL:
    """sum w KL(pi_old, pi), nats; u_old [..., T, B, n_in] is a constant.

        u_bar = w grad KL,    u_bar_dot = w (Hessian of KL) u_dot
    """

    policy: Any
    u_old: np.ndarray
    w: np.ndarray

    def value(self, y):
        u, _ = self.policy.split(y)
        require.like("u", u, "u_old", self.u_old)
        return (self.w * self.policy.head.kl(self.u_old, u)).sum((-2, -1))

    def grad(self, y):
        u, _ = self.policy.split(y)
        u_bar = self.w[..., None] * self.policy.head.kl_grad(self.u_old, u)
        return self.policy.join(u_bar, y)

    def hvp(self, y, y_dot):
        (u, _), (u_dot, _) = self.policy.split(y), self.policy.split(y_dot)
        u_bar_dot = self.w[..., None] * self.policy.head.kl_hvp(self.u_old, u, u_dot)
        return self.policy.join(u_bar_dot, y)

    def __post_init__(self):
        require.like("w", self.w, "the rows of u_old", self.u_old[..., 0])


@dataclass(frozen=True)
class ValueFit:
    """sum w (v - target)^2 of the policy's value v.

        v_bar = 2 w (v - target),    v_bar_dot = 2 w v_dot
    """

    policy: Any
    targets: np.ndarray
    w: np.ndarray

    def error(self, v):
        require.like("v", v, "targets", self.targets)
        return v - self.targets

    def value(self, y):
        _, v = self.policy.split(y)
        return (self.w * self.error(v) ** 2).sum((-2, -1))

    def grad(self, y):
        u, v = self.policy.split(y)
        return self.policy.join(np.zeros_like(u), y, 2 * self.w * self.error(v))

    def hvp(self, y, y_dot):
        u_dot, v_dot = self.policy.split(y_dot)
        return self.policy.join(np.zeros_like(u_dot), y, 2 * self.w * v_dot)

    def __post_init__(self):
        require.like("w", self.w, "targets", self.targets)


@dataclass(frozen=True)
class MeanError:
    """sum w |mu - a|^2 of the mean mu of a Gaussian policy; a [..., T, B, n].

        mu_bar = 2 w (mu - a),    mu_bar_dot = 2 w mu_dot
    """

    policy: Any
    actions: np.ndarray
    w: np.ndarray

    def mean(self, y):
        return self.policy.head.greedy(self.policy.split(y)[0])

    def error(self, y):
        mu = self.mean(y)
        require.like("mu", mu, "actions", self.actions)
        return mu - self.actions

    def value(self, y):
        return (self.w * (self.error(y) ** 2).sum(-1)).sum((-2, -1))

    def grad(self, y):
        return self.joined(2 * self.w[..., None] * self.error(y), y)

    def hvp(self, y, y_dot):
        return self.joined(2 * self.w[..., None] * self.mean(y_dot), y)

    def joined(self, mu_bar, y):
        """y_bar, which is zero in all but mu."""
        return self.policy.join(self.policy.head.join(mu_bar, np.zeros_like(mu_bar)), y)

    def __post_init__(self):
        require.like("w", self.w, "the rows of actions", self.actions[..., 0])


@dataclass(frozen=True)
class SquaredError:
    """sum w |y - target|^2 over rows; targets [..., R, m], w [..., R].

        y_bar = 2 w (y - target),    y_bar_dot = 2 w y_dot
    """

    targets: np.ndarray
    w: np.ndarray

    def error(self, y):
        require.like("y", y, "targets", self.targets)
        return y - self.targets

    def value(self, y):
        return (self.w * (self.error(y) ** 2).sum(-1)).sum(-1)

    def grad(self, y):
        return 2 * self.w[..., None] * self.error(y)

    def hvp(self, y, y_dot):
        return 2 * self.w[..., None] * y_dot

    def __post_init__(self):
        require.like("w", self.w, "the rows of targets", self.targets[..., 0])


@dataclass(frozen=True)
class Minus:
    """-scalar, which descends where the scalar climbs. No other minus turns a surrogate
    into a loss."""

    scalar: Any

    def value(self, y):
        return -self.scalar.value(y)

    def grad(self, y):
        return -self.scalar.grad(y)

    def hvp(self, y, y_dot):
        return -self.scalar.hvp(y, y_dot)


@dataclass(frozen=True)
class Sum:
    """The sum of weight * scalar over `terms`, pairs of (weight, scalar)."""

    terms: tuple

    def value(self, y):
        return sum(weight * scalar.value(y) for weight, scalar in self.terms)

    def grad(self, y):
        return sum(weight * scalar.grad(y) for weight, scalar in self.terms)

    def hvp(self, y, y_dot):
        return sum(weight * scalar.hvp(y, y_dot) for weight, scalar in self.terms)

    def __post_init__(self):  # a float, unlike np.float64, leaves float32 as it is
        terms = tuple((float(weight), scalar) for weight, scalar in self.terms)
        object.__setattr__(self, "terms", terms)
