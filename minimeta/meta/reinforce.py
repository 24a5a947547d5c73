"""Regular reinforcement learning: the same loop, with the identity as its adaptation.

    phi_k = theta
    loss  = mean over tasks of L(theta; D_k)

On a family of one task this is REINFORCE. On many tasks it is what meta-learning is
measured against: one policy trained on all of them, which then adapts by the same
gradient steps as MAML's.
"""
from dataclasses import dataclass
from typing import Any

from .gradient import MetaLoss
from .rollout_learner import RolloutLearner


@dataclass(frozen=True)
class Reinforce(RolloutLearner):
    """Policy gradients; alpha and inner are those of adaptation after training.

    Source: Williams (1992), Simple statistical gradient-following algorithms for
    connectionist reinforcement learning.
    """

    outer: Any = "log-likelihood"

    rounds = 0

    def meta_loss(self, theta, inner, outer):
        """outer(theta) of each task, and its gradient."""
        adapted = self.adaptation(()).at(theta)         # phi = theta
        outer = outer.at(adapted.phi)                   # L(theta; D)

        def grad():
            return outer.grad                           # grad L(theta; D)

        return MetaLoss(outer.value, grad, adapted, outer)
