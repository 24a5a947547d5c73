"""Reptile: move theta towards where each task's adaptation ends.

    theta += rate mean over tasks of (phi_k - theta)

No derivative of the adaptation appears; with one inner step it is training on all tasks
at once.
Source: Nichol et al. (2018), On first-order meta-learning algorithms, arXiv 1803.02999.
"""
from dataclasses import dataclass, field
from typing import Any

from .. import require
from .gradient import RolloutLearner


def towards(theta, phi):
    """Half the mean squared distance from theta to phi [K, P], and its gradient [P]."""
    away = theta - phi
    return 0.5 * (away * away).sum(-1).mean(), away.mean(0)


@dataclass(frozen=True)
class Reptile(RolloutLearner):
    """Reptile on rollouts: rounds + 1 inner steps, the last on the last batch.

    rounds   steps of adaptation before the last collection
    """

    optimizer: Any = "sgd"
    outer: Any = field(default="log-likelihood", init=False)  # has no part in it
    rounds: int = 1

    only_descends = True

    def __post_init__(self):
        super().__post_init__()
        require.count("rounds", self.rounds)

    def meta_gradient(self, theta, history, data):
        return towards(theta, self.adapt(theta, [*history, data]))
