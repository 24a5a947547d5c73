"""The base of all learners that adapt by gradient steps, and whose theta is trained by
gradient steps.

A learner is this class and one idea. The idea stands in the learner's own file (maml,
emaml, promp, reptile, reinforce) as one formula:

    meta_loss(theta, inner, outer, ..)    theta [K, P], a row for each task
                                          -> MetaLoss: a number for each task, and its
                                             gradient

    inner    the losses L(.; D) that adaptation descends, one for each step
    outer    the loss L(.; D') that judges the adapted parameters

A second class collects data and makes losses of them (rollout_learner for
reinforcement, regression for points of curves, imitation for demonstrations):

    collect(theta, tasks, rng)   a batch; batch.x [K, .., n] is what the policy saw, and
                                 batch[i:j] is the batch of some of the tasks
    inner_objective(batch), outer_objective(batch)
    report(history, data)        numbers for the log

Signs: learners descend losses, so a step is theta - alpha grad. A surrogate climbs,
and losses.Minus makes a loss of it.

Letters: K tasks, P parameters.
"""
from dataclasses import dataclass
from functools import cached_property, partial
from math import ceil, isqrt, prod
from typing import Any, Callable, NamedTuple

import numpy as np

from .. import require
from ..objective import SGD, Adam, TrustRegion
from ..objective.optimizers import length, require_schedule, schedule_value
from .adaptation import GradientSteps, require_rates, share
from .learner import require_finite
from .natural import natural_gradient_step
from .problem import Problem, adapted, means
from .slices import cut

OPTIMIZERS = {"adam": Adam(), "sgd": SGD(), "trust-region": TrustRegion()}
RATE = 1e-3      # of Adam and SGD, if none is given
CACHE = 2 ** 19  # numbers of one layer's outputs that are worked on at once


class MetaLoss(NamedTuple):
    """The result of a learner's formula for some of the tasks.

    value     [K]  the loss of each task
    grad      () -> [K, P], its gradient; computed only when asked for
    adapted   the adaptation; a trust region needs it
    outer     the outer loss at phi; a trust region needs it
    """

    value: np.ndarray
    grad: Callable
    adapted: Any = None
    outer: Any = None


