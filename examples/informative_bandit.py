"""The arm that pays least is pulled first, since it tells most.

Eleven arms: the target pays 5, nine others 1, and the last one a tenth of the target's
number. An agent that looks for reward never touches the last arm, and so does Thompson
sampling, even with the true prior. RL^2 comes to pull it first and to read the target
off its reward.

    python examples/informative_bandit.py            about 20 s on one core
    python examples/informative_bandit.py --quick    seconds, to see that it learns

The default run ends with

    first pull of the trials: arm 11 in 100.00%, another in 0.00%

    reward of 5 pulls         mean       95 % interval
    random                   6.614               exact
    Thompson, true prior    11.000               exact
    RL^2                    20.518    [20.512, 20.525]
    Bayes-optimal           20.550               exact
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (RL2, Categorical, LinearSchedule, RecurrentPolicy, meta_train,
                      print_progress)
from minimeta.exact import informative_optimum, informative_thompson
from minimeta.runs import pictures
from minimeta.tasks import InformativeBandit, pulls_as_text

HIDDEN = 48             # H, LSTM cells
TASKS = 512             # K, bandits in a meta-batch
ITERATIONS = 1500
RATE = 2e-2             # of Adam, decaying to 0
ENTROPY = 0.7           # weight of the bonus, decaying to 0: until what the last arm
                        # tells is understood, it must be pulled though it pays least
GAMMA, LAM = 0.8, 0.3   # discount, mix of advantages
TEST_BANDITS = 20_000


def train(family, iterations, seed):
    """Returns the learner and its theta."""
    learner = RL2(RecurrentPolicy(family.obs_size, Categorical(family.arms), HIDDEN),
                  gamma=GAMMA, lam=LAM, rate=LinearSchedule(RATE),
                  entropy_weight=LinearSchedule(ENTROPY))
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def plot(path, action):
    """The action raster: the arm of each pull (a column), for 40 bandits (a row)."""
    pictures.raster({"": action[:40]}, range(1, 12), xlabel="pull").savefig(path)


def main(iterations=ITERATIONS, bandits=TEST_BANDITS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns rewards by name, with (mean, standard error)
    of RL^2, and under "first" how often each arm is pulled first."""
    pictures.required(plot_to)
    family = InformativeBandit()
    learner, theta = train(family, iterations, seed)
    rng = np.random.default_rng((seed, 1))
    tasks = family.sample(bandits, rng)
    data = learner.collect(theta, tasks, rng)
    action, reward = data.action[..., 0], data.reward[..., 0]
    total = reward.sum(1)
    mean, error = float(total.mean()), float(total.std() / np.sqrt(bandits))
    first = np.bincount(action[:, 0], minlength=family.arms) / bandits

    print("\nThree trials, an arm a line, a pull a column, and what it paid:")
    for k in range(3):
        shown = pulls_as_text(action[k], reward[k], family.arms).splitlines()
        print("\n".join(line for line in shown if len(line.split()) > 2), end="\n\n")
    print(f"first pull of the trials: arm 11 in {first[-1]:.2%}, "
          f"another in {1 - first[-1]:.2%}")
    results = {"random": family.pulls * 14.55 / 11, "Thompson, true prior":
               informative_thompson(family.pulls), "RL^2": (mean, error),
               "Bayes-optimal": informative_optimum(family.pulls), "first": first}
    print(f"\n{'reward of 5 pulls':22}{'mean':>8}{'95 % interval':>20}")
    for name in ("random", "Thompson, true prior", "RL^2", "Bayes-optimal"):
        value, interval = results[name], "exact"
        if name == "RL^2":
            low, high = mean - 1.96 * error, mean + 1.96 * error
            value, interval = mean, f"[{low:.3f}, {high:.3f}]"
        print(f"{name:22}{value:8.3f}{interval:>20}")
    if plot_to:
        plot(plot_to, action)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the training")
    parser.add_argument("--plot", metavar="FILE", help="draw the action raster")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 10, "bandits": 2000} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
