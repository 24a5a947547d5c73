"""The example of the dependent bandits: quickly, that it improves; slowly, its
claim."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "dependent_bandits.py"))["main"]


def test_a_short_training_beats_chance_and_is_chance_without_the_reward():
    results = main("easy", iterations=40, bandits=300)
    mean, error = results["RL^2"]
    blind, blind_error = results["RL^2 without reward"]
    assert mean < results["random"][0] - 10 * error
    assert abs(blind - 40) < 4 * blind_error  # .4 a pull


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["easy", "independent"])
def test_rl2_has_less_regret_than_the_algorithms_for_independent_arms(kind):
    results = main(kind)
    mean, error = results["RL^2"]
    for name in ("UCB1", "Thompson"):
        other, other_error = results[name]
        assert mean + 3 * (error ** 2 + other_error ** 2) ** 0.5 < other
    assert mean > results["floor"] - 4 * error
