"""The learned belief beside the exact one: its posteriors, and slowly its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta.rl import Rollout
from minimeta.tasks import GridNavigation
from minimeta.tasks.gridworld import GridTasks

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "beliefs.py"))
main = example["main"]


def data(x, action, reward):
    """A rollout of one trial."""
    x, action, reward = np.asarray(x, float), np.array(action), np.array(reward, float)
    zero = np.zeros((1, len(action), 1))
    return Rollout(x[None, :, None], action[None, :, None], reward[None, :, None], zero, zero,
                   zero > 0, zero == 0)


def test_an_arm_that_paid_once_and_failed_twice_pays_with_probability_two_fifths():
    posterior = example["bandit_posterior"](data(np.zeros((5, 1)), [3, 3, 0, 3, 1],
                                                 [1, 0, 1, 0, 0]))
    assert posterior[0, 4] == pytest.approx([2 / 3, 1 / 2, 1 / 2, 2 / 5, 1 / 2], rel=1e-14)
    assert posterior[0, 0].tolist() == [0.5] * 5


def test_a_goal_may_be_in_the_cells_that_did_not_fail_and_is_where_one_paid():
    tasks = GridTasks(GridNavigation(3), np.array([5]))       # the goal is row 1, column 2
    right, up = 2, 1
    x = np.eye(9)[[0, 1, 2, 5]]
    posterior, found = example["grid_posterior"](data(x, [right, right, up, up],
                                                      [-0.1, -0.1, 1, -0.1]), tasks)
    fifth, quarter = [0, 0, .2, 0, 0, .2, .2, .2, .2], [0, 0, 0, 0, 0, .25, .25, .25, .25]
    assert posterior[0] == pytest.approx(np.array([fifth, fifth, quarter, np.eye(9)[5]]))
    assert found[0].tolist() == [False, False, False, True]


def test_a_short_training_prints_and_returns_its_table(capsys):
    results = main(iterations=(3, 3), tests=50)
    assert set(results) == {"bandit", "grid", "goal"} and np.isfinite(list(results.values())).all()
    assert "r.m.s. error" in capsys.readouterr().out
