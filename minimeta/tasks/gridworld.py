"""Navigation on a grid: find the cell that pays, then go there at once."""
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .. import require
from .family import Discrete
from .random_mdp import TabularTasks, one_hot

# stay, up, right, down, left
MOVES = np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])
ON_GOAL, ELSEWHERE = 1.0, -0.1
WIDTHS = {"cell": lambda size: size ** 2, "row and column": lambda size: 2 * size}


@dataclass(frozen=True)
class GridNavigation:
    """A walker in a room of size x size cells, one of which pays.

    sees      where it is, one-hot: which "cell", or which "row and column", of which
              each has meaning to many cells; at first the corner (row 0, column 0)
    does      stays, or goes up, right, down or left; into a wall or the rim it stays
    earns     +1 on the goal, -0.1 elsewhere, after the move; the goal keeps paying
    ends      after `horizon` steps (no step ends it early)
    a task    the goal, uniform over `goals`: by default all cells that can be reached
              and are not among the 2 x 2 at the start

    walls     cells (row, column) that cannot be entered; row 0 is at the bottom
    goals     cells (row, column), to train on some goals and test on others

    The defaults are those of the source, where knowing the goal earns 11.07 an episode.
    Source: Zintgraf et al. (2020), VariBAD, GridNavi.
    """

    size: int = 5
    horizon: int = 15
    episodes: int = 4
    walls: tuple = ()
    goals: tuple = None
    sees: str = "cell"

    def __post_init__(self):
        require.choice("sees", self.sees, WIDTHS)
        for name in ("size", "horizon", "episodes"):
            require.count(name, getattr(self, name))
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

    @property
    def goal_cells(self):
        """The cells (row, column) where the goal may be."""
        if self.goals is not None:
            return self.goals
        steps = distances(self.size, self.walls)
        return tuple((r, c) for r, c in np.ndindex(self.size, self.size)
                     if steps[r * self.size + c] >= 0 and max(r, c) > 1)

    def cells(self, name, cells):
        """Cells as a sorted tuple of pairs of integers inside the grid."""
        for cell in require.sequence(name, cells):
            inside = [require.count(f"a coordinate of {name}", i, 0) < self.size
                      for i in require.sequence(f"each of {name}", cell)]
            if inside != [True, True]:
                raise ValueError(f"{name} must hold cells (row, column) of a grid of "
                                 f"{self.size} x {self.size}, got {cell}")
        return tuple(sorted({(int(r), int(c)) for r, c in cells}))

    action = Discrete(len(MOVES))

    @property
    def obs_size(self):
        return WIDTHS[self.sees](self.size)

    def sample(self, K, rng):
        """K goals."""
        goals = np.array(self.goal_cells) @ [self.size, 1]
        which = rng.integers(len(goals), size=require.count("K", K))
        return GridTasks(self, goals[which])


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

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
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
        return self.paid(np.maximum(self.family.horizon - steps + 1, 0))

    def random(self):
        """Exact: the expected number of visits to the goal, acting uniformly."""
        return self.paid(visits(self.family)[self.goal])

    def paid(self, n_visits):
        """The return of so many steps on the goal, and the rest elsewhere."""
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
    """[S]  steps from the start; -1 where no way leads."""
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
