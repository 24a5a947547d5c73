"""The agent that searches a GridNavigation in the best way there is.

    BayesOptimalSearcher(family)      plays all episodes of a trial, and earns
                                      exact.bayes_optimal_search(family).value

Letters: R rows, N goals, T steps of an episode, S cells.
"""
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..exact.bayes_search import Search, bayes_optimal_search, goal_numbers
from ..tasks import GridNavigation, value_iteration
from ..tasks.gridworld import ON_GOAL, GridTasks, neighbours
from ..tasks.random_mdp import one_hot
from .rival import Rival, acted


class Memory(NamedTuple):
    """A searcher's memory of a trial."""

    clock: int        # steps of the trial so far
    cell: np.ndarray  # [R]  the number of the cell
    goal: np.ndarray  # [R]  which of the goal_cells pays, -1 if not yet known


@dataclass(frozen=True)
class BayesOptimalSearcher(Rival):
    """Follows the optimal path until a cell pays, and then goes to that cell and stays.

    family   the GridNavigation
    """

    family: GridNavigation
    search: Search = field(init=False, repr=False, compare=False)
    plan: Any = field(init=False, repr=False, compare=False)  # [N, T, S]  actions

    @property
    def episodes(self):
        """Episodes of a trial."""
        return self.family.episodes

    def begin(self, theta, n_rows):
        """A Memory of the start, where no goal is known."""
        return Memory(0, np.zeros(n_rows, int), np.full(n_rows, -1))

    def see(self, obs, last, dtype):
        """x = (a_{t-1} one-hot, r_{t-1}); both are zero at the first step. The room is
        known, so these tell where the searcher is."""
        A = self.family.action.n
        x = np.zeros(obs.shape[:-1] + (A + 1,), dtype)
        if last is not None:
            action, reward, _ = last
            x[..., :-1], x[..., -1] = one_hot(action, A), reward
        return x

    def act(self, theta, memory, x, rng):
        """x [R, A + 1] -> Act, memory. theta and rng are not used."""
        if memory.clock:
            memory = self.update(memory, x[:, :-1].argmax(-1), x[:, -1] == ON_GOAL)
        e, t = divmod(memory.clock, self.family.horizon)
        action = np.where(memory.goal < 0, self.search.actions[e, t],
                          self.plan[memory.goal, t, memory.cell])
        return acted(action), memory._replace(clock=memory.clock + 1)

    def update(self, memory, action, paid):
        """Memory after an action: where it led, and whether that cell is the goal."""
        cell = neighbours(self.family.size, self.family.walls)[memory.cell, action]
        which = (cell[:, None] == goal_numbers(self.family)).argmax(-1)
        begins = memory.clock % self.family.horizon == 0
        return memory._replace(cell=np.zeros_like(cell) if begins else cell,
                               goal=np.where(paid, which, memory.goal))

    def require_fit(self, family):
        if family != self.family:
            raise ValueError(f"tasks must be of the family that the searcher knows, "
                             f"{self.family}, got {family}")

    def __post_init__(self):
        search = bayes_optimal_search(self.family)
        P, R, _ = GridTasks(self.family, goal_numbers(self.family)).tables()
        plan = value_iteration(P, R, self.family.horizon).policy
        object.__setattr__(self, "search", search)
        object.__setattr__(self, "plan", plan)
