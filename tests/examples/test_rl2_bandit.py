"""The main example: quickly, that it learns; slowly, its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy
from minimeta.tasks import BernoulliBandit

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "rl2_bandit.py"))
main = example["main"]


def test_a_short_training_beats_chance_whose_exact_value_the_table_meets():
    results = main(arms=2, pulls=5, iterations=200, bandits=4000)
    optimum, _ = results.pop("exact")
    assert abs(optimum - 2.88889) < 1e-5
    assert results["RL^2"][0] > results["random"][0] + 5 * results["RL^2"][1]
    mean, error = results["random"]
    assert abs(mean - 2.5) < 4 * error < 0.1


def test_an_index_stands_for_the_optimum_where_that_has_too_many_states():
    results = main(arms=6, pulls=40, iterations=2, bandits=1000)
    knowing, _ = results.pop("exact")
    assert abs(knowing - 40 * 6 / 7) < 1e-12
    index, error = results.pop("finite Gittins")
    for mean, other in results.values():
        assert mean < index + 2 * np.hypot(error, other) < knowing
    mean, error = results["random"]
    assert abs(mean - 20) < 4 * error


def test_a_long_trial_is_judged_by_its_regret_and_shows_its_rewards():
    family = BernoulliBandit(3, 25)
    policy = RecurrentPolicy(family.obs_size, Categorical(3), 4)
    learner, rng = example["TrainedByRegret"](policy), np.random.default_rng(0)
    tasks = family.sample(7, rng)
    data = learner.collect(learner.init(rng), tasks, rng)
    earned = np.take_along_axis(tasks.p[:, None], data.action, -1)
    best = tasks.p.max(-1)[:, None, None]
    assert np.allclose(data.reward, earned - best, rtol=1e-5) and data.reward.max() == 0
    assert data.reward.dtype == np.float32
    shown = data.x[:, 1:, :, -2]
    assert set(np.unique(shown)) == {0, 1}
    by_best = shown[data.reward[:, :-1] == 0].mean()
    assert abs(by_best - tasks.p.max(-1).mean()) < 0.15


@pytest.mark.slow
def test_rl2_earns_99_percent_of_the_exact_optimum_and_more_than_thompson_sampling():
    results = main()
    mean, error = results["RL^2"]
    optimum, _ = results["exact"]
    assert mean > 0.993 * optimum
    assert mean > results["Thompson"][0] + 4 * error


@pytest.mark.slow
def test_a_gru_earns_as_much():
    results = main(network="gru")
    assert results["RL^2"][0] > 0.993 * results["exact"][0]


@pytest.mark.slow
def test_two_arms_and_a_hundred_pulls_earn_more_than_thompson_sampling():
    results = main(arms=2, pulls=100, iterations=1000, bandits=4000)
    mean, error = results["RL^2"]
    assert mean > results["Thompson"][0] + 4 * error
