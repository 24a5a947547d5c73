"""Prints how training goes: a callback for meta_train."""
import time

import numpy as np

from .. import require


def print_progress(iterations, *, of="return", name="", lines=10):
    """A callback that prints, `lines` times in all, the seconds gone and the mean of a
    logged number since the line before.

    of     the name of the number in the log
    name   printed in front, where several trainings follow one another
    """
    iterations = require.count("iterations", iterations)
    lines = require.count("lines", lines)
    start, recent = time.perf_counter(), []

    def callback(iteration, row, theta):
        recent.append(require.choice("of", of, row))
        if (iteration + 1) * lines // iterations > iteration * lines // iterations:
            print(f"{time.perf_counter() - start:6.1f} s   {name:<{16 if name else 0}}"
                  f"iteration {iteration + 1:6d}   {of} {np.mean(recent):.3f}",
                  flush=True)
            recent.clear()

    return callback
