"""Optimizers turn a gradient into a step that descends. They are pure functions of flat
vectors: the memory of an optimizer goes in and comes out.

    state = optimizer.init(theta)
    theta, state = optimizer.step(theta, grad, state, rate)

A rate is a number or a schedule. A schedule has a method value(progress), where
`progress` in [0, 1] is the fraction of the training that is done.
schedule_value(rate, progress) gives the value of both.
"""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import require


@dataclass(frozen=True)
class LinearSchedule:
    """A straight line from `start`, at progress 0, to `stop`, at progress 1."""

    start: float
    stop: float = 0.0

    def value(self, progress):
        return self.start + (self.stop - self.start) * progress

    def __post_init__(self):
        require.fields(self, number=("start", "stop"))


def schedule_value(schedule, progress):
    """The value of a number or of a schedule at progress in [0, 1]."""
    return schedule.value(progress) if hasattr(schedule, "value") else schedule


def require_schedule(name, schedule, high=np.inf):
    """Raises ValueError if the number or the schedule is below 0 or above `high` at
    progress 0 or 1."""
    for progress in (0, 1):
        require.number(name, schedule_value(schedule, progress), 0, high)


def inner(u, v):
    """u @ v in double precision: the square of 2e19 overflows float32."""
    with np.errstate(under="ignore"):
        return float(u.astype(np.float64) @ v.astype(np.float64))


def length(v):
    """The Euclidean length of v [P]."""
    return inner(v, v) ** 0.5


def clip_norm(grad, limit):
    """Returns grad [P], scaled down to the length `limit` if it is longer, and the
    length that it had."""
    norm = length(grad)
    if not norm > limit:
        return grad, norm
    with np.errstate(under="ignore"):
        return grad * grad.dtype.type(limit / norm), norm


@dataclass(frozen=True)
class SGD:
    """theta - rate grad."""

    def init(self, theta):
        return ()

    def step(self, theta, grad, state, rate):
        with np.errstate(under="ignore"):
            return theta - theta.dtype.type(rate) * grad, state


class Moments(NamedTuple):
    """Adam's memory: the running means m of the gradient and v of its square, and the
    number t of steps."""

    m: np.ndarray
    v: np.ndarray
    t: int


@dataclass(frozen=True)
class Adam:
    """Takes steps of about `rate` in each coordinate, whatever the gradient's scale.

        m = beta1 m + (1 - beta1) grad,    m_hat = m / (1 - beta1^t)
        v = beta2 v + (1 - beta2) grad^2,  v_hat = v / (1 - beta2^t)
        theta - rate m_hat / (sqrt(v_hat) + epsilon)

    m and v begin at 0, so after t steps the weights of their means add up to only
    1 - beta^t. In m_hat and v_hat the weights add up to 1.

    Raises ValueError if a square of the gradient is too large for its dtype.
    Source: Kingma & Ba (2015), Adam, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, theta):
        return Moments(np.zeros_like(theta), np.zeros_like(theta), 0)

    def step(self, theta, grad, state, rate):
        number, t = theta.dtype.type, state.t + 1
        with np.errstate(under="ignore", over="ignore"):  # of squares in float32
            m = number(self.beta1) * state.m + number(1 - self.beta1) * grad
            v = number(self.beta2) * state.v + number(1 - self.beta2) * grad * grad
            require.finite("the mean square of the gradient", v)
            m_hat = m / number(1 - self.beta1 ** t)
            v_hat = v / number(1 - self.beta2 ** t)
            step = m_hat / (np.sqrt(v_hat) + number(self.epsilon))
            return theta - number(rate) * step, Moments(m, v, t)

    def __post_init__(self):
        for name in ("beta1", "beta2"):
            require.number(name, getattr(self, name), 0, 1 - 1e-9)
        require.number("epsilon", self.epsilon, 0, is_open=True)
