"""The example of the sine curves: quickly, that a step helps; slowly, its claim."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "maml_sinusoid.py"))["main"]


def test_after_a_short_training_a_gradient_step_helps_maml_more_than_the_pretrained():
    errors = main(iterations=1500, curves=200)
    maml, pretrained = (errors[name].mean(0) for name in ("MAML", "pretrained"))
    assert maml[1] < 0.8 * maml[0] and maml[1] < pretrained[1]


@pytest.mark.slow
def test_five_points_and_one_step_are_enough_to_reach_the_published_error():
    errors = main()
    maml, pretrained = (errors[name].mean(0) for name in ("MAML", "pretrained"))
    assert maml[1] < 0.67 and maml[10] < 0.35 and pretrained[10] > 1.5