@dataclass(frozen=True)
class GradientLearner:
    """Adapts by gradient steps.

    policy      a policy, or any map in four forms with a layout
    alpha       rate of the inner steps: a number, one for each step, or an array
                [S, P], one for each parameter; the last row serves all later steps
    optimizer   of theta: "adam", "sgd", "trust-region", or such an object
    rate        of Adam and SGD, a number or a schedule, 1e-3 if None; a trust region
                has none
    dtype       of theta
    """

    policy: Any
    alpha: Any = 0.1
    optimizer: Any = "adam"
    rate: Any = None
    dtype: Any = np.float32

    episodes = 1                  # of a trial
    rounds = 1                    # collections that are adapted to
    steps = 1                     # of adaptation to each of them
    first_order = False
    learn_alpha = False
    adapts_between_trials = True  # a recurrent learner adapts within a trial
    only_descends = False         # True where a trust region has no meaning

    # The verbs of the loop in learner.py.

    def init(self, rng):
        """A random theta [P]; a learned alpha comes after it."""
        alpha = self.rates.astype(self.dtype)
        return self.adaptation(()).join(self.net.init(rng, self.dtype), alpha)

    def adapt(self, theta, history, map=map, shards=1):
        """theta, and the batches so far -> phi [K, P]."""
        require_same_tasks(history)
        parts = [Problem(self, theta, [batch[shard] for batch in history])
                 for shard in self.shards(history[0], shards)]
        phi = np.concatenate(list(map(adapted, parts)))
        require_finite(self.net.layout, phi=phi)
        return phi

    def update(self, theta, state, history, data, progress, map=map, shards=1):
        """theta after one step of the optimizer on a meta-batch: `data` were collected
        after adapting to the batches of `history`."""
        problems = self.problems(theta, history, data, shards)
        if isinstance(self.optimizer, TrustRegion):
            theta, loss, grad, report = natural_gradient_step(
                self, theta, problems, map)
            require_finite(self.layout, loss=loss, gradient=grad, theta=theta)
        else:
            loss, grad = self.mean_loss(theta, problems, map)
            theta, state = self.descend(theta, loss, grad, state, progress)
            report = {}
        row = {"loss": float(loss), "gradient": length(grad)} | report
        return theta, state, self.report(history, data) | row

    # The mean over tasks.

    def meta_gradient(self, theta, history, data, map=map, shards=1):
        """The mean loss over tasks, and its gradient [P]."""
        return self.mean_loss(theta, self.problems(theta, history, data, shards), map)

    def mean_loss(self, theta, problems, map=map):
        """The mean loss over the tasks of all shards, and its gradient [P]. This is the
        only place where tasks mix. One shard comes after the other, unless `map` has
        workers: only the forward passes of one shard are held."""
        return means(list(map(partial(self.value_and_grad, theta), problems)))

    def value_and_grad(self, theta, problem):
        """The loss of each task of a shard [k], and its gradient [k, P]."""
        loss = self.meta_loss(share(theta, problem.n), *problem)
        return loss.value, loss.grad()

    def problems(self, theta, history, data, shards=1):
        """A Problem for each shard of tasks."""
        require_same_tasks([*history, data])
        known = self.knows(data)
        return [Problem(self, theta, [batch[shard] for batch in history], data[shard],
                        [numbers[shard] for numbers in known])
                for shard in self.shards(data, shards)]

    def knows(self, data):
        """Numbers of each task, [K], that depend on the others in the batch."""
        return ()

    def losses(self, theta, history, data):
        """The arguments of meta_loss after theta: (inner, outer, ..). The data are
        constants, although theta collected them."""
        return self.inner_losses(history), self.outer_objective(data)

    def inner_losses(self, history):
        """L(.; D) of each batch, as often as there are steps on it."""
        losses = [self.inner_objective(batch) for batch in history]
        return tuple(loss for loss in losses for _ in range(self.steps))

    def adaptation(self, inner):
        """The map theta -> phi: a gradient step on each of the losses. The steps move
        the policy's parameters, which come first in the net's."""
        return GradientSteps(tuple(inner), self.rates, self.learn_alpha,
                             self.first_order, self.net.size - self.policy.size)

    def shards(self, data, least=1):
        """Slices of the task axis, `least` of them at least: so many tasks at once that
        the outputs of a layer, which is about sqrt(P) wide, fit into the processor's
        cache. An even number of slices, since two workers are common."""
        K, *rows = data.x.shape[:-1]
        n = ceil(K * prod(rows) * isqrt(self.policy.size) / CACHE)
        return cut(K, max(least, n + n % 2) if n > 1 else least)

    def descend(self, theta, loss, grad, state, progress):
        """One step of Adam or SGD."""
        require_finite(self.layout, loss=loss, gradient=grad)
        rate = RATE if self.rate is None else schedule_value(self.rate, progress)
        state = self.optimizer.init(theta) if state is None else state
        theta, state = self.optimizer.step(theta, grad, state, rate)
        require_finite(self.layout, theta=theta)
        return theta, state

    # The trained vector.

    @property
    def net(self):
        """The map whose parameters are trained; the policy's come first in them."""
        return self.policy

    @cached_property
    def rates(self):
        """alpha as a table [S, 1 or P]."""
        return require_rates(self.alpha, self.policy.size)

    @cached_property
    def layout(self):
        """The names in the trained vector: the net's theta, then a learned alpha."""
        return self.net.layout + self.adaptation(()).layout

    def __post_init__(self):
        optimizer, n_steps = self.optimizer, self.rounds * self.steps
        if not hasattr(self.policy, "vjp_dot"):
            raise TypeError(f"policy must be a policy, such as MLPPolicy(..), or a map "
                            f"in four forms, got {self.policy!r}")
        require.precision(self.dtype)
        for name in ("first_order", "learn_alpha"):
            require.truth(name, getattr(self, name))
        if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
            optimizer = require.choice("optimizer", optimizer, OPTIMIZERS)
            object.__setattr__(self, "optimizer", optimizer)
        is_bounded = isinstance(optimizer, TrustRegion)
        if is_bounded and self.only_descends:
            raise ValueError(f"optimizer must be 'adam' or 'sgd' for "
                             f"{type(self).__name__}, got {self.optimizer!r}")
        if is_bounded and self.rate is not None:
            raise ValueError(f"a trust region takes no rate, got {self.rate}; its "
                             f"bound is max_kl, as in TrustRegion(max_kl=0.01)")
        require_schedule("rate", self.rate or 0)
        if self.learn_alpha and len(self.rates) > n_steps:
            raise ValueError(
                f"alpha must have a number or row for each of the {n_steps} steps if "
                f"it is learned, got {len(self.rates)}; one for each parameter is an "
                f"array [1, {self.policy.size}]")
        self.rates  # raises now if alpha is bad


def require_same_tasks(batches):
    """Raises if there is no batch, or if the batches are of different tasks."""
    if hasattr(batches, "x"):
        raise TypeError(f"history must be a list of batches, got a single "
                        f"{type(batches).__name__}; use [batch]")
    sizes = [len(data.x) for data in batches]
    if len(set(sizes)) != 1:
        raise ValueError(f"history must hold batches of the same tasks, one at least, "
                         f"got {sizes} tasks")
