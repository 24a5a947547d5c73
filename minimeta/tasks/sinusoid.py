"""Sine curves are a family of regression problems, not of MDPs. There is nothing to do
and nothing to earn, only points to fit, so tasks have `points` in place of reset and
step.
"""
from dataclasses import dataclass
from math import pi

import numpy as np

from .. import require
from .family import TaskArrays


@dataclass(frozen=True)
class Sinusoid:
    """A sine curve, to be told from a few of its points.

        y = A sin(x - phase)

    sees      points (x, y); x uniform on [x_low, x_high]
    does      predicts y at other x
    a task    A and phase (radians), each uniform on its interval

    The intervals are pairs (low, high). The defaults are those of the source.
    Source: Finn et al. (2017), MAML, section 5.1.
    """

    amplitude: tuple = (0.1, 5.0)
    phase: tuple = (0.0, pi)
    x: tuple = (-5.0, 5.0)

    def sample(self, K, rng):
        """K curves, drawn at random."""
        K, rng = require.count("K", K), require.generator("rng", rng)
        amplitude, phase = rng.uniform(*self.amplitude, K), rng.uniform(*self.phase, K)
        return SinusoidTasks(self, amplitude, phase)

    def __post_init__(self):
        for name in ("amplitude", "phase", "x"):
            object.__setattr__(self, name, interval(name, getattr(self, name)))


def interval(name, ends):
    """Returns a pair (low, high) of finite numbers as a tuple."""
    pair = tuple(require.number(f"an end of {name}", end)
                 for end in require.sequence(name, ends))
    if len(pair) != 2 or pair[0] > pair[1]:
        raise ValueError(f"{name} must be (low, high), got {pair}")
    return pair


@dataclass(frozen=True)
class SinusoidTasks(TaskArrays):
    """K curves. They slice as all tasks do."""

    family: Sinusoid
    amplitude: np.ndarray  # [K]
    phase: np.ndarray      # [K]  radians

    def curve(self, x):
        """x [K, R, 1] -> y [K, R, 1], without noise."""
        return self.amplitude[:, None, None] * np.sin(x - self.phase[:, None, None])

    def points(self, R, rng):
        """R points of each curve, x uniform: x [K, R, 1], y [K, R, 1]."""
        R, rng = require.count("R", R), require.generator("rng", rng)
        x = rng.uniform(*self.family.x, (len(self), R, 1))
        return x, self.curve(x)
