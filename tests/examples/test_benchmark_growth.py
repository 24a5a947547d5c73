"""The exponents of growth are those of the costs, and memory grows as it should."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples/benchmark_growth.py"))


def test_an_exponent_is_the_power_of_the_size():
    sizes = np.array([3.0, 6.0, 12.0])
    for power in (0, 1, 2):
        assert np.isclose(EXAMPLE["exponent"](sizes, 5 * sizes ** power), power, atol=1e-12)


def test_memory_grows_linearly_at_most_and_little_with_inner_steps():
    """Memory is the same in each run, so it can be asserted; time cannot."""
    table = EXAMPLE["main"](EXAMPLE["QUICK"])
    assert {name for learner, name in table if learner == "RL^2"} == {
        "tasks", "horizon", "hidden"}
    for sizes, milliseconds, mebibytes in table.values():
        assert len(milliseconds) == len(sizes) and min(milliseconds) > 0
        assert EXAMPLE["exponent"](sizes, mebibytes) < 1.1
    assert EXAMPLE["exponent"](*table["MAML", "steps"][::2]) < 0.6


def test_the_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    file = tmp_path / "growth.png"
    curves = (1, 2), (3.0, 6.0), (1.0, 1.0)
    EXAMPLE["picture"]({("MAML", "tasks"): curves, ("MAML", "steps"): curves,
                        ("RL^2", "tasks"): curves}, file)
    assert file.stat().st_size > 10_000
