"""Makes a task of any environment with the interface of Gymnasium.

    family = from_gymnasium(make, horizon=100)
    make(rng) -> environment        draws one task

    env.reset(seed=..) -> obs, info
    env.step(action) -> obs, reward, terminated, truncated, info
    env.observation_space, env.action_space

A task is the seed of the generator that `make` draws from, so the same task can be made
once for each of B episodes: `make` must draw from `rng` alone, and give a new
environment at each call. The spaces of all tasks must have the same sizes; spaces.py
translates observations and actions. Gymnasium is not imported.

    terminated    is `done`
    truncated     ends an episode too, since nobody may step the environment after it;
                  at the horizon it is not `done`
    seeds         of every reset come from `rng`, so the same rng gives the same rollout

The state of such tasks is an array [K, B] of moments in the lives of environments. An
environment cannot go back, so a moment can be stepped once. So some laws of check_tasks
do not hold: `pure`, which steps twice from one state; `whole`, if `make` does not
pickle, as a lambda function does not; `untimed`, if an environment has a time limit of
its own below the horizon. Laws about oracle() and random() do not apply.

Letters: K tasks, B episodes side by side.
"""
import inspect
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from .. import require
from ..tasks import Family, Tasks
from . import spaces


def from_gymnasium(make, horizon, episodes=1):
    """A family of tasks, each of which is an environment with Gymnasium's interface.

    make      rng -> environment: draws a task, for instance
              lambda rng: gymnasium.make("FrozenLake-v1", desc=random_map(rng))
    horizon   steps after which an episode is cut
    episodes  of a trial, for recurrent learners
    """
    return Environments(make, horizon, episodes)


@dataclass(frozen=True)
class Environments(Family):
    """A family of such tasks; see from_gymnasium."""

    make: Callable
    horizon: int
    episodes: int
    obs_space: Any = field(init=False, repr=False, compare=False)
    action_space: Any = field(init=False, repr=False, compare=False)

    @property
    def obs_size(self):
        return self.obs_space.width

    @property
    def action(self):
        return spaces.action_space(self.action_space)

    def encode(self, obs):
        """An observation of the environment of seed 0 -> a vector of floats."""
        return self.obs_space.encode(obs)

    def decode(self, action):
        """An action of the family -> an action of an environment."""
        return spaces.decode(self.action_space, action)

    def made(self, seed):
        """A new environment of the task with this seed."""
        rng = np.random.default_rng(seed)
        require_takes(self.make, rng)
        env = self.make(rng)
        needed = ("reset", "step", "observation_space", "action_space")
        if isinstance(env, type):
            raise TypeError(f"make must give an environment, not a class, got {env!r}; "
                            f"use lambda rng: {env.__name__}(..)")
        missing = [name for name in needed if not hasattr(env, name)]
        if missing:
            raise TypeError(f"make must give an environment with {', '.join(needed)}, "
                            f"got {env!r} without {', '.join(missing)}")
        return env

    def draw(self, K, rng):
        """K tasks."""
        return EnvironmentTasks(self, rng.integers(2 ** 63, size=K))

    def __post_init__(self):
        require.fields(self, count=("horizon", "episodes"))
        first = self.made(0)
        for name, space in (("obs_space", first.observation_space),
                            ("action_space", first.action_space)):
            object.__setattr__(self, name, spaces.translated(space))
        self.action  # raises now if the actions are not supported


def require_takes(make, rng):
    """`make` must take an rng."""
    try:
        inspect.signature(make).bind(rng)
    except TypeError as error:
        raise TypeError(f"make must be a function of rng that gives an environment, "
                        f"got {make!r}: {error}") from None
    except ValueError:
        pass  # a function without a signature


