"""Regular reinforcement learning: quickly, that all three learners learn."""
import runpy
from pathlib import Path

import numpy as np

from minimeta.tasks import value_iteration

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "regular_rl.py"))
main = example["main"]


def test_a_short_training_earns_more_than_chance_for_each_learner():
    results = main(scale=0.05)
    (grid, cart), = results["chance"]
    for name in example["ITERATIONS"]:
        (_, cart_return, _), = results[name]
        assert cart_return > 2 * cart


def test_the_reference_on_the_grid_is_what_value_iteration_finds():
    tasks = example["GRID"].sample(1, np.random.default_rng(0))
    P, R, start = tasks.tables()
    value = value_iteration(P, R, example["GRID"].horizon).value[:, 0]
    assert abs((start * value).sum() - tasks.oracle()[0]) < 1e-12


def test_the_last_quarter_is_the_last_quarter():
    seen = np.zeros((8, 3, 5))
    seen[6:, :, 1] = [[1, 0, -1], [0, 0, 1]]
    assert np.array_equal(example["upright"](seen), [0.5, 0, 0])
