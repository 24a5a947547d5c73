"""Small environments with the interface of Gymnasium, written by hand: spaces, and worlds."""
import numpy as np


class Discrete:
    def __init__(self, n, start=0):
        self.n, self.start = np.int64(n), start


class MultiDiscrete:
    def __init__(self, nvec):
        self.nvec = np.array(nvec)


class Box:
    def __init__(self, low, high, shape=(), dtype=np.float32):
        self.shape, self.dtype = shape, dtype
        self.low, self.high = (np.broadcast_to(x, shape).astype(dtype) for x in (low, high))


class Dict:
    def __init__(self, **spaces):
        self.spaces = spaces


class Corridor:
    """A walk to a door on the left or on the right, in cells 0 .. 6; it begins at 3. The door
    pays 1 and ends the episode; each step costs what `cost` says, plus noise of the world."""

    observation_space, action_space = Discrete(7), Discrete(2)

    def __init__(self, door, noise=0.0, limit=None):
        self.door, self.noise, self.limit = door, noise, limit
        self.n_resets, self.is_over = 0, True

    def reset(self, seed=None):
        self.luck = np.random.default_rng(seed)
        self.cell, self.t, self.is_over = 3, 0, False
        self.n_resets += 1
        return self.cell, {}

    def step(self, action):
        assert not self.is_over, "stepped after the end"
        self.cell, self.t = self.cell + (1 if action == 1 else -1), self.t + 1
        terminated = self.cell in (0, 6)
        truncated = self.limit is not None and self.t >= self.limit
        self.is_over = terminated or truncated
        reward = float(self.cell == self.door) - 0.1 + self.noise * self.luck.normal()
        return self.cell, reward, terminated, truncated, {}


def corridor(rng):
    return Corridor(rng.choice([0, 6]))


def noisy(rng):
    return Corridor(rng.choice([0, 6]), noise=0.5)


class Told:
    """Shows what it is told to, and writes down what it is asked to do."""

    def __init__(self, observation_space, action_space, obs, answer=None):
        self.observation_space, self.action_space = observation_space, action_space
        self.obs, self.done, self.answer = obs, [], answer

    def reset(self, seed=None):
        return self.obs, {}

    def step(self, action):
        self.done.append(action)
        return self.answer or (self.obs, 0.0, False, False, {})


class Buttons:
    """One of two buttons pays; each press ends the episode."""

    observation_space, action_space = Box(0, 1, (1,)), Discrete(2)

    def __init__(self, pays):
        self.pays = pays

    def reset(self, seed=None):
        return np.ones(1, np.float32), {}

    def step(self, action):
        return np.ones(1, np.float32), float(action == self.pays), True, False, {}


def buttons(rng):
    return Buttons(rng.integers(2))


def ice(rng):
    """A map of 3 x 3 fields: the start, the goal, and holes."""
    fields = np.where(rng.random((3, 3)) < 0.25, "H", "F")
    fields[0, 0], fields[2, 2] = "S", "G"
    return ["".join(row) for row in fields]


class FrozenLake:
    """What Gymnasium's FrozenLake-v1 does where it is not slippery."""

    observation_space, action_space = Discrete(9), Discrete(4)
    moves = [(0, -1), (1, 0), (0, 1), (-1, 0)]  # left, down, right, up

    def __init__(self, desc):
        self.desc = desc

    def reset(self, seed=None):
        self.at = np.zeros(2, int)
        return 0, {}

    def step(self, action):
        self.at = np.clip(self.at + self.moves[action], 0, 2)
        field = self.desc[self.at[0]][self.at[1]]
        return int(self.at @ [3, 1]), float(field == "G"), field in "GH", False, {}
