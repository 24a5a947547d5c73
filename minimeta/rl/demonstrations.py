"""Demonstrations: what an expert, who knows the task, does in it.

    act = expert(tasks)                  an expert knows the tasks
    action = act(state, t, rng)          states and actions of all episodes, [K, B, ..]

    planner      value iteration on the tasks' tables, ties broken at random
    controller   tasks.expert(state)

Letters: K tasks, T steps, B episodes, n inputs.
"""
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from .. import require
from ..policy.policies import Memoryless
from ..tasks import Discrete
from ..tasks.planning import value_iteration
from .rollout import require_fit

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
                        f"{type(tasks).__name__} has not; use another expert")


EXPERTS = {"planner": planner, "controller": controller}


@dataclass(frozen=True)
class Demonstration:
    """B episodes of each of K tasks, as shown by an expert.

    Its actions may be missing (None): then only what happened is seen.
    """

    x: np.ndarray      # [K, T, B, n]  what a policy would have seen
    after: np.ndarray  # [K, T, B, n]  and next
    mask: np.ndarray   # [K, T, B]  1 where a step was taken, 0 where padded
    action: Any = None  # [K, T, B] integers or [K, T, B, n] floats

    def __post_init__(self):
        for name in ("x", "after"):
            require.floating(name, getattr(self, name))
            require.finite(name, getattr(self, name))
        if self.x.ndim != 4:
            raise ValueError(f"x must be [K, T, B, n], got {list(self.x.shape)}")
        require.like("after", self.after, "x", self.x)
        steps = self.x.shape[:3]
        if self.mask.shape != steps:
            raise ValueError(f"mask must be [K, T, B] as x is, {list(steps)}, got "
                             f"{list(self.mask.shape)}")
        if not np.isin(self.mask, (0, 1)).all():
            raise ValueError("mask must hold 1 where a step was taken and 0 elsewhere")
        if self.action is None:
            return
        if self.action.shape[:3] != steps:
            raise ValueError(f"action must be [K, T, B, ..] with the tasks, steps and "
                             f"episodes of x, {list(steps)}, got "
                             f"{list(self.action.shape)}")
        require.finite("action of a demonstration", self.action)

    def __getitem__(self, index):
        """data[i:j]: what was shown in some of the tasks."""
        parts = (getattr(self, field.name) for field in fields(self))
        return Demonstration(*(None if part is None else part[index] for part in parts))


def demonstrate(expert, policy, tasks, *, episodes, rng, noise=0.0, dtype=np.float64):
    """The expert plays `episodes` episodes of each task.

    expert  a function as in the module's head, or "planner" or "controller"
    policy  whose eyes it is seen with: a memoryless one
    noise   how the expert is disturbed, so that it shows how to go on from elsewhere
            too. A discrete action is replaced by a random one with this probability; to
            others N(0, noise^2) is added. The action shown is the one that was meant

    Returns a Demonstration.
    """
    if not callable(expert):
        expert = require.choice("expert", expert, EXPERTS)
    if not isinstance(policy, Memoryless):
        raise TypeError(f"policy must be memoryless, as MLPPolicy is, got {policy!r}")
    require_fit(policy, tasks)
    space, act = tasks.family.action, expert(tasks)
    require.number("noise", noise, 0, 1 if isinstance(space, Discrete) else np.inf)
    state, obs = tasks.reset(require.count("episodes", episodes), rng)
    is_on, steps = np.ones(obs.shape[:2], bool), []
    for t in range(tasks.family.horizon):
        action = act(state, t, rng)
        played = disturbed(action, space, noise, rng)
        state, after, _, done = tasks.step(state, played, rng)
        x, x_after = (policy.see(seen, None, dtype) for seen in (obs, after))
        steps.append((x, x_after, is_on, action))
        obs, is_on = after, is_on & ~done
        if not is_on.any():
            break
    return Demonstration(*(np.stack(column, 1) for column in zip(*steps)))


def disturbed(action, space, noise, rng):
    """The action that is played in place of the one that is meant."""
    if noise == 0:
        return action
    if isinstance(space, Discrete):
        slips = rng.random(action.shape) < noise
        return np.where(slips, space.sample(action.shape, rng), action)
    return action + noise * rng.standard_normal(action.shape)
