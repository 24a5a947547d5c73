"""The most that a searcher on the grid can earn in a trial, and the way it goes.

Until the goal is found, an episode tells only where the goal is not. So nothing that
happens before can change the plan: the optimal search is one path through all episodes
of the trial. Once the goal is found, all is known: the best is to stay to the end of
the episode, and to take the shortest way in each later one.

If the path first enters the goal g in step t of episode e, the trial has so many more
steps on the goal than a trial in which the goal is not found:

    gain(g, e, t) = (T - t + 1) + (E - 1 - e) v_g     v_g = max(T - first_g + 1, 0)
    value         = E T ELSEWHERE + (ON_GOAL - ELSEWHERE) mean over goals of gain

The shortest way enters g in step first_g. The path is found forwards, step by step. Of
the paths that are in the same cell and have entered the same goals, the one with the
largest gain is kept. A path is dropped if it cannot become the best one. Each step
enters at most one of the n unseen goals C, and a goal that is found an episode later
costs at least `least`, the least v. So after step t of episode e no more is added than

    (E - 1 - e) sum_{g in C} v_g + U[e, t, n]
    U[e, t, n] = max over k of  sum_{i=1..k} (T - t - i + 1)      k found in the episode
                                + U[e + 1, first - 1, n - k] - (n - k) least
    U[E, :, n] = n least                                          n are never found

where `first` is the least of first_g. The search runs twice. The first run keeps the
WIDTH most promising paths after each step, so its gain can be reached. The second run
keeps all paths that promise as much, so its gain is the largest.

Letters: E episodes of T steps, N goals, F paths, S cells, A actions.
Source: Zintgraf et al. (2020), VariBAD, figure 1, which shows such a path.
"""
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..tasks import GridNavigation
from ..tasks.gridworld import ELSEWHERE, ON_GOAL, GridTasks, distances, neighbours

WIDTH = 3000  # paths kept by the first search
MOST = 4_000_000  # paths kept by the second, after any step


@dataclass(frozen=True, eq=False)
class Search:
    """The optimal search of a GridNavigation.

    family   the GridNavigation
    actions  [E, T]  the path while the goal is not found
    """

    family: GridNavigation
    actions: Any

    @property
    def value(self):
        """The expected total reward of a trial."""
        return float(self.episodes.sum())

    @property
    def episodes(self):
        """[E]  the expected return of each episode."""
        return self.returns().mean(0)

    @property
    def cells(self):
        """[E, T]  the number of the cell after each step of the path."""
        after = neighbours(self.family.size, self.family.walls)
        cells = np.empty_like(self.actions)
        for path, actions in zip(cells, self.actions):
            here = 0
            for t, action in enumerate(actions):
                path[t] = here = after[here, action]
        return cells

    def returns(self, goals=None):
        """The returns [K, E] of the episodes of a trial, where `goals` [K] pay, numbers
        of cells; for each of the goal_cells if None."""
        E, T = self.actions.shape
        goals = goal_numbers(self.family) if goals is None else goals
        enters = self.cells == goals[:, None, None]
        found = enters.reshape(len(goals), -1).argmax(-1)
        e, t = np.divmod(np.where(enters.any((1, 2)), found, E * T), T)
        episode, known = np.arange(E), GridTasks(self.family, goals)
        return np.where(
            episode > e[:, None], known.oracle()[:, None],
            known.paid(np.where(episode == e[:, None], T - t[:, None], 0)))


def bayes_optimal_search(family):
    """The exact Bayes-optimal expected return of a GridNavigation over all episodes of
    a trial, for a searcher that knows the room and where goals may be.

    Returns a Search with .value, .episodes, .actions and .cells.
    Raises ValueError if there are too many paths: rooms of 5 x 5 cells take less than a
    second, and most larger ones with all their goals are too large.
    """
    if not isinstance(family, GridNavigation):
        raise TypeError(f"family must be a GridNavigation(..), got {family!r}")
    S, N = family.size ** 2, len(family.goal_cells)
    if S * 2 ** N >= 2 ** 64:
        raise too_many(family)
    gain, _ = best_path(family, least_gain=0, width=WIDTH)
    _, actions = best_path(family, least_gain=gain)
    return Search(family, actions)


def goal_numbers(family):
    """[N]  the numbers of the cells where the goal may be."""
    return np.array(family.goal_cells) @ [family.size, 1]


