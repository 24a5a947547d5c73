"""Three ways to adapt to a room: that each improves, and none too much."""
import runpy
from pathlib import Path

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
