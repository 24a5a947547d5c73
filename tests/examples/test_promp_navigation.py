"""ProMP in the plane: quickly, that it improves; slowly, that it keeps up with MAML."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "promp_navigation.py"))
main = example["main"]


def test_a_short_training_improves_what_a_gradient_step_reaches():
    results = main(stages=((0.05, example["PARTS"]),), goals=5)
    for returns in results["learning"].values():
        assert returns[-1] > returns[0] + 10


@pytest.mark.slow
def test_promp_learns_as_much_as_maml_from_as_many_steps_of_the_environment():
    results = main(stages=((0.05, 20), (0.07, 16)))
    maml, promp = results["learning"]["MAML"], results["learning"]["ProMP"]
    assert promp[-1] > -16 and abs(promp[-1] - maml[-1]) < 3
    assert results["ProMP"].mean[1] > results["ProMP"].mean[0] + 20
