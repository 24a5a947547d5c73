"""The clock: the libraries take turns, so that what disturbs the machine disturbs all
of them. A turn lasts some time, and its figure is the median run; the figure of a row
is the median of the turns."""
import time
from statistics import median

import numpy as np


def agree(results, tolerance):
    """Raises AssertionError if a result is not that of the first library, or is 0."""
    first, *others = results.values()
    size = np.linalg.norm(first)
    for other in others:
        error = np.linalg.norm(other - first)
        assert error < tolerance * size, (
            f"{list(results)} differ by {error:.0e} where the numbers are {size:.0e}")


def take_turns(runs, turns, seconds):
    """Milliseconds of each run, one number for each turn: {name: [turns]}."""
    times = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            times[name].append(turn(run, seconds))
    return times


def turn(run, seconds):
    """The median of the runs that begin within some seconds, milliseconds. The first,
    which wakes threads and brings data back to the cache, counts only if it is alone.
    """
    taken, stop = [], time.perf_counter() + seconds
    while not taken or time.perf_counter() < stop:
        start = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - start))
    return median(taken[1:] or taken)
