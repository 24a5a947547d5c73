"""Families of the tests of check_tasks: one that inherits nothing, one that mends bad
actions, and one that nobody may step once it is over."""
from dataclasses import dataclass

import numpy as np

from minimeta.tasks import Box, Discrete, Family, Tasks


class Plain:
    """A family that inherits nothing, and tasks that only reset and step."""

    horizon, episodes, obs_size, action = 4, 2, 1, Box(1)

    def sample(self, K, rng):
        if isinstance(K, bool) or K != int(K) or K < 1 or rng is np.random:
            raise ValueError("K must be a whole number, and rng a generator")
        return PlainTasks(self, rng.uniform(-1, 1, K))


class PlainTasks:
    def __init__(self, family, goal):
        self.family, self.goal = family, goal

    def __len__(self):
        return len(self.goal)

    def reset(self, B, rng):
        if isinstance(B, bool) or B != int(B) or B < 1:
            raise ValueError("B must be a whole number")
        state = np.zeros((len(self), B))
        return state, state[..., None]

    def step(self, state, action, rng):
        self.family.action.check(action, state.shape)
        state = state + action[..., 0]
        reward = -np.abs(state - self.goal[:, None])
        return state, state[..., None], reward.astype(np.float32), reward > -0.05


@dataclass(frozen=True)
class Lenient(Family):
    """A family that mends bad actions by `mend`, in place of refusing them."""

    action: object
    mend: object
    horizon, obs_size = 3, 1

    def draw(self, K, rng):
        return LenientTasks(self, rng.random(K))


@dataclass(frozen=True)
class LenientTasks(Tasks):
    family: Lenient
    goal: np.ndarray

    def step(self, state, action, rng):
        return super().step(state, self.family.mend(action, state.shape), rng)

    def begin(self, B, rng):
        return np.zeros((len(self), B)), np.zeros((len(self), B, 1))

    def move(self, state, action, rng):
        reward = np.broadcast_to(-self.goal[:, None], state.shape)
        return state, np.zeros(state.shape + (1,)), reward, np.zeros(state.shape, bool)


def if_array(change):
    return lambda action, shape: change(action) if isinstance(action, np.ndarray) else action


@dataclass(frozen=True)
class Ladder(Family):
    """Each step leads up or lets the agent fall, which ends the episode; what a step pays is
    in a table with a line for each step."""

    horizon, obs_size, action = 3, 1, Discrete(2)

    def draw(self, K, rng):
        return Ladders(self, 1 + rng.random((K, 3)), rng.integers(2, size=(K, 3)))


@dataclass(frozen=True)
class Ladders(Tasks):
    family: Ladder
    pay: np.ndarray   # [K, horizon]
    way: np.ndarray   # [K, horizon]  the action that leads up

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, np.zeros((len(self), B, 1))

    def move(self, state, action, rng):
        assert np.all(state >= 0), "a row that is done was stepped"
        k = np.arange(len(self))[:, None]
        climbs = self.way[k, state] == action     # IndexError past the horizon
        reward = self.pay[k, state] * climbs
        return np.where(climbs, state + 1, -1), np.zeros(state.shape + (1,)), reward, ~climbs

    def oracle(self):
        return self.pay.sum(-1)

    def random(self):
        return self.pay @ 0.5 ** np.arange(1, 4)
