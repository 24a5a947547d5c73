"""Bandits: arms that pay at random, and nothing to see. All there is to learn is which arm."""
from dataclasses import dataclass

import numpy as np

from ..calculus import boundary
from .family import Discrete, Tasks


@dataclass(frozen=True)
class BernoulliBandit:
    """A row of slot machines, each of which pays 1 or nothing.

    sees      the fraction of its pulls that are left, in [0, 1]
    does      pulls one of `arms` arms
    earns     1 with the arm's own probability p, else 0
    ends      after `pulls` pulls (the horizon; no pull ends it early)
    a task    p of each arm, uniform on [0, 1], independent

    Source: Duan et al. (2016), RL^2, section 3.1.
    """

    arms: int
    pulls: int

    def __post_init__(self):
        boundary.count("arms", self.arms)
        boundary.count("pulls", self.pulls)

    obs_size = 1
    episodes = 1

    @property
    def action(self):
        return Discrete(self.arms)

    @property
    def horizon(self):
        return self.pulls

    def sample(self, K, rng):
        """K bandits."""
        return BernoulliTasks(self, rng.random((boundary.count("K", K), self.arms)))


@dataclass(frozen=True)
class BernoulliTasks(Tasks):
    """K bandits. The state is the number of pulls made, [K, B]."""

    family: BernoulliBandit
    p: np.ndarray  # [K, arms]  probability of a reward

    def observe(self, state):
        return 1 - state[..., None] / self.family.pulls

    def reset(self, B, rng):
        state = np.zeros((len(self), boundary.count("B", B)), int)
        return state, self.observe(state)

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
        p = np.take_along_axis(self.p, action, -1)
        reward = (rng.random(state.shape) < p).astype(float)
        done = np.zeros(state.shape, bool)
        return state + 1, self.observe(state + 1), reward, done

    def oracle(self):
        """Exact: the best arm at every pull."""
        return self.family.pulls * self.p.max(-1)

    def random(self):
        """Exact: a uniform arm at every pull."""
        return self.family.pulls * self.p.mean(-1)
