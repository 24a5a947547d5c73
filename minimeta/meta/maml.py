"""MAML: learn the theta from which a gradient step takes a policy furthest.

    phi_k = theta - alpha grad L(theta; D_k)       a step a batch, `rounds` batches
    loss  = mean over tasks of L(phi_k; D'_k)
    grad  = mean over tasks of (I - alpha H_k) grad L(phi_k; D'_k)

H_k is the Hessian of the inner loss. Estimators of a policy gradient differ in their
Hessian: see objective/surrogates.py. First-order MAML leaves H_k out.

One parameter in the head: L = (theta - 8)^2 / 2 inside and outside, so H = 1 and
grad L = theta - 8. From theta = 0 with alpha = 1/4 the step goes to phi = 2, where
grad L = -6. The meta-gradient is (1 - 1/4) (-6), and its first-order form is -6.

>>> from types import SimpleNamespace
>>> from minimeta import GradientSteps
>>> class Bowl:
...     def at(self, theta):
...         return SimpleNamespace(grad=theta - 8, hvp=lambda v: v)
>>> for first_order in (False, True):
...     steps = GradientSteps((Bowl(),), alpha=0.25, first_order=first_order)
...     adapted = steps.at(np.zeros(1))
...     print(adapted.phi, adapted.vjp(Bowl().at(adapted.phi).grad))
[2.] [-4.5]
[2.] [-6.]

The loss after the step is (3/4)^2 (theta - 8)^2 / 2, and its gradient at 0 is indeed
9/16 (-8) = -4.5.
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
