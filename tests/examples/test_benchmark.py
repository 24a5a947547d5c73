"""The benchmark runs, and would see a library that computes something else."""
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmark.py"


def test_every_kind_of_work_is_timed():
    table = runpy.run_path(str(EXAMPLE))["main"](n_sizes=1, turns=1, seconds=0.01)
    assert set(table) == {("LSTM", 256, 10, 48), ("RL^2", 256, 10, 48)}
    assert all(0 < best["minimeta"] < np.inf for best in table.values())


def test_libraries_that_disagree_are_refused():
    agree = runpy.run_path(str(EXAMPLE))["agree"]
    x_bar = np.arange(6.0)
    agree({"minimeta": x_bar, "torch": x_bar * (1 + 1e-6)})
    with pytest.raises(AssertionError, match="differ by 1e-03"):
        agree({"minimeta": x_bar, "torch": x_bar * 1.001})
