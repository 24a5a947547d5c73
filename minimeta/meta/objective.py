"""What a gradient meta-learner differentiates: an objective of adapted parameters.

    L(theta) = outer(phi(theta)) + sum_i along_i(theta_i),    one number per task

    at = MetaObjective(steps, outer, rates).at(theta)
    at.value                      [...]
    at.grad                       [..., P]   adaptation.vjp( grad of outer at phi )
    at.jvp(v), at.vjp(y_bar)      of the map theta -> y, the adapted outputs

`along` holds scalars of the outputs on the way, at theta_0, theta_1, ..: none for MAML.
With learned rates theta stands for (theta, alpha).

Tasks never mix here: theta is broadcast to [K, P] going in, and its gradient averaged
coming out, by whoever asks.

Letters: K tasks, P parameters; y [..., T, B, m].
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..objective import Objective
from ..objective.composite import Point
from .adaptation import Adapted, GradientSteps, Rates


@dataclass(frozen=True)
class MetaObjective:
    """outer o adaptation, for constant data of some tasks.

    steps   the adaptation
    outer   an Objective of phi
    rates   of the steps
    along   scalars of y, one for each step; or none
    """

    steps: GradientSteps
    outer: Objective
    rates: Rates
    along: tuple = ()

    def at(self, theta):
        """theta [..., P], or (theta, alpha) if rates are learned -> MetaPoint."""
        adapted = self.steps.at(*self.rates.at(theta))
        return MetaPoint(self, adapted, self.outer.at(adapted.phi))


@dataclass(frozen=True)
class MetaPoint:
    """A meta-objective at one theta."""

    objective: MetaObjective
    adapted: Adapted
    outer: Point

    @property
    def path(self):
        """The scalars along the way, each with the point where it is taken."""
        return zip(self.objective.along, self.adapted.points)

    @cached_property
    def value(self):
        return self.outer.value + sum(s.value(point.y) for s, point in self.path)

    @cached_property
    def grad(self):
        bars = [point.vjp(s.grad(point.y)) for s, point in self.path]
        return self.pull(self.outer.grad, bars or None)

    def jvp(self, v):
        theta_dot, alpha_dot = self.objective.rates.split(v)
        return self.outer.jvp(self.adapted.jvp(theta_dot, alpha_dot))

    def vjp(self, y_bar):
        return self.pull(self.outer.vjp(y_bar))

    def pull(self, phi_bar, path_bar=None):
        """Cotangents of phi, and of the way to it -> that of theta."""
        return self.objective.rates.join(*self.adapted.vjp(phi_bar, path_bar))


def share(theta, K):
    """One theta [P] for all of K tasks: [K, P]. Its transpose is a sum."""
    return np.broadcast_to(theta, (K,) + theta.shape)


def mean(columns):
    """The mean over the tasks of all parts, each [K, ...]: where tasks mix."""
    return np.concatenate(columns).mean(0)


def mean_gradient(parts, theta):
    """Value, and gradient [P], of the mean over all tasks. The parts, each a
    meta-objective of some tasks, come one after another: the forward passes of one are
    all that is held."""
    def of(part):
        at = part.at(share(theta, len(part.outer.x)))
        return at.value, at.grad

    values, grads = zip(*map(of, parts))
    return mean(values), mean(grads)


def trust_region_step(optimizer, parts, divergence, theta):
    """A natural gradient step on the mean over all tasks, with the Fisher matrix of the
    adapted policies pulled back through the adaptation:

        F = mean over tasks of  J^T Fisher(u) J,    J = du / dtheta, adaptation included

    which is the Hessian of their mean KL divergence at theta. Forward passes are held,
    so that all products share them.

    divergence   (part's number, y_old) -> the KL divergence from y_old, a scalar of y

    Returns theta, loss, gradient, and the optimizer's report.
    """
    def at(theta):
        return [part.at(share(theta, len(part.outer.x))) for part in parts]

    points = at(theta)
    loss, grad = mean([p.value for p in points]), mean([p.grad for p in points])
    kls = [divergence(i, point.outer.y) for i, point in enumerate(points)]

    def product(v):
        return mean([
            p.vjp(kl.hvp(p.outer.y, p.jvp(share(v, len(p.value)))))
            for p, kl in zip(points, kls)])

    def evaluate(candidate):
        losses, distances = [], []
        for part, kl in zip(parts, kls):
            p = part.at(share(candidate, len(part.outer.x)))
            losses.append(p.value)
            distances.append(kl.value(p.outer.y))
        return mean(losses), mean(distances)

    theta, report = optimizer.step(theta, loss, grad, product, evaluate)
    return theta, loss, grad, report
