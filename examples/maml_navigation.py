"""MAML in the plane: a gradient step takes a walker to a goal that it does not see.

    python examples/maml_navigation.py              100 s on one core
    python examples/maml_navigation.py --seeds 5    8 min
    python examples/maml_navigation.py --quick      seconds, to see that it learns

A walker tries 20 episodes, takes a gradient step, and tries again. MAML is trained to
be good after one step, by a trust region on the adapted policies; a policy trained by
the same trust region on all goals at once, and random weights, adapt in the same way.
With --seeds 5 the run ends with the mean of the seeds and its interval (with one seed,
the interval is that of the mean over 400 goals):

    return, -+ 95 %; steps:             0             1             2             3
    MAML                    -38.68 -+ 1.1  -11.29 -+ 0.4   -3.80 -+ 0.9   -2.64 -+ 0.2
      published             -40.41        -11.68         -3.33         -3.23
    pretrained              -38.17 -+ 0.8  -19.98 -+ 5.3  -10.32 -+ 1.7   -3.74 -+ 1.1
      published             -40.81        -19.73        -11.72         -8.47
    pretrained, its best    -38.17 -+ 0.8  -15.96 -+ 1.4  -10.30 -+ 3.6   -3.83 -+ 0.9
    random weights          -71.59 -+ 2.2  -45.28 -+ 1.8  -38.41 -+ 2.4  -35.88 -+ 2.4
      published             -82.66        -57.96        -53.84        -46.81
    acting uniformly         -61.52
    seeing the goal           -0.50   exact optimum; published, trained: -2.29
    MAML's rates: 0.1, 0.035, 0.0175. After one step MAML earns more than the
    pretrained policy at its best rates, goal by goal:
        seed 0:  4.28 -+0.84   its best: 0.05, 0.025, 0.0125
        seed 1:  2.71 -+0.75   its best: 0.1, 0.05, 0.025
        seed 2:  5.21 -+0.96   its best: 0.05, 0.025, 0.0125
        seed 3:  5.66 -+1.09   its best: 0.1, 0.05, 0.025
        seed 4:  5.48 -+0.83   its best: 0.05, 0.025, 0.0125

Published: Finn et al. (2017), MAML, arXiv 1703.03400, table 4, with 100 iterations of
twice the size; their oracle is a policy trained to see the goal.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # in each of THREADS

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from minimeta import (MAML, Gaussian, MLPPolicy, Reinforce, Result, TrustRegion,
                      evaluate, meta_train, print_progress)
from minimeta.meta import interval
from minimeta.runs import pictures
from minimeta.tasks import PointNavigation

THREADS = os.cpu_count()
POOL = ThreadPoolExecutor(THREADS)  # for gradients; no bit of a result depends on it
FAMILY = PointNavigation()
POLICY = MLPPolicy(FAMILY.obs_size, Gaussian(2), hidden=(32, 32))
STAGES = ((0.05, 20), (0.07, 20), (0.1, 60))
                          # of training: rate of the inner step, iterations; a rate of
                          # 0.1 from the first makes some seeds run away
ALPHA = (0.1, 0.035, 0.0175)             # rates of the three steps when tested
RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)  # tried where no rate is known
COMMON = {"trials": 20,   # B, episodes of a goal for each gradient step
          "lam": 0.95,    # of the advantages; gamma is 0.99
          "optimizer": TrustRegion(max_kl=0.01, cg_steps=8)}
TASKS = 20                # K, goals in a meta-batch
GOALS = 400                              # fresh ones, to measure on; 40 were published
DRAWN = 40                               # of them in the picture
PUBLISHED = {"MAML": (-40.41, -11.68, -3.33, -3.23),
             "pretrained": (-40.81, -19.73, -11.72, -8.47),
             "random weights": (-82.66, -57.96, -53.84, -46.81)}


def train(learner, name, stages, seed):
    """theta, after stages of (alpha, iterations)."""
    theta = None
    for i, (alpha, iterations) in enumerate(stages):
        theta = meta_train(
            replace(learner, alpha=alpha), FAMILY, iterations=iterations, tasks=TASKS,
            seed=len(STAGES) * seed + i, theta=theta, executor=POOL,
            callback=print_progress(iterations, name=name, lines=3)).theta
    return theta


def adapted(theta, alpha, goals, seed):
    """Returns before the gradient steps, and after each."""
    return evaluate(MAML(POLICY, alpha=alpha, **COMMON), theta, FAMILY, tasks=goals,
                    seed=seed, rounds=len(alpha))


def at_best_rate(theta, goals, seed):
    """The same, by steps of a, a / 2, a / 4 with the best a, chosen on other goals."""
    rates = [(a, a / 2, a / 4) for a in RATES]
    best = max(rates, key=lambda alpha: adapted(
        theta, alpha, goals, seed + 1).mean[1:].mean())
    return best, adapted(theta, best, goals, seed)


def plot(path, theta, seed):
    """Where a gradient step takes the two biases of the mean move, for many goals. The
    goals' places are drawn beside it in the same colours."""
    from matplotlib import colormaps
    run = Result(theta, (), MAML(POLICY, alpha=ALPHA, **COMMON), FAMILY)
    goals = FAMILY.sample(DRAWN, np.random.default_rng((seed, 2)))
    x, y = goals.goal.T
    colors = colormaps["hsv"](np.arctan2(y, x) / (2 * np.pi) % 1)
    biases = [i for i in range(POLICY.size) if POLICY.layout.name(i).startswith("b3")]
    figure = pictures.steps(run, goals, biases, colors=colors, seed=seed)
    beside = figure.axes[0].inset_axes([0.01, 0.74, 0.25, 0.25], xticks=[], yticks=[])
    beside.scatter(x, y, c=["black", *colors[1:]], s=9)
    beside.set(xlabel="goals", aspect="equal")
    figure.savefig(path)


