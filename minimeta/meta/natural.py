"""A natural gradient step through the adaptation: MAML's trust region.

    F = mean over tasks of  J^T Fisher(u) J,    J = du / dtheta, adaptation included

F is the Hessian at theta of the mean KL divergence between the adapted policies. With
y(theta) the outputs of an adapted policy, the chain rule has two terms:

    hess KL(y_old, y(theta)) = J^T (d2 KL / dy2) J + sum_j (dKL / dy_j) hess y_j

The second term holds all second derivatives of the adaptation, and it vanishes: a
divergence is least at y = y_old, so dKL / dy = 0 there. So F needs J, which holds the
Hessian H of the inner loss (J = du/dphi (I - alpha H)), and nothing of higher order.

Letters: K tasks, P parameters.
"""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..objective.composite import Kept
from ..objective.losses import KL
from .adaptation import share
from .problem import means


def natural_gradient_step(learner, theta, problems, map=map):
    """One step of the learner's trust region on its mean loss over tasks.

    problems   one for each shard of tasks

    All products with F share one forward pass of each shard, so these are kept.
    Returns theta, loss, gradient, and the optimizer's report.
    """
    starts = [Start(learner, theta, problem) for problem in problems]
    loss, grad = means(map(value_and_grad, starts))

    def product(v):
        """F v."""
        return np.concatenate(list(map(partial(fisher_product, v), starts))).mean(0)

    def evaluate(candidate):
        """The loss, and the divergence from the policies at theta."""
        return means(map(partial(compared, candidate), starts))

    theta, report = learner.optimizer.step(theta, loss, grad, product, evaluate)
    return theta, loss, grad, report


@dataclass(frozen=True)
class Start:
    """The adapted policies of a shard, where the step begins.

    A pickle has no forward pass: a worker elsewhere runs it again, to the same bits.
    """

    learner: Any
    theta: np.ndarray
    problem: Any

    @Kept
    def loss(self):
        return self.learner.meta_loss(share(self.theta, self.problem.n), *self.problem)

    @Kept
    def kl(self):
        """The divergence from these policies, a mean over steps, as a scalar of y."""
        w = self.learner.step_weights(self.problem.data)
        return divergence(self.learner.policy, self.loss.outer.y, w)

    def __reduce__(self):
        return Start, (self.learner, self.theta, self.problem)


def value_and_grad(start):
    """The loss of each task of a shard [k], and its gradient [k, P]."""
    return start.loss.value, start.loss.grad()


def fisher_product(v, start):
    """F v of each task of a shard, [k, P]."""
    at = start.loss
    y_dot = at.outer.jvp(at.adapted.jvp(share(v, start.problem.n)))   # J v
    y_bar = start.kl.hvp(at.outer.y, y_dot)                        # Fisher J v
    return at.adapted.vjp(at.outer.vjp(y_bar))                 # J^T Fisher J v


def compared(candidate, start):
    """The loss of each task of a shard at another theta, and the divergence there."""
    candidate = share(candidate, start.problem.n)
    there = start.learner.meta_loss(candidate, *start.problem)
    return there.value, start.kl.value(there.outer.y)


def divergence(policy, y_old, w):
    """The KL divergence from the policies with outputs y_old, as a scalar of y."""
    return KL(policy, policy.split(y_old)[0], w)
