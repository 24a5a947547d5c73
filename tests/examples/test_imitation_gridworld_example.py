"""Imitation on the grid: quickly, that it improves; slowly, its claims."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "imitation_gridworld.py"))["main"]


def test_a_short_training_makes_use_of_the_demonstration():
    reached = main(iterations=60, trials=200)
    means = {name: hits.mean(-1) for name, hits in reached.items()}
    error = np.sqrt(2 * 0.25 / 200)
    assert (means["after it"] > means["before the demonstration"] + 3 * error).all()
    assert (means["after it"] > means["after one of another goal"] + 3 * error).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_after_one_demonstration_goals_never_met_are_reached(seed):
    reached = main(seed=seed)
    corner = {name: hits[0].mean() for name, hits in reached.items()}
    anywhere = {name: hits[1].mean() for name, hits in reached.items()}
    assert corner["after it"] >= 0.95
    assert corner["after it, without its actions"] >= 0.95
    # Before it, most goals are not met; after another's, no more than by chance.
    assert corner["before the demonstration"] < 0.5
    assert corner["after one of another goal"] < corner["acting uniformly"] + 0.1
    # What meta-learning adds to cloning is what was not shown.
    assert anywhere["after it"] > anywhere["cloning from scratch, 200 steps"] + 0.2
