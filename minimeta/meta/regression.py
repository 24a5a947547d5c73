"""Meta-learning without reinforcement: fit a curve from a few of its points.

    inner = outer = mean squared error,    phi = `steps` steps on the same few points

theta samples nothing here, so the Hessian is exact and there is one estimator only.
Tasks have `points(R, rng)` -> x [K, R, n_in], y [K, R, n_out]; the learner's policy is
an MLP. The formulas are those of reinforcement, word for word:

    RegressionMAML         differentiates through the steps
    RegressionReptile      moves towards where the steps end
    RegressionPretrained   takes no step while training: one network for all tasks

Letters: K tasks, R points.
Source: Finn et al. (2017), MAML, section 5.1; Nichol et al. (2018), arXiv 1803.02999.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..objective import Objective
from ..objective.losses import SquaredError
from .adaptation import share
from .gradient import GradientLearner
from .maml import MAML
from .reinforce import Reinforce
from .reptile import Reptile


@dataclass(frozen=True)
class Points:
    """Points of K curves."""

    x: np.ndarray  # [K, R, n_in]
    y: np.ndarray  # [K, R, n_out]

    def __getitem__(self, index):
        return Points(self.x[index], self.y[index])


@dataclass(frozen=True)
class Regression(GradientLearner):
    """The base of the three learners.

    shots   R, points of a curve to adapt to; as many others make the outer loss
    steps   gradient steps of adaptation
    """

    alpha: Any = 0.01
    shots: int = 5
    steps: int = 1

    only_descends = True

    def collect(self, theta, tasks, rng):
        """Points of each curve, which do not depend on theta."""
        return self.draw(tasks, self.shots, theta.dtype, rng)

    def draw(self, tasks, R, dtype, rng):
        """R points of each curve, as Points."""
        if not hasattr(tasks, "points"):
            raise TypeError(f"tasks must have points(R, rng), as those of Sinusoid "
                            f"have, got {type(tasks).__name__}")
        x, y = tasks.points(R, rng)
        return Points(x.astype(dtype), y.astype(dtype))

    def inner_objective(self, data):
        """The mean squared error over points."""
        w = np.full(data.y.shape[:-1], 1 / data.y.shape[-2], data.y.dtype)
        return Objective(self.policy, data.x, SquaredError(data.y, w))

    outer_objective = inner_objective

    def report(self, history, data):
        return {}

    def errors(self, theta, tasks, rng, *, steps, points=100):
        """Mean squared errors [K, steps + 1] on fresh points, after 0, 1 .. steps."""
        require.count("steps", steps)
        shown = self.inner_objective(self.collect(theta, tasks, rng))
        asked = self.outer_objective(self.draw(tasks, points, theta.dtype, rng))
        adapted = self.adaptation((shown,) * steps).at(share(theta, len(tasks)))
        thetas = [*(point.theta for point in adapted.path), adapted.phi]
        return np.stack([asked.at(phi).value for phi in thetas], 1)

    def __post_init__(self):
        super().__post_init__()
        require.count("shots", self.shots)
        require.count("steps", self.steps)


@dataclass(frozen=True)
class RegressionMAML(Regression):
    """MAML: first_order leaves out the Hessians; learn_alpha trains alpha too."""

    first_order: bool = False
    learn_alpha: bool = False

    meta_loss = MAML.meta_loss


@dataclass(frozen=True)
class RegressionPretrained(Regression):
    """One network for all curves; it takes alpha and steps after training alone."""

    rounds = 0
    meta_loss = Reinforce.meta_loss


@dataclass(frozen=True)
class RegressionReptile(Regression):
    """Reptile: its steps descend the errors on the points of both batches."""

    optimizer: Any = "sgd"

    meta_loss = Reptile.meta_loss
