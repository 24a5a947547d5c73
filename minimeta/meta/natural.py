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
import numpy as np

from ..objective.losses import KL
from .adaptation import n_tasks, share


def natural_gradient_step(learner, theta, problems, weights):
    """One step of the learner's trust region on its mean loss over tasks.

    problems   the arguments of learner.meta_loss, for each shard of tasks
    weights    of the steps in the divergence, for each shard: [K, T, B]

    All products with F share one forward pass of each shard, so these are kept.
    Returns theta, loss, gradient, and the optimizer's report.
    """
    def losses(theta):
        return [learner.meta_loss(share(theta, n_tasks(problem)), *problem)
                for problem in problems]

    held = losses(theta)
    loss, grad = mean([at.value for at in held]), mean([at.grad() for at in held])
    kls = [divergence(learner.policy, at.outer.y, w) for at, w in zip(held, weights)]

    def product(v):
        """F v."""
        columns = []
        for at, kl in zip(held, kls):
            y_dot = at.outer.jvp(at.adapted.jvp(share(v, len(at.value))))    # J v
            y_bar = kl.hvp(at.outer.y, y_dot)                         # Fisher J v
            columns.append(at.adapted.vjp(at.outer.vjp(y_bar)))   # J^T Fisher J v
        return mean(columns)

    def evaluate(candidate):
        """The loss, and the divergence from the policies at theta."""
        there = losses(candidate)
        return (mean([at.value for at in there]),
                mean([kl.value(at.outer.y) for at, kl in zip(there, kls)]))

    theta, report = learner.optimizer.step(theta, loss, grad, product, evaluate)
    return theta, loss, grad, report


def divergence(policy, y_old, w):
    """The KL divergence from the policies with outputs y_old, as a scalar of y."""
    return KL(policy, policy.split(y_old)[0], w)


def mean(columns):
    """The mean over the tasks of all shards, each [K, ..]."""
    return np.concatenate(columns).mean(0)
