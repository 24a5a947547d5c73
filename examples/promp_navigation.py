"""ProMP in the plane: what MAML does by a trust region, by a few steps on each batch.

    python examples/promp_navigation.py            90 s on one core
    python examples/promp_navigation.py --quick    seconds, to see that it learns

The walkers are those of maml_navigation.py. Both learners see as many episodes: MAML
takes one long step on each batch, with second-order information; ProMP takes five
short ones by Adam, with clipped ratios to keep the policy near the one that collected.
The default run ends with

    return after one step, while training, at thousands of environment steps
                                 800      1600      2400      3200      4000      4800
    MAML                      -37.20    -16.97    -12.83    -12.30    -12.88    -12.52
    ProMP                     -41.52    -19.99    -13.15    -12.82    -12.49    -13.20

    return, -+ 95 %; steps:             0             1             2             3
    MAML                    -42.44 -+ 5.5  -14.29 -+ 3.2   -6.46 -+ 1.8   -4.87 -+ 1.4
    ProMP                   -41.23 -+ 6.5  -13.73 -+ 2.5   -9.32 -+ 2.0   -7.26 -+ 1.8
    acting uniformly         -62.67
    seeing the goal           -0.55

Source: Rothfuss et al. (2018), ProMP, arXiv 1810.06784.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (MAML, Gaussian, Linear, MLPPolicy, ProMP, TrustRegion, evaluate,
                      meta_train, progress)
from minimeta.meta.learner import stream
from minimeta.tasks import PointNavigation

FAMILY = PointNavigation()
POLICY = MLPPolicy(FAMILY.obs_size, Gaussian(2), hidden=(32, 32))
ALPHA = (0.05, 0.025)     # rates of the first inner step, and of those after it
COMMON = {"trials": 20,   # B, episodes of a goal for each gradient step
          "lam": 0.95,    # of the advantages; gamma is 0.99
          "alpha": ALPHA}
LEARNERS = {"MAML": MAML(POLICY, optimizer=TrustRegion(max_kl=0.01, cg_steps=8),
                         **COMMON),
            "ProMP": ProMP(POLICY, rate=Linear(1e-2), epochs=5, **COMMON)}
TASKS = 20                # K, goals in a meta-batch
ITERATIONS = 60
STEPS = 3                 # of adaptation when tested; trained for one
PARTS = 6                 # of training, for the table of what was earned meanwhile
GOALS = 40                # fresh ones, to measure on


def train(learner, name, iterations, seed):
    return meta_train(learner, FAMILY, iterations=iterations, tasks=TASKS, seed=seed,
                      callback=progress(iterations, name=name, lines=PARTS))


def adapted(learner, theta, goals, seed):
    """Returns after 0 .. STEPS gradient steps."""
    return evaluate(learner, theta, FAMILY, tasks=goals, seed=seed, rounds=STEPS)


def learning(result):
    """Environment steps [PARTS], and the mean return after a gradient step, on the
    training's own fresh goals, since the number before: [PARTS]."""
    returns = np.array([row["return"] for row in result.log])
    spent = 2 * TASKS * COMMON["trials"] * FAMILY.horizon  # an iteration, at most
    parts = np.array_split(np.arange(len(returns)), PARTS)
    return ([spent * (part[-1] + 1) for part in parts],
            [returns[part].mean() for part in parts])


def plot(path, results):
    """Return after a gradient step against environment steps."""
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(figsize=(6, 4))
    for name, result in results.items():
        axes.plot(*learning(result), "o-", label=name)
    axes.set(xlabel="environment steps", ylabel="return after one gradient step")
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main(iterations=ITERATIONS, goals=GOALS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> Curve of the returns after 0 .. 3
    steps, under "learning" name -> returns of the parts of training, and under "oracle"
    the exact optimum of the goals."""
    if plot_to:
        import matplotlib  # noqa: F401
    results = {name: train(learner, name, iterations, seed)
               for name, learner in LEARNERS.items()}
    curves = {name: adapted(LEARNERS[name], result.theta, goals, seed)
              for name, result in results.items()}
    steps, _ = learning(results["MAML"])
    earned = {name: learning(result)[1] for name, result in results.items()}

    print("\nreturn after one step, while training, at thousands of environment steps\n"
          f"{'':22}" + "".join(f"{step / 1000:10.0f}" for step in steps))
    for name, returns in earned.items():
        print(f"{name:22}" + "".join(f"{mean:10.2f}" for mean in returns))
    fresh = FAMILY.sample(goals, stream(seed, 0, "evaluate"))  # those of `evaluate`
    oracle, random = fresh.oracle().mean(), fresh.random().mean()
    print(f"\n{'return, -+ 95 %; steps:':22}"
          + "".join(f"{steps:>14d}" for steps in range(STEPS + 1)))
    for name, curve in curves.items():
        print(f"{name:22}" + "".join(
            f"{mean:8.2f} -+{1.96 * error:4.1f}"
            for mean, error in zip(curve.mean, curve.standard_error)))
    print(f"acting uniformly {random:14.2f}\nseeing the goal  {oracle:14.2f}")
    if plot_to:
        plot(plot_to, results)
    return curves | {"learning": earned, "oracle": oracle}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw return against steps")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"iterations": ITERATIONS // 10, "goals": 20} if args.quick else {}))
