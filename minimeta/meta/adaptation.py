"""Adaptation is one more map, theta -> phi: gradient steps on the task's data.

    theta_0 = theta,  theta_{i+1} = theta_i - alpha_i grad L_i(theta_i),  phi = the last

    adapted = GradientSteps((L_0, L_1, ..)).at(theta, alpha)      an objective a step
    adapted.phi                                                   [..., P]
    adapted.jvp(theta_dot, alpha_dot) -> phi_dot                  first step first
    adapted.vjp(phi_bar)              -> theta_bar, alpha_bar     last step first

One step's derivative is I - alpha H, with H the Hessian of L_i at theta_i, which is
symmetric. So jvp is v - alpha H v, vjp is v - H (alpha v) (the same where alpha is one
number), and alpha_bar is -(grad L_i * v). First-order adaptation leaves H out; it is
the derivative of nothing.

An objective is whatever has .at(theta) with .grad and .hvp(v): a sampled surrogate,
behaviour cloning, an exact expected return. Its data are constants, though theta_i
collected them.

Of each step its gradient is kept, one parameter vector, and no graph: where theta_i and
the forward pass at it are needed again, they are computed again, to the same bits. Only
the last step's forward pass is kept.

Letters: ... leading task axes, P parameters, S steps.
Source: Finn et al. (2017), MAML, arXiv 1703.03400; Li et al. (2017), Meta-SGD, arXiv
1707.09835.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus import Layout


def rows(alpha, P):
    """alpha as an array [..., S, 1] or [..., S, P]: one row for each step, whose last
    row serves all steps after.

    alpha   a number; a sequence, one for each step; or [..., S, P], one for each
            parameter
    """
    alpha = np.asarray(alpha)
    if not np.issubdtype(alpha.dtype, np.inexact):
        alpha = alpha.astype(float)
    if alpha.ndim < 2:
        alpha = alpha.reshape(-1, 1)
    if alpha.shape[-2] == 0 or alpha.shape[-1] not in (1, P):
        raise ValueError(
            f"alpha must be a number, a sequence [S] (one for each step), or an array "
            f"[S, {P}] (one for each parameter too), got shape {list(alpha.shape)}")
    return alpha


def row(alpha, i):
    """Which row of alpha is step i's."""
    return min(i, alpha.shape[-2] - 1)


@dataclass(frozen=True)
class Rates:
    """The alpha of a learner: fixed, or learned as the tail of the trained vector.

    alpha       [S, 1 or P]  as given; if learned, where it begins
    is_learned  True if the trained vector is (theta, alpha)
    """

    alpha: np.ndarray
    is_learned: bool = False

    @classmethod
    def of(cls, alpha, P, is_learned):
        """Rates from what a user gives: every one must be a finite number above 0."""
        if np.asarray(alpha).dtype.kind not in "iuf":
            raise TypeError(f"alpha must be a number or an array of them, got "
                            f"{alpha!r}")
        alpha = rows(alpha, P)
        is_bad = ~(np.isfinite(alpha) & (alpha > 0))
        if alpha.ndim > 2 or is_bad.any():
            bad = alpha[is_bad][0] if is_bad.any() else f"shape {list(alpha.shape)}"
            raise ValueError(f"alpha must be positive numbers, got {bad}")
        return cls(alpha, is_learned)

    @property
    def layout(self):
        """The blocks that alpha adds to theta's."""
        return Layout(alpha=self.alpha.shape) if self.is_learned else Layout()

    def at(self, vector):
        """The trained vector -> theta [..., P], alpha."""
        theta, alpha = self.split(vector)
        return theta, self.alpha if alpha is None else alpha

    def split(self, vector):
        """[..., P + S n] -> theta [..., P] and alpha [..., S, n], None if fixed."""
        if not self.is_learned:
            return vector, None
        cut = vector.shape[-1] - self.alpha.size
        return vector[..., :cut], vector[..., cut:].reshape(
            vector.shape[:-1] + self.alpha.shape)

    def join(self, theta, alpha):
        """The inverse and the transpose of split."""
        if not self.is_learned:
            return theta
        return np.concatenate([theta, alpha.reshape(theta.shape[:-1] + (-1,))], -1)


@dataclass(frozen=True)
class GradientSteps:
    """The map theta, alpha -> phi.

    objectives   one for each step; losses, which the steps descend
    first_order  leave the Hessians out of the derivatives (phi is the same)
    """

    objectives: tuple
    first_order: bool = False

    def at(self, theta, alpha):
        """theta [..., P], alpha as `rows` takes it -> Adapted."""
        alpha = rows(alpha, theta.shape[-1])
        if alpha.dtype.kind == "f":
            alpha = alpha.astype(theta.real.dtype, copy=False)
        grads, last, phi = [], None, theta
        for i, objective in enumerate(self.objectives):
            last = objective.at(phi)
            grads.append(last.grad)
            phi = phi - alpha[..., row(alpha, i), :] * grads[-1]
        return Adapted(self, theta, alpha, tuple(grads), phi, last)


@dataclass(frozen=True)
class Adapted:
    """The steps that were taken from theta.

    grads   grad L_i(theta_i), one for each step
    last    the last objective at its theta_i; None if there was no step
    """

    steps: GradientSteps
    theta: np.ndarray
    alpha: np.ndarray
    grads: tuple
    phi: np.ndarray
    last: Any

    def point(self, i):
        """Objective i at theta_i."""
        if i == len(self.grads) - 1:
            return self.last
        theta = self.theta
        for j in range(i):
            theta = theta - self.alpha[..., row(self.alpha, j), :] * self.grads[j]
        return self.steps.objectives[i].at(theta)

    @property
    def points(self):
        """All of them, one after the other."""
        return map(self.point, range(len(self.grads)))

    def jvp(self, theta_dot, alpha_dot=None):
        """The tangent of phi [..., P]; alpha_dot has the shape of alpha."""
        v = theta_dot
        for i, grad in enumerate(self.grads):
            at, moved = row(self.alpha, i), v
            if not self.steps.first_order:
                moved = v - self.alpha[..., at, :] * self.point(i).hvp(v)
            if alpha_dot is not None:
                moved = moved - alpha_dot[..., at, :] * grad
            v = moved
        return v

    def vjp(self, phi_bar, path_bar=None):
        """The cotangents theta_bar [..., P] and alpha_bar [..., S, 1 or P].

        path_bar   cotangents of theta_0, theta_1, .. themselves, one for each step,
                   where more than phi depends on them
        """
        v, per_parameter = phi_bar, self.alpha.shape[-1] > 1
        alpha_bar = np.zeros(v.shape[:-1] + self.alpha.shape[-2:], v.dtype)
        for i, grad in reversed(list(enumerate(self.grads))):
            at = row(self.alpha, i)
            step_bar = -(grad * v)
            alpha_bar[..., at, :] += (
                step_bar if per_parameter else step_bar.sum(-1, keepdims=True))
            if not self.steps.first_order:
                v = v - self.point(i).hvp(self.alpha[..., at, :] * v)
            if path_bar is not None:
                v = v + path_bar[i]
        return v, alpha_bar
