"""`demonstrate` plays an expert, who knows the task, and keeps what the expert showed.

    act = expert(tasks)                  an expert knows the tasks
    action = act(state, t, rng)          states and actions of all episodes, [K, B, ..]

    planner      value iteration on the tasks' tables, ties broken at random
    controller   tasks.expert(state)

As in a rollout, no task is stepped after `done`: an episode that has ended is put back
to its first state at each step, and its further steps are masked.

Letters: K tasks, T steps, B episodes, n inputs.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..tasks import Discrete
from ..tasks.planning import value_iteration
from .rollout import Batch, chosen, promised, require_fit, together, truths

TIE = 1e-9  # returns that differ by less are equal


def planner(tasks):
    """Acts by value iteration."""
    require_expert(tasks, "tables", "planner")
    P, R, _ = tasks.tables()
    Q, k = value_iteration(P, R, tasks.family.horizon).Q, np.arange(len(tasks))[:, None]

    def act(state, t, rng):
        q = Q[k, t, state]
        is_best = q > q.max(-1, keepdims=True) - TIE
        return (is_best * rng.random(q.shape)).argmax(-1)

    return act


def controller(tasks):
    """Acts as the tasks' own expert does."""
    require_expert(tasks, "expert", "controller")
    return lambda state, t, rng: tasks.expert(state)


def require_expert(tasks, needs, name):
    if not hasattr(tasks, needs):
        raise TypeError(f"the {name} needs tasks with {needs}(), which "
                        f"{type(tasks).__name__} does not have; use another expert")


EXPERTS = {"planner": planner, "controller": controller}


@dataclass(frozen=True)
class Demonstration(Batch):
    """B episodes of each of K tasks, as shown by an expert.

    The actions may be missing (None): then only the observations are shown.
    """

    x: np.ndarray      # [K, T, B, n]  what a policy would have seen
    after: np.ndarray  # [K, T, B, n]  what it would have seen next
    mask: np.ndarray   # [K, T, B]  True where a step was taken, False where padded
    action: Any = None  # [K, T, B] integers or [K, T, B, n] floats, in x's dtype

    def __post_init__(self):
        for name in ("x", "after"):
            require.floating(name, getattr(self, name))
            require.finite(name, getattr(self, name))
        if self.x.ndim != 4:
            raise ValueError(f"x must be [K, T, B, n], got {list(self.x.shape)}")
        require.like("after", self.after, "x", self.x)
        steps, mask = self.x.shape[:3], require.mask("mask", self.mask)
        if mask.shape != steps:
            raise ValueError(f"mask must be [K, T, B] as x is, {list(steps)}, got "
                             f"{list(mask.shape)}")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "after", self.after.astype(self.x.dtype, copy=False))
        if self.action is not None:
            object.__setattr__(self, "action", self.converted(np.asarray(self.action)))

    def converted(self, action):
        """The actions, floating ones in the dtype of x."""
        steps = self.x.shape[:3]
        if action.shape[:3] != steps:
            raise ValueError(f"action must be [K, T, B, ..] with the tasks, steps and "
                             f"episodes of x, {list(steps)}, got {list(action.shape)}")
        require.finite("action of a demonstration", action)
        is_real = action.dtype.kind == "f"
        return action.astype(self.x.dtype, copy=False) if is_real else action


def demonstrate(expert, policy, tasks, *, episodes, rng, noise=0.0, dtype=np.float64):
    """The expert plays `episodes` episodes of each task.

    expert  "planner", "controller", or a function as at the head of this file
    policy  a memoryless one; its `see` makes x of the observations
    noise   disturbs the expert, so that the demonstration shows how to go on from other
            states too. A discrete action is replaced by a random one with this
            probability; N(0, noise^2) is added to a continuous one. The action shown is
            the one that the expert meant
    dtype   of the numbers

    Returns a Demonstration.
    """
    if not callable(expert):
        expert = require.choice("expert", expert, EXPERTS)
    require_memoryless(policy)
    require_fit(policy, tasks)
    family, rng = tasks.family, require.generator("rng", rng)
    most = 1 if isinstance(family.action, Discrete) else np.inf
    noise = require.number("noise", noise, 0, most)
    K, B, dtype = len(tasks), require.count("episodes", episodes), np.dtype(dtype)
    shape, act = (K, B, family.obs_size), expert(tasks)

    state, obs = first = tasks.reset(B, rng)
    promised(family, "obs", obs, shape, 0, dtype)
    is_on, steps = np.ones((K, B), bool), []
    with np.errstate(under="ignore"):  # what is too small for the dtype is 0
        for t in range(family.horizon):
            action = act(state, t, rng)
            played = disturbed(action, family.action, noise, rng)
            state, after, _, done = tasks.step(state, played, rng)
            promised(family, "obs", after, shape, t + 1, dtype)
            x, x_after = (policy.see(seen, None, dtype) for seen in (obs, after))
            steps.append((x, x_after, is_on, action))
            is_on, obs = is_on & ~truths(family, done, (K, B)), after
            if not is_on.any():
                break
            if not is_on.all():
                state, obs = chosen(is_on, (state, obs), first)
        return Demonstration(*(together(column, dtype) for column in zip(*steps)))


def require_memoryless(policy):
    """Raises TypeError unless policy.is_recurrent is False."""
    if getattr(policy, "is_recurrent", True):
        raise TypeError(f"policy must be memoryless, as MLPPolicy is, got {policy!r}")


def disturbed(action, space, noise, rng):
    """The action that is played in place of the one that is meant."""
    if noise == 0:
        return action
    if isinstance(space, Discrete):
        slips = rng.random(action.shape) < noise
        return np.where(slips, space.sample(action.shape, rng), action)
    return action + noise * rng.standard_normal(action.shape)