class World:
    """One environment and its last moment, `now`."""

    def __init__(self, family, seed):
        self.family, self.env, self.now = family, family.made(seed), None
        self.obs_space = spaces.translated(self.env.observation_space)
        self.action_space = spaces.translated(self.env.action_space)
        sizes = self.obs_space.width, spaces.action_space(self.action_space)
        if sizes != (family.obs_size, family.action):
            raise ValueError(
                f"all tasks must have spaces of one size, {family.obs_size} numbers "
                f"seen and {family.action}, got {sizes[0]} and {sizes[1]}")

    def reset(self, seed):
        """The first moment of a new episode."""
        obs, _ = self.answer("reset", 2, seed=int(seed))
        self.now = Moment(self, 0, self.obs_space.encode(obs))
        return self.now

    def step(self, moment, action):
        """The moment after the action; the last one again if the episode is over."""
        if self.now.is_over:
            return Moment(self, self.now.t, self.now.obs, 0.0, True)
        if moment is not self.now:
            raise ValueError("a state of environments can be stepped once: an "
                             "environment cannot go back; use tasks.reset")
        obs, reward, terminated, truncated, _ = self.answer(
            "step", 5, spaces.decode(self.action_space, action))
        t, is_cut = moment.t + 1, bool(truncated)
        is_last = t >= self.family.horizon
        if np.asarray(reward).dtype.kind not in "biuf":
            raise TypeError(f"reward must be a number, got {reward!r}")
        reward = require.number("reward", np.float64(reward))
        done = bool(terminated) or is_cut and not is_last
        self.now = Moment(self, t, self.obs_space.encode(obs), reward, done,
                          done or is_last)
        return self.now

    def answer(self, verb, n, *args, **keywords):
        """The n values that a method of the environment returns."""
        values = getattr(self.env, verb)(*args, **keywords)
        if not isinstance(values, tuple) or len(values) != n:
            raise TypeError(f"{verb} of {self.env} must return {n} values, as in "
                            f"Gymnasium, got {values!r}")
        return values


@dataclass(frozen=True, eq=False)
class Moment:
    """A moment in the life of an environment. Two moments are equal if an agent cannot
    tell them apart."""

    world: World = field(repr=False)
    t: int
    obs: np.ndarray
    reward: float = 0.0
    done: bool = False
    is_over: bool = False  # done, or at the horizon

    def __eq__(self, other):
        return np.array_equal(self.obs, other.obs) and all(
            getattr(self, name) == getattr(other, name)
            for name in ("t", "reward", "done"))


@dataclass(frozen=True)
class EnvironmentTasks(Tasks):
    """K tasks. The state is an array [K, B] of moments."""

    family: Environments
    seed: np.ndarray  # [K]  of the generator that `make` draws a task from

    def begin(self, B, rng):
        """Begins B episodes of each task, in new environments."""
        seeds = rng.integers(2 ** 31, size=(len(self), B))
        worlds = [[World(self.family, seed) for _ in range(B)] for seed in self.seed]
        envs = {id(world.env) for row in worlds for world in row}
        if len(envs) < seeds.size:
            raise ValueError(f"make must give a new environment at each call, got "
                             f"{len(envs)} for {seeds.size} calls")
        return observed([[world.reset(seed) for world, seed in zip(*row)]
                         for row in zip(worlds, seeds)])

    def reset_some(self, state, which, rng):
        """Begins new episodes where `which` [K, B] is True, in the same environments;
        the others stay as they are. To make or reset an environment is costly."""
        seeds = rng.integers(2 ** 31, size=state.shape)
        return observed([[moment.world.reset(seed) if is_new else moment
                          for moment, seed, is_new in zip(*row)]
                         for row in zip(state, seeds, which)])

    def move(self, state, action, rng):
        """One step of each environment, one after the other."""
        after = [[moment.world.step(moment, a) for moment, a in zip(*row)]
                 for row in zip(state, action)]
        reward, done = (np.array([[getattr(moment, name) for moment in row]
                                  for row in after]) for name in ("reward", "done"))
        return *observed(after), reward, done


def observed(moments):
    """Moments, rows of a list -> an array of them [K, B], and obs [K, B, n]."""
    state = np.empty((len(moments), len(moments[0])), object)
    state[:] = moments
    return state, np.array([[moment.obs for moment in row] for row in moments])
