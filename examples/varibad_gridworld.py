"""Three ways to adapt to a room where one cell pays: a memory, a belief, a guess.

RL^2 remembers, and nobody says what. VariBAD keeps a belief about the room, learned by
telling what each step will pay, and acts on it. Posterior sampling draws a guess from
its belief at the start of each episode and acts as if the guess were true: it finds the
cell in the end, but gathers no information for its own sake, so it is late.

    python examples/varibad_gridworld.py             3 x 3 cells, 2 episodes: 1 minute
    python examples/varibad_gridworld.py --seeds 5   the mean of 5 trainings, and each
    python examples/varibad_gridworld.py --large     5 x 5 cells, 4 episodes: 12 minutes
    python examples/varibad_gridworld.py --quick     seconds, to see that it runs

In the small room the optimal search earns 6.72 a trial, 2.70 and 4.02, and exact
posterior sampling, which walks to a cell that may be the goal and stays there, earns
about 2.37, 0.45 and 1.92. The default run ends with this table, whose last column, the
part of the optimum, is left out here:

    return of episode          1       2   of the trial, -+ 95 %
    random                 -0.33   -0.33     -0.67 -+0.01
    posterior sampling      0.46    2.03      2.49 -+0.12
    VariBAD                 2.71    4.02      6.73 -+0.06
    RL^2                    2.68    4.03      6.71 -+0.05
    Bayes-optimal           2.71    4.03      6.75 -+0.06
    knowing the goal        4.03    4.03      8.06 -+0.05

In the large room the optimal search earns 37.21, 4.00 and three times 11.07: the cells
that its first episode leaves out lie on one shortest way, so the second episode finds
the goal without a detour. Whoever searches has to know which cells were seen. That one
of 21 cells does not pay explains little, 0.05 nats. So in the large room the loss of
the actions trains the encoder too (through=True; --elbo-alone turns it off). The run
with --large ends with

    return of episode          1       2       3       4   of the trial, of the optimum
    random                 -1.16   -1.16   -1.16   -1.16     -4.65   -12.5%
    posterior sampling     -0.76    3.22    6.40    8.33     17.18    46.1%
    VariBAD                 4.08   11.09   11.09   11.09     37.36   100.2%
    RL^2                    4.02   11.09   11.10   11.10     37.30   100.0%
    Bayes-optimal           4.00   11.10   11.10   11.10     37.30   100.0%
    knowing the goal       11.10   11.10   11.10   11.10     44.39   119.0%

On seeds 0 to 4 VariBAD earns 100.16, 99.84, 100.14, 99.25 and 98.65 % of the optimum.
The optimum is exact in the mean over all goals; over 4000 of them an agent that
searches in another order can be luckier. Where VariBAD loses, the search of the first
episode has settled on a way that leaves out cells beside the best way of the second
episode. With less entropy, 0.15, and 1500 iterations it earned 98.4 % on seed 0.

Other settings earned on seed 0, where 37.21 is the optimum,

    30.7   the ELBO alone, 600 iterations, gamma 0.95, entropy 0.05, told 8, kl 0.02
    35.9   through=True, 300 iterations, gamma 0.95, entropy 0.05, told 8
    36.2   through=True, 300 iterations, entropy 0.05, three times as many rooms
    36.4   through=True, 400 iterations, told 8: much entropy finds the better search
    36.0   RL^2 with the exact belief (belief_oracle), 500 iterations, 0.95 and 0.05
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from typing import NamedTuple

import numpy as np

from minimeta import (RL2, BeliefPolicy, Categorical, GuessPolicy, LinearSchedule,
                      PosteriorSampling, RecurrentPolicy, VariBAD, evaluate, meta_train,
                      print_progress)
from minimeta.exact import bayes_optimal_search
from minimeta.tasks import GridNavigation

HIDDEN = 64             # H, cells of RL^2's LSTM and of VariBAD's GRU
TASKS = 96              # K, rooms in a meta-batch
RATE = 6e-3             # of Adam, decaying to 0
LAM = 0.9               # mix of advantages
EPOCHS = 4              # steps on each batch
TEST_TASKS = 4000


class Setting(NamedTuple):
    """A room, and how it is learned."""

    room: GridNavigation
    iterations: int
    gamma: float    # discount
    entropy: float  # weight of the bonus, decaying to 0
    latent: int     # d, length of the hidden variable that stands for the room
    units: int      # of the actor's layer, and of the decoder's
    shown: tuple    # the parts of a step that are inputs of the decoder
    told: int       # S, steps whose reward is predicted from each belief
    kl: float       # weight of the KL in the ELBO
    through: bool   # whether the loss of the actions trains the encoder too


SMALL = Setting(GridNavigation(3, 6, episodes=2, sees="row and column"), 600, 0.95,
                0.05, 5, 32, ("obs", "action"), 12, 0.1, through=False)
LARGE = Setting(GridNavigation(sees="row and column"), 2500, 0.98,
                0.2, 24, 64, ("next",), 4, 0.01, through=True)


def learners(it):
    """Name -> learner, of a Setting."""
    seen, moves = it.room.obs_size, Categorical(it.room.action.n)
    same = dict(episodes=it.room.episodes, gamma=it.gamma, lam=LAM, epochs=EPOCHS,
                rate=LinearSchedule(RATE), entropy_weight=LinearSchedule(it.entropy))
    elbo = dict(pays=(-0.1, 1.0), shown=it.shown, decoder=(it.units,), told=it.told,
                kl_weight=it.kl)
    actor = dict(n_latent=it.latent, hidden=(it.units,))
    return {
        "posterior sampling": PosteriorSampling(
            GuessPolicy(seen, moves, votes=(HIDDEN,), **actor), **same, **elbo),
        "VariBAD": VariBAD(
            BeliefPolicy(seen, moves, HIDDEN, through=it.through, **actor), **same,
            **elbo),
        "RL^2": RL2(RecurrentPolicy(seen, moves, HIDDEN), **same)}


def play(it, seed, tests):
    """Name -> returns [K, episodes] in the same fresh rooms, after training."""
    fresh, returns = it.room.sample(tests, np.random.default_rng((seed, 1))), {}
    same = np.ones(it.room.episodes)
    returns["random"] = np.outer(fresh.random(), same)
    for name, learner in learners(it).items():
        print(f"\n{name}, seed {seed}")
        theta = meta_train(learner, it.room, iterations=it.iterations, tasks=TASKS,
                           seed=seed, callback=print_progress(it.iterations)).theta
        returns[name] = evaluate(learner, theta, it.room, tasks=fresh,
                                 seed=seed).returns
    best = bayes_optimal_search(it.room).returns(fresh.goal)
    return returns | {"Bayes-optimal": best,
                      "knowing the goal": np.outer(fresh.oracle(), same)}


def main(setting=SMALL, tests=TEST_TASKS, seeds=(0,)):
    """Trains, evaluates, prints. Returns name -> the mean return of each episode, for
    each seed: [seeds, episodes]."""
    runs = [play(setting, seed, tests) for seed in seeds]
    means = {name: np.stack([run[name].mean(0) for run in runs]) for name in runs[0]}
    errors = {name: np.mean([1.96 * run[name].sum(1).std() / np.sqrt(tests)
                             for run in runs]) for name in runs[0]}
    is_one = len(seeds) == 1
    print(f"\n{'return of episode':20}" + "".join(
        f"{e + 1:8}" for e in range(setting.room.episodes)) + "   of the trial" + (
        ", -+ 95 %   of the optimum" if is_one else "   of the optimum, each seed"))
    for name, each in means.items():
        total = each.sum(1)
        share = total / means["Bayes-optimal"].sum(1)  # for the same goals
        print(f"{name:20}" + "".join(f"{mean:8.2f}" for mean in each.mean(0))
              + f"{total.mean():10.2f}" + (f" -+{errors[name]:.2f}" if is_one else "  ")
              + "".join(f"{part:8.1%}" for part in share))
    return means


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--large", action="store_true", help="a room of 5 x 5 cells")
    parser.add_argument("--elbo-alone", action="store_true",
                        help="the ELBO alone trains the encoder, as in the small room")
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    setting = LARGE if args.large else SMALL
    if args.elbo_alone:
        setting = setting._replace(through=False)
    if args.quick:
        setting = setting._replace(iterations=30)
    main(setting, 500 if args.quick else TEST_TASKS,
         range(args.seed, args.seed + args.seeds))