def play(stages, goals, seed):
    """Trains and evaluates. Returns name -> Curve of the returns after 0 .. 3 steps on
    the same fresh goals, MAML's theta, and the pretrained policy's best rates."""
    maml, plain = MAML(POLICY, **COMMON), Reinforce(POLICY, outer="ratio", **COMMON)
    theta = train(maml, "MAML", stages, seed)
    as_many = 2 * sum(iterations for _, iterations in stages)  # episodes
    pretrained = train(plain, "pretrained", ((ALPHA[0], as_many),), seed)
    curves = {"MAML": adapted(theta, ALPHA, goals, seed),
              "pretrained": adapted(pretrained, ALPHA, goals, seed)}
    rates, curves["pretrained, its best"] = at_best_rate(pretrained, goals, seed)
    _, curves["random weights"] = at_best_rate(
        plain.init(np.random.default_rng((seed, 0))), goals, seed)
    return curves, theta, rates


def main(stages=STAGES, goals=GOALS, seeds=(0,), plot_to=None):
    """Trains, evaluates, prints. Returns name -> returns [seeds, goals, 0 .. 3 steps],
    and under "oracle" the exact optimum of the same goals [seeds, goals]."""
    pictures.required(plot_to)
    print(f"on {THREADS} threads")
    runs = [play(stages, goals, seed) for seed in seeds]
    curves = [run[0] for run in runs]
    results = {name: np.stack([each[name].returns for each in curves])
               for name in curves[0]}
    fresh = [each["MAML"].tasks for each in curves]
    results["oracle"] = np.stack([tasks.oracle() for tasks in fresh])

    print(f"\n{'return, -+ 95 %; steps:':22}"
          + "".join(f"{steps:>14d}" for steps in range(len(ALPHA) + 1)))
    for name in curves[0]:
        returns = results[name][0] if len(seeds) == 1 else results[name].mean(1)
        print(f"{name:22}" + "".join(f"{mean:8.2f} -+{half:4.1f}"
                                     for mean, half in zip(*interval(returns))))
        if name in PUBLISHED:
            print(f"{'  published':22}" + "".join(f"{p:8.2f}{'':6}"
                                                  for p in PUBLISHED[name]).rstrip())
    print(f"acting uniformly {np.mean([tasks.random() for tasks in fresh]):14.2f}\n"
          f"seeing the goal  {results['oracle'].mean():14.2f}   "
          f"exact optimum; published, trained: -2.29\n"
          f"MAML's rates: {', '.join(map(str, ALPHA))}. After one step MAML earns more "
          f"than the\npretrained policy at its best rates, goal by goal:")
    more = results["MAML"][..., 1] - results["pretrained, its best"][..., 1]
    for seed, (_, _, rates), each in zip(seeds, runs, more):
        mean, half = interval(each)
        print(f"    seed {seed}: {mean:5.2f} -+{half:.2f}   its best: "
              f"{', '.join(map(str, rates))}")
    if plot_to:
        plot(plot_to, runs[0][1], seeds[0])
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw theta -> phi")
    args = parser.parse_args()
    main(seeds=range(args.seed, args.seed + args.seeds), plot_to=args.plot,
         **({"stages": ((0.05, 6),), "goals": 20} if args.quick else {}))
