"""The trust region takes the step that gains most for a given change of the policy.

To second order, with g the gradient of the loss at theta, a step d gains -g^T d and
moves the policy by a KL divergence of 1/2 d^T F d. (The value and the gradient of the
KL are zero at d = 0, and its Hessian is the Fisher matrix F.) So

    minimise g^T d  with  1/2 d^T F d <= max_kl
    =>  g + mu F d = 0                        mu > 0, the multiplier of the bound
    =>  d = -size x,  x = F^{-1} g            in the direction of the natural gradient
    =>  size = sqrt(2 max_kl / x^T F x)       where the bound is met

Only products F v can be computed, so x comes from conjugate gradients. The loss and the
KL are not quadratic, so a line search then shrinks size until the true loss is less and
the true KL is within max_kl.

Letters: P parameters.
Source: Schulman et al. (2015), Trust region policy optimization, arXiv 1502.05477,
appendix C; Hestenes & Stiefel (1952), Methods of conjugate gradients.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .optimizers import inner, length


def conjugate_gradient(product, b, steps, tolerance=1e-10):
    """Solves A x = b for a symmetric positive definite A, from products A v alone.

    x minimises 1/2 x^T A x - b^T x, and residual = b - A x points downhill. Each step

        x        += size direction,     size = |residual|^2 / direction^T A direction
        residual -= size A direction
        direction = residual + (|residual|^2 / |residual before|^2) direction

    goes to the lowest point along a direction d with d^T A d' = 0 for every direction
    d' before, so that no step undoes another.

    product     v [P] -> A v [P]
    steps       at most; with exact arithmetic P suffice
    tolerance   on |b - A x| / |b|

    Returns x and the residual b - A x. Stops early where d^T A d is not above 0, or
    where size is 0 or not finite: there A is not positive definite in this precision.
    """
    x, residual = np.zeros_like(b), b
    direction, square = b, inner(b, b)
    target = tolerance * tolerance * square
    for _ in range(steps):
        if not square > target:
            break
        A_direction = product(direction)
        curvature = inner(direction, A_direction)
        size = b.dtype.type(square / curvature if curvature > 0 else 0)
        if not 0 < size < np.inf:
            break
        x = x + size * direction
        residual = residual - size * A_direction
        before, square = square, inner(residual, residual)
        direction = residual + b.dtype.type(square / before) * direction
    return x, residual


@dataclass(frozen=True)
class TrustRegion:
    """Natural gradient steps, bounded in KL divergence.

    max_kl      the longest step, nats, mean over states
    cg_steps    of conjugate gradients
    damping     added to the Fisher matrix's diagonal
    shrink      of the size, from one try of the line search to the next
    tries       of the line search; if none is good, theta stays

    One parameter in the head: the loss theta^2 at theta = 1, so g = 2, and F = 4. Then
    x = 2/4, x F x = 1, and with max_kl = 1/8 the size is sqrt(2/8) = 1/2. So d = -1/4,
    and the KL is 1/2 (4) (1/4)^2 = 1/8, the bound. 100 times the loss takes the same
    step, since the size falls as x grows.

    >>> theta, region = np.array([1.0]), TrustRegion(max_kl=1/8, damping=0)
    >>> for scale in (1, 100):
    ...     theta_new, report = region.step(
    ...         theta, scale * 1.0, scale * np.array([2.0]), lambda v: 4 * v,
    ...         lambda new: (scale * new[0]**2, 2 * (new[0] - theta[0])**2))
    ...     print(theta_new, report["kl"])
    [0.75] 0.125
    [0.75] 0.125
    """

    max_kl: float = 0.01
    cg_steps: int = 10
    damping: float = 1e-5
    shrink: float = 0.8
    tries: int = 15

    def step(self, theta, loss, grad, product, evaluate):
        """Takes one step that descends, or none. Raises no floating-point error: each
        candidate is compared, and NaN and inf fail the comparisons.

        loss, grad  at theta
        product     v [P] -> F v [P] at theta
        evaluate    a candidate theta [P] -> its loss, and its mean KL from the policy
                    at theta

        Returns theta and a report: kl, cg_residual, line_search (tries made), accepted,
        and reason, why there was no step ("" if there was one).
        """
        with np.errstate(all="ignore"):
            return self.best_step(theta, loss, grad, product, evaluate)

    def best_step(self, theta, loss, grad, product, evaluate):
        x, residual = conjugate_gradient(self.damped(product), grad, self.cg_steps)
        curvature = inner(x, grad - residual)  # x^T (F + damping) x
        report = {"kl": 0.0, "cg_residual": length(residual) / (length(grad) or 1.0),
                  "line_search": 0, "accepted": False, "reason": ""}
        if not (curvature > 0 and np.isfinite(x).all()):
            return theta, report | {"reason": why_not(grad)}
        longest = (2 * self.max_kl / curvature) ** 0.5
        for i in range(self.tries):
            candidate = theta - theta.dtype.type(longest * self.shrink ** i) * x
            new_loss, kl = judged(evaluate, candidate)
            if new_loss < loss and kl <= self.max_kl:
                return candidate, report | {
                    "kl": float(kl), "line_search": i + 1, "accepted": True}
        return theta, report | {"line_search": self.tries, "reason": NONE_BETTER}

    def damped(self, product):
        """v -> (F + damping) v."""
        return lambda v: product(v) + v.dtype.type(self.damping) * v

    def __post_init__(self):
        require.fields(self, positive="max_kl", nonnegative="damping",
                       count=("cg_steps", "tries"))
        require.number("shrink", self.shrink, 0, 1, is_open=True)


NONE_BETTER = "no candidate had a smaller loss within max_kl"


def why_not(grad):
    """The reason why conjugate gradients found no direction."""
    if not np.isfinite(grad).all():
        return "the gradient is not finite"
    if not grad.any():
        return "the gradient is zero"
    return "the policy hardly changes along the gradient: it may be deterministic"


def judged(evaluate, candidate):
    """The loss and the KL of a candidate; NaN if it cannot be evaluated."""
    if not np.isfinite(candidate).all():
        return np.nan, np.nan
    try:
        return evaluate(candidate)
    except require.NotFinite:
        return np.nan, np.nan
