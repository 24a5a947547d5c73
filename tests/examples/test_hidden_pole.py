"""The hidden pole: quickly, that policies learn; slowly, that adapting is worth something."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "hidden_pole.py"))
main = example["main"]


def lead(more, less):
    """The mean of paired differences, in standard errors."""
    d = more - less
    return d.mean() / (d.std() / np.sqrt(len(d)))


def test_a_short_training_earns_more_than_chance_on_the_same_poles():
    results = main(scale=0.02, fresh=50)
    assert [len(results[name]) for name in ("one policy", "RL^2", "expert")] == [50] * 3
    assert results["alone"].shape == (3,)
    for name in ("one policy", "RL^2"):
        assert lead(results[name][:, 0], results["random"]) > 5


def test_means_are_taken_over_each_length_and_over_the_fresh_poles():
    n = example["SAME"]
    returns = np.concatenate([np.full(n, 1.0), np.full(n, 2.0), np.full(n, 4.0),
                              [5.0, 7.0]])
    assert example["columns"](returns).tolist() == [1, 2, 4, 6]


def test_a_pole_that_is_trained_on_alone_has_its_length():
    tasks = example["of_length"](0.7).sample(3, np.random.default_rng(0))
    assert tasks.length.tolist() == [0.7] * 3
