"""The estimator laboratory's example: what its table says."""
import runpy
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[2] / "examples"
main = runpy.run_path(str(EXAMPLES / "estimator_lab.py"))["main"]


def test_the_table_tells_bias_from_noise():
    results = main(steps=(1, 3), sizes=(8, 128), repetitions=40)
    assert list(results) == [1, 3]
    for found in results.values():
        limit = {name: q.bias for (name, N), q in found.items() if N == np.inf}
        assert limit["dice"] < 1e-10 and limit["e-maml"] == 0
        assert limit["log-likelihood"] > 0.5 > 0.1 > limit["ratio"]
        assert limit["ratio"] > limit["loaded-dice"] > 0.01
        for name in set(limit) - {"e-maml"}:
            assert found[name, 128].std < 0.8 * found[name, 8].std
        assert found["e-maml", 128].std > 0.5 * found["e-maml", 8].std
        assert found["hessian only", 128].std < found["outer gradient only", 128].std
