"""Optimizers on flat vectors: pure functions of (theta, gradient, state), which
descend.

    state = optimizer.init(theta)
    theta, state = optimizer.step(theta, grad, state, rate)

A rate may be a number or a schedule; `at(rate, progress)` is its value when the
fraction `progress` of the training is done.
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

    def __post_init__(self):
        require.number("start", self.start)
        require.number("stop", self.stop)

    def at(self, progress):
        return self.start + (self.stop - self.start) * progress


def at(schedule, progress):
    """The value of a number or a schedule at progress in [0, 1]."""
    return schedule.at(progress) if hasattr(schedule, "at") else schedule


def require_schedule(name, schedule):
    """Refuses what has a value below 0 at the beginning or the end, or none."""
    for progress in (0, 1):
        require.number(name, at(schedule, progress), 0)


def length(v):
    """Euclidean; float32 would overflow at squares of 1e19."""
    v = v.astype(np.float64)
    return float(v @ v) ** 0.5


def clip_norm(grad, limit):
    """grad [P] scaled down to the length `limit` if it is longer; and its length."""
    norm = length(grad)
    return (grad * grad.dtype.type(limit / norm) if norm > limit else grad), norm


@dataclass(frozen=True)
class SGD:
    """theta - rate grad."""

    def init(self, theta):
        return ()

    def step(self, theta, grad, state, rate):
        return theta - theta.dtype.type(rate) * grad, state


class Moments(NamedTuple):
    """Adam's memory: the running means of the gradient and of its square, and the
    count."""

    m: np.ndarray
    v: np.ndarray
    t: int


@dataclass(frozen=True)
class Adam:
    """Steps of about `rate` in each coordinate, whatever the gradient's scale.

        m = beta1 m + (1 - beta1) grad,    m_hat = m / (1 - beta1^t)
        v = beta2 v + (1 - beta2) grad^2,  v_hat = v / (1 - beta2^t)
        theta - rate m_hat / (sqrt(v_hat) + epsilon)

    Source: Kingma & Ba (2015), Adam, algorithm 1.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self):
        for name in ("beta1", "beta2"):
            require.number(name, getattr(self, name), 0, 1 - 1e-9)
        require.number("epsilon", self.epsilon, 0, is_open=True)

    def init(self, theta):
        return Moments(np.zeros_like(theta), np.zeros_like(theta), 0)

    def step(self, theta, grad, state, rate):
        number, t = theta.dtype.type, state.t + 1
        m = number(self.beta1) * state.m + number(1 - self.beta1) * grad
        v = number(self.beta2) * state.v + number(1 - self.beta2) * grad * grad
        require.finite("the mean square of the gradient", v)
        m_hat = m / number(1 - self.beta1 ** t)
        v_hat = v / number(1 - self.beta2 ** t)
        step = m_hat / (np.sqrt(v_hat) + number(self.epsilon))
        return theta - number(rate) * step, Moments(m, v, t)
