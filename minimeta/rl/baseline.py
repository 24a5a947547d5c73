"""Baselines: what each step was expected to be worth, from the batch itself.

    baseline(data, gamma) -> V [K, T, B]

Subtracting V from the returns takes away noise. Both are pure functions of a rollout:
fitted once, and never again while a step is searched for on the same batch.

Letters: K tasks, T steps, B episodes, F features.
"""
import numpy as np

from .. import require
from ..calculus.maps import transpose
from .returns import discounted

RIDGE = 1e-8  # times the number of steps, for features that depend on one another


def linear(data, gamma):
    """Least squares of each task's discounted returns on features of its own steps.

        V = features w,    w = argmin sum mask (features w - G)^2 + ridge |w|^2

    Source: Duan et al. (2016), Benchmarking deep reinforcement learning for continuous
    control, arXiv 1604.06778, section 5 (the features of the authors' code).
    """
    K, T, B = data.reward.shape
    f = features(data).reshape(K, T * B, -1) * data.mask.reshape(K, T * B, 1)
    G = discounted(data.reward.astype(np.float64), gamma, data.end).reshape(K, T * B, 1)
    gram = transpose(f) @ f
    ridge = RIDGE * data.mask.sum((1, 2))[:, None, None] * np.eye(f.shape[-1])
    w = np.linalg.solve(gram + ridge, transpose(f) @ G)
    return (f @ w).reshape(K, T, B).astype(data.reward.dtype)


def features(data):
    """x, x^2, t, t^2, t^3 and 1: [K, T, B, F]; t is the step of the episode over T."""
    x = data.x.astype(np.float64)
    t = clock(data.end)[..., None] / data.end.shape[1]
    return np.concatenate([x, x * x, t, t * t, t ** 3, np.ones_like(t)], -1)


def clock(end):
    """The step of each episode, 0, 1, 2 ..; `end` is True at an episode's last step."""
    t = np.arange(end.shape[1])[:, None]
    begins = np.zeros(end.shape, int)
    begins[:, 1:] = np.where(end[:, :-1], t[1:], 0)
    return t - np.maximum.accumulate(begins, 1)


def none(data, gamma):
    """No baseline: 0."""
    return np.zeros_like(data.reward)


BASELINES = {"linear": linear, "none": none}


def baseline(name):
    """The baseline of that name."""
    return require.choice("baseline", name, BASELINES)
