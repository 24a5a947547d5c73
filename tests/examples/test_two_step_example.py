"""The example of the two-step task: quickly, that it improves; slowly, its claim."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "two_step.py"))["main"]


def test_a_short_training_earns_more_than_chance():
    mean, error, _ = main(iterations=180, tasks=2000)["RL^2"]
    assert mean > 0.5 + 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_rl2_behaves_as_a_model_based_learner_and_is_nearly_optimal(seed):
    results = main(seed=seed)
    mean, error, sign = results["RL^2"]
    assert 0.655 < mean < results["exact"] + 4 * error
    (interaction, half), (effect, _) = sign.interaction(), sign.reward_effect()
    assert interaction - half > 0.5 and abs(effect) < 0.1
    assert results["model-free"][2].reward_effect()[0] > 0.35
