"""The main example: quickly, that it learns; slowly, its claim."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "rl2_bandit.py"))["main"]


def test_a_short_training_beats_chance_and_nobody_beats_the_exact_optimum():
    results = main(arms=2, pulls=5, iterations=200, bandits=4000)
    optimum, _ = results.pop("exact")
    assert abs(optimum - 2.88889) < 1e-5
    assert results["RL^2"][0] > results["random"][0] + 5 * results["RL^2"][1]
    assert all(mean < optimum + 4 * error for mean, error in results.values())


@pytest.mark.slow
def test_rl2_earns_99_percent_of_the_exact_optimum_and_more_than_thompson_sampling():
    results = main()
    mean, error = results["RL^2"]
    optimum, _ = results["exact"]
    assert 0.99 * optimum < mean < optimum + 4 * error
    assert mean > results["Thompson"][0] + 4 * error


@pytest.mark.slow
def test_a_gru_earns_as_much():
    results = main(network="gru")
    (mean, error), (optimum, _) = results["RL^2"], results["exact"]
    assert 0.99 * optimum < mean < optimum + 4 * error


@pytest.mark.slow
def test_two_arms_and_a_hundred_pulls_earn_more_than_thompson_sampling():
    results = main(arms=2, pulls=100)
    assert results["RL^2"][0] > results["Thompson"][0]
    assert results["RL^2"][0] < results["exact"][0] + 4 * results["RL^2"][1]
