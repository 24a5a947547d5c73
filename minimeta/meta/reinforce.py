"""Regular reinforcement learning: the same loop, with the identity as its adaptation.

    grad = mean over tasks of grad outer_k(theta)

On a family of one task this is REINFORCE. On many it is what meta-learning is measured
against: one policy trained on all of them, which then adapts by the same gradient steps
as MAML's.
"""
from dataclasses import dataclass
from typing import Any

from .gradient import RolloutLearner


@dataclass(frozen=True)
class Reinforce(RolloutLearner):
    """Policy gradients; alpha and inner are those of adaptation after training.

    Source: Williams (1992), Simple statistical gradient-following algorithms for
    connectionist reinforcement learning.
    """

    outer: Any = "log-likelihood"

    rounds = 0
