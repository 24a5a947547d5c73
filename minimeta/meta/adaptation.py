"""Adaptation is one more map, theta -> phi: gradient steps on the task's data.

    theta_0 = theta,   theta_{i+1} = theta_i - alpha_i grad L_i(theta_i),   phi the last

    adapted = GradientSteps((L_0, L_1, ..), alpha).at(theta)      one loss for each step
    adapted.phi                            [..., P]
    adapted.jvp(theta_dot)  -> phi_dot     first step first
    adapted.vjp(phi_bar)    -> theta_bar   last step first

Derivation. H is the Hessian of L_i at theta_i, and H is symmetric:

    d theta_{i+1} / d theta_i = I - alpha_i H
    jvp                         v - alpha_i (H v)
    vjp                         v - H (alpha_i v)    (the same if alpha_i is one number)
    d theta_{i+1} / d alpha_i = -grad L_i(theta_i)
    alpha_bar_i               = -grad L_i(theta_i) * v     a sum over parameters if
                                                           alpha_i is one number

First-order adaptation leaves H out, so what it calls the derivative of phi is not.

In a picture: two parameters, L = (theta_1^2 + 4 theta_2^2) / 2 and alpha = 1/5, so
H = diag(1, 4) and I - alpha H = diag(4/5, 1/5). A circle of thetas becomes a flat
ellipse of phis:

    theta_2
      6 |               . - - - .
        |              .         .
        |              |  theta  |      theta = (5, 5),  grad L = (5, 20)
        |              '         '
      4 |               ' - - - '
        |                  /
        |                  /
        |                 /             - alpha grad L = (-1, -4)
      2 |                 /
        |                /
        |            ( phi )            phi = (4, 1)
        |
      0 +----------------------------- theta_1
        0       2       4       6

Where L is steep (theta_2), all thetas lead to nearly the same phi, so theta hardly
matters there: of a cotangent phi_bar = (1, 1) theta gets theta_bar = (4/5, 1/5).

A loss is any object with `.at(theta)` whose result has `.grad` and `.hvp(v)`: a sampled
surrogate, behaviour cloning, an exact expected return. The data of a loss are
constants, although theta_i collected them.

Each step keeps its gradient, one parameter vector, and no graph. The derivatives
compute theta_i and its forward pass again, to the same bits. Only the forward pass of
the last step is kept.

Letters: ... leading task axes, P parameters, S rows of alpha.
Source: Finn et al. (2017), MAML, arXiv 1703.03400; Li et al. (2017), Meta-SGD, arXiv
1707.09835.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus import Layout


def share(theta, K):
    """One theta [P] for all of K tasks: [K, P]. The transpose is a sum over tasks."""
    return np.broadcast_to(theta, (K,) + theta.shape)


@dataclass(frozen=True)
class GradientSteps:
    """The map theta -> phi.

    losses       one for each step; the steps descend them
    alpha        rate of the steps: a number; a sequence, one for each step; or [S, P],
                 one for each parameter. The last serves all later steps
    learn_alpha  True: the map's argument is the trained vector (theta, alpha), and
                 `alpha` here only gives the shape
    first_order  True: leave the Hessians out of the derivatives (phi is the same)
    still        how many of the last parameters of theta the steps leave as they are
    """

    losses: tuple
    alpha: Any
    learn_alpha: bool = False
    first_order: bool = False
    still: int = 0

    def at(self, theta):
        """theta [..., P] (with alpha after it, if learned) -> Adapted."""
        theta, alpha = self.split(theta)
        if alpha.dtype.kind == "f":
            alpha = alpha.astype(theta.real.dtype, copy=False)
        phi, grads, last = theta, [], None
        for i, loss in enumerate(self.losses):
            last = loss.at(phi)
            grads.append(last.grad)
            phi = phi - self.rate(alpha, i, theta.shape[-1]) * grads[-1]
        return Adapted(self, theta, alpha, tuple(grads), phi, last)

    def rate(self, alpha, i, P):
        """alpha_i of step i, [..., 1 or P]; 0 for the parameters that stay."""
        rate = alpha[..., row(alpha, i), :]
        if not self.still:
            return rate
        moving = np.broadcast_to(rate, rate.shape[:-1] + (P - self.still,))
        stays = np.zeros_like(rate, shape=rate.shape[:-1] + (self.still,))
        return np.concatenate([moving, stays], -1)

    @property
    def layout(self):
        """The block that a learned alpha adds to theta's."""
        return Layout(alpha=self.alpha.shape) if self.learn_alpha else Layout()

    def split(self, vector):
        """The trained vector -> theta [..., P], alpha [..., S, 1 or P]."""
        if not self.learn_alpha:
            return vector, self.alpha
        cut = vector.shape[-1] - self.alpha.size
        shape = vector.shape[:-1] + self.alpha.shape
        return vector[..., :cut], vector[..., cut:].reshape(shape)

    def join(self, theta, alpha):
        """The inverse and the transpose of split."""
        if not self.learn_alpha:
            return theta
        return np.concatenate([theta, alpha.reshape(theta.shape[:-1] + (-1,))], -1)

    def __post_init__(self):
        object.__setattr__(self, "alpha", as_rows(self.alpha))


