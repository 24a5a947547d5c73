"""MAML in the plane: a gradient step takes a walker to a goal that it does not see.

    python examples/maml_navigation.py            90 s on one core
    python examples/maml_navigation.py --quick    seconds, to see that it learns

A walker tries 20 episodes, takes a gradient step, and tries again. MAML is trained to
be good after one step, by a trust region on the adapted policies; a policy trained by
the same trust region on all goals at once, and random weights, adapt in the same way.
The default run ends with

    return, -+ 95 %; steps:             0             1             2             3
    MAML                    -42.44 -+ 5.5  -14.29 -+ 3.2   -6.46 -+ 1.8   -4.87 -+ 1.4
      published             -40.41        -11.68         -3.33         -3.23
    pretrained              -39.57 -+ 5.5  -25.25 -+ 5.0  -18.10 -+ 4.6  -11.91 -+ 4.0
      published             -40.81        -19.73        -11.72         -8.47
    pretrained, its best    -39.57 -+ 5.5  -17.22 -+ 3.7   -8.54 -+ 2.3   -3.68 -+ 1.5
    random weights          -71.58 -+ 4.0  -47.18 -+ 2.4  -39.49 -+ 2.4  -37.03 -+ 2.1
      published             -82.66        -57.96        -53.84        -46.81
    acting uniformly         -62.67
    seeing the goal           -0.55   exact optimum; published, trained: -2.29
    MAML's rates are 0.05, 0.025, 0.025; the best for the pretrained 0.1, 0.05, 0.025.
    After one step MAML then earns 2.93 -+3.46 more, goal by goal.

With seeds 1 and 2 MAML's lines end in -11.22, -3.70, -3.12 and in -12.74, -5.47, -4.23,
and its lead over the pretrained policy at its best is 0.04 -+1.45 and 5.72 -+2.99. So
most of MAML's lead is its rate's: at MAML's own rate the pretrained policy earns 11 to
20 less after a step, at rates chosen for it 0 to 6 less.

Published: Finn et al. (2017), MAML, arXiv 1703.03400, table 4, with 100 iterations of
twice the size; their oracle is a policy trained to see the goal.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import replace

import numpy as np

from minimeta import (MAML, Gaussian, MLPPolicy, Reinforce, TrustRegion, evaluate,
                      meta_train, progress)
from minimeta.meta.learner import stream
from minimeta.tasks import PointNavigation

FAMILY = PointNavigation()
POLICY = MLPPolicy(FAMILY.obs_size, Gaussian(2), hidden=(32, 32))
ALPHA = (0.05, 0.025)     # rates of the first inner step, and of those after it
RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)    # tried for weights that no step is known for
COMMON = {"trials": 20,   # B, episodes of a goal for each gradient step
          "lam": 0.95,    # of the advantages; gamma is 0.99
          "alpha": ALPHA,
          "optimizer": TrustRegion(max_kl=0.01, cg_steps=8)}
TASKS = 20                # K, goals in a meta-batch
ITERATIONS = 60
STEPS = 3                 # of adaptation when tested; trained for one
GOALS = 40                # fresh ones, to measure on
PUBLISHED = {"MAML": (-40.41, -11.68, -3.33, -3.23),
             "pretrained": (-40.81, -19.73, -11.72, -8.47),
             "random weights": (-82.66, -57.96, -53.84, -46.81)}


def train(learner, name, iterations, seed):
    return meta_train(learner, FAMILY, iterations=iterations, tasks=TASKS, seed=seed,
                      callback=progress(iterations, name=name, lines=6)).theta


def adapted(learner, theta, goals, seed):
    """Returns after 0 .. STEPS gradient steps."""
    return evaluate(learner, theta, FAMILY, tasks=goals, seed=seed, rounds=STEPS)


def at_best_rate(learner, theta, goals, seed):
    """The same, by steps of a, a / 2, a / 4 with the best a, chosen on other goals."""
    learners = [replace(learner, alpha=(a, a / 2, a / 4)) for a in RATES]
    best = max(learners, key=lambda other: adapted(
        other, theta, goals, seed + 1).mean[1:].mean())
    return best.alpha[0], adapted(best, theta, goals, seed)


def margin(returns):
    """Half of the 95 % interval of a mean over goals."""
    return 1.96 * returns.std(ddof=1) / np.sqrt(len(returns))


def plot(path, learner, theta, seed):
    """The ways to one goal, before and after each gradient step."""
    import matplotlib.pyplot as plt
    task = FAMILY.sample(1, stream(seed, 2, "evaluate"))
    rng, phi, history = stream(seed, 3, "evaluate"), theta, []
    figure, axes = plt.subplots(figsize=(6, 6))
    for steps in range(STEPS + 1):
        history.append(learner.collect(phi, task, rng))
        way = history[-1].x[0, history[-1].mask[0, :, 0], 0]
        axes.plot(way[:, 0], way[:, 1], ".-", label=f"after {steps} steps")
        phi = learner.adapt(theta, history)
    axes.plot(*task.goal[0], "k*", markersize=15, label="goal")
    axes.set(aspect="equal", xlabel="x", ylabel="y")
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main(iterations=ITERATIONS, goals=GOALS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> Curve of the returns after 0 .. 3
    steps, and under "oracle" the exact optimum of the same goals."""
    if plot_to:
        import matplotlib  # noqa: F401
    maml, plain = MAML(POLICY, **COMMON), Reinforce(POLICY, outer="ratio", **COMMON)
    theta = train(maml, "MAML", iterations, seed)
    pretrained = train(plain, "pretrained", 2 * iterations, seed)  # as many episodes
    curves = {"MAML": adapted(maml, theta, goals, seed),
              "pretrained": adapted(plain, pretrained, goals, seed)}
    rate, curves["pretrained, its best"] = at_best_rate(plain, pretrained, goals, seed)
    _, curves["random weights"] = at_best_rate(
        plain, plain.init(stream(seed, 0, "init")), goals, seed)

    fresh = FAMILY.sample(goals, stream(seed, 0, "evaluate"))  # those of `evaluate`
    oracle, random = fresh.oracle().mean(), fresh.random().mean()
    print(f"\n{'return, -+ 95 %; steps:':22}"
          + "".join(f"{steps:>14d}" for steps in range(STEPS + 1)))
    for name, curve in curves.items():
        print(f"{name:22}" + "".join(
            f"{mean:8.2f} -+{1.96 * error:4.1f}"
            for mean, error in zip(curve.mean, curve.standard_error)))
        if name in PUBLISHED:
            print(f"{'  published':22}" + "".join(f"{p:8.2f}{'':6}"
                                                  for p in PUBLISHED[name]).rstrip())
    print(f"acting uniformly {random:14.2f}\nseeing the goal  {oracle:14.2f}   "
          f"exact optimum; published, trained: -2.29")
    more = curves["MAML"].returns - curves["pretrained, its best"].returns
    print(f"MAML's rates are {ALPHA[0]}, {ALPHA[1]}, {ALPHA[1]}; the best for the "
          f"pretrained {rate}, {rate / 2}, {rate / 4}.\nAfter one step MAML "
          f"then earns {more[:, 1].mean():.2f} -+{margin(more[:, 1]):.2f} more, goal "
          f"by goal.")
    if plot_to:
        plot(plot_to, maml, theta, seed)
    return curves | {"oracle": oracle}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw the ways to one goal")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"iterations": ITERATIONS // 10, "goals": 20} if args.quick else {}))
