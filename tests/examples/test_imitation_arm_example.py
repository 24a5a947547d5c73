"""Imitation on the arm: quickly, that it improves; slowly, its claims."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "imitation_arm.py"))["main"]


def test_a_short_training_brings_the_hand_nearer_than_before():
    distance = main(iterations=12, targets=30)
    before, after = distance["before the demonstration"], distance["after it"]
    assert (after.mean(-1) < 0.7 * before.mean(-1)).all()
    assert distance["the expert"][0].max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_after_one_demonstration_the_distance_is_less_than_a_fifth(seed):
    distance = {name: d.mean(-1) for name, d in main(seed=seed).items()}
    before = distance["before the demonstration"]
    assert (distance["after it"] < before / 5).all()
    assert (distance["after it, without its torques"] < before / 5).all()
    # Cloning alone copies a motion; from elsewhere it does not know the way.
    assert distance["after it"][1] < distance["cloning from scratch, 300 steps"][1] / 2
