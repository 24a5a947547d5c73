"""The honest family of the tests of check_tasks: a coin that says nothing of itself."""
from dataclasses import dataclass

import numpy as np

from minimeta.tasks import Discrete, Family, Tasks


@dataclass(frozen=True)
class Coin(Family):
    """Two sides, one of which pays 1 with probability .9, the other .1; three calls."""

    tasks: type = None
    horizon, obs_size, action = 3, 1, Discrete(2)

    def draw(self, K, rng):
        return (self.tasks or Coins)(self, rng.integers(2, size=K))


@dataclass(frozen=True)
class Coins(Tasks):
    family: Coin
    side: np.ndarray

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, self.look(state)

    def look(self, state):
        return state[..., None].astype(float)

    def move(self, state, action, rng):
        p = np.where(action == self.side[:, None], 0.9, 0.1)
        reward = (rng.random(state.shape) < p).astype(float)
        return state + 1, self.look(state + 1), reward, np.zeros(state.shape, bool)

    def oracle(self):
        return np.full(len(self), 2.7)

    def random(self):
        return np.full(len(self), 1.5)
