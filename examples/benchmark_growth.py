"""How do time and memory grow with tasks, horizon, hidden units and inner steps?

    python examples/benchmark_growth.py                     30 seconds
    python examples/benchmark_growth.py --plot growth.png   draws the curves too
    python examples/benchmark_growth.py --quick             seconds, small sizes

One iteration of meta-training is measured while one size doubles and the others stay.
An exponent e means that twice the size takes 2^e times as much: the least-squares slope
of log(milliseconds) or log(MiB) over log(size). Work and data are linear in tasks,
horizon and inner steps; a fixed cost makes the exponent less than 1. In hidden units,
products are quadratic and activations linear, so the exponent is between 1 and 2. MAML
works on a few tasks at once, and keeps no graph of its inner steps, so its memory
grows less than its work.

The run ends with

    MAML; the others stay at tasks 20, horizon 50, hidden 64, steps 2
    tasks                 10       20       40       80   exponent
              ms       85.33   127.64   280.98   466.59       0.85
              MiB      17.69    19.25    28.78    35.00       0.35
    horizon               25       50      100      200   exponent
              ms       97.56   183.75   345.10   563.51       0.85
              MiB      18.62    19.24    30.84    35.45       0.35
    hidden                32       64      128      256   exponent
              ms       78.08   137.21   285.18   754.01       1.09
              MiB      19.28    19.24    31.09    40.34       0.39
    steps                  1        2        4        8   exponent
              ms       68.99   154.81   351.30   721.38       1.13
              MiB      15.54    19.24    21.12    24.71       0.21

    RL^2; the others stay at tasks 64, horizon 50, hidden 64
    tasks                 32       64      128      256   exponent
              ms       19.08    28.63    45.01    74.98       0.66
              MiB       4.46     8.36    16.09    31.62       0.94
    horizon               25       50      100      200   exponent
              ms       11.05    24.13    43.93    84.96       0.97
              MiB       4.55     8.36    15.98    31.21       0.93
    hidden                32       64      128      256   exponent
              ms       15.07    25.41    55.79   141.66       1.08
              MiB       4.38     8.36    16.92    36.72       1.02
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
            axis.loglog(sizes, cost, "o-", base=2, label=label)
            axis.set(xlabel=name, ylabel=unit)
            axis.xaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_major_formatter("{x:g}")
            axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    figure.savefig(file)
    print(f"saved {file}")


def main(sizes=SIZES, plot=None, seed=0):
    """Prints the table; the sizes that stay are the second of each range. Returns
    {(learner, name): (sizes, milliseconds, mebibytes)}."""
    table = {}
    for learner, ranges in sizes.items():
        others = {name: some[1] for name, some in ranges.items()}
        stay = ", ".join(f"{name} {n}" for name, n in others.items())
        print(f"\n{learner}; the others stay at {stay}")
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