def most_more(E, T, N, first, least):
    """U [E + 1, T + 1, N + 1] of the formula above."""
    n = np.arange(N + 1)
    U = np.empty((E + 1, T + 1, N + 1), int)
    U[E] = n * least
    for e in reversed(range(E)):
        later = U[e + 1, first - 1] - n * least
        for t in range(T + 1):
            here = np.append(0, np.cumsum(np.arange(T - t, 0, -1)))
            U[e, t] = [(here[:m + 1] + later[m::-1][:len(here)]).max() for m in n]
    return U


class Paths(NamedTuple):
    """F paths that have come equally far."""

    cell: np.ndarray    # [F]  where they are
    seen: np.ndarray    # [F]  the goals that they have entered, a bit for each
    gain: np.ndarray    # [F]  summed over these goals
    unseen: np.ndarray  # [F]  n, the number of other goals
    v_left: np.ndarray  # [F]  the sum of v_g over these

    def rows(self, index):
        """Some of the paths."""
        return Paths(*(array[index] for array in self))


class Room(NamedTuple):
    """What the search must know of a GridNavigation, by the letters above."""

    E: int
    T: int
    after: np.ndarray  # [S, A]  the cell that a move leads to
    goals: np.ndarray  # [N]
    mark: np.ndarray   # [S]  the bit of the goal in a cell, 0 if none can be there
    v: np.ndarray      # [S]
    U: np.ndarray      # [E + 1, T + 1, N + 1]

    @classmethod
    def of(cls, family):
        E, T, goals = family.episodes, family.horizon, goal_numbers(family)
        steps, after = (of(family.size, family.walls) for of in (distances, neighbours))
        first = np.maximum(steps, 1)
        v, mark = np.maximum(T - first + 1, 0), np.zeros(len(steps), np.uint64)
        mark[goals] = 1 << np.arange(len(goals))
        U = most_more(E, T, len(goals), min(first[goals].min(), T), v[goals].min())
        return cls(E, T, after, goals, mark, v, U)

    def start(self):
        """The one path of no steps."""
        return Paths(*(np.array([first]) for first in (
            0, np.uint64(0), 0, len(self.goals), self.v[self.goals].sum())))

    def step(self, paths, e, t):
        """All paths that are one step longer, the actions of each path side by side.
        The step is the t-th of episode e, both counted from 0."""
        after = self.after[paths.cell].ravel()
        _, seen, gain, unseen, v_left = (
            np.repeat(array, self.after.shape[1]) for array in paths)
        is_new = (self.mark[after] & ~seen) > 0
        v = is_new * self.v[after]
        gain = gain + is_new * (self.T - t) + (self.E - 1 - e) * v
        here = after if t + 1 < self.T else np.zeros_like(after)
        return Paths(here, seen | self.mark[after], gain, unseen - is_new, v_left - v)

    def promise(self, paths, e, t):
        """The most that each path can gain, after the t-th step of episode e."""
        return (paths.gain + (self.E - 1 - e) * paths.v_left
                + self.U[e, t + 1, paths.unseen])

    def best_of_each(self, paths):
        """The index [F] of the best path to each cell with the same goals seen."""
        key = paths.seen * len(self.mark) + paths.cell.astype(np.uint64)
        order = np.lexsort((-paths.gain, key))
        return order[np.diff(key[order], prepend=~key[order[:1]]) != 0]


def best_path(family, least_gain, width=None):
    """The largest gain, summed over the goals, and the actions [E, T] of its path. The
    paths are those that promise least_gain; if a width is given, after each step only
    the `width` most promising of them."""
    room = Room.of(family)
    paths, moves = room.start(), []
    for e, t in np.ndindex(room.E, room.T):
        paths = room.step(paths, e, t)
        promise, kept = room.promise(paths, e, t), room.best_of_each(paths)
        kept = kept[promise[kept] >= least_gain]
        if width is not None:
            kept = kept[np.argsort(-promise[kept], kind="stable")[:width]]
        elif len(kept) > MOST:
            raise too_many(family)
        paths = paths.rows(kept)
        moves.append(kept)
    A = room.after.shape[1]
    return paths.gain.max(), traced(moves, paths.gain.argmax(), A).reshape(room.E, -1)


def traced(moves, row, A):
    """The actions [E T] of the path that is in this row after the last step. Row i of
    moves is, after each step, A times the path's row before the step plus its action.
    """
    actions = []
    for kept in reversed(moves):
        row, action = divmod(kept[row], A)
        actions.append(action)
    return np.array(actions[::-1])


def too_many(family):
    return ValueError(
        f"family must have fewer paths that may be the best, got more than {MOST:.0e} "
        f"for {family}; take a smaller room, fewer goals or fewer steps")
