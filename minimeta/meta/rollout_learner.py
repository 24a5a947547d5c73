"""The base of gradient learners that learn from experience: a batch is a Rollout, and a
loss is minus a surrogate of its advantages.

    A        advantages: what an action earned beyond what was expected
    inner    estimator whose gradient adaptation follows, and whose Hessian the
             meta-gradient goes through: see objective/surrogates.py
    outer    estimator of how good the adapted policy is

Letters: K tasks, T steps, B trials of one episode each, P parameters.
"""
from dataclasses import dataclass
from typing import Any

from .. import require
from ..objective import Objective
from ..objective.losses import Minus, OfActions
from ..objective.surrogates import discounts, estimator
from ..policy.policies import Policy
from ..rl import (counts, gae, normalised, return_scale, rollout,
                  step_weights)
from ..rl.baseline import baseline
from .gradient import GradientLearner


@dataclass(frozen=True)
class RolloutLearner(GradientLearner):
    """Adapts from rollouts.

    trials          B, trials of each task in a batch, each of one episode
    inner           estimator of the inner step: "log-likelihood", "ratio",
                    "clipped-ratio", "dice", "loaded-dice", or a function of
                    (A, l_old, mask) such as partial(LoadedDice, lam=0.3)
    outer           the same, of the outer loss
    gamma, lam      discount, and the mix of advantages
    baseline        "linear" (in features of the observation and time) or "none"
    normalise       True: the advantages of each task have mean 0 and standard deviation
                    1, and a loss is their mean over steps; alpha has no unit, and
                    scaling the rewards changes nothing. False: a loss is minus the
                    return, a mean over episodes; alpha has the unit 1 / reward
    discount_steps  True: step t of an episode counts gamma^t, so that gradients and
                    Hessians are those of the discounted return. False, as is usual:
                    they are only for gamma = 1
    """

    trials: int = 20
    inner: Any = "log-likelihood"
    outer: Any = "ratio"
    gamma: float = 0.99
    lam: float = 1.0
    baseline: str = "linear"
    normalise: bool = True
    discount_steps: bool = False

    def collect(self, theta, tasks, rng):
        """A batch of episodes; theta [P] as it is trained, or phi [K, P]."""
        return rollout(self.policy, theta[..., :self.policy.size], tasks,
                       trials=self.trials, episodes=1, rng=rng)

    def inner_objective(self, data):
        return self.surrogate_loss(data, estimator("inner", self.inner))

    def outer_objective(self, data):
        return self.surrogate_loss(data, estimator("outer", self.outer))

    def surrogate_loss(self, data, make):
        """Minus a surrogate of the data, as a function of a policy's parameters."""
        surrogate = make(self.weighted(data), data.log_prob, data.mask)
        loss = Minus(OfActions(self.policy, data.action, surrogate))
        return Objective(self.policy, data.x, loss)

    def weighted(self, data):
        """Advantages over the number of steps or episodes, so that their sums are the
        means that `normalise` promises: [K, T, B]."""
        A = self.advantages(data)
        if not self.normalise:
            return A / A.dtype.type(A.shape[-1])
        scale = return_scale(data.reward, self.gamma, data.end)
        return normalised(A, data.mask, scale) / counts(data.mask).astype(A.dtype)

    def advantages(self, data):
        """A [K, T, B], reward."""
        counts(data.mask)
        value = baseline(self.baseline)(data, self.gamma)
        A = gae(data.reward, value, self.gamma, self.lam, data.end) * data.mask
        if self.discount_steps:
            A = A * discounts(data.end, self.gamma).astype(A.dtype)
        return A

    def step_weights(self, data):
        """Weights of a mean over the steps of each task: [K, T, B]."""
        return step_weights(data.mask, data.reward.dtype)

    def report(self, history, data):
        """Mean returns of an episode after adaptation and, if there was one, before."""
        batches = {"before": history[0]} if history else {}
        return {name: float(batch.reward.sum(1).mean())
                for name, batch in (batches | {"return": data}).items()}

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.policy, Policy):
            raise TypeError(f"policy must be a policy, such as MLPPolicy(..), got "
                            f"{self.policy!r}")
        for name in ("normalise", "discount_steps"):
            require.truth(name, getattr(self, name))
        require.count("trials", self.trials)
        require.number("gamma", self.gamma, 0, 1)
        require.number("lam", self.lam, 0, 1)
        estimator("inner", self.inner)
        estimator("outer", self.outer)
        baseline(self.baseline)


@dataclass(frozen=True)
class ThroughSteps(RolloutLearner):
    """A rollout learner whose meta-gradient goes through the steps of adaptation.

    rounds        S, steps of adaptation in training, each on a batch of its own
    first_order   leave out the Hessians
    learn_alpha   train alpha too, in the shape in which it is given: one number, one
                  for each step, or one for each parameter (Meta-SGD)
    """

    rounds: int = 1
    first_order: bool = False
    learn_alpha: bool = False

    def __post_init__(self):
        super().__post_init__()
        require.count("rounds", self.rounds)
