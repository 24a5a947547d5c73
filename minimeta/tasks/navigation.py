"""Navigation in the plane: a point has to reach a goal that only the reward tells."""
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, sqrt

import numpy as np

from .. import require
from .family import Box, Family, Tasks

CELLS = 8  # in random() the longest move is at least so many cells of the grid


@dataclass(frozen=True)
class PointNavigation(Family):
    """A point on a plane. It is sent to a goal that it does not see.

    sees      its position (x, y); at first (0, 0)
    does      moves by `max_step` times its action, with each coordinate clipped to
              [-1, 1]
    earns     minus the Euclidean distance to the goal, after the move
    ends      when both coordinates are within `radius` of the goal's (done), or after
              `horizon` moves
    a task    the goal, uniform on the square [-reach, reach]^2

    The defaults are those of the source, in the authors' code: there too an action of 1
    is the longest move, 0.1, and nearness is judged by coordinate.
    Source: Finn et al. (2017), MAML, section 5.3; maml_examples/point_env_randgoal.py.
    """

    horizon: int = 100
    reach: float = 0.5
    max_step: float = 0.1
    radius: float = 0.01
    episodes: int = 1

    obs_size = 2
    action = Box(2)

    def draw(self, K, rng):
        return PointTasks(self, rng.uniform(-self.reach, self.reach, (K, 2)))

    def __post_init__(self):
        require.fields(self, count=("horizon", "episodes"),
                       positive=("reach", "max_step", "radius"))


@dataclass(frozen=True)
class PointTasks(Tasks):
    """K goals. The state is the position, [K, B, 2], and so is the observation."""

    family: PointNavigation
    goal: np.ndarray  # [K, 2]

    def begin(self, B, rng):
        state = np.zeros((len(self), B, 2))
        return state, state.copy()

    def move(self, state, action, rng):
        state = state + self.family.max_step * np.clip(action, -1, 1)
        reward, done = self.judge(state - self.goal[:, None])
        return state, state.copy(), reward, done

    def judge(self, away):
        """The reward and done of being `away` [..., 2] from the goal."""
        reward = -np.sqrt((away * away).sum(-1))
        return reward, (np.abs(away) < self.family.radius).all(-1)

    def oracle(self):
        """Exact: each coordinate goes to the goal's as fast as it can and stays there.

        |away_t| = max(0, |goal| - t max_step) in each coordinate is the least possible
        at every step, so no other way earns more at any step or ends earlier. The mean
        over tasks is -0.50 with the default settings. The published -2.29 is the mean
        of a trained policy.
        """
        away, total = np.abs(self.goal), np.zeros(len(self))
        is_on = np.ones(len(self), bool)
        for _ in range(self.family.horizon):
            away = np.maximum(away - self.family.max_step, 0)
            reward, done = self.judge(away)
            total, is_on = total + is_on * reward, is_on & ~done
        return total

    def random(self):
        """The value of a uniform walk, by dynamic programming on a grid. It is within
        0.3 % and 0.01 max_step of the value by simulation."""
        m, (h, Q) = self.family.max_step, value_of_a_move(self.family)
        edge, goal = h * np.arange(len(Q) + 1), np.abs(self.goal.T)[..., None]

        def inside(low, high):
            """The share of the first move that ends in each cell, [2, K, n]."""
            return np.clip(np.minimum(high, edge[1:]) - np.maximum(low, edge[:-1]), 0,
                           None) / (2 * m)
        x, y = inside(goal - m, goal + m) + inside(0, m - goal)
        return np.einsum("ki,ij,kj->k", x, Q, y, optimize=True)


@lru_cache(maxsize=None)
def value_of_a_move(family):
    """The reward of a move plus the value of acting uniformly after it, as a function
    of the distances |away| in both coordinates after the move.

        Q_t(away) = -|away| + (not done) E_step [Q_{t+1}(away + step)]

    By symmetry the positive quarter of the plane is enough. It is cut into square cells
    of width h, and cell i is at |away| = (i + 1/2) h. A radius above h / 2 is made a
    whole number of cells, so that a cell is done or is not. E_step is a mean over
    cells, with the weights of uniform_step. The quarter ends 5 standard deviations past
    the goals.

    Returns h and Q_1 [n, n].
    """
    from scipy.ndimage import correlate1d  # slow to import, and needed only here
    h, T = family.max_step / CELLS, family.horizon
    h = family.radius / ceil(family.radius / h) if family.radius > h / 2 else h
    step = uniform_step(family.max_step / h)
    far = family.reach + family.max_step * min(T, 5 * sqrt(T / 3))
    i = np.arange(ceil(far / h))
    near = np.clip(family.radius / h - i, 0, 1)  # the share of a cell that is done
    going_on = 1 - near[:, None] * near
    reward = -h * np.hypot(i[:, None] + 0.5, i + 0.5)
    Q = reward
    for _ in range(T - 1):
        for axis in (0, 1):
            Q = correlate1d(Q, step, axis, mode="reflect")
        Q = reward + going_on * Q
    return h, Q


def uniform_step(m):
    """Weights of the cells to which a step goes that is uniform on [-m, m] cells. The
    weights are equal up to k cells away, and a share s of that in the next cell, so
    that the variance is right:

        (k (k + 1) (2 k + 1) / 3 + 2 s (k + 1)^2) / (2 k + 1 + 2 s)  =  m^2 / 3
    """
    k = floor(sqrt(m * m + 1 / 4) - 1 / 2)  # the largest for which s is not below 0
    s = (2 * k + 1) * (m * m - k * (k + 1)) / (2 * (3 * (k + 1) ** 2 - m * m))
    step = np.array([s] + [1] * (2 * k + 1) + [s])
    return step / step.sum()
