"""What gradient-based meta-learners share: they adapt by gradient steps, and are
trained by gradient steps.

    GradientLearner    on any data: adapt, the meta-gradient, the update of theta
    RolloutLearner      the same on rollouts: collects them, and makes surrogates of them

A learner is one of these and an idea: what is differentiated, and how (maml, promp,
reinforce, reptile; regression for points in place of rollouts).

Tasks do not mix until the mean of their gradients. So they are worked on in shards, as
many at once as fit the cache.

Letters: K tasks, T steps, B episodes, P parameters.
"""
from dataclasses import dataclass
from functools import cached_property
from math import isqrt, prod
from typing import Any

import numpy as np

from .. import require
from ..objective import SGD, Adam, Objective
from ..objective.losses import KL, OfActions, Sum
from ..objective.optimizers import at, length, require_schedule
from ..policy.policies import Policy
from ..objective.surrogates import estimator
from ..objective.trust_region import TrustRegion
from ..rl import gae, normalised, rollout
from ..rl.baseline import baseline
from .adaptation import GradientSteps, Rates
from .learner import require_finite
from .objective import MetaObjective, mean_gradient, share, trust_region_step

OPTIMIZERS = {"adam": Adam(), "sgd": SGD(), "trust-region": TrustRegion()}
CACHE = 2 ** 19  # numbers of one layer's outputs that are worked on at once


