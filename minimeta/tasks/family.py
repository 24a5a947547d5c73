"""What a family of tasks is: pure functions on arrays, nothing hidden.

    family.sample(K, rng) -> tasks                   K tasks, arrays with leading axis K
    tasks.reset(B, rng) -> state, obs                B parallel episodes of each task
    tasks.step(state, action, rng) -> state, obs, reward, done

    family.obs_size    length of an observation
    family.action      Discrete(n) or Box(n)
    family.horizon     steps after which an episode is cut (a time limit, not `done`)
    family.episodes    episodes in a trial, through which a recurrent agent remembers
    tasks.oracle()     [K] expected undiscounted return of an episode, knowing the task
    tasks.random()     [K] the same, acting uniformly at random

The state goes in and comes out: one array [K, B, ...]. obs is [K, B, obs_size]; reward
and done are [K, B]; actions are integers [K, B] or floats [K, B, n]. `done` is
termination by the task itself. No observation may reveal the task.
"""
from dataclasses import dataclass, fields, replace

import numpy as np

from .. import require


@dataclass(frozen=True)
class Discrete:
    """Actions 0 .. n - 1."""

    n: int

    def sample(self, shape, rng):
        """Uniform actions, integers [*shape]."""
        return rng.integers(self.n, size=shape)


@dataclass(frozen=True)
class Box:
    """Actions in R^n, of which a task uses each coordinate clipped to [-1, 1]."""

    n: int

    def sample(self, shape, rng):
        """Uniform actions in [-1, 1]^n, floats [*shape, n]."""
        return rng.uniform(-1, 1, tuple(shape) + (self.n,))


class Tasks:
    """K tasks of one family: a frozen dataclass of `family` and of arrays [K, ...]."""

    def _arrays(self):
        return [f.name for f in fields(self) if f.name != "family"]

    def __len__(self):
        return len(getattr(self, self._arrays()[0]))

    def __getitem__(self, index):
        """tasks[i:j], or tasks[array of indices]: fewer tasks of the same kind."""
        if isinstance(index, (int, np.integer)):
            raise TypeError(
                f"tasks are sliced, tasks[{index}:{index + 1}], to keep the axis")
        return replace(self, **{n: getattr(self, n)[index] for n in self._arrays()})

    def check_actions(self, action, shape):
        """Actions must be integers in range, or finite floats, of the given shape."""
        space = self.family.action
        if not isinstance(action, np.ndarray):
            raise TypeError(
                f"action must be a NumPy array, got {type(action).__name__}")
        expected = shape if isinstance(space, Discrete) else shape + (space.n,)
        if action.shape != expected:
            raise ValueError(
                f"action must have shape {list(expected)}, got {list(action.shape)}")
        if isinstance(space, Box):
            require.floating("action", action)
            return require.finite("action", action)
        if action.dtype.kind not in "iu":
            raise TypeError(f"action must hold integers, got dtype {action.dtype}")
        if action.size and not (0 <= action.min() and action.max() < space.n):
            raise ValueError(f"action must be in [0, {space.n}), got {action.min()} "
                             f"to {action.max()}")
