"""RL^2 on the grid: quickly, that it improves; slowly, its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy
from minimeta.rl import rollout
from minimeta.tasks import GridNavigation
from minimeta.tasks.gridworld import neighbours

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "rl2_gridworld.py"))
main, posterior_sampling = example["main"], example["posterior_sampling"]


def test_a_short_training_earns_more_than_chance_and_nobody_more_than_is_possible():
    results = main(iterations=80, tasks=500)
    mean, error = results["RL^2"]
    assert mean[-1] > results["random"][0][-1] + 5 * error[-1]
    ceiling, spread = results["knowing the goal"]
    for name in ("posterior sampling", "RL^2"):
        assert np.all(results[name][0] < ceiling + 4 * spread)


def test_the_classical_searcher_finds_the_goal_where_it_looks_and_then_goes_there():
    tasks = GridNavigation().sample(2000, np.random.default_rng(0))
    returns = posterior_sampling(tasks, np.random.default_rng(1))
    found, missed = tasks.oracle(), -0.1 * 15
    # once the goal pays, every later episode is the best there is
    later = returns[:, 1:][returns[:, :-1] > missed + 1e-9]
    best = np.repeat(found[:, None], 3, 1)[returns[:, :-1] > missed + 1e-9]
    assert np.allclose(later, best, rtol=1e-12)
    assert np.all(np.diff((returns > missed + 1e-9).mean(0)) > 0.05)


@pytest.mark.parametrize("sees", ["cell", "row and column"])
def test_the_cells_of_a_walk_are_those_that_were_seen(sees):
    family = GridNavigation(4, 7, episodes=2, sees=sees)
    policy = RecurrentPolicy(family.obs_size, Categorical(5), 3)
    data = rollout(policy, policy.init(np.random.default_rng(0)), family.sample(
        6, np.random.default_rng(1)), trials=2, episodes=2, rng=np.random.default_rng(2))
    cells = example["walks"](data, family)
    assert cells.shape == (6, 2, 7) and not cells[:, :, 0].any() and cells.max() > 3
    after = neighbours(4, ())[cells[:, :, :-1], data.action[..., 0].reshape(6, 2, 7)[:, :, :-1]]
    assert np.array_equal(after, cells[:, :, 1:])


def test_a_walk_can_be_seen():
    walk = np.array([[0, 1, 4, 4], [0, 3, 4, 4]])
    assert example["picture"](walk, 4, 3).splitlines() == [
        " .   .   .  | .   .   .  ",
        " .  [2]  .  | 1  [2]  .  ",
        " 0   1   .  | 0   .   .  "]


@pytest.mark.slow
def test_it_searches_in_the_first_episode_and_walks_straight_in_the_last():
    results = main()
    mean, _ = results["RL^2"]
    assert mean[-1] >= 10.0 and results["share"] >= 0.985
    assert mean[0] > results["posterior sampling"][0][0]
    cells = results["cells"]
    assert cells[0] > cells[-1] + 2


@pytest.mark.slow
def test_goals_that_never_occurred_in_training_are_found_more_often_than_by_chance():
    results = main(iterations=400, held_out=example["HELD_OUT"])
    mean, error = results["RL^2"]
    assert mean[-1] > results["random"][0][-1] + 5 * error[-1]
