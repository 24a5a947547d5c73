"""Three ways to adapt to a room: quickly, that each improves; slowly, the claim on 3 x 3."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta.tasks import GridNavigation

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "varibad_gridworld.py"))["main"]
SMALL = GridNavigation(3, 6, episodes=2, sees="row and column")
LEARNED = "posterior sampling", "VariBAD", "RL^2"


def test_a_short_training_of_each_earns_more_than_chance_and_less_than_knowing():
    means = main(SMALL, iterations=40, tests=500, seeds=(0, 1))
    for name in LEARNED:
        assert means[name].shape == (2, 2)
        assert (means[name].sum(1) > means["random"].sum(1) + 0.5).all()
        assert (means[name].sum(1) < means["knowing the goal"].sum(1)).all()


@pytest.mark.slow
def test_a_belief_and_a_memory_search_as_well_as_can_be_and_guesses_do_not():
    means = main(SMALL, iterations=600, seeds=(0,))
    best = 6.72                                              # exact, Bayes-optimal
    total = {name: means[name].sum() for name in LEARNED}
    assert min(total["VariBAD"], total["RL^2"]) > 0.985 * best - 0.06
    assert total["posterior sampling"] < 0.6 * best
    assert np.diff(means["posterior sampling"]).item() > 0.5      # it finds the goal late
