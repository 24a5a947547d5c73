"""The grid and the plane as environments of Gymnasium in plain Python, side by side in
its SyncVectorEnv. The policy that acts is minimeta's: only the environments differ."""
import math
from functools import partial

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import SyncVectorEnv

MOVES = ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))


class Grid(gymnasium.Env):
    """GridNavigation without walls."""

    def __init__(self, family, goal):
        self.size, self.horizon, self.goal = family.size, family.horizon, int(goal)
        self.observation_space = Box(0, 1, (self.size ** 2,), np.float32)
        self.action_space = Discrete(len(MOVES))

    def observe(self):
        obs = np.zeros(self.size ** 2, np.float32)
        obs[self.row * self.size + self.column] = 1
        return obs

    def reset(self, *, seed=None, options=None):
        self.row = self.column = self.t = 0
        return self.observe(), {}

    def step(self, action):
        up, right = MOVES[action]
        self.row = min(max(self.row + up, 0), self.size - 1)
        self.column = min(max(self.column + right, 0), self.size - 1)
        self.t += 1
        is_on = self.row * self.size + self.column == self.goal
        reward = 1.0 if is_on else -0.1
        return self.observe(), reward, False, self.t == self.horizon, {}


class Plane(gymnasium.Env):
    """PointNavigation."""

    def __init__(self, family, goal):
        self.family, self.goal = family, goal.tolist()
        self.observation_space = Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = Box(-np.inf, np.inf, (2,), np.float32)

    def observe(self):
        return np.array((self.x, self.y), np.float32)

    def reset(self, *, seed=None, options=None):
        self.x = self.y = 0.0
        self.t = 0
        return self.observe(), {}

    def step(self, action):
        right, up = action.tolist()
        self.x += self.family.max_step * min(max(right, -1.0), 1.0)
        self.y += self.family.max_step * min(max(up, -1.0), 1.0)
        self.t += 1
        x, y = self.x - self.goal[0], self.y - self.goal[1]
        done = max(abs(x), abs(y)) < self.family.radius
        is_over = self.t == self.family.horizon
        return self.observe(), -math.hypot(x, y), done, is_over, {}


ENVIRONMENTS = {"GridNavigation": Grid, "PointNavigation": Plane}


def environments(family, tasks, trials):
    """K trials environments, those of a task side by side."""
    make = ENVIRONMENTS[type(family).__name__]
    return SyncVectorEnv([partial(make, family, goal)
                          for goal in np.repeat(tasks.goal, trials, 0)])


def acting(family, tasks, trials, policy, theta, rng):
    """One episode of each, kept as a rollout keeps it."""
    envs = environments(family, tasks, trials)

    def run():
        (obs, _), steps = envs.reset(), []
        for _ in range(family.horizon):
            act, _ = policy.act(theta, None, obs, rng)
            after, reward, done, _, _ = envs.step(act.action)
            steps.append((obs, act.action, reward, act.log_prob, done))
            obs = after
        return [np.stack(column) for column in zip(*steps)]
    return run


def rewards(family, tasks, trials, actions):
    """The rewards [K, T, B] that the actions [K, T, B, ..] earn here."""
    envs = environments(family, tasks, trials)
    envs.reset()
    columns = [envs.step(a.reshape((-1,) + a.shape[2:]))[1].reshape(a.shape[:2])
               for a in np.moveaxis(actions, 1, 0)]
    return np.stack(columns, 1)
