"""Which estimator of the meta-gradient is biased, which is noisy, and by how much.

A small random MDP whose meta-gradient is known exactly, and learners that have only
samples of it. Relative to the exact one: the bias of the mean, the standard deviation,
and the mean cosine. In rows of many repetitions a bias below 2 std / sqrt(repetitions)
may be noise; rows `inf` are enumerated and have none. In the last rows DiCE has one
part from samples and the rest exact.

    python examples/estimator_lab.py            6 to 20 seconds
    python examples/estimator_lab.py --quick    2 seconds
    python examples/estimator_lab.py --plot lab.png

The log-likelihood, with which MAML began, points across the exact meta-gradient,
however many trajectories it is given; here leaving the Hessian out is better. The bias
of the ratio is less than the noise of a thousand trajectories. E-MAML has none in the
end, but its noise does not fall: the score of a batch grows as fast as the credit for
it shrinks. Most noise is the outer gradient's. The last lines read

                                          1 step             2 steps             3 steps
    estimator              N   bias    std   cos   bias    std   cos   bias    std   cos
    dice                1024  0.014   0.26  0.98  0.006   0.28  0.97  0.044   0.43  0.94
    dice                 inf  0.000   0.00  1.00  0.000   0.00  1.00  0.000   0.00  1.00
    e-maml                 2  0.643   4.42  0.17  1.002   6.36  0.14  0.235   7.75  0.13
    e-maml                16  0.398   4.38  0.17  0.290   6.36  0.17  0.973   9.04  0.10
    e-maml               128  0.615   3.56  0.26  0.578   6.26  0.07  0.980  10.02  0.08
    e-maml              1024  0.264   4.64  0.21  0.229   5.84  0.15  0.411   8.92  0.04
    e-maml               inf  0.000   0.00  1.00  0.000   0.00  1.00  0.000   0.00  1.00
    inner gradient only  128  0.006   0.04  1.00  0.008   0.13  1.00  0.041   0.22  0.99
    hessian only         128  0.004   0.14  0.99  0.014   0.21  0.99  0.040   0.26  0.98
    outer gradient only  128  0.027   0.63  0.87  0.053   0.88  0.81  0.050   1.13  0.72
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
import time

import numpy as np

from minimeta.exact import PARTS, Laboratory, quality
from minimeta.runs import pictures
from minimeta.tasks import RandomMDP

STATES, ACTIONS, HORIZON = 3, 2, 4
ALPHA = 0.5                  # rate of the inner steps
STEPS = (1, 2, 3)            # of adaptation
SIZES = (2, 16, 128, 1024)   # N, trajectories of each batch
REPETITIONS = 100            # estimates of each kind
ESTIMATORS = ("first-order", "log-likelihood", "ratio", "loaded-dice", "dice", "e-maml")
ONE_PART = 128               # N where one part is sampled at a time


def examine(lab, sizes, repetitions, rng):
    """(estimator, N), or ("only " part, N) -> Quality; N is inf for the limit."""
    def measured(names, N, **kwargs):
        return lab.estimates(names, trajectories=N, repetitions=repetitions, rng=rng,
                             **kwargs)

    found = {}
    by_size = {N: measured(ESTIMATORS, N) for N in sizes}
    for name in ESTIMATORS:
        for N in sizes:
            found[name, N] = quality(by_size[N][name], lab.exact)
        found[name, np.inf] = quality(lab.limit(name)[None], lab.exact)
    for part in PARTS:
        rows = measured(["dice"], ONE_PART, sampled=[part])["dice"]
        found[f"{part} only", ONE_PART] = quality(rows, lab.exact)
    return found


def show(results):
    """A row for each (estimator, N), three columns for each number of steps."""
    heads = (f"{steps} step{'s'[:steps - 1]}" for steps in results)
    print(f"\n{'':24}" + "".join(f"{head:>20}" for head in heads))
    columns = f"{'bias':>7}{'std':>7}{'cos':>6}"
    print(f"{'estimator':19}{'N':>5}" + columns * len(results))
    for key in next(iter(results.values())):
        qualities = [found[key] for found in results.values()]
        print(f"{key[0]:19}{key[1]:5}" + "".join(
            f"{q.bias:7.3f}{q.std:7.2f}{q.cosine:6.2f}" for q in qualities))


def plot(path, found, steps):
    """Bias with endless data, which is exact, against the noise of SIZES trajectories,
    from few on the right to many on the left: a line for each estimator."""
    sizes = sorted({N for _, N in found if N < np.inf})
    figure = pictures.curves(
        {name: ([found[name, N].std for N in sizes],
                [found[name, np.inf].bias] * len(sizes)) for name in ESTIMATORS},
        f"noise of {sizes[-1]} (left) .. {sizes[0]} (right) trajectories",
        f"bias after {steps} steps, with endless data", xscale="log")
    figure.axes[0].set_yscale("symlog", linthresh=0.01)
    figure.axes[0].set(ylim=(-0.003, 2))
    figure.savefig(path)


def main(steps=STEPS, sizes=SIZES, repetitions=REPETITIONS, seed=0, plot_to=None):
    """Prints the table; returns {steps: {(estimator, N): Quality}}."""
    pictures.required(plot_to)
    rng, start = np.random.default_rng(seed), time.perf_counter()
    tasks = RandomMDP(STATES, ACTIONS, HORIZON, 1).sample(1, rng)
    theta, results = rng.normal(size=STATES * ACTIONS), {}
    for n in steps:
        lab = Laboratory(tasks, theta, ALPHA, n)
        results[n] = examine(lab, sizes, repetitions, rng)
        print(f"{time.perf_counter() - start:6.1f} s   {n} of {max(steps)} steps of "
              f"adaptation", flush=True)
    show(results)
    if plot_to:
        plot(plot_to, results[max(steps)], max(steps))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="fewer trajectories")
    args = parser.parse_args()
    quick = {"sizes": (2, 16, 128), "repetitions": 40} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
