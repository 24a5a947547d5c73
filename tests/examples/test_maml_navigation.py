"""MAML in the plane: quickly, that it improves; slowly, its claim."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "maml_navigation.py"))
main = example["main"]


def test_a_short_training_makes_a_gradient_step_worth_taking():
    results = main(stages=((0.05, 5),), goals=6)
    before, after = results["MAML"].mean((0, 1))[:2]
    assert after > before + 5
    assert all((results[name].mean((0, 1)) < results["oracle"].mean()).all()
               for name in results if name != "oracle")


@pytest.mark.slow
def test_one_step_is_worth_most_after_maml_and_three_come_near_the_published_return():
    results = main()
    _, one, two, three = results["MAML"].mean((0, 1))
    assert one > -17 and two > -7 and three > -4.5
    for other in ("pretrained", "pretrained, its best", "random weights"):
        more = (results["MAML"] - results[other])[0, :, 1]
        assert more.mean() > 2 * more.std(ddof=1) / np.sqrt(len(more))
