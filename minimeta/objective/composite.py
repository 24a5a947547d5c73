"""An objective is a scalar of a map, as a function of theta: what a learner climbs or
descends. It is evaluated at a point, so that nothing is computed twice.

    at = Objective(net, x, scalar).at(theta)      one forward pass, y = f(theta, x)

    at.value      s(y)                                                    [...]
    at.grad       vjp(y_bar),             y_bar = grad s(y)               [..., P]
    at.hvp(v)     vjp_dot(y_bar, y_bar_dot),                              [..., P]
                  y_dot = jvp(v),  y_bar_dot = (Hessian of s) y_dot
    at.jvp(v), at.vjp(y_bar)      the map's own forms, at this point

The scalar never mentions a weight, and the map never mentions a loss. Results have the
precision of theta, whatever the precision of the scalar's data. A number that is too
small for this precision becomes zero, whatever np.seterr says.

Letters: ... leading task axes, P parameters.
"""
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..calculus.pullback import pullback
from .losses import Minus


@dataclass(frozen=True)
class Objective:
    """scalar o map for fixed inputs; -objective is the same objective upside down.

    net     a map in four forms: an MLP, an LSTM, a policy
    x       its inputs
    scalar  value(y), grad(y), hvp(y, y_dot)
    """

    net: Any
    x: np.ndarray
    scalar: Any

    def at(self, theta):
        """Runs the forward pass at theta [..., P] -> Point."""
        with np.errstate(under="ignore"):
            y, cache = self.net.forward(theta, self.x)
        return Point(self.net, self.scalar, theta, y, cache)

    def __neg__(self):
        return replace(self, scalar=Minus(self.scalar))


class Kept:
    """A property that is computed once for each object. Before Python 3.12
    functools.cached_property holds a lock, for which threads would wait."""

    def __init__(self, f):
        self.f, self.name, self.__doc__ = f, f.__name__, f.__doc__

    def __get__(self, it, kind=None):
        if it is None:
            return self
        return it.__dict__.setdefault(self.name, self.f(it))


@dataclass(frozen=True)
class Point:
    """An objective at one theta, with what the forward pass left.

    value and grad are computed anew each time they are read; y_bar and what follows
    from it in the network are kept, since grad and every hvp need them.
    """

    net: Any
    scalar: Any
    theta: np.ndarray
    y: np.ndarray
    cache: Any

    @property
    def value(self):
        with np.errstate(under="ignore"):
            return self.scalar.value(self.y)

    @Kept
    def y_bar(self):
        """The gradient of the scalar in y."""
        return precise(self.scalar.grad(self.y), self.y)

    @Kept
    def back(self):
        """net.vjp and net.vjp_dot in theta alone, from y_bar."""
        return pullback(self.net, self.theta, self.cache, self.y_bar)

    @property
    def grad(self):
        with np.errstate(under="ignore"):
            return self.back.theta_bar()

    def hvp(self, v):
        """The Hessian of value, times v [..., P]."""
        with np.errstate(under="ignore"):
            y_dot, cache_dot = self.net.jvp(self.theta, self.cache, v)
            y_bar_dot = precise(self.scalar.hvp(self.y, y_dot), self.y)
            return self.back.theta_bar_dot(v, cache_dot, y_bar_dot)

    def jvp(self, v):
        with np.errstate(under="ignore"):
            return self.net.jvp(self.theta, self.cache, v)[0]

    def vjp(self, y_bar):
        with np.errstate(under="ignore"):
            return self.net.vjp(self.theta, self.cache, precise(y_bar, self.y))[0]


def precise(y_bar, y):
    """y_bar in the precision of y. It stays real or complex as it was."""
    dtype = y.real.dtype
    if np.iscomplexobj(y_bar):
        dtype = np.result_type(dtype, np.complex64)
    return np.asarray(y_bar, dtype)
