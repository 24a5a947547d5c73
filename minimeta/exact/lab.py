"""The estimator laboratory compares meta-gradients from samples with the exact one.

    g = grad of J(phi(theta)),    phi = theta + alpha grad J(theta), `steps` times

J is the expected return of a tabular policy in a small MDP, so g has no noise and no
bias. A learner has only samples, at three places, and each can be made exact:

    "inner gradient"   grad J at theta_0, theta_1, ..: where the steps lead
    "hessian"          of J there: estimators differ in this
    "outer gradient"   grad J at phi

Each meta-gradient comes from a learner's own formula, meta_loss. So does the exact one,
since minus the exact return is a loss like others. Repetitions, each with samples of
its own, run along the task axis.

    lab = Laboratory(tasks, theta, alpha=1.0)               tasks: one MDP; theta [P]
    found = lab.estimates(["ratio", "dice"], trajectories=16, repetitions=100, rng=rng)
    quality(found["dice"], lab.exact)                       bias, floor, std, cosine
    quality(lab.limit("dice")[None], lab.exact)             as trajectories become many

The same samples serve all estimators: on-policy they have the same inner gradient.

Letters: R repetitions, N trajectories, P parameters.
"""
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from .. import require
from ..meta import EMAML, MAML
from ..meta.adaptation import share
from ..policy import TabularPolicy
from ..objective.surrogates import ESTIMATORS as SURROGATES
from ..tasks.family import Tasks
from .expected_return import exact_return
from .trajectories import all_trajectories

PARTS = ("inner gradient", "hessian", "outer gradient")

ESTIMATORS = {"first-order": partial(MAML, first_order=True),
              **{name: partial(MAML, inner=name) for name in SURROGATES},
              "e-maml": EMAML}


class Quality(NamedTuple):
    """How good estimates are, all relative to the length of the exact gradient.

    bias     of their mean
    floor    standard error of that mean: a bias below it may be noise
    std      root of the mean squared distance from their mean
    cosine   with the exact gradient, mean over estimates
    """

    bias: float
    floor: float
    std: float
    cosine: float


def quality(estimates, exact):
    """The Quality of estimates [R, P] of the gradient `exact` [P]."""
    length = np.linalg.norm(exact)
    if length == 0:
        raise ValueError("exact must not be zero: nothing is relative to it")
    centre = estimates.mean(0)
    std = np.sqrt(((estimates - centre) ** 2).sum(-1).mean()) / length
    lengths = np.linalg.norm(estimates, axis=-1)
    cosines = estimates @ exact / (np.where(lengths > 0, lengths, 1) * length)
    bias = np.linalg.norm(centre - exact) / length
    return Quality(float(bias), float(std / np.sqrt(len(estimates))), float(std),
                   float(cosines.mean()))


