"""ProMP in the plane: what MAML does by a trust region, by a few steps on each batch.

    python examples/promp_navigation.py            110 s on one core
    python examples/promp_navigation.py --quick    seconds, to see that it learns

The walkers are those of maml_navigation.py. Both learners see as many episodes: MAML
takes one long step on each batch, with second-order information; ProMP takes five
short ones by Adam, with clipped ratios to keep the policy near the one that collected.
The default run ends with

    return after one step, while training, at thousands of environment steps
                                1600      3200      4800      6400      8000
    MAML                      -26.50    -13.96    -14.78    -11.43    -11.58
    ProMP                     -33.17    -13.59    -13.68    -11.43    -11.62

    return, -+ 95 %; steps:             0             1             2             3
    MAML                    -42.49 -+ 5.4  -14.93 -+ 3.2   -5.26 -+ 1.3   -3.40 -+ 0.6
    ProMP                   -39.66 -+ 5.6  -14.61 -+ 2.8   -6.95 -+ 1.8   -3.07 -+ 1.1
    acting uniformly         -62.66
    seeing the goal           -0.55

Source: Rothfuss et al. (2018), ProMP, arXiv 1810.06784.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # in each of THREADS

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from minimeta import (MAML, Gaussian, LinearSchedule, MLPPolicy, ProMP, TrustRegion,
                      evaluate, meta_train, print_progress)
from minimeta.runs import pictures
from minimeta.tasks import PointNavigation

THREADS = os.cpu_count()
POOL = ThreadPoolExecutor(THREADS)  # for gradients; no bit of a result depends on it
FAMILY = PointNavigation()
POLICY = MLPPolicy(FAMILY.obs_size, Gaussian(2), hidden=(32, 32))
STAGES = ((0.05, 20), (0.07, 20), (0.1, 60))
                          # of training: rate of the inner step, iterations; a rate of
                          # 0.1 from the first makes some seeds run away
ALPHA = (0.1, 0.03, 0.015)               # rates of the three steps when tested
COMMON = {"trials": 20,   # B, episodes of a goal for each gradient step
          "lam": 0.95}    # of the advantages; gamma is 0.99
LEARNERS = {"MAML": MAML(POLICY, optimizer=TrustRegion(max_kl=0.01, cg_steps=8),
                         **COMMON),
            "ProMP": ProMP(POLICY, rate=LinearSchedule(1e-2, 2e-3), epochs=5, **COMMON)}
TASKS = 20                # K, goals in a meta-batch
PARTS = 5                 # of training, for the table of what was earned meanwhile
GOALS = 40                # fresh ones, to measure on


def train(learner, name, stages, seed):
    """theta, after stages of (alpha, iterations), and the log of all."""
    theta, log = None, ()
    for i, (alpha, iterations) in enumerate(stages):
        result = meta_train(
            replace(learner, alpha=alpha), FAMILY, iterations=iterations, tasks=TASKS,
            seed=len(STAGES) * seed + i, theta=theta, executor=POOL,
            callback=print_progress(iterations, name=name, lines=3))
        theta, log = result.theta, log + result.log
    return theta, log


def adapted(theta, alpha, goals, seed):
    """Returns before the gradient steps, and after each."""
    return evaluate(MAML(POLICY, alpha=alpha, **COMMON), theta, FAMILY, tasks=goals,
                    seed=seed, rounds=len(alpha))


def learning(log):
    """Environment steps [PARTS], and the mean return after a gradient step, on the
    training's own fresh goals, since the number before: [PARTS]."""
    returns = np.array([row["return"] for row in log])
    spent = 2 * TASKS * COMMON["trials"] * FAMILY.horizon  # an iteration, at most
    parts = np.array_split(np.arange(len(returns)), PARTS)
    return ([spent * (part[-1] + 1) for part in parts],
            [returns[part].mean() for part in parts])


def plot(path, logs):
    """Return after a gradient step against environment steps."""
    pictures.curves({name: learning(log) for name, log in logs.items()},
                    "steps of the environments", "return after one gradient step"
                    ).savefig(path)


def main(stages=STAGES, goals=GOALS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> Curve of the returns after 0 .. 3
    steps, under "learning" name -> returns of the parts of training, and under "oracle"
    the exact optimum of the goals."""
    pictures.required(plot_to)
    print(f"on {THREADS} threads")
    curves, logs = {}, {}
    for name, learner in LEARNERS.items():
        theta, logs[name] = train(learner, name, stages, seed)
        curves[name] = adapted(theta, ALPHA, goals, seed)
    steps, _ = learning(logs["MAML"])
    earned = {name: learning(log)[1] for name, log in logs.items()}

    print("\nreturn after one step, while training, at thousands of environment steps\n"
          f"{'':22}" + "".join(f"{step / 1000:10.0f}" for step in steps))
    for name, returns in earned.items():
        print(f"{name:22}" + "".join(f"{mean:10.2f}" for mean in returns))
    fresh = curves["MAML"].tasks
    oracle, random = fresh.oracle().mean(), fresh.random().mean()
    print(f"\n{'return, -+ 95 %; steps:':22}"
          + "".join(f"{steps:>14d}" for steps in range(len(ALPHA) + 1)))
    for name, curve in curves.items():
        print(f"{name:22}" + "".join(
            f"{mean:8.2f} -+{1.96 * error:4.1f}"
            for mean, error in zip(curve.mean, curve.standard_error)))
    print(f"acting uniformly {random:14.2f}\nseeing the goal  {oracle:14.2f}")
    if plot_to:
        plot(plot_to, logs)
    return curves | {"learning": earned, "oracle": oracle}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw return against steps")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"stages": ((0.05, 6),), "goals": 20} if args.quick else {}))
