"""MAML on the grid: look everywhere, then one gradient step leads to what paid.

The policy is a table, theta[cell, action]: the least in which MAML can be watched. One
of the cells of a 5 x 5 grid pays. The walker tries 40 episodes, takes a gradient step,
and tries again. A step moves only the cells that were visited, towards actions that
earned: so theta must have learned to look everywhere.

Credit for looking comes through the Hessian of the inner step alone. Three trainings
differ in nothing but that step's estimator: without a Hessian (first-order), with a
wrong one (log-likelihood), and with the right one (DiCE).

    python examples/maml_gridworld.py               100 s on one core
    python examples/maml_gridworld.py --held-out    train on 17 cells, test on 4 others
    python examples/maml_gridworld.py --quick       seconds, to see that it learns

The default run ends with

    DiCE after 0, 1, 3 steps: percentage of the time in each cell, [ ] pays

      3   3   6   5  [4] |   4  15   6   7 [35] |   .   7   7   7 [46]
      4   4   6   1   2  |   7   7   .   .   .  |   7   7   .   .   .
      4   8   7   6   2  |   7   .   .   .   .  |   7   .   .   .   .
      3   .   3   2   3  |   7   .   .   .   .  |   7   .   .   .   .
      7   4   4   4   6  |   7   .   .   .   .  |   7   .   .   .   .

    return, -+ 95 %; steps:               0              1              2              3
    untrained                  -1.17 -+0.03    1.62 -+0.31    7.02 -+0.46    9.73 -+0.35
    first-order                -0.83 -+0.06    4.17 -+0.37    7.12 -+0.45    7.89 -+0.42
    log-likelihood             -0.84 -+0.06    4.22 -+0.39    6.79 -+0.45    7.12 -+0.45
    DiCE                       -0.77 -+0.04    8.03 -+0.35   10.42 -+0.25   10.62 -+0.24
    acting uniformly           -1.17
    Bayes-optimal               4.53   in the first episode, 11.02 in the second
    knowing the goal           11.02

Three steps from an untrained table also get far: the rate is high, and a uniform policy
looks everywhere, if rarely at the far corner. And theta looks only where it paid in
training: on the cells held out DiCE is hardly better after 3 steps than before (-1.28
of 10.82), and there the untrained table wins (9.49).
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (MAML, LinearSchedule, TabularPolicy, evaluate, meta_train,
                      print_progress)
from minimeta.exact import bayes_optimal_search
from minimeta.runs import pictures
from minimeta.tasks import GridNavigation

HELD_OUT = ((0, 3), (2, 2), (3, 4), (4, 1))    # cells (row, column)
TASKS = 40            # K, goals in a meta-batch
EPISODES = 40         # B, for each gradient step
ALPHA = 100.0         # rate of the inner steps; an objective is a mean over 600 moves
ITERATIONS = 300
RATE = 0.3            # of Adam, decaying to 0
LAM = 0.95            # of the advantages
STEPS = 3             # of adaptation when tested; trained for one
TEST_TASKS = 400

KINDS = {"first-order": {"first_order": True},
         "log-likelihood": {"inner": "log-likelihood"},
         "DiCE": {"inner": "dice"}}


def learners(family):
    """name -> learner."""
    policy = TabularPolicy(family.obs_size, family.action.n)
    return {name: MAML(policy, alpha=ALPHA, trials=EPISODES, lam=LAM,
                       rate=LinearSchedule(RATE), **kind)
            for name, kind in KINDS.items()}


def visits(learner, theta, tasks, rng):
    """Percentages of the steps of a task's episodes that began in each cell, after 0 ..
    STEPS steps of adaptation: [K, STEPS + 1, cells]."""
    history, phi = [], theta
    for _ in range(STEPS + 1):
        history.append(learner.collect(phi, tasks, rng))
        phi = learner.adapt(theta, history)
    return np.stack([100 * data.x.mean((1, 2)) for data in history], 1)


def picture(shares, goal, size):
    """Rooms side by side, with the percentage of each cell and [ ] at the goal."""
    def mark(share, cell):
        text = f"{share:.0f}" if share >= 0.5 else "."
        return (f"[{text}]" if cell == goal else f"{text} ").rjust(4)

    return "\n".join(" | ".join(
        "".join(mark(room[row * size + column], row * size + column)
                for column in range(size))
        for room in shares).rstrip() for row in reversed(range(size)))


def plot(path, curves, optimum):
    """Return against gradient steps."""
    pictures.curves(
        {name: (range(STEPS + 1), curve.mean, 1.96 * curve.standard_error)
         for name, curve in curves.items()},
        f"gradient steps, of {EPISODES} episodes each", "return",
        {"knowing the goal": optimum}, xticks=range(STEPS + 1)).savefig(path)


def main(iterations=ITERATIONS, tasks=TEST_TASKS, held_out=(), seed=0, plot_to=None):
    """Trains, evaluates on fresh draws or on the cells held out, prints. Returns name
    -> Curve of the returns after 0 .. 3 steps; numbers under "random", "optimum"."""
    pictures.required(plot_to)
    room = GridNavigation(episodes=1)
    family = GridNavigation(episodes=1, goals=tuple(
        cell for cell in room.goal_cells if cell not in held_out))
    test = GridNavigation(episodes=1, goals=held_out or None)
    kinds, curves = learners(family), {}
    thetas = {"untrained": kinds["DiCE"].init(np.random.default_rng((seed, 0)))} | {
        name: meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                         callback=print_progress(iterations, name=name, lines=4)).theta
        for name, learner in kinds.items()}
    for name, theta in thetas.items():
        curves[name] = evaluate(kinds.get(name, kinds["DiCE"]), theta, test,
                                tasks=tasks, seed=seed, rounds=STEPS)

    task = test.sample(1, np.random.default_rng((seed, 2)))
    shares = visits(kinds["DiCE"], thetas["DiCE"], task,
                    np.random.default_rng((seed, 3)))
    print("\nDiCE after 0, 1, 3 steps: percentage of the time in each cell, [ ] pays"
          "\n\n"
          f"{picture(shares[0, [0, 1, 3]], task.goal[0], room.size)}\n")
    fresh = curves["DiCE"].tasks
    random, optimum = fresh.random().mean(), fresh.oracle().mean()
    print(f"{'return, -+ 95 %; steps:':24}"
          + "".join(f"{step:>15d}" for step in range(STEPS + 1)))
    for name, curve in curves.items():
        print(f"{name:24}" + "".join(
            f"{mean:8.2f} -+{1.96 * error:.2f}"
            for mean, error in zip(curve.mean, curve.standard_error)))
    search = bayes_optimal_search(GridNavigation(episodes=2)).returns(fresh.goal)
    print(f"acting uniformly {random:15.2f}\n"
          f"Bayes-optimal    {search[:, 0].mean():15.2f}   in the first episode, "
          f"{search[:, 1].mean():.2f} in the second\n"
          f"knowing the goal {optimum:15.2f}")
    if plot_to:
        plot(plot_to, curves, optimum)
    return curves | {"random": random, "optimum": optimum}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="test goals unseen")
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw return against steps")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 10, "tasks": 100} if args.quick else {}
    main(held_out=HELD_OUT if args.held_out else (), seed=args.seed,
         plot_to=args.plot, **quick)
