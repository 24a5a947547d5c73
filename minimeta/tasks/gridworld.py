"""Navigation on a grid: an agent has to find the cell that pays; once it knows the
cell, it can go straight there.
"""
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .. import require
from .family import Discrete, Family
from .random_mdp import TabularTasks, one_hot

# stay, up, right, down, left
MOVES = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])
ON_GOAL, ELSEWHERE = 1.0, -0.1
WIDTHS = {"cell": lambda size: size ** 2, "row and column": lambda size: 2 * size}


@dataclass(frozen=True)
class GridNavigation(Family):
    """A walker in a room of size x size cells. One cell pays: the goal.

    sees      where it is: the "cell", one-hot, or the "row and column", each one-hot,
              so that cells of one row or column look alike. It starts in the corner
              (row 0, column 0)
    does      stays, or goes up, right, down or left. A move into a wall or out of the
              room leaves it where it is
    earns     +1 on the goal, -0.1 elsewhere, after the move. The goal keeps paying
    ends      after `horizon` steps (no step ends it early)
    a task    the goal, uniform over `goals`: by default all cells that can be reached,
              without the 2 x 2 cells at the start

    walls     cells (row, column) that cannot be entered. Row 0 is at the bottom
    goals     cells (row, column): choose them to train on some and test on others

    The defaults are those of the source. With them an agent that knows the goal earns
    11.07 an episode.
    Source: Zintgraf et al. (2020), VariBAD, GridNavi.
    """

    size: int = 5
    horizon: int = 15
    episodes: int = 4
    walls: tuple = ()
    goals: tuple = None
    sees: str = "cell"

    @property
    def goal_cells(self):
        """The cells (row, column) where the goal may be."""
        if self.goals is not None:
            return self.goals
        steps = distances(self.size, self.walls)
        return tuple((r, c) for r, c in np.ndindex(self.size, self.size)
                     if steps[r * self.size + c] >= 0 and max(r, c) > 1)

    action = Discrete(len(MOVES))

    @property
    def obs_size(self):
        return WIDTHS[self.sees](self.size)

    def draw(self, K, rng):
        goals = np.array(self.goal_cells) @ [self.size, 1]
        return GridTasks(self, goals[rng.integers(len(goals), size=K)])

    def __post_init__(self):
        require.choice("sees", self.sees, WIDTHS)
        require.fields(self, count=("size", "horizon", "episodes"))
        object.__setattr__(self, "walls", self.cells("walls", self.walls))
        if (0, 0) in self.walls:
            raise ValueError("walls must leave the start (0, 0) free")
        if self.goals is not None:
            object.__setattr__(self, "goals", self.cells("goals", self.goals))
        steps = distances(self.size, self.walls)
        unreached = [(r, c) for r, c in self.goal_cells if steps[r * self.size + c] < 0]
        if unreached or not self.goal_cells:
            raise ValueError(
                f"each goal must be a cell that can be reached, got "
                f"{unreached or 'no free cell'}; take a larger size or fewer walls")

    def cells(self, name, cells):
        """Cells as a sorted tuple of pairs of integers inside the grid."""
        kept = set()
        for cell in require.sequence(name, cells):
            pair = tuple(require.count(f"a coordinate of {name}", i, 0)
                         for i in require.sequence(f"each of {name}", cell))
            if len(pair) != 2 or max(pair) >= self.size:
                raise ValueError(f"{name} must hold cells (row, column) of a grid of "
                                 f"{self.size} x {self.size}, got {cell}")
            kept.add(pair)
        return tuple(sorted(kept))


@dataclass(frozen=True)
class GridTasks(TabularTasks):
    """K goals. The state is the number of a cell, row * size + column, [K, B]."""

    family: GridNavigation
    goal: np.ndarray  # [K]  number of the cell

    @property
    def n_states(self):
        return self.family.size ** 2

    def observe(self, state):
        if self.family.sees == "cell":
            return super().observe(state)
        return np.concatenate(
            [one_hot(i, self.family.size) for i in divmod(state, self.family.size)], -1)

    def move(self, state, action, rng):
        after = neighbours(self.family.size, self.family.walls)[state, action]
        reward = np.where(after == self.goal[:, None], ON_GOAL, ELSEWHERE)
        return after, self.observe(after), reward, np.zeros(state.shape, bool)

    def tables(self):
        after, S = neighbours(self.family.size, self.family.walls), self.n_states
        P = np.broadcast_to(one_hot(after, S), (len(self),) + after.shape + (S,))
        R = np.where(after == self.goal[:, None, None], ON_GOAL, ELSEWHERE)
        return P, R, self.starts()

    def oracle(self):
        """Exact: the shortest way, then stay."""
        steps = distances(self.family.size, self.family.walls)[self.goal]
        first = np.maximum(steps, 1)  # the step that enters the goal
        return self.paid(np.maximum(self.family.horizon - first + 1, 0))

    def random(self):
        """Exact: the expected number of visits to the goal, acting uniformly."""
        return self.paid(visits(self.family)[self.goal])

    def paid(self, n_visits):
        """The return of an episode with so many steps on the goal."""
        return ON_GOAL * n_visits + ELSEWHERE * (self.family.horizon - n_visits)


@lru_cache(maxsize=None)
def neighbours(size, walls):
    """[S, A]  the cell that a move leads to."""
    here = np.array(list(np.ndindex(size, size)))[:, None]
    there = np.clip(here + MOVES, 0, size - 1) @ [size, 1]
    is_wall = np.isin(there, [r * size + c for r, c in walls])
    return np.where(is_wall, here @ [size, 1], there)


@lru_cache(maxsize=None)
def distances(size, walls):
    """[S]  steps from the start to each cell; -1 if it cannot be reached."""
    after, steps = neighbours(size, walls), np.full(size ** 2, -1)
    reached, n = np.array([0]), 0
    while reached.size:
        steps[reached] = n
        reached, n = np.unique(after[reached]), n + 1
        reached = reached[steps[reached] < 0]
    return steps


@lru_cache(maxsize=None)
def visits(family):
    """[S]  expected number of steps into each cell in an episode, acting uniformly."""
    S = family.size ** 2
    P = one_hot(neighbours(family.size, family.walls), S).mean(1)
    p, total = one_hot(np.array(0), S), np.zeros(S)
    for _ in range(family.horizon):
        p = p @ P
        total += p
    return total
