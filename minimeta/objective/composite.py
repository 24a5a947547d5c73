"""An objective is a scalar of a map, as a function of theta; it is evaluated at a
point.

    at = Objective(net, x, scalar).at(theta)      one forward pass, shared by all three:
    at.value      s(y)                            [...]
    at.grad       vjp(s_grad(y))                  [..., P]
    at.hvp(v)     vjp_dot along v: the exact Hessian of s(f(theta)) times v
    at.jvp(v), at.vjp(y_bar)                      the map's own, at this point

The scalar never mentions a weight, the map never mentions a loss.

Letters: ... leading task axes, P parameters; y = f(theta, x).
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Objective:
    """scalar o map for fixed inputs.

    net     a map in four forms: an MLP, an LSTM, a policy
    x       its inputs
    scalar  value(y), grad(y), hvp(y, y_dot)
    """

    net: Any
    x: np.ndarray
    scalar: Any

    def at(self, theta):
        """theta [..., P] -> the objective at this point; runs the forward pass."""
        return Point(self, theta, *self.net.forward(theta, self.x))


@dataclass(frozen=True)
class Point:
    """An objective at one theta, with what the forward pass left behind."""

    objective: Objective
    theta: np.ndarray
    y: np.ndarray
    cache: Any

    @cached_property
    def value(self):
        return self.objective.scalar.value(self.y)

    @cached_property
    def y_bar(self):
        return self.objective.scalar.grad(self.y)

    @cached_property
    def grad(self):
        return self.vjp(self.y_bar)

    def jvp(self, v):
        return self.objective.net.jvp(self.theta, self.cache, v)[0]

    def vjp(self, y_bar):
        return self.objective.net.vjp(self.theta, self.cache, y_bar)[0]

    def hvp(self, v):
        net, scalar = self.objective.net, self.objective.scalar
        y_dot, cache_dot = net.jvp(self.theta, self.cache, v)
        y_bar_dot = scalar.hvp(self.y, y_dot)
        return net.vjp_dot(
            self.theta, self.cache, self.y_bar, v, cache_dot, y_bar_dot)[0]
