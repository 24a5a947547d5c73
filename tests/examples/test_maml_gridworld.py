"""MAML on the grid: quickly, that it improves; slowly, its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "maml_gridworld.py"))
main = example["main"]


def test_a_short_training_makes_one_step_worth_more_than_it_was_untrained():
    results = main(iterations=12, tasks=60)
    untrained, trained = results["untrained"], results["DiCE"]
    error = np.hypot(untrained.standard_error, trained.standard_error)
    assert trained.mean[1] > untrained.mean[1] + 3 * error[1]
    assert abs(untrained.mean[0] - results["random"]) < 0.3
    for curve in (untrained, trained):
        assert np.all(curve.mean < results["optimum"] + 4 * curve.standard_error)


def test_the_shares_of_a_room_can_be_seen():
    shares = np.array([[50, 0, 10, 40], [0, 0.2, 99.6, 0.1]])
    assert example["picture"](shares, 2, 2).splitlines() == [
        "[10] 40  | [100]  .", " 50   .  |   .   ."]


@pytest.mark.slow
def test_with_dice_inside_three_steps_reach_the_optimum_and_one_most_of_it():
    results = main()
    dice = results["DiCE"]
    assert dice.mean[1] > 7.5 and dice.mean[3] > 10.5
    for other in ("untrained", "first-order", "log-likelihood"):
        error = np.hypot(dice.standard_error, results[other].standard_error)
        assert np.all(dice.mean[1:] > results[other].mean[1:] + 3 * error[1:])


@pytest.mark.slow
def test_cells_that_never_paid_in_training_are_not_looked_at():
    results = main(held_out=example["HELD_OUT"], iterations=100)
    assert results["DiCE"].mean[3] < 5 < results["untrained"].mean[3]
