"""The grid and the plane as registered environments of Gymnasium in plain Python, side
by side in its SyncVectorEnv. The policy that acts is minimeta's: only the environments
differ."""
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
        self.size, self.goal = family.size, int(goal)
        self.observation_space = Box(0, 1, (self.size ** 2,), np.float32)
        self.action_space = Discrete(len(MOVES))

    def observe(self):
        obs = np.zeros(self.size ** 2, np.float32)
        obs[self.row * self.size + self.column] = 1
        return obs

    def reset(self, *, seed=None, options=None):
        self.row = self.column = 0
        return self.observe(), {}

    def step(self, action):
        up, right = MOVES[action]
        self.row = min(max(self.row + up, 0), self.size - 1)
        self.column = min(max(self.column + right, 0), self.size - 1)
        is_on = self.row * self.size + self.column == self.goal
        return self.observe(), 1.0 if is_on else -0.1, False, False, {}


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
        return self.observe(), {}

    def step(self, action):
        right, up = action.tolist()
        self.x += self.family.max_step * min(max(right, -1.0), 1.0)
        self.y += self.family.max_step * min(max(up, -1.0), 1.0)
        x, y = self.x - self.goal[0], self.y - self.goal[1]
        done = max(abs(x), abs(y)) < self.family.radius
        return self.observe(), -math.hypot(x, y), done, False, {}


for name, environment in {"GridNavigation": Grid, "PointNavigation": Plane}.items():
    gymnasium.register(f"{name}-v0", environment)


def environments(family, tasks, trials):
    """K trials environments, those of a task side by side."""
    name = f"{type(family).__name__}-v0"
    return SyncVectorEnv([
        partial(gymnasium.make, name, family.horizon, family=family, goal=goal)
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


def stepping(family, tasks, trials, actions):
    """The rewards [T, K, B] of given actions [T, K, B, ..]."""
    envs, rows = environments(family, tasks, trials), (-1,) + actions.shape[3:]

    def run():
        envs.reset()
        rewards = [envs.step(action.reshape(rows))[1] for action in actions]
        return np.reshape(rewards, actions.shape[:3])
    return run
