"""The learned belief beside the exact one, quickly."""
import runpy
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "beliefs.py"))
main = example["main"]


def test_a_short_training_prints_and_returns_its_table(capsys):
    results = main(iterations=(3, 3), tests=50)
    assert set(results) == {"bandit", "grid", "goal"} and np.isfinite(list(results.values())).all()
    assert "r.m.s. error" in capsys.readouterr().out
