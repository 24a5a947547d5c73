"""Sine curves: a family of regression problems. They are not MDPs: there is nothing to
do and nothing to earn, only points to fit, so a task has `draw` in place of reset and
step.
"""
from dataclasses import dataclass
from math import pi

import numpy as np

from .. import require
from .family import Tasks


@dataclass(frozen=True)
class Sinusoid:
    """A curve of which a few points are shown.

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

    n_in = 1
    n_out = 1

    def __post_init__(self):
        for name in ("amplitude", "phase", "x"):
            interval = require.sequence(name, getattr(self, name))
            if len(interval) != 2:
                raise ValueError(f"{name} must be (low, high), got {interval}")
            low, high = (require.number(f"an end of {name}", end) for end in interval)
            if low > high:
                raise ValueError(f"{name} must be (low, high), got {interval}")
            object.__setattr__(self, name, interval)

    def sample(self, K, rng):
        """K curves."""
        require.count("K", K)
        amplitude, phase = rng.uniform(*self.amplitude, K), rng.uniform(*self.phase, K)
        return SinusoidTasks(self, amplitude, phase)


@dataclass(frozen=True)
class SinusoidTasks(Tasks):
    """K curves; they slice as all tasks do."""

    family: Sinusoid
    amplitude: np.ndarray  # [K]
    phase: np.ndarray      # [K]  radians

    def curve(self, x):
        """x [K, R, 1] -> y [K, R, 1], without noise."""
        return self.amplitude[:, None, None] * np.sin(x - self.phase[:, None, None])

    def draw(self, R, rng):
        """R points of each curve: x [K, R, 1], y [K, R, 1]."""
        x = rng.uniform(*self.family.x, (len(self), require.count("R", R), 1))
        return x, self.curve(x)
