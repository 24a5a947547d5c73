"""Reptile: move theta towards where each task's adaptation ends.

    phi_k  = theta - alpha grad L(theta; D_k) ..   a step a batch, D'_k included
    theta += rate * mean over tasks of (phi_k - theta)

No derivative of the adaptation appears. With one inner step Reptile is training on all
tasks at once.
Source: Nichol et al. (2018), On first-order meta-learning algorithms, arXiv 1803.02999.
"""
from dataclasses import dataclass, field
from typing import Any

from .. import require
from .gradient import MetaLoss
from .rollout_learner import RolloutLearner


@dataclass(frozen=True)
class Reptile(RolloutLearner):
    """Reptile on rollouts: rounds + 1 inner steps, the last on the last batch.

    rounds   steps of adaptation before the last collection
    """

    optimizer: Any = "sgd"
    outer: Any = field(default="log-likelihood", init=False)  # Reptile does not use it
    rounds: int = 1

    only_descends = True

    def meta_loss(self, theta, inner, outer):
        """|phi(theta) - theta|^2 / 2 of each task, and theta - phi, which would be its
        gradient if phi did not depend on theta."""
        adapted = self.adaptation(inner + (outer,) * self.steps).at(theta)
        away = theta - adapted.phi

        def grad():
            return away

        return MetaLoss((away * away).sum(-1) / 2, grad)

    def outer_objective(self, data):
        return self.inner_objective(data)

    def __post_init__(self):
        super().__post_init__()
        require.count("rounds", self.rounds)
