"""How do time and memory grow with tasks, horizon, hidden units and inner steps?

    python examples/benchmark_growth.py                     1 minute
    python examples/benchmark_growth.py --plot growth.png   draws the curves too
    python examples/benchmark_growth.py --quick             seconds, small sizes

One iteration of meta-training is measured while one size doubles and the others stay.
An exponent e means that twice the size takes 2^e times as much: the least-squares slope
of log(milliseconds) or log(MiB) over log(size). Work and data are linear in tasks,
horizon and inner steps; a fixed cost makes the exponent less than 1. In hidden units,
products are quadratic and activations linear, so the exponent is between 1 and 2. MAML
works on a few tasks at once, and keeps no graph of its inner steps, so its memory
grows less than its work.

TODO
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core: work, and not sharing

import argparse
import time
import tracemalloc

import numpy as np

from minimeta import (MAML, RL2, Categorical, Gaussian, MLPPolicy, RecurrentPolicy,
                      meta_train)
from minimeta.tasks import BernoulliBandit, PointNavigation

ARMS, TRIALS = 5, 20     # of RL^2's bandits; of MAML's tasks
RUNS = 3                 # the shortest counts
SIZES = {"MAML": dict(tasks=(10, 20, 40, 80), horizon=(25, 50, 100, 200),
                      hidden=(32, 64, 128, 256), steps=(1, 2, 4, 8)),
         "RL^2": dict(tasks=(32, 64, 128, 256), horizon=(25, 50, 100, 200),
                      hidden=(32, 64, 128, 256))}
QUICK = {"MAML": dict(tasks=(2, 4), horizon=(5, 10), hidden=(8, 16), steps=(1, 2)),
         "RL^2": dict(tasks=(4, 8), horizon=(5, 10), hidden=(8, 16))}


def maml(seed, tasks, horizon, hidden, steps):
    """One iteration: two layers, `steps` rounds of collecting and adapting."""
    family = PointNavigation(horizon)
    policy = MLPPolicy(family.obs_size, Gaussian(2), (hidden, hidden))
    learner = MAML(policy, trials=TRIALS, rounds=steps)
    return lambda: meta_train(learner, family, iterations=1, tasks=tasks,
                              seed=seed)


def rl2(seed, tasks, horizon, hidden):
    """One iteration: one trial of each task, 3 epochs."""
    family = BernoulliBandit(ARMS, horizon)
    learner = RL2(RecurrentPolicy(family.obs_size, Categorical(ARMS), hidden))
    return lambda: meta_train(learner, family, iterations=1, tasks=tasks,
                              seed=seed)


LEARNERS = {"MAML": maml, "RL^2": rl2}


def milliseconds(run):
    """The shortest of RUNS."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def mebibytes(run):
    """The most memory that Python and NumPy hold at once during a run."""
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2 ** 20


def exponent(sizes, costs):
    """The slope of log(costs) over log(sizes)."""
    return np.polyfit(np.log(sizes), np.log(costs), 1)[0]


def picture(table, file):
    """Costs over sizes, both on logarithmic axes: time above, memory below."""
    from matplotlib import pyplot
    names = list(dict.fromkeys(name for _, name in table))
    figure, axes = pyplot.subplots(2, len(names), figsize=(12, 6), layout="constrained")
    for (learner, name), (sizes, *costs) in table.items():
        for axis, unit, cost in zip(axes[:, names.index(name)], ("ms", "MiB"), costs):
            label = f"{learner}, exponent {exponent(sizes, cost):.2f}"
            axis.loglog(sizes, cost, "o-", label=label)
            axis.set_xticks(sizes, [str(n) for n in sizes], minor=False)
            axis.set_xticks([], minor=True)
            axis.set(xlabel=name, ylabel=unit)
            axis.legend()
    figure.savefig(file)
    print(f"saved {file}")


def main(sizes=SIZES, plot=None, seed=0):
    """Prints the table; the sizes that stay are the second of each range. Returns
    {(learner, name): (sizes, milliseconds, mebibytes)}."""
    table = {}
    for learner, ranges in sizes.items():
        others = {name: some[1] for name, some in ranges.items()}
        print(f"\n{learner}, one of", *(f"{n} {name}" for name, n in others.items()))
        for name, some in ranges.items():
            runs = [LEARNERS[learner](seed, **others | {name: size}) for size in some]
            costs = [[of(run) for run in runs] for of in (milliseconds, mebibytes)]
            table[learner, name] = some, *costs
            print(f"{name:10}{'':5}{''.join(f'{size:9}' for size in some)}   exponent")
            for unit, cost in zip(("ms", "MiB"), costs):
                print(f"{'':10}{unit:5}{''.join(f'{c:9.2f}' for c in cost)}"
                      f"{exponent(some, cost):11.2f}", flush=True)
    if plot is not None:
        picture(table, plot)
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--plot", metavar="FILE", help="save a picture")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    main(QUICK if args.quick else SIZES, args.plot, args.seed)
