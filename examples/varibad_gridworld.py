"""Three ways to adapt to a room where one cell pays: a memory, a belief, a guess.

RL^2 remembers, and nobody says what. VariBAD keeps a belief about the room, learned by
telling what each step will pay, and acts on it. Posterior sampling draws a guess from
its belief at the start of each episode and acts as if the guess were true: it finds the
cell in the end, but gathers no information for its own sake, so it is late.

    python examples/varibad_gridworld.py             3 x 3 cells, 2 episodes: 1 minute
    python examples/varibad_gridworld.py --seeds 5   the least, median and most of 5
    python examples/varibad_gridworld.py --large     5 x 5 cells, 4 episodes: minutes
    python examples/varibad_gridworld.py --quick     seconds, to see that it runs

In the small room the optimal search earns 6.72 a trial, 2.70 and 4.02, and exact
posterior sampling, which walks to a cell that may be the goal and stays there, earns
about 2.37, 0.45 and 1.92. In the large room the optimal search earns 37.21. The default
run ends with

    return of episode          1       2   of the trial, -+ 95 %
    random                 -0.33   -0.33     -0.67 -+0.01
    posterior sampling      0.46    2.03      2.49 -+0.12
    VariBAD                 2.71    4.02      6.73 -+0.06
    RL^2                    2.68    4.03      6.71 -+0.05
    knowing the goal        4.03    4.03      8.06 -+0.05
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (RL2, BeliefPolicy, Categorical, GuessPolicy, LinearSchedule,
                      PosteriorSampling, RecurrentPolicy, VariBAD, evaluate, meta_train,
                      print_progress)
from minimeta.exact import bayes_optimal_search
from minimeta.tasks import GridNavigation

HIDDEN = 64             # H, cells of RL^2's LSTM and of VariBAD's GRU
LATENT = 5              # d, length of the hidden variable that stands for the room
TASKS = 96              # K, rooms in a meta-batch
TOLD = 12               # S, transitions that a belief explains at each step
RATE = 6e-3             # of Adam, decaying to 0
ENTROPY = 0.05          # weight of the bonus, decaying to 0
GAMMA, LAM = 0.95, 0.9  # discount, mix of advantages
EPOCHS = 4              # steps on each batch
KL = 0.1                # weight of the KL in the ELBO
TEST_TASKS = 4000
SMALL = GridNavigation(3, 6, episodes=2, sees="row and column"), 600    # iterations
LARGE = GridNavigation(sees="row and column"), 1000


def learners(room):
    """Name -> learner."""
    seen, moves = room.obs_size, Categorical(room.action.n)
    same = dict(episodes=room.episodes, gamma=GAMMA, lam=LAM, epochs=EPOCHS,
                rate=LinearSchedule(RATE), entropy_weight=LinearSchedule(ENTROPY))
    elbo = dict(pays=(-0.1, 1.0), kl_weight=KL, told=TOLD)
    return {
        "posterior sampling": PosteriorSampling(
            GuessPolicy(seen, moves, n_latent=LATENT, votes=(HIDDEN,)), **same, **elbo),
        "VariBAD": VariBAD(
            BeliefPolicy(seen, moves, HIDDEN, n_latent=LATENT), **same, **elbo),
        "RL^2": RL2(RecurrentPolicy(seen, moves, HIDDEN), **same)}


def play(room, iterations, seed, tests):
    """Name -> returns [K, episodes] in the same fresh rooms, after training."""
    fresh, returns = room.sample(tests, np.random.default_rng((seed, 1))), {}
    same = np.ones(room.episodes)
    returns["random"] = np.outer(fresh.random(), same)
    for name, learner in learners(room).items():
        print(f"\n{name}, seed {seed}")
        theta = meta_train(learner, room, iterations=iterations, tasks=TASKS, seed=seed,
                           callback=print_progress(iterations)).theta
        returns[name] = evaluate(learner, theta, room, tasks=fresh, seed=seed).returns
    return returns | {"Bayes-optimal": bayes_optimal_search(room).returns(fresh.goal),
                      "knowing the goal": np.outer(fresh.oracle(), same)}


def main(room=SMALL[0], iterations=SMALL[1], tests=TEST_TASKS, seeds=(0,)):
    """Trains, evaluates, prints. Returns name -> the mean return of each episode, for
    each seed: [seeds, episodes]."""
    runs = [play(room, iterations, seed, tests) for seed in seeds]
    means = {name: np.stack([run[name].mean(0) for run in runs]) for name in runs[0]}
    errors = {name: np.mean([1.96 * run[name].sum(1).std() / np.sqrt(tests)
                             for run in runs]) for name in runs[0]}
    print(f"\n{'return of episode':20}" + "".join(
        f"{e + 1:8}" for e in range(room.episodes)) + "   of the trial, -+ 95 %")
    for name, each in means.items():
        total = each.sum(1)
        print(f"{name:20}" + "".join(f"{mean:8.2f}" for mean in each.mean(0))
              + f"{total.mean():10.2f} -+{errors[name]:.2f}", end="")
        print(f"   seeds: {total.min():.2f} {np.median(total):.2f} {total.max():.2f}"
              if len(seeds) > 1 else "")
    if len(seeds) > 1:
        print("(the least, the median and the most of the seeds)")
    return means


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--large", action="store_true", help="a room of 5 x 5 cells")
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    options = {"seeds": range(args.seed, args.seed + args.seeds)}
    if args.large:
        options |= dict(zip(("room", "iterations"), LARGE))
    if args.quick:
        options |= {"iterations": 30, "tests": 500}
    main(**options)
