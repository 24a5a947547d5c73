"""LogLikelihood, Ratio and ClippedRatio: the surrogates in which each term depends on
one step alone. surrogates.py tells what surrogates are and how they differ.

Letters: ... leading task axes, T steps, B episodes.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require


@dataclass(frozen=True)
class LogLikelihood:
    """The surrogate of REINFORCE, and of the original MAML:  sum A l.

    l_bar = A, and the Hessian in l is 0.

    A      [..., T, B]  advantages, weighted
    mask   [..., T, B]  True where a step was taken; None: everywhere
    """

    A: np.ndarray
    mask: Any = None

    def value(self, l):
        return (self.grad(l) * taken(l, self.mask)).sum((-2, -1))

    def grad(self, l):
        require.like("l", l, "A", self.A)
        return constant(self.A, self.mask, l)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "A", self.A)
        return np.zeros_like(l_dot)

    def __post_init__(self):
        require_steps(self.A, self.A, self.mask)


@dataclass(frozen=True)
class Ratio:
    """The likelihood ratio, or low-variance curvature (LVC).

        sum A rho,    rho = exp(l - l_old)

    d rho / dl = rho, so l_bar = A rho, and the Hessian times l_dot is A rho l_dot.

    A      [..., T, B]  advantages, weighted
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  True where a step was taken; None: everywhere
    """

    A: np.ndarray
    l_old: np.ndarray
    mask: Any = None

    def value(self, l):
        return self.grad(l).sum((-2, -1))

    def grad(self, l):
        A = constant(self.A, self.mask, l)
        return A * np.exp(excess(l, self.l_old, self.mask))

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        return self.grad(l) * taken(l_dot, self.mask)

    def __post_init__(self):
        require_steps(self.A, self.l_old, self.mask)


@dataclass(frozen=True)
class ClippedRatio:
    """The ratio of PPO: moving rho further than `clip` from 1 gains nothing.

        sum min(A rho, A bound),    rho   = exp(l - l_old)
                                    bound = 1 + clip where A > 0, 1 - clip elsewhere

    Where A rho is the smaller one, l_bar = A rho and the Hessian times l_dot is
    A rho l_dot. Elsewhere both are 0.

    A      [..., T, B]  advantages, weighted
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    mask   [..., T, B]  True where a step was taken; None: everywhere
    clip                how far rho may go from 1
    Source: Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7.
    """

    A: np.ndarray
    l_old: np.ndarray
    mask: Any = None
    clip: float = 0.2

    def value(self, l):
        unclipped, clipped, is_free = self.terms(l)
        return np.where(is_free, unclipped, clipped).sum((-2, -1))

    def grad(self, l):
        unclipped, _, is_free = self.terms(l)
        return np.where(is_free, unclipped, 0)

    def hvp(self, l, l_dot):
        require.like("l_dot", l_dot, "l", l)
        return self.grad(l) * taken(l_dot, self.mask)

    def terms(self, l):
        """A rho, A bound, and where the first is the smaller one."""
        A = constant(self.A, self.mask, l)
        rho = np.exp(excess(l, self.l_old, self.mask))
        bound = np.where(A > 0, 1 + self.clip, 1 - self.clip).astype(A.dtype)
        is_free = np.where(A > 0, rho.real <= bound, rho.real >= bound)
        return A * rho, A * bound, is_free

    def __post_init__(self):
        require_steps(self.A, self.l_old, self.mask)
        require.number("clip", self.clip, 0, is_open=True)


def taken(x, mask):
    """x where a step was taken, 0 elsewhere, even where x is NaN."""
    return x if mask is None else np.where(mask, x, 0)


def constant(x, mask, l):
    """x in the precision of l, and 0 where no step was taken."""
    return taken(np.asarray(x, l.real.dtype), mask)


def excess(l, l_old, mask):
    """l - l_old where a step was taken, 0 elsewhere."""
    require.like("l", l, "l_old", l_old)
    return taken(l, mask) - constant(l_old, mask, l)


def require_steps(A, l_old, mask, name="A"):
    """Raises ValueError if l_old or the mask does not have the shape of A, and
    TypeError if the mask is not bool."""
    require.like("l_old", l_old, name, A)
    if mask is None:
        return
    require.like("mask", mask, "l_old", l_old)
    if np.asarray(mask).dtype != bool:
        raise TypeError(f"mask must hold True where a step was taken and False "
                        f"elsewhere, got dtype {np.asarray(mask).dtype}; use "
                        f"mask.astype(bool), and multiply A by weights")
