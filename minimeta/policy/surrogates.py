"""Scalars of the log-probabilities l = log pi(a | s) of the actions that were taken.

A surrogate is what policy-gradient methods climb in place of the return. It is a function of
l [..., T, B] alone and never mentions a weight; its data (advantages A, old log-probabilities,
mask) are constants. Values are sums over steps and episodes: scale A for a mean.

    value(l)        one number per task [...]
    grad(l)         its gradient in l              [..., T, B]
    hvp(l, l_dot)   its Hessian in l times l_dot   [..., T, B]

Letters: ... leading task axes, T steps, B episodes.
"""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClippedRatio:
    """The pessimistic ratio of PPO: no gain from moving far from the policy that sampled.

        sum min(A rho, A clip(rho, 1 - clip, 1 + clip)),   rho = exp(l - l_old)

    Where the second is smaller the gradient is zero.

    A      [..., T, B]  advantages, weighted; zero where no step was taken
    l_old  [..., T, B]  log-probabilities under the policy that sampled, nats
    Source: Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7.
    """

    A: np.ndarray
    l_old: np.ndarray
    clip: float = 0.2

    def value(self, l):
        rho = np.exp(l - self.l_old)
        return np.where(self.is_free(rho), self.A * rho, self.A * self.bound()).sum((-2, -1))

    def grad(self, l):
        rho = np.exp(l - self.l_old)
        return np.where(self.is_free(rho), self.A * rho, 0)

    def hvp(self, l, l_dot):
        return self.grad(l) * l_dot

    def bound(self):
        """The ratio beyond which an advantage of this sign earns nothing more."""
        return np.where(self.A > 0, 1 + self.clip, 1 - self.clip).astype(self.A.dtype)

    def is_free(self, rho):
        """True where min takes the unclipped term."""
        rho, bound = rho.real, self.bound()
        return np.where(self.A > 0, rho <= bound, rho >= bound)