@dataclass(frozen=True)
class Laboratory:
    """One small MDP, and one theta at which the meta-gradient is estimated.

    tasks   one task with tables(), as tasks[3:4], whose states are seen one-hot:
            RandomMDP, GridNavigation
    theta   [P], P = S A: logits of a TabularPolicy
    alpha   rate of the inner steps, which climb the return of an episode
    steps   of adaptation
    """

    tasks: Any
    theta: np.ndarray
    alpha: float = 1.0
    steps: int = 1

    @property
    def policy(self):
        family = self.tasks.family
        return TabularPolicy(family.obs_size, family.action.n)

    def repeated(self, R):
        """R copies of the task, as R tasks."""
        return self.tasks[np.zeros(R, int)]

    def loss(self, R):
        """Minus the exact return of each of R copies."""
        return -exact_return(self.repeated(R), dtype=self.theta.dtype)

    @cached_property
    def exact(self):
        """The meta-gradient of the return, [P]: MAML's, of the exact loss."""
        loss, learner = self.loss(1), self.learner("log-likelihood")
        at = learner.meta_loss(self.theta[None], (loss,) * self.steps, loss)
        return -at.grad()[0]

    def learner(self, estimator, trajectories=1):
        """The learner with this estimator, in the units of the return."""
        make = require.choice("estimator", estimator, ESTIMATORS)
        return make(self.policy, alpha=self.alpha, rounds=self.steps, gamma=1.0,
                    lam=1.0, trials=trajectories, baseline="none", normalise=False)

    def estimates(self, estimators, *, trajectories, repetitions, rng, sampled=PARTS):
        """Independent estimates of the meta-gradient: name -> [R, P].

        estimators    names, of ESTIMATORS; all are given the same samples
        trajectories  N of each batch: one batch for each step, one after adaptation
        repetitions   R, at least 2
        sampled       which of PARTS come from samples; E-MAML's term always does
        """
        R = require.count("repetitions", repetitions, 2)
        require_lists(estimators, sampled)
        learners = {name: self.learner(name, trajectories) for name in estimators}
        any_of_them = self.learner("log-likelihood", trajectories)
        theta, tasks, history = share(self.theta, R), self.repeated(R), []
        phi = theta
        for _ in range(self.steps):
            history.append(any_of_them.collect(phi, tasks, rng))
            inner = self.spliced(any_of_them.inner_losses(history), sampled)
            phi = any_of_them.adaptation(inner).at(theta).phi
        data = any_of_them.collect(phi, tasks, rng)
        return {name: self.meta_gradients(learner, history, data, sampled)
                for name, learner in learners.items()}

    def meta_gradients(self, learner, history, data, sampled=PARTS):
        """Estimates of the meta-gradient of the return, one of each task: [R, P]."""
        grads = []
        for inner, outer, *scores in learner.problems(self.theta, history, data):
            R = len(outer.x)
            outer = outer if "outer gradient" in sampled else self.loss(R)
            inner = self.spliced(inner, sampled)
            loss = learner.meta_loss(share(self.theta, R), inner, outer, *scores)
            grads.append(-loss.grad())
        return np.concatenate(grads)

    def spliced(self, inner, sampled):
        """The inner losses, with exact derivatives in place of those not sampled."""
        loss = self.loss(len(inner[0].x))
        return tuple(
            Spliced(samples, samples if "inner gradient" in sampled else loss,
                    samples if "hessian" in sampled else loss)
            for samples in inner)

    def limit(self, estimator):
        """The limit of the estimator for ever more trajectories, [P]; its error is
        bias. The batch is all trajectories, each weighted by its probability.

        E-MAML's term is no mean over trajectories, but its limit is known: the mean of
        E-MAML's gradient is the gradient of E[J(phi)], where phi tends to the exact
        phi. So the limit is `exact`.
        """
        learner = self.learner(estimator)
        if isinstance(learner, EMAML):
            return self.exact
        batches, phi = [], self.theta[None]
        for _ in range(self.steps + 1):
            data, p = all_trajectories(self.policy, phi, self.tasks)
            weight = p[:, None] * p.shape[-1]  # learners weigh each by 1 / N
            batches.append(replace(data, reward=data.reward * weight))
            phi = learner.adapt(self.theta, batches)
        return self.meta_gradients(learner, batches[:-1], batches[-1])[0]

    def __post_init__(self):
        if not isinstance(self.tasks, Tasks):
            raise TypeError(f"tasks must be one task, as tasks[3:4] of a family, got "
                            f"{type(self.tasks).__name__}")
        if len(self.tasks) != 1:
            raise ValueError(f"tasks must be one task, as tasks[3:4], got "
                             f"{len(self.tasks)}")
        require.number("alpha", self.alpha, 0, np.inf, is_open=True)
        require.count("steps", self.steps)
        exact_return(self.tasks)  # raises now if the task has no tables
        require.parameters(self.policy.layout, self.theta)
        if self.theta.ndim != 1:
            raise ValueError(f"theta must be one vector, [{self.policy.size}], got "
                             f"{list(self.theta.shape)}")


def require_lists(estimators, sampled):
    """Raises TypeError for a name in place of a list of names, and ValueError if
    `sampled` holds other names than PARTS."""
    for name, names in (("estimators", estimators), ("sampled", sampled)):
        if isinstance(names, str):
            raise TypeError(f"{name} must be a list of names, as [{names!r}]")
    for part in sampled:
        require.choice("sampled", part, dict.fromkeys(PARTS))


@dataclass(frozen=True)
class Spliced:
    """An objective that takes its outputs, gradient and Hessian from three others."""

    samples: Any
    gradient: Any
    hessian: Any

    def at(self, theta):
        three = self.samples, self.gradient, self.hessian
        points = {id(objective): objective.at(theta) for objective in three}
        return SplicedPoint(*(points[id(objective)] for objective in three))


@dataclass(frozen=True)
class SplicedPoint:
    """Such an objective, at a point."""

    samples: Any
    gradient: Any
    hessian: Any

    @property
    def y(self):
        return self.samples.y

    @property
    def grad(self):
        return self.gradient.grad

    def vjp(self, y_bar):
        return self.samples.vjp(y_bar)

    def hvp(self, v):
        return self.hessian.hvp(v)
