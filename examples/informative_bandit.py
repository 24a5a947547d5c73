"""The arm that pays least is pulled first, since it tells most.

Eleven arms: the target pays 5, nine others 1, and the last one a tenth of the target's
number. An agent that looks for reward never touches the last arm, and so does Thompson
sampling, even with the true prior. RL^2, which remembers, and VariBAD, which acts on a
belief, come to pull it first and to read the target off its reward. Posterior sampling
acts at each pull as if a guess of the target were true: it leaves the last arm alone,
which is best in no task, and so it earns what Thompson sampling earns.

    python examples/informative_bandit.py            about 1 minute on one core
    python examples/informative_bandit.py --quick    seconds, to see that it learns

The default run ends with a table. Its means are

    reward of 5 pulls         mean   arm 11 first
    random                   6.614
    Thompson, true prior    11.000
    posterior sampling      10.995          0.01%
    VariBAD                 20.538        100.00%
    RL^2                    20.518        100.00%
    Bayes-optimal           20.550

On seeds 1 to 3 VariBAD earns 20.55, 20.54 and 20.55, RL^2 20.50, 20.52 and 20.53, and
posterior sampling 10.92, 11.02 and 10.91.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (RL2, BeliefPolicy, Categorical, GuessPolicy, LinearSchedule,
                      PosteriorSampling, RecurrentPolicy, VariBAD, meta_train,
                      print_progress)
from minimeta.exact import informative_optimum, informative_thompson
from minimeta.runs import pictures
from minimeta.tasks import InformativeBandit, pulls_as_text

HIDDEN = 48             # H, cells of RL^2's LSTM and of VariBAD's GRU
LATENT = 8              # d, length of the hidden variable that stands for the target
TASKS = 512             # K, bandits in a meta-batch
ITERATIONS = 1500
RATE = 2e-2             # of Adam, decaying to 0
ENTROPY = 0.7           # weight of the bonus, decaying to 0: until what the last arm
                        # tells is understood, it must be pulled though it pays least
GAMMA, LAM = 0.8, 0.3   # discount, mix of advantages
GUESS_ENTROPY = 0.05    # of posterior sampling, which has nothing to understand first
TOLD = 3                # S, rewards that a belief explains at each pull
KL = 1e-3               # weight of the KL in the ELBO: rewards differ by tenths
ENOUGH = {"posterior sampling": 300}    # iterations, where fewer suffice
TEST_BANDITS = 20_000


def learners(family):
    """Name -> learner. Posterior sampling guesses anew at each pull, and with gamma = 0
    a pull is worth what it pays."""
    seen, head = family.obs_size, Categorical(family.arms)
    same = dict(lam=LAM, rate=LinearSchedule(RATE))
    far = same | dict(gamma=GAMMA, entropy_weight=LinearSchedule(ENTROPY))
    elbo = dict(shown=("action",), told=TOLD, kl_weight=KL)
    guesser = GuessPolicy(seen, head, n_latent=LATENT, votes=(HIDDEN,), held="step")
    return {
        "posterior sampling": PosteriorSampling(
            guesser, gamma=0.0, entropy_weight=LinearSchedule(GUESS_ENTROPY), **same,
            **elbo),
        "VariBAD": VariBAD(BeliefPolicy(seen, head, HIDDEN, n_latent=LATENT), **far,
                           **elbo),
        "RL^2": RL2(RecurrentPolicy(seen, head, HIDDEN), **far)}


def play(learner, family, iterations, bandits, seed):
    """Trains, then tests. Returns actions and rewards [K, pulls] of fresh bandits."""
    theta = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                       callback=print_progress(iterations)).theta
    rng = np.random.default_rng((seed, 1))
    data = learner.collect(theta, family.sample(bandits, rng), rng)
    return data.action[..., 0], data.reward[..., 0]


def plot(path, action):
    """The action raster: the arm of each pull (a column), for 40 bandits (a row)."""
    pictures.raster({"": action[:40]}, range(1, 12), xlabel="pull").savefig(path)


def main(iterations=ITERATIONS, bandits=TEST_BANDITS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns rewards by name, with (mean, standard error)
    of what was learned, and under "first" how often RL^2 pulls each arm first."""
    pictures.required(plot_to)
    family, learned = InformativeBandit(), {}
    results = {"random": family.pulls * 14.55 / 11, "Thompson, true prior":
               informative_thompson(family.pulls)}
    for name, learner in learners(family).items():
        print(f"\n{name}")
        enough = min(iterations, ENOUGH.get(name, iterations))
        action, reward = play(learner, family, enough, bandits, seed)
        learned[name] = np.bincount(action[:, 0], minlength=family.arms) / bandits
        total = reward.sum(1)
        results[name] = float(total.mean()), float(total.std() / np.sqrt(bandits))
    results["Bayes-optimal"] = informative_optimum(family.pulls)

    print("\nThree trials of RL^2, an arm a line, a pull a column, and what it paid:")
    for k in range(3):
        shown = pulls_as_text(action[k], reward[k], family.arms).splitlines()
        print("\n".join(line for line in shown if len(line.split()) > 2), end="\n\n")
    print(f"{'reward of 5 pulls':22}{'mean':>8}{'95 % interval':>20}   arm 11 first")
    for name, value in results.items():
        if name in learned:
            value, error = value
            low, high = value - 1.96 * error, value + 1.96 * error
            print(f"{name:22}{value:8.3f}{f'[{low:.3f}, {high:.3f}]':>20}"
                  f"{learned[name][-1]:15.2%}")
        else:
            print(f"{name:22}{value:8.3f}{'exact':>20}")
    if plot_to:
        plot(plot_to, action)
    return results | {"first": learned["RL^2"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the training")
    parser.add_argument("--plot", metavar="FILE", help="draw the action raster")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 10, "bandits": 2000} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
