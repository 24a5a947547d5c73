"""MAML: learn the theta from which a gradient step takes a policy furthest.

    phi_k = theta - alpha grad L(theta; D_k)       a step a batch, `rounds` batches
    loss  = mean over tasks of L(phi_k; D'_k)
    grad  = mean over tasks of (I - alpha H_k) grad L(phi_k; D'_k)

H_k is the Hessian of the inner loss. Estimators of a policy gradient differ in their
Hessian: see objective/surrogates.py. First-order MAML leaves H_k out.
"""
from dataclasses import dataclass

from .gradient import MetaLoss
from .rollout_learner import ThroughSteps


@dataclass(frozen=True)
class MAML(ThroughSteps):
    """Model-agnostic meta-learning of a policy, by policy gradients.

    Source: Finn et al. (2017), MAML, arXiv 1703.03400, algorithm 3; Li et al. (2017),
    Meta-SGD, arXiv 1707.09835 (a learned alpha for each parameter).
    """

    def meta_loss(self, theta, inner, outer):
        """outer(phi(theta)) of each task, and its gradient."""
        adapted = self.adaptation(inner).at(theta)  # theta - alpha grad L(theta; D)
        outer = outer.at(adapted.phi)               # L(phi; D')

        def grad():
            return adapted.vjp(outer.grad)          # (I - alpha H) grad L(phi; D')

        return MetaLoss(outer.value, grad, adapted, outer)
