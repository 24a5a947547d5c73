"""MAML on sine curves: from five points, one gradient step draws the curve.

    python examples/maml_sinusoid.py            40 seconds of one core
    python examples/maml_sinusoid.py --quick    seconds, to see that it runs

Every curve has its own amplitude and phase. MAML learns the initial weights from which
a few gradient steps on five points of a curve fit all of it; the pretrained network is
trained on all curves alike and takes the same steps afterwards. The last lines read

    gradient steps                    0              1              5             10
    pretrained              3.24 +- 0.19    2.52 +- 0.15    2.18 +- 0.14    2.22 +- 0.16
      published                             2.41           2.23           2.19
    MAML                    3.25 +- 0.19    0.61 +- 0.05    0.37 +- 0.04    0.33 +- 0.03
      published                             0.67           0.38           0.35
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (MLP, LinearSchedule, RegressionMAML, RegressionPretrained,
                      meta_train, print_progress)
from minimeta.runs import pictures
from minimeta.tasks import Sinusoid

HIDDEN = (40, 40)
ALPHA = 0.01                 # rate of the gradient steps of adaptation
RATE = LinearSchedule(3e-3, 0.0)     # of Adam, in meta-training
TASKS = 50                   # K, curves in a meta-batch
ITERATIONS = 20_000
SHOTS = 5                    # R, points that are shown of a curve
CURVES = 1000                # fresh ones, to measure on
STEPS = (0, 1, 5, 10)        # gradient steps after which the error is shown
PUBLISHED = {"MAML": (None, 0.67, 0.38, 0.35), "pretrained": (None, 2.41, 2.23, 2.19)}


def plot(path, learner, theta, family, seed):
    """One curve, its five points, and the fit before and after each of three steps."""
    tasks = family.sample(1, np.random.default_rng((seed, 2)))
    shown = learner.collect(theta, tasks, np.random.default_rng((seed, 3)))
    x = np.linspace(*family.x, 200)[None, :, None]
    lines = {"the curve": (x[0, :, 0], tasks.curve(x)[0, :, 0])}
    for steps in (0, 1, 3):
        phi = learner.adapt(theta, [shown] * steps) if steps else theta[None]
        fit, _ = learner.policy.forward(phi, x.astype(theta.dtype))
        lines[f"after {steps} steps"] = x[0, :, 0], fit[0, :, 0]
    figure = pictures.curves(lines, "x", "y")
    figure.axes[0].plot(shown.x[0, :, 0], shown.y[0, :, 0], "ko")
    figure.savefig(path)


def main(iterations=ITERATIONS, curves=CURVES, seed=0, plot_to=None):
    """Returns name -> mean squared errors [curves, 11] after 0 .. 10 gradient steps."""
    pictures.required(plot_to)
    family, net, errors = Sinusoid(), MLP((1, *HIDDEN, 1), "relu"), {}
    for name, kind in (("pretrained", RegressionPretrained), ("MAML", RegressionMAML)):
        learner = kind(net, alpha=ALPHA, shots=SHOTS, rate=RATE)
        result = meta_train(
            learner, family, iterations=iterations, tasks=TASKS, seed=seed,
            callback=print_progress(iterations, of="loss", name=name, lines=5))
        rng = np.random.default_rng((seed, 1))
        fresh = family.sample(curves, np.random.default_rng((seed, 0)))
        errors[name] = learner.errors(result.theta, fresh, rng, steps=max(STEPS))
    print(f"\nMean squared error on {curves} fresh curves, {SHOTS} points shown of each"
          f"\n{'gradient steps':20}" + "".join(f"{s:>15d}" for s in STEPS))
    for name, error in errors.items():
        half = 1.96 * error.std(0) / len(error) ** 0.5
        print(f"{name:20}" + "".join(
            f"{error[:, s].mean():8.2f} +-{half[s]:5.2f}" for s in STEPS))
        print(f"{'  published':20}" + "".join(
            f"{'' if p is None else p:>8}{'':7}" for p in PUBLISHED[name]).rstrip())
    if plot_to:
        plot(plot_to, learner, result.theta, family, seed)
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    quick = {"iterations": 500, "curves": 100} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
