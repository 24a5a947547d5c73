"""The example of the informative bandit: quickly, that it improves; slowly, its
claim."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "informative_bandit.py"))["main"]


def test_a_short_training_earns_more_than_chance():
    results = main(iterations=60, bandits=500)
    mean, error = results["RL^2"]
    assert mean > results["random"] + 3 * error
    assert abs(results["first"].sum() - 1) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_arm_that_pays_least_is_pulled_first_and_earns_20_of_20_55(seed):
    results = main(seed=seed)
    mean, error = results["RL^2"]
    assert 20.0 < mean < results["Bayes-optimal"] + 4 * error
    assert results["first"][-1] > 0.95
