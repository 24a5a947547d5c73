"""MAML in the plane: quickly, that it improves; slowly, its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "maml_navigation.py"))
main = example["main"]


def lead(results, other, steps):
    """Mean lead of MAML over another after some steps, and its standard error, goal by
    goal."""
    more = (results["MAML"].returns - results[other].returns)[:, steps]
    return more.mean(), more.std(ddof=1) / np.sqrt(len(more))


def test_a_short_training_makes_a_gradient_step_worth_taking():
    results = main(stages=((0.05, 5),), goals=6)
    maml = results["MAML"]
    assert maml.mean[1] > maml.mean[0] + 5
    assert all(curve.mean.max() < results["oracle"] for name, curve in results.items()
               if name != "oracle")


@pytest.mark.slow
def test_one_step_is_worth_most_after_maml_and_three_come_near_the_published_return():
    results = main()
    maml = results["MAML"]
    assert maml.mean[1] > -17 and maml.mean[2] > -7 and maml.mean[3] > -4.5
    for other in ("pretrained", "pretrained, its best", "random weights"):
        mean, error = lead(results, other, 1)
        assert mean > 2 * error
