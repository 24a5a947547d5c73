"""Three ways to adapt to a room: that each improves, and none too much."""
import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "varibad_gridworld.py"))
main, SMALL = example["main"], example["SMALL"]
LEARNED = "posterior sampling", "VariBAD", "RL^2"


def test_a_short_training_of_each_earns_more_than_chance_and_less_than_knowing():
    means = main(SMALL._replace(iterations=40), tests=500, seeds=(0, 1))
    for name in LEARNED:
        assert means[name].shape == (2, 2)
        assert (means[name].sum(1) > means["random"].sum(1) + 0.5).all()
        assert (means[name].sum(1) < means["knowing the goal"].sum(1)).all()