@dataclass(frozen=True)
class Adapted:
    """The steps that were taken from theta.

    grads   grad L_i(theta_i), one for each step so far
    last    the last loss at its theta_i; None if there was no step
    """

    steps: GradientSteps
    theta: np.ndarray
    alpha: np.ndarray
    grads: tuple
    phi: np.ndarray
    last: Any

    def rate(self, i, alpha=None):
        """alpha_i, or row i of another table."""
        alpha = self.alpha if alpha is None else alpha
        return self.steps.rate(alpha, i, self.theta.shape[-1])

    def point(self, i):
        """Loss i at theta_i."""
        if i == len(self.grads) - 1:
            return self.last
        theta = self.theta
        for j in range(i):
            theta = theta - self.rate(j) * self.grads[j]
        return self.steps.losses[i].at(theta)

    @property
    def path(self):
        """Loss i at theta_i, step by step."""
        return map(self.point, range(len(self.grads)))

    def jvp(self, theta_dot):
        """The tangent of phi, [..., P]."""
        v, alpha_dot = self.steps.split(theta_dot)
        for i, grad in enumerate(self.grads):
            moved = v
            if not self.steps.first_order:
                moved = v - self.rate(i) * self.point(i).hvp(v)
            if self.steps.learn_alpha:
                moved = moved - self.rate(i, alpha_dot) * grad
            v = moved
        return v

    def vjp(self, phi_bar, path_bar=None):
        """The cotangent of theta (with that of alpha after it, if learned).

        path_bar   cotangents of theta_0, theta_1, .. themselves, one for each step,
                   where more than phi depends on them
        """
        v, alpha_bar = phi_bar, None
        if self.steps.learn_alpha:
            shape = v.shape[:-1] + self.alpha.shape[-2:]
            alpha_bar = np.zeros(shape, v.dtype)
        for i, grad in reversed(list(enumerate(self.grads))):
            if self.steps.learn_alpha:
                alpha_bar[..., row(self.alpha, i), :] -= self.rate_bar(grad * v)
            if not self.steps.first_order:
                v = v - self.point(i).hvp(self.rate(i) * v)
            if path_bar is not None:
                v = v + path_bar[i]
        return self.steps.join(v, alpha_bar)

    def rate_bar(self, product):
        """The transpose of `rate`: grad * v -> the cotangent of a row of alpha."""
        product = product[..., :product.shape[-1] - self.steps.still]
        is_one_number = self.alpha.shape[-1] == 1
        return product.sum(-1, keepdims=True) if is_one_number else product


# ---- alpha as a table

def as_rows(alpha):
    """alpha with a row for each step, [..., S, 1 or P].

    alpha   a number; a sequence, one for each step; or [..., S, P], one for each
            parameter. The last row serves all later steps
    """
    alpha = np.asarray(alpha)
    if not np.issubdtype(alpha.dtype, np.inexact):
        alpha = alpha.astype(float)
    return alpha.reshape(-1, 1) if alpha.ndim < 2 else alpha


def row(alpha, i):
    """The index of the row of alpha that serves step i."""
    return min(i, alpha.shape[-2] - 1)


def require_rates(alpha, P):
    """alpha with a row for each step, if all rates are finite and above 0."""
    if np.asarray(alpha).dtype.kind not in "iuf":
        raise TypeError(f"alpha must be a number or an array of them, got {alpha!r}")
    rates = as_rows(alpha)
    if rates.ndim > 2 or len(rates) == 0 or rates.shape[-1] not in (1, P):
        raise ValueError(
            f"alpha must be a number, a sequence [S] (one for each step), or an array "
            f"[S, {P}] (one for each parameter too), got shape {list(rates.shape)}")
    is_bad = ~(np.isfinite(rates) & (rates > 0))
    if is_bad.any():
        raise ValueError(f"alpha must be positive numbers, got {rates[is_bad][0]}")
    return rates