@dataclass(frozen=True)
class GradientLearner:
    """Adapts by gradient steps. What of data an objective is, its children say:

        inner_objective(data), outer_objective(data)      losses, a number per task

    policy      a policy, or any map in four forms with a layout
    alpha       rate of the inner steps: a number, one for each step, or an array
                [S, P], one for each parameter; the last row serves all steps after
    optimizer   of theta: "adam", "sgd", "trust-region", or such an object
    rate        of Adam and SGD, a number or a schedule; a trust region has none
    dtype       of theta
    """

    policy: Any
    alpha: Any = 0.1
    optimizer: Any = "adam"
    rate: Any = None
    dtype: Any = np.float32

    episodes = 1  # of a trial: gradient steps adapt between trials, not within
    first_order = False
    adapts_between_trials = True
    learn_alpha = False
    only_descends = False  # True where a trust region has no meaning

    def __post_init__(self):
        optimizer, rate = self.optimizer, self.rate
        if not hasattr(self.policy, "vjp_dot"):
            raise TypeError(f"policy must be a policy, such as MLPPolicy(..), or a map "
                            f"in four forms, got {self.policy!r}")
        require.precision(self.dtype)
        for name in ("first_order", "learn_alpha"):
            require.truth(name, getattr(self, name))
        if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
            optimizer = require.choice("optimizer", optimizer, OPTIMIZERS)
        is_bounded = isinstance(optimizer, TrustRegion)
        if is_bounded and self.only_descends:
            raise ValueError(f"optimizer must be 'adam' or 'sgd' for "
                             f"{type(self).__name__}, got {self.optimizer!r}")
        if is_bounded and rate is not None:
            raise ValueError(f"a trust region takes no rate, got {rate}; its bound is "
                             f"max_kl, as in optimizer=TrustRegion(max_kl=0.01)")
        if not is_bounded and rate is None:
            object.__setattr__(self, "rate", 1e-3)
        require_schedule("rate", self.rate or 0)
        object.__setattr__(self, "optimizer", optimizer)
        self.rates  # a bad alpha is refused now

    @property
    def n_steps(self):
        """Steps of adaptation in training."""
        return self.rounds

    @cached_property
    def rates(self):
        rates = Rates.of(self.alpha, self.policy.size, self.learn_alpha)
        n = len(rates.alpha)
        if self.learn_alpha and n > self.n_steps:
            raise ValueError(
                f"alpha must have a number or row for each of the {self.n_steps} steps "
                f"if it is learned, got {n}; one for each parameter is an array "
                f"[1, {self.policy.size}]")
        return rates

    @cached_property
    def layout(self):
        """Of the trained vector: the policy's theta, and alpha if it is learned."""
        return self.policy.layout + self.rates.layout

    def init(self, rng):
        """A random theta [P], with alpha behind it if it is learned."""
        alpha = self.rates.alpha.astype(self.dtype)
        return self.rates.join(self.policy.init(rng, self.dtype), alpha)

    def shards(self, data):
        """Slices of the task axis."""
        K, *rows = data.x.shape[:-1]
        each = max(1, CACHE // max(1, prod(rows) * isqrt(self.policy.size)))
        return [slice(start, min(start + each, K)) for start in range(0, K, each)]

    def adaptation(self, history):
        """The adaptation to the batches so far: a gradient step on each."""
        objectives = tuple(self.inner_objective(data) for data in history)
        return GradientSteps(objectives, self.first_order)

    def adapt(self, theta, history):
        """theta, and the batches so far -> phi [K, P]."""
        require_same_tasks(history)
        phi = []
        for shard in self.shards(history[0]):
            vector = share(theta, shard.stop - shard.start)
            steps = self.adaptation([data[shard] for data in history])
            phi.append(steps.at(*self.rates.at(vector)).phi)
        phi = np.concatenate(phi)
        require_finite(self.policy.layout, phi=phi)
        return phi

    def meta_objectives(self, history, data):
        """The losses of theta, one meta-objective for each shard of tasks."""
        require_same_tasks([*history, data])
        return [
            MetaObjective(self.adaptation([batch[shard] for batch in history]),
                          self.outer_objective(data[shard]), self.rates)
            for shard in self.shards(data)]

    def meta_gradient(self, theta, history, data):
        """The mean loss over tasks, and its gradient [P]: `data` were collected after
        adapting to the batches of `history`, one a step."""
        return mean_gradient(self.meta_objectives(history, data), theta)

    def update(self, theta, state, history, data, progress):
        """One step of the optimizer."""
        if isinstance(self.optimizer, TrustRegion):
            theta, loss, grad, report = trust_region_step(
                self.optimizer, self.meta_objectives(history, data),
                self.divergence(data), theta)
        else:
            loss, grad = self.meta_gradient(theta, history, data)
            require_finite(self.layout, loss=loss, gradient=grad)
            theta, state = self.descend(theta, grad, state, progress)
            report = {}
        require_finite(self.layout, loss=loss, gradient=grad, theta=theta)
        row = {"loss": float(loss), "gradient": length(grad)} | report
        return theta, state, self.report(history, data) | row

    def descend(self, theta, grad, state, progress):
        state = self.optimizer.init(theta) if state is None else state
        return self.optimizer.step(theta, grad, state, at(self.rate, progress))


@dataclass(frozen=True)
class RolloutLearner(GradientLearner):
    """Adapts from rollouts.

    trials      B, episodes of each task in a batch
    inner       estimator of the inner step: "log-likelihood", "ratio", "clipped-ratio",
                "dice", "loaded-dice", or a function of (A, l_old, mask) such as
                partial(LoadedDice, lam=0.3)
    outer       the same, of the outer objective
    gamma, lam  discount, and the mix of advantages
    baseline    "linear" (in features of the observation and time) or "none"
    normalise   True: the advantages of each task have mean 0 and standard deviation 1,
                and an objective is their mean over steps. False: it is the return,
                reward, a mean over episodes
    """

    trials: int = 20
    inner: Any = "log-likelihood"
    outer: Any = "ratio"
    gamma: float = 0.99
    lam: float = 1.0
    baseline: str = "linear"
    normalise: bool = True

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.policy, Policy):
            raise TypeError(f"policy must be a policy, such as MLPPolicy(..), got "
                            f"{self.policy!r}")
        require.truth("normalise", self.normalise)
        require.count("trials", self.trials)
        require.number("gamma", self.gamma, 0, 1)
        require.number("lam", self.lam, 0, 1)
        estimator("inner", self.inner)
        estimator("outer", self.outer)
        baseline(self.baseline)

    def collect(self, theta, tasks, rng):
        """A batch of episodes; theta [P] as it is trained, or phi [K, P]."""
        return rollout(self.policy, theta[..., :self.policy.size], tasks,
                       trials=self.trials, episodes=1, rng=rng)

    def advantages(self, data):
        """A [K, T, B], reward."""
        counts(data.mask)
        value = baseline(self.baseline)(data, self.gamma)
        return gae(data.reward, value, self.gamma, self.lam, data.end) * data.mask

    def weighted(self, A, mask):
        """A so scaled that its sums are the means that `normalise` promises."""
        if self.normalise:
            return normalised(A, mask) / counts(mask).astype(A.dtype)
        return A / A.dtype.type(A.shape[-1])

    def surrogate_loss(self, data, make):
        """Minus a surrogate of the data, as a function of a policy's parameters."""
        A = self.weighted(self.advantages(data), data.mask)
        surrogate = make(A, data.log_prob, data.mask)
        loss = Sum(((-1, OfActions(self.policy, data.action, surrogate)),))
        return Objective(self.policy, data.x, loss)

    def inner_objective(self, data):
        return self.surrogate_loss(data, estimator("inner", self.inner))

    def outer_objective(self, data):
        return self.surrogate_loss(data, estimator("outer", self.outer))

    def divergence(self, data):
        """The KL divergence from the policies that y_old belongs to, a mean over steps:
        (shard's number, y_old) -> a scalar of y."""
        masks = [data.mask[shard] for shard in self.shards(data)]

        def from_outputs(i, y_old):
            w = step_weights(masks[i], y_old.dtype)
            return KL(self.policy, self.policy.split(y_old)[0], w)

        return from_outputs

    def report(self, history, data):
        """Mean returns of an episode after adaptation and, if there was one, before."""
        batches = {"before": history[0]} if history else {}
        return {name: float(batch.reward.sum(1).mean())
                for name, batch in (batches | {"return": data}).items()}


def require_same_tasks(batches):
    """All batches must be of the same tasks, and there must be one."""
    sizes = [len(data.x) for data in batches]
    if len(set(sizes)) != 1:
        raise ValueError(f"history must hold batches of the same tasks, one at least, "
                         f"got {sizes} tasks")


def counts(mask):
    """How many steps each task has: [K, 1, 1]."""
    n = mask.sum((-2, -1), keepdims=True)
    if not n.all():
        task = int(np.argmin(n.ravel()))
        raise ValueError(
            f"mask must have a step in every task, got none in task {task}")
    return n


def step_weights(mask, dtype):
    """Weights of a mean over the steps of each task: [K, T, B]."""
    return (mask / counts(mask)).astype(dtype)
