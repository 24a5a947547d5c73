"""What adaptation can do: quickly, that gradient steps need a reward and memory none;
slowly, all three claims."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "consistency_and_expressiveness.py"))
main = example["main"]


def test_without_reward_gradient_steps_change_no_bit_and_memory_changes_what_is_done():
    results = main(scale=0.05, goals=20)
    assert results["MAML"]["unpaid"] == 0.0
    assert results["RL^2"]["unpaid"] > 0.0


def test_goals_outside_are_farther_than_any_of_training():
    goal = example["Outside"]().sample(1000, np.random.default_rng(0)).goal
    distance = np.hypot(*goal.T)
    assert distance.min() >= 1.0 and distance.max() <= 1.5
    assert 1.0 > example["INSIDE"].reach * 2 ** 0.5


@pytest.mark.slow
def test_gradient_steps_go_on_improving_outside_and_memory_is_quicker_inside():
    results = main()
    maml, rl2 = results["MAML"], results["RL^2"]
    inside, outside = maml["inside"].mean, maml["outside"].mean
    assert outside[1] > outside[0] + 3 and outside[3] > outside[1] + 3
    assert outside[20] > outside[3] + 1
    # RL^2 does not improve: it stays more than 10 below
    assert np.all(rl2["outside"].mean < outside[20] - 10)
    # one episode of RL^2 is worth more than 400 of MAML
    assert rl2["inside"].mean[1] > inside[1:].max()
    assert rl2["unpaid"] > 0.05 and maml["unpaid"] == 0.0
