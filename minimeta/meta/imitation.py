"""Imitation: a learner sees a task done once, then does it.

    phi_k = theta - alpha grad inner(theta; demonstration of task k)      `steps` times
    loss  = mean over tasks of outer(phi_k; another demonstration, or its own tries)

    inner   "cloning"   the demonstrated actions, by log-likelihood or squared error
            "learned"   a learned loss of demonstrated states (learned_loss.py)
    outer   "cloning"   a demonstration that the inner step has not seen
            "return"    what the adapted policy earns, by policy gradient

The inner step samples nothing, so its Hessian is exact: this is MAML, formula and all,
without the question of estimators.

Letters: K tasks, T steps, B episodes, P parameters.
Source: Finn et al. (2017), One-shot visual imitation learning via meta-learning, arXiv
1709.04905.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import require
from ..objective import LogLikelihood, Objective
from ..objective.losses import MeanError, Minus, OfActions, SquaredError
from ..policy.policies import Act
from ..rl import Rollout, rollout, step_weights
from ..rl.demonstrations import (EXPERTS, Demonstration, demonstrate,
                                 require_memoryless)
from .gradient import GradientLearner
from .learned_loss import Judged, Unjudged
from .maml import MAML
from .reinforce import Reinforce


def log_likelihood(policy, actions, w):
    """Minus the mean log-probability of the actions, nats."""
    return Minus(OfActions(policy, actions, LogLikelihood(w)))


LOSSES = {"log-likelihood": log_likelihood, "squared-error": MeanError}
INNER = dict.fromkeys(("cloning", "learned"))
OUTER = dict.fromkeys(("cloning", "return"))


@dataclass(frozen=True)
class Greedy:
    """A memoryless policy that takes its most probable action."""

    policy: Any

    def begin(self, theta, n_rows):
        """No memory."""

    def see(self, obs, last, dtype):
        return self.policy.see(obs, last, dtype)

    def act(self, theta, memory, x, rng):
        y, _ = self.policy.net.forward(self.policy.weights(theta), x)
        u, value = self.policy.split(self.policy.attach(y, theta))
        action = self.policy.head.greedy(u)
        return Act(action, self.policy.head.log_prob(u, action), value), memory


@dataclass(frozen=True)
class Lesson:
    """A batch: demonstrations, and the learner's own tries.

    shown   the demonstration to adapt to, a single episode without noise
    other   the demonstration that judges the adapted policy; None if its tries do
    tried   episodes that the learner played itself
    """

    shown: Demonstration
    other: Any
    tried: Rollout

    def __getitem__(self, index):
        other = None if self.other is None else self.other[index]
        return Lesson(self.shown[index], other, self.tried[index])

    @property
    def x(self):
        return self.shown.x

    def episode_returns(self, episodes):
        """The returns of the tries, [K, episodes, B]."""
        return self.tried.episode_returns(episodes)


@dataclass(frozen=True)
class Imitation(GradientLearner):
    """Learns to do a task after one demonstration of it.

    policy        memoryless
    expert        "planner", "controller", or a function as in rl/demonstrations.py
    loss          of cloning: "log-likelihood" or "squared-error" (of a Gaussian's mean)
    inner, outer  as at the top of this file. outer may also be a learner, whose outer
                  objective is taken, such as Reinforce(policy, gamma=0.9). "return"
                  stands for Reinforce(policy, outer="ratio")
    steps         gradient steps of adaptation
    judge         sizes of the hidden layers of the learned loss; () for a linear one
    n_judged      number of its outputs
    shows         B, episodes of the demonstration that judges the adapted policy
    noise         of the expert in these episodes, so that they also show how to go on
                  from elsewhere. The demonstration to adapt to has no noise
    tries         B, episodes that the learner plays itself, before and after adaptation
    greedy        True: in these it takes its most probable actions (not for "return")

    With a learned loss the trained vector is (theta, psi), then alpha if that is
    learned. Adaptation leaves psi as it is.
    """

    alpha: Any = 0.1
    expert: Any = "planner"
    loss: str = "log-likelihood"
    inner: str = "cloning"
    outer: Any = "cloning"
    steps: int = 1
    judge: tuple = ()
    n_judged: int = 8
    shows: int = 1
    noise: float = 0.0
    tries: int = 1
    greedy: bool = False
    first_order: bool = False
    learn_alpha: bool = False

    only_descends = True
    meta_loss = MAML.meta_loss

    # Training changes theta, and psi after it if the loss is learned.

    @cached_property
    def judged(self):
        return Judged.of(self.policy, self.judge, self.n_judged)

    @property
    def net(self):
        return self.judged if self.inner == "learned" else self.policy

    @property
    def actor(self):
        """The policy, as a map of all parameters of `net`."""
        return Unjudged(self.judged) if self.inner == "learned" else self.policy

    # Data and losses.

    def collect(self, theta, tasks, rng):
        """A Lesson; theta [P] as it is trained, or adapted parameters [K, P]."""
        def shown(episodes, noise):
            return demonstrate(self.expert, self.policy, tasks, episodes=episodes,
                               rng=rng, noise=noise, dtype=theta.dtype)

        other = shown(self.shows, self.noise) if self.outer == "cloning" else None
        player = Greedy(self.policy) if self.greedy else self.policy
        tried = rollout(player, theta[..., :self.policy.size], tasks, trials=self.tries,
                        episodes=1, rng=rng)
        return Lesson(shown(1, 0.0), other, tried)

    def inner_objective(self, data):
        """The loss of adapting to a Lesson, or to a Demonstration alone."""
        shown = getattr(data, "shown", data)
        if self.inner == "cloning":
            return self.cloning(self.policy, shown)
        self.check(shown)
        x = np.concatenate([shown.x, shown.after], -1)
        w = self.policy.fold_steps(
            step_weights(shown.mask, x.dtype)[..., None])[..., 0]
        c = np.zeros_like(x, shape=w.shape + (self.n_judged,))
        return Objective(self.judged, x, SquaredError(c, w))

    def outer_objective(self, data):
        if self.outer == "cloning":
            return self.cloning(self.actor, data.other)
        learner = self.outer
        if learner == "return":
            learner = Reinforce(self.policy, outer="ratio")
        objective = learner.outer_objective(data.tried)
        return Objective(self.actor, objective.x, objective.scalar)

    def cloning(self, net, shown):
        """The loss of cloning a Demonstration."""
        self.check(shown)
        if shown.action is None:
            raise ValueError("a demonstration without actions cannot be cloned; use "
                             "inner='learned'")
        w = step_weights(shown.mask, shown.x.dtype)
        return Objective(net, shown.x, LOSSES[self.loss](self.policy, shown.action, w))

    def check(self, shown):
        """Raises ValueError if a demonstration does not fit the policy's observations
        and actions."""
        if shown.x.shape[-1] != self.policy.n_in:
            raise ValueError(f"a demonstration must have observations of length "
                             f"{self.policy.n_in}, as {self.policy} has, got "
                             f"{shown.x.shape[-1]}")
        core = self.policy.head.greedy(np.zeros(self.policy.head.n_in)).shape
        if shown.action is not None and shown.action.shape[3:] != core:
            letters = ", ".join(["K", "T", "B", *map(str, core)])
            raise ValueError(f"a demonstration must have actions [{letters}] for "
                             f"{self.policy.head}, got {list(shown.action.shape)}")

    def report(self, history, data):
        """Mean returns of the tries, before and after."""
        return {name: float(lesson.tried.reward.sum(1).mean())
                for name, lesson in (("before", history[0]), ("return", data))}

    def __post_init__(self):
        require.choice("inner", self.inner, INNER)
        if isinstance(self.outer, type) or not hasattr(self.outer, "outer_objective"):
            require.choice("outer", self.outer, OUTER)
        require_memoryless(self.policy)
        if self.inner == "cloning" and self.judge:
            raise ValueError("judge must be () where the inner loss is not learned; "
                             "use inner='learned'")
        if self.outer != "cloning" and (self.shows, self.noise) != (1, 0):
            raise ValueError(
                f"shows must be 1 and noise 0 unless a demonstration judges the "
                f"adapted policy, got {self.shows} and {self.noise}; use "
                f"outer='cloning'")
        require.truth("greedy", self.greedy)
        make = require.choice("loss", self.loss, LOSSES)
        if make is MeanError and not hasattr(self.policy.head, "split"):
            raise ValueError(f"loss 'squared-error' needs a Gaussian head, got "
                             f"{self.policy.head}; use loss='log-likelihood'")
        if not callable(self.expert):
            require.choice("expert", self.expert, EXPERTS)
        for name in ("steps", "n_judged", "shows", "tries"):
            require.count(name, getattr(self, name))
        require.number("noise", self.noise, 0)
        if self.inner == "learned" and self.first_order:
            raise ValueError("first_order must be False where the inner loss is "
                             "learned: psi learns by second derivatives alone")
        if self.greedy and self.outer != "cloning":
            raise ValueError("greedy must be False where the outer objective is the "
                             "return, whose gradient needs actions that are sampled")
        super().__post_init__()
