"""The example of the informative bandit: quickly, that it improves; slowly, its
claim."""
import runpy
from pathlib import Path

import pytest

from minimeta.tasks import InformativeBandit

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "informative_bandit.py"))
FAMILY = InformativeBandit()


def trained(name, iterations, seed):
    """The first arms and the totals of 5000 bandits after training."""
    learner = example["learners"](FAMILY)[name]
    action, reward = example["play"](learner, FAMILY, iterations, 5000, seed)
    return action[:, 0], reward.sum(1)


def test_a_short_training_of_each_earns_more_than_chance():
    results = example["main"](iterations=60, bandits=500)
    for name in ("posterior sampling", "VariBAD", "RL^2"):
        mean, error = results[name]
        assert mean > results["random"] + 3 * error
    assert abs(results["first"].sum() - 1) < 1e-12


def test_posterior_sampling_leaves_the_arm_that_tells_alone_and_earns_what_thompson_does():
    first, total = trained("posterior sampling", 300, seed=0)
    assert (first == FAMILY.arms - 1).mean() < 0.002
    assert 10.8 < total.mean() < 11.0 + 4 * total.std() / len(total) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name, seed", [("RL^2", 0), ("RL^2", 1), ("VariBAD", 0)])
def test_the_arm_that_pays_least_is_pulled_first_and_earns_20_of_20_55(name, seed):
    first, total = trained(name, example["ITERATIONS"], seed)
    assert 20.0 < total.mean() < 20.55 + 4 * total.std() / len(total) ** 0.5
    assert (first == FAMILY.arms - 1).mean() > 0.95
