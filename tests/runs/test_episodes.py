"""Episodes as pictures see them: steps of one episode, without those of others."""
from types import SimpleNamespace

import numpy as np

from minimeta.runs.episodes import cells, of_episode
from minimeta.tasks import GridNavigation

# Task 0 has episodes of 2 and 2 steps; task 1 of 1 and 2, and then nothing. In the second
# trial, which nobody looks at, all is one episode.
END = np.array([[[0, 0], [1, 0], [0, 0], [1, 1]], [[1, 0], [0, 0], [1, 0], [0, 1]]], bool)
MASK = np.ones((2, 4, 2), bool)
MASK[1, 3, 0] = False
T = np.arange(4.0)[:, None]
DATA = SimpleNamespace(
    x=np.broadcast_to(T[..., None], (2, 4, 2, 3)), action=np.broadcast_to(10 * T, (2, 4, 2)),
    end=END, mask=MASK)
FAMILY = SimpleNamespace(obs_size=2)


def test_an_episode_has_its_own_steps_and_nan_where_it_is_shorter_than_another():
    for e, steps in ((0, [[0, 1], [0, np.nan]]), (1, [[2, 3], [1, 2]])):
        obs, action = of_episode(DATA, e, FAMILY)
        expected = np.array(steps)
        assert obs.shape == (2, 2, 2) and obs.dtype == action.dtype == float
        assert np.array_equal(obs, np.stack([expected, expected], -1), equal_nan=True)
        assert np.array_equal(action, 10 * expected, equal_nan=True)


def test_the_cell_that_is_seen_is_numbered_in_either_way_of_seeing():
    cell, row, column = np.eye(9)[[0, 5, 7]], np.eye(3)[[0, 1, 2]], np.eye(3)[[0, 2, 1]]
    for sees, obs in (("cell", cell), ("row and column", np.concatenate([row, column], -1))):
        obs = np.stack([obs, np.where(np.arange(3)[:, None] < 2, obs, np.nan)])
        found = cells(GridNavigation(3, sees=sees), obs)
        assert np.array_equal(found, [[0, 5, 7], [0, 5, np.nan]], equal_nan=True)
