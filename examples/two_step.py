"""Trained by reward alone, without a model: behaves like a learner that has one.

A first choice mostly (3 in 4) leads to its own outcome state, and one of the two states
is the good one. A model-free learner repeats what was rewarded. A model-based one asks
where the reward came from: after a reward that a rare transition led to, it votes for
the other choice. RL^2 is trained by a model-free method, yet the algorithm that its
LSTM becomes shows the model-based sign: the interaction of reward and transition, with
next to no effect of reward as such.

    python examples/two_step.py            about 15 s on one core
    python examples/two_step.py --quick    seconds, to see that it learns

The default run ends with

    -+ 95 % interval          model-free              RL^2       model-based
    stay: reward, common      1.0000 -+0.0000    0.9992 -+0.0002    1.0000 -+0.0000
    stay: reward, rare        1.0000 -+0.0000    0.5182 -+0.0110    0.5125 -+0.0110
    stay: none, common        0.4566 -+0.0048    0.5092 -+0.0058    0.5076 -+0.0060
    stay: none, rare          0.7228 -+0.0053    0.9992 -+0.0003    1.0000 -+0.0000
    effect of reward          0.4103 -+0.0036    0.0045 -+0.0065    0.0025 -+0.0065
    interaction               0.2661 -+0.0071    0.9710 -+0.0119    0.9800 -+0.0121
    reward an episode         0.6118 -+0.0025    0.6686 -+0.0021    0.6676 -+0.0021
    reward an episode, exact: chance .5, optimum 0.66882, knowing the good state .7
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (RL2, Categorical, LinearSchedule, RecurrentPolicy, meta_train,
                      print_progress)
from minimeta.exact import two_step_optimum
from minimeta.rivals import TwoStepAgent, stays
from minimeta.runs import pictures
from minimeta.tasks import TwoStep, episodes_as_text

ROUNDS = 10             # of a trial, each an episode of two steps
HIDDEN = 48             # H, LSTM cells
TASKS = 128             # K, tasks in a meta-batch
ITERATIONS = 800
RATE = 6e-3             # of Adam, decaying to 0
ENTROPY = 0.05          # weight of the bonus, decaying to 0
GAMMA, LAM = 0.9, 0.8   # discount, mix of advantages; a reward comes a step later
TEST_TASKS = 20_000
CASES = {"reward, common": (1, 1), "reward, rare": (1, 0),
         "none, common": (0, 1), "none, rare": (0, 0)}


def train(family, iterations, seed):
    """Returns the learner and its theta."""
    learner = RL2(RecurrentPolicy(family.obs_size, Categorical(2), HIDDEN),
                  episodes=family.episodes, gamma=GAMMA, lam=LAM,
                  rate=LinearSchedule(RATE), entropy_weight=LinearSchedule(ENTROPY))
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def plot(path, signs):
    """Bars of the four stay probabilities of each learner."""
    pictures.bars({name: [sign.cell(*case) for case in CASES.values()]
                   for name, sign in signs.items()},
                  [case.replace(", ", "\n") for case in CASES],
                  "probability of staying").savefig(path)


def main(iterations=ITERATIONS, tasks=TEST_TASKS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns learner -> (mean reward an episode, standard
    error, Stays), and the exact optimum under "exact"."""
    pictures.required(plot_to)
    family = TwoStep(ROUNDS)
    learner, theta = train(family, iterations, seed)
    fresh = family.sample(tasks, np.random.default_rng((seed, 1)))
    results = {}
    players = {"model-free": (TwoStepAgent("model-free", ROUNDS), None),
               "RL^2": (learner, theta),
               "model-based": (TwoStepAgent("model-based", ROUNDS), None)}
    for name, (agent, phi) in players.items():
        data = agent.collect(phi, fresh, np.random.default_rng((seed, 2)))
        rounds = data.reward.sum((1, 2)) / ROUNDS
        results[name] = rounds.mean(), rounds.std() / np.sqrt(tasks), stays(data)
        if name == "RL^2":
            shown = episodes_as_text(
                *(each[0, :, 0] for each in (data.x, data.action, data.reward)))
            print(f"\nA trial of RL^2, good is S{fresh.good[0] + 1}:\n{shown}\n")

    print(f"{'-+ 95 % interval':18}" + "".join(f"{name:>18}" for name in results))
    rows = {f"stay: {case}": [sign.cell(*key) for _, _, sign in results.values()]
            for case, key in CASES.items()}
    rows["effect of reward"] = [sign.reward_effect() for _, _, sign in results.values()]
    rows["interaction"] = [sign.interaction() for _, _, sign in results.values()]
    rows["reward an episode"] = [(mean, 1.96 * se) for mean, se, _ in results.values()]
    for name, row in rows.items():
        print(f"{name:22}" + "".join(f"{p:10.4f} -+{half:.4f}" for p, half in row))
    print(f"reward an episode, exact: chance .5, optimum "
          f"{two_step_optimum(ROUNDS):.5f}, knowing the good state .7")
    if plot_to:
        plot(plot_to, {name: sign for name, (_, _, sign) in results.items()})
    return results | {"exact": two_step_optimum(ROUNDS)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a quarter of it")
    parser.add_argument("--plot", metavar="FILE", help="draw the stay probabilities")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 4, "tasks": 2000} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
