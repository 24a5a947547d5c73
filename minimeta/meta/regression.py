"""Meta-learning without reinforcement: fit a curve from a few of its points.

    inner = outer = mean squared error,    phi = `steps` steps on the same few points

Nothing is sampled by theta, so the Hessian is exact and there is one estimator only. A
task has `draw(R, rng)` -> x [K, R, n_in], y [K, R, n_out]; the learner's network is an
MLP.

    RegressionMAML         differentiates through the steps
    RegressionReptile      moves towards where they end
    RegressionPretrained   takes none while training: one network for all tasks

Letters: K tasks, R points.
Source: Finn et al. (2017), MAML, section 5.1; Nichol et al. (2018), arXiv 1803.02999.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..objective import Objective
from ..objective.losses import SquaredError
from .adaptation import GradientSteps
from .gradient import GradientLearner
from .objective import share
from .reptile import towards


@dataclass(frozen=True)
class Points:
    """Points of K curves."""

    x: np.ndarray  # [K, R, n_in]
    y: np.ndarray  # [K, R, n_out]

    def __getitem__(self, index):
        return Points(self.x[index], self.y[index])


@dataclass(frozen=True)
class Regression(GradientLearner):
    """What the three have in common.

    shots   R, points of a curve to adapt to; as many others make the outer loss
    steps   gradient steps of adaptation
    """

    alpha: Any = 0.01
    shots: int = 5
    steps: int = 1

    rounds = 1
    only_descends = True

    def __post_init__(self):
        super().__post_init__()
        require.count("shots", self.shots)
        require.count("steps", self.steps)

    @property
    def n_steps(self):
        return self.rounds * self.steps

    def collect(self, theta, tasks, rng):
        """Points of each curve, which do not depend on theta."""
        return self.draw(tasks, self.shots, theta.dtype, rng)

    def draw(self, tasks, R, dtype, rng):
        if not hasattr(tasks, "points"):
            raise TypeError(f"tasks must have points(R, rng), as those of Sinusoid "
                            f"have, got {type(tasks).__name__}")
        x, y = tasks.points(R, rng)
        return Points(x.astype(dtype), y.astype(dtype))

    def outer_objective(self, data):
        """The mean squared error over points."""
        w = np.full(data.y.shape[:-1], 1 / data.y.shape[-2], data.y.dtype)
        return Objective(self.policy, data.x, SquaredError(data.y, w))

    inner_objective = outer_objective

    def adaptation(self, history):
        """`steps` steps on each batch of points."""
        objectives = tuple(self.inner_objective(data) for data in history
                           for _ in range(self.steps))
        return GradientSteps(objectives, self.first_order)

    def report(self, history, data):
        return {}

    def errors(self, theta, tasks, rng, *, steps, points=100):
        """Mean squared errors [K, steps + 1] on fresh points, after 0, 1 .. steps."""
        shown = self.inner_objective(self.collect(theta, tasks, rng))
        asked = self.outer_objective(self.draw(tasks, points, theta.dtype, rng))
        vector, alpha = self.rates.at(share(theta, len(tasks)))
        taken = GradientSteps((shown,) * require.count("steps", steps))
        adapted = taken.at(vector, alpha)
        thetas = [*(point.theta for point in adapted.points), adapted.phi]
        return np.stack([asked.at(phi).value for phi in thetas], -1)


@dataclass(frozen=True)
class RegressionMAML(Regression):
    """MAML: first_order leaves out the Hessians; learn_alpha trains alpha too."""

    first_order: bool = False
    learn_alpha: bool = False


@dataclass(frozen=True)
class RegressionPretrained(Regression):
    """One network for all curves; alpha and steps are of adaptation after training."""

    rounds = 0


@dataclass(frozen=True)
class RegressionReptile(Regression):
    """Reptile, its steps on the points of both batches."""

    optimizer: Any = "sgd"

    def meta_gradient(self, theta, history, data):
        return towards(theta, self.adapt(theta, [*history, data]))
