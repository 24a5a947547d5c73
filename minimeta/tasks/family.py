"""A family of tasks is a distribution over worlds that an agent can learn to adapt to.
This file says what a family is, and holds what all families share.

    family.sample(K, rng) -> tasks                   K tasks, drawn at random
    tasks.reset(B, rng) -> state, obs                begins B episodes of each task
    tasks.step(state, action, rng) -> state, obs, reward, done

    family.action      Discrete(n) or Box(n)
    family.obs_size    length n of an observation
    family.horizon     steps after which an episode is cut
    family.episodes    episodes in a trial, through which a recurrent agent remembers

    state    [K, B, ...]        one array, of any shape and type
    obs      [K, B, obs_size]   floats
    action   [K, B]             integers for Discrete; floats [K, B, n] for Box
    reward   [K, B]             numbers
    done     [K, B]             bools: the task itself has ended the episode

A family of your own inherits from Family, and its tasks from Tasks. These two check
what users pass in, and you write three methods:

    family.draw(K, rng) -> tasks                     what sample does
    tasks.begin(B, rng) -> state, obs                what reset does
    tasks.move(state, action, rng) -> state, obs, reward, done      what step does

A family may also know two numbers of each task. Both are optional:

    tasks.oracle()     [K]  expected undiscounted return of an episode, knowing the task
    tasks.random()     [K]  the same, acting uniformly at random

minimeta.testing.check_tasks(family) checks the contract:

- The functions are pure. The state goes in and comes out, nothing else is remembered,
  and nothing writes to its arguments. All luck comes from `rng`.
- A row of arrays is one episode of one task. No row depends on another row.
- An episode may end early, by `done`. The horizon is a limit of time, not `done`.
- Nobody steps a row that is done, and nobody steps a row past the horizon. A row that
  has ended goes on from a state that `reset` gave, as a new episode.
- The first observation does not tell which task it is.
"""
from dataclasses import dataclass, fields, replace

import numpy as np

from .. import require


@dataclass(frozen=True)
class Space:
    """The base of Discrete and Box: a whole number `n`, and the check of actions."""

    n: int

    def __post_init__(self):
        require.fields(self, count="n")

    def check(self, action, shape):
        """action must be an array [*shape] of actions of this space."""
        if not isinstance(action, np.ndarray):
            raise TypeError(
                f"action must be a NumPy array, got {type(action).__name__}")
        if action.shape != shape + self.core:
            raise ValueError(f"action must have shape {list(shape + self.core)}, got "
                             f"{list(action.shape)}")
        self.check_values(action)


class Discrete(Space):
    """Actions 0 .. n - 1."""

    core = ()  # the shape of one action

    def sample(self, shape, rng):
        """Uniform actions, integers [*shape]."""
        return require.generator("rng", rng).integers(self.n, size=shape)

    def check_values(self, action):
        if action.dtype.kind not in "iu":
            raise TypeError(f"action must hold integers, got dtype {action.dtype}")
        if action.size and not (0 <= action.min() and action.max() < self.n):
            raise ValueError(f"action must be in [0, {self.n}), got {action.min()} "
                             f"to {action.max()}")


class Box(Space):
    """Actions in R^n. A task uses each coordinate clipped to [-1, 1]."""

    @property
    def core(self):
        return (self.n,)

    def sample(self, shape, rng):
        """Uniform actions in [-1, 1]^n, floats [*shape, n]."""
        return require.generator("rng", rng).uniform(-1, 1, tuple(shape) + self.core)

    def check_values(self, action):
        require.floating("action", action)
        require.finite("action", action)


def action_space(family):
    """Returns family.action, which must be a Discrete or a Box of this library."""
    space = getattr(family, "action", None)
    if not isinstance(space, Space):
        raise TypeError(
            f"action of {family} must be a Discrete or a Box of minimeta.tasks, got "
            f"{space!r}; use {counterpart(space)}")
    return space


def counterpart(space):
    """The code that replaces a space of another library, such as gymnasium's."""
    if hasattr(space, "n"):
        return f"Discrete({space.n})"
    return f"Box({np.size(space.low)})" if hasattr(space, "low") else (
        "Discrete(n) or Box(n)")


class Family:
    """A distribution over tasks: a frozen dataclass of settings, with a method draw."""

    episodes = 1

    def sample(self, K, rng):
        """K tasks, drawn at random."""
        action_space(self)
        return self.draw(require.count("K", K), require.generator("rng", rng))


class TaskArrays:
    """K tasks of one family: a frozen dataclass of `family` and of arrays [K, ...]."""

    def arrays(self):
        """name -> array [K, ...]: all that tells the tasks apart."""
        return {field.name: getattr(self, field.name) for field in fields(self)
                if field.name != "family"}

    def __len__(self):
        return len(next(iter(self.arrays().values())))

    def __getitem__(self, index):
        """tasks[i:j], or tasks[array of indices]: fewer tasks of the same kind."""
        if isinstance(index, (int, np.integer)):
            raise TypeError(
                f"tasks are sliced, tasks[{index}:{index + 1}], to keep the axis")
        return replace(self, **{n: a[index] for n, a in self.arrays().items()})


class Tasks(TaskArrays):
    """K tasks that are acted in, with methods begin and move."""

    def reset(self, B, rng):
        """Begins B episodes of each task.  Returns state, obs."""
        return self.begin(require.count("B", B), require.generator("rng", rng))

    def step(self, state, action, rng):
        """One step of each episode.  Returns state, obs, reward, done."""
        self.check_actions(action, state.shape[:2])
        return self.move(state, action, require.generator("rng", rng))

    def check_actions(self, action, shape):
        """Actions must be integers in range, or finite floats, of the given shape."""
        action_space(self.family).check(action, shape)
