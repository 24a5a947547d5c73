"""The benchmark of MAML runs."""
import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmark_maml.py"


def test_a_meta_gradient_is_timed():
    table = runpy.run_path(str(EXAMPLE))["main"](sizes=((3, 20, 4),), turns=1, seconds=0.01)
    assert list(table) == [(3, 20, 4)] and table[3, 20, 4]["minimeta"] > 0
