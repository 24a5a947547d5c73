"""The robot arm: quickly, that gradient steps bring it nearer; slowly, the claims."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta.tasks import PlanarArm

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "robot_arm.py"))
main = example["main"]


def gap_closed(results, name, start):
    """Of the way from `start` to the expert."""
    expert = results["expert"]
    return 1 - (expert - results[name].mean[-1]) / (expert - start)


def test_a_short_training_makes_gradient_steps_worth_taking():
    results = main(scale=0.04, arms=8)
    for name in ("MAML", "ProMP"):
        assert results[name].mean[-1] > results[name].mean[0] + 5
    assert results["random"] < results["RL^2"].mean[-1] < results["expert"]


def test_the_distance_of_an_episode_can_be_seen():
    arm = PlanarArm("dynamics").sample(1, np.random.default_rng(0))
    at_target = np.concatenate([arm.posture()[0], [0.0, 0.0]])
    start = arm.reset(1, np.random.default_rng(0))[0][0, 0]
    seen = example["picture"](arm, np.stack([start, at_target]))
    assert seen[0] == str(round(10 * arm.distance(start[None, None])[0, 0]))
    assert len(seen) == 2 and seen[1] in "012"  # a short arm may not reach it


@pytest.mark.slow
def test_adaptation_closes_four_fifths_of_the_gap_to_the_expert():
    results = main()
    for name in ("MAML", "ProMP"):
        assert gap_closed(results, name, results[name].mean[0]) > 0.8
    one_policy = results["one policy"].mean[0]
    for name in ("MAML", "ProMP", "RL^2"):
        assert gap_closed(results, name, one_policy) > 0.4
