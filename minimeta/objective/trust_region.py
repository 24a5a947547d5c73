"""The trust region: the step that gains most for a given change of the policy.

    x = F^{-1} grad,    theta - s x,    s = sqrt(2 max_kl / x^T F x)

F is the Fisher matrix, known by its products F v alone; x comes from conjugate
gradients. Then s shrinks until the loss is really less and the KL divergence really
within max_kl.

Letters: P parameters.
Source: Schulman et al. (2015), Trust region policy optimization, arXiv 1502.05477,
appendix C; Hestenes & Stiefel (1952), Methods of conjugate gradients.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .optimizers import length


def conjugate_gradient(product, b, steps, tolerance=1e-10):
    """x with A x = b for a symmetric positive definite A, from products A v alone.

    product     v [P] -> A v [P]
    steps       at most; with exact arithmetic P suffice
    tolerance   on |b - A x| / |b|

    Returns x and the residual b - A x.
    """
    x, residual = np.zeros_like(b), b
    direction, square = b, float(b @ b)
    target = tolerance * tolerance * square
    for _ in range(steps):
        if square <= target:
            break
        bent = product(direction)
        along = b.dtype.type(square / float(direction @ bent))
        x = x + along * direction
        residual = residual - along * bent
        before, square = square, float(residual @ residual)
        direction = residual + b.dtype.type(square / before) * direction
    return x, residual


@dataclass(frozen=True)
class TrustRegion:
    """Natural gradient steps, bounded in KL divergence.

    max_kl      the longest step, nats, mean over states
    cg_steps    of conjugate gradients
    damping     added to the Fisher matrix's diagonal
    shrink      of s, from one try of the line search to the next
    tries       of the line search; if none is good, theta stays
    """

    max_kl: float = 0.01
    cg_steps: int = 10
    damping: float = 1e-5
    shrink: float = 0.8
    tries: int = 15

    def __post_init__(self):
        require.number("max_kl", self.max_kl, 0, is_open=True)
        require.number("damping", self.damping, 0)
        require.number("shrink", self.shrink, 0, 1, is_open=True)
        require.count("cg_steps", self.cg_steps)
        require.count("tries", self.tries)

    def step(self, theta, loss, grad, product, evaluate):
        """One step that descends.

        loss, grad  at theta
        product     v [P] -> F v [P] at theta
        evaluate    a candidate theta [P] -> its loss, and its mean KL from the policy
                    at theta

        Returns theta and a report: kl, cg_residual, line_search (tries made), accepted.
        """
        damped = (lambda v: product(v) + v.dtype.type(self.damping) * v)
        x, residual = conjugate_gradient(damped, grad, self.cg_steps)
        curvature = float(x @ (grad - residual))  # x^T F x
        report = {"kl": 0.0, "cg_residual": length(residual) / (length(grad) or 1.0),
                  "line_search": 0, "accepted": False}
        if not curvature > 0:  # the gradient is zero, or nothing here is to be trusted
            return theta, report
        longest = (2 * self.max_kl / curvature) ** 0.5
        for i in range(self.tries):
            candidate = theta - theta.dtype.type(longest * self.shrink ** i) * x
            new_loss, kl = evaluate(candidate)
            if new_loss < loss and kl <= self.max_kl:
                return candidate, report | {
                    "kl": float(kl), "line_search": i + 1, "accepted": True}
        return theta, report | {"line_search": self.tries}
