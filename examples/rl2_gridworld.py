"""RL^2 searches a room in its first episode, then walks straight to what it found.

One of the cells of a 5 x 5 grid pays, and which one the walker must find out. No weight
changes while it does: the LSTM remembers, across the episodes of a trial, where the
reward was. It was trained on other draws of the task. The goal is drawn from 21 cells;
with --held-out some of them never occur in training, and all the tests are on those.

    python examples/rl2_gridworld.py               65 s on one core
    python examples/rl2_gridworld.py --held-out    train on 17 cells, test on 4 others
    python examples/rl2_gridworld.py --quick       seconds, to see that it learns

The default run ends with a trial, where numbers say when a cell was first entered,
[ ] is the goal and the columns are episodes (what the last step enters is not shown),
and with a table:

     4   5   6   7   .  | .   .   .   .   .  | .   .   .   .   .  | .   .   .   .   .
     3   10  9   8   .  | .   .   .   .   .  | .   .   .   .   .  | .   .   .   .   .
     2   11  12  13 [.] | .   .   .   .  [6] | .   .   .   5  [6] | .   3   4   5  [6]
     1   .   .   14  .  | .   .   .   .   5  | .   2   3   4   .  | 1   2   .   .   .
     0   .   .   .   .  | 0   1   2   3   4  | 0   1   .   .   .  | 0   .   .   .   .

    return, -+ 95 %           episode 1      episode 2      episode 3      episode 4
    random                 -1.16 -+0.01   -1.16 -+0.01   -1.16 -+0.01   -1.16 -+0.01
    posterior sampling     -0.79 -+0.08    1.29 -+0.17    2.93 -+0.19    4.50 -+0.20
    RL^2                    3.98 -+0.16   11.08 -+0.06   11.09 -+0.06   11.10 -+0.05
    Bayes-optimal           4.00 -+0.16   11.10 -+0.05   11.10 -+0.05   11.10 -+0.05
    knowing the goal       11.10 -+0.05   11.10 -+0.05   11.10 -+0.05   11.10 -+0.05
    cells RL^2 entered             11.3            5.6            5.5            5.5
    RL^2 earns 99.9% of the Bayes-optimal total

In the first episode the walker leaves cells unseen along one way through the room, the
lower and the right edge. So in the second episode it loses nothing: whichever of these
cells pays is on its shortest way. With seeds 1 to 4 it earns 98.5%, 99.0%, 98.7% and
98.9%. To find such a way it must explore for long: with half the entropy bonus, and
rows and columns instead of cells to see, it earned 97.1% with seed 0.

The Bayes-optimal searcher knows the room, and that each of the 21 cells is as likely:
nobody who does not know the goal earns more on average. With --held-out, in the same
way:

     .   .   6   7   .  | 8   9   10  11  12 | .   .   .   .   .  | .   .   .   .   .
     3   4   5   8  [.] | 7   .   .   .  [13]| .   .   .   6  [7] | 3   4   5   6  [7]
     2   .   .   9   .  | 6   5   .   .   .  | .   3   4   5   .  | 2   .   .   .   .
     1   .   .   10  11 | .   4   3   .   .  | .   2   .   .   .  | 1   .   .   .   .
     0   .   .   .   12 | 0   1   2   .   .  | 0   1   .   .   .  | 0   .   .   .   .

    posterior sampling     -0.94 -+0.08    0.50 -+0.14    2.01 -+0.17    3.48 -+0.19
    RL^2                   -1.48 -+0.01    1.26 -+0.10    5.77 -+0.16    8.25 -+0.15
    Bayes-optimal           3.05 -+0.16   10.87 -+0.05   10.87 -+0.05   10.87 -+0.05
    knowing the goal       10.87 -+0.05   10.87 -+0.05   10.87 -+0.05   10.87 -+0.05

It looks last where nothing was ever found. But when it comes there it knows what it has
found: there it sees rows and columns, and others in them did pay. In the default run it
sees cells, one input each, which are easier to remember. But an input that never came
with a reward has no meaning.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import replace

import numpy as np

from minimeta import (RL2, Categorical, LinearSchedule, RecurrentPolicy, meta_train,
                      print_progress)
from minimeta.exact import bayes_optimal_search
from minimeta.runs import pictures
from minimeta.tasks import GridNavigation

HIDDEN = 64             # H, LSTM cells
TASKS = 96              # K, goals in a meta-batch, 60 steps each
ITERATIONS = 1000
RATE = 6e-3             # of Adam, decaying to 0
ENTROPY = 0.1           # weight of the bonus, decaying to 0
GAMMA, LAM = 0.95, 0.9  # discount, mix of advantages, across the whole trial
EPOCHS = 4              # steps on each batch
HELD_OUT = ((0, 3), (2, 2), (3, 4), (4, 1))
TEST_TASKS = 4000


def train(family, iterations, seed):
    """Returns the learner and its theta."""
    policy = RecurrentPolicy(family.obs_size, Categorical(family.action.n), HIDDEN)
    learner = RL2(policy, episodes=family.episodes, gamma=GAMMA, lam=LAM,
                  rate=LinearSchedule(RATE), entropy_weight=LinearSchedule(ENTROPY),
                  epochs=EPOCHS)
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def posterior_sampling(tasks, rng):
    """Returns [K, episodes] of the classical searcher: in each episode it walks, up and
    then right, to one of the cells that may still be the goal, and stays there."""
    room = GridNavigation()
    cells, t = np.array(room.goal_cells), np.arange(1, room.horizon + 1)
    number = cells @ [room.size, 1]
    may_be, returns = np.ones((len(tasks), len(cells)), bool), []
    for _ in range(room.episodes):
        row, column = cells[(may_be * rng.random(may_be.shape)).argmax(-1)].T[..., None]
        at = np.minimum(t, row) * room.size + np.clip(t - row, 0, column)
        pays = at == tasks.goal[:, None]
        returns.append(np.where(pays, 1.0, -0.1).sum(-1))
        seen = (at[..., None] == number).any(1)
        may_be = np.where(pays.any(-1)[:, None], number == tasks.goal[:, None],
                          may_be & ~seen)
    return np.stack(returns, -1)


def walks(data, family):
    """The cell before each step, [K, episodes, horizon], of the first trials."""
    seen = data.x[:, :, 0, :family.obs_size]
    if family.sees == "row and column":
        row, column = np.split(seen, 2, -1)
        seen = (row[..., :, None] * column[..., None, :]).reshape(*row.shape[:2], -1)
    return seen.argmax(-1).reshape(-1, family.episodes, family.horizon)


def picture(walk, goal, size):
    """The episodes of a trial side by side: when each cell was entered, [goal]."""
    def mark(path, cell):
        when = str(np.argmax(path == cell)) if cell in path else "."
        return f"[{when}]".center(4) if cell == goal else when.center(4)

    return "\n".join("|".join(
        "".join(mark(path, row * size + column) for column in range(size))
        for path in walk) for row in reversed(range(size)))


def plot(path, walk, goal, size):
    """The first and the last walk of the same trial."""
    shown = {"first episode": walk[None, 0], "last episode": walk[None, -1]}
    pictures.rooms(shown, [goal], size).savefig(path)


def main(iterations=ITERATIONS, tasks=TEST_TASKS, held_out=(), seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> (mean return of each of the episodes,
    standard errors), under "cells" how many cells RL^2 entered in each, and under
    "share" what RL^2 earns of the Bayes-optimal total."""
    pictures.required(plot_to)
    family = GridNavigation(sees="row and column" if held_out else "cell")
    others = tuple(cell for cell in family.goal_cells if cell not in held_out)
    learner, theta = train(replace(family, goals=others), iterations, seed)
    fresh = replace(family, goals=held_out or None).sample(
        tasks, np.random.default_rng((seed, 1)))
    data = learner.collect(theta, fresh, np.random.default_rng((seed, 2)))
    walk = walks(data, family)
    print(f"\nA trial of RL^2: when each cell was first entered; [ ] is the goal\n\n"
          f"{picture(walk[0], fresh.goal[0], family.size)}\n")

    same = np.ones(family.episodes)
    players = {
        "random": np.outer(fresh.random(), same),
        "posterior sampling": posterior_sampling(
            fresh, np.random.default_rng((seed, 3))),
        "RL^2": data.episode_returns(family.episodes)[..., 0],
        "Bayes-optimal": bayes_optimal_search(family).returns(fresh.goal),
        "knowing the goal": np.outer(fresh.oracle(), same)}
    results = {name: (returns.mean(0), returns.std(0) / np.sqrt(tasks))
               for name, returns in players.items()}
    cells = np.mean([[len(set(path)) for path in trial] for trial in walk], 0)
    print(f"{'return, -+ 95 %':20}" + "".join(
        f"{f'episode {e + 1}':>15}" for e in range(family.episodes)))
    for name in players:
        print(f"{name:20}" + "".join(f"{mean:8.2f} -+{1.96 * error:.2f}"
                                     for mean, error in zip(*results[name])))
    print(f"{'cells RL^2 entered':20}" + "".join(f"{n:15.1f}" for n in cells))
    share = players["RL^2"].sum() / players["Bayes-optimal"].sum()
    print(f"RL^2 earns {share:.1%} of the Bayes-optimal total")
    if plot_to:
        plot(plot_to, walk[0], fresh.goal[0], family.size)
    return results | {"cells": cells, "share": share}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="test goals unseen")
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw the walks of one trial")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 5, "tasks": 1000} if args.quick else {}
    main(held_out=HELD_OUT if args.held_out else (), seed=args.seed,
         plot_to=args.plot, **quick)
