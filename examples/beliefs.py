"""What does the agent believe? VariBAD's learned belief beside the exact posterior.

An agent acts at random in tasks that it does not know, and learns to tell what it would
earn: of each arm of a bandit, and in each cell of a grid. Nobody shows it Bayes' rule.
In these tasks the posterior is known. An arm that paid s times and failed f times pays
with probability (s + 1) / (s + f + 2). The goal of a grid is equally probable in all
cells that have not been ruled out.

    python examples/beliefs.py                     90 s on one core
    python examples/beliefs.py --plot beliefs.png  draws the two beliefs side by side
    python examples/beliefs.py --quick             seconds, to see that it runs

The default run ends with

    5 arms: the probability that an arm pays, learned and exact
    before pull          1     2     3     4     5     6     7     8     9    10   all
    r.m.s. error     0.005 0.007 0.008 0.010 0.013 0.017 0.020 0.023 0.027 0.031 0.018

    3 x 3 cells: the probability that a cell pays, learned and exact
    before step          1     3     5     7     9    11    13    15    17    19   all
    total variation  0.065 0.061 0.061 0.060 0.063 0.085 0.088 0.087 0.088 0.087 0.074
    goal was found      0%    2%    7%   13%   20%   26%   27%   32%   37%   43%   22%
    the goal's cell, once it was found: 0.979 (exact: 1)

The agent has to act at random. A policy that pulls an arm again only where it paid
makes the arms that are pulled late look better than they are, and then no belief that
is learned from its trials is the posterior. In the bandit the belief has to tell the
future alone, so that no reward counts again after it was seen. In the grid a cell pays
always or never, so what was seen and what will be seen are the same.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (BeliefPolicy, Categorical, LinearSchedule, VariBAD, meta_train,
                      print_progress)
from minimeta.exact import exact_belief, posteriors
from minimeta.tasks import BernoulliBandit, GridNavigation

ARMS, PULLS = 5, 10
SIZE, HORIZON, EPISODES = 3, 10, 2   # a random walker has to come everywhere
ITERATIONS = 1500, 1000  # for the bandit, for the grid
LATENT = 8              # d, length of the hidden variable that stands for the task
AT_RANDOM = 10.0        # entropy bonus: so large that reward moves nothing
GAMMA = 0.95            # discount, which has no part in acting at random
RATE = 6e-3             # of Adam, decaying to 0
KL = 1e-3, 1e-2         # weights of the KL, for the bandit and for the grid
TEST_TASKS = 1000


def watch(family, iterations, seed, **options):
    """Trains an agent that acts at random and learns what to believe. Returns the
    learner and its theta."""
    hidden, tasks = (48, 256) if family.episodes == 1 else (64, 96)
    policy = BeliefPolicy(family.obs_size, Categorical(family.action.n), hidden,
                          n_latent=LATENT)
    learner = VariBAD(policy, episodes=family.episodes, entropy_weight=AT_RANDOM,
                      gamma=GAMMA, rate=LinearSchedule(RATE), **options)
    result = meta_train(learner, family, iterations=iterations, tasks=tasks, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def exact(data, family):
    """The exact posterior before each step of a Rollout, [K, T, ..]."""
    return posteriors(exact_belief(family), data)[:, :-1, 0]


def bandit(iterations, tests, seed):
    """Trains, tests. Returns the learned belief and the exact one, [K, T, arms]."""
    family = BernoulliBandit(ARMS, PULLS)
    learner, theta = watch(family, iterations, seed, pays=(0, 1), shown=("action",),
                           future=True, kl_weight=KL[0])
    rng = np.random.default_rng((seed, 1))
    data = learner.collect(theta, family.sample(tests, rng), rng)
    return learner.predict(theta, data, np.eye(ARMS))[:, :, 0], exact(data, family)


def grid(iterations, tests, seed):
    """The same, [K, T, cells]; and the walker's cells, the goals, and where the goal
    was found by then."""
    family = GridNavigation(SIZE, HORIZON, EPISODES)
    learner, theta = watch(family, iterations, seed, pays=(-0.1, 1.0), shown=("next",),
                           decoder=(64,), told=8, kl_weight=KL[1])
    rng = np.random.default_rng((seed, 1))
    tasks = family.sample(tests, rng)
    data = learner.collect(theta, tasks, rng)
    expected = learner.predict(theta, data, np.eye(SIZE ** 2))[:, :, 0]
    paid = data.reward[..., 0] > 0
    found = np.cumsum(paid, 1) - paid > 0
    cells = data.x[:, :, 0, :SIZE ** 2].argmax(-1)
    return (expected + 0.1) / 1.1, exact(data, family), cells, tasks.goal, found


def plot(path, trials):
    """One trial of each kind: truth above, learned below."""
    import matplotlib.pyplot as plt
    (learned, known), (on_grid, truth, cells, goals, found) = trials
    k = int(np.argmax(found[:, found.shape[1] * 3 // 4] & ~found[:, HORIZON // 2]))
    shown = np.linspace(0, cells.shape[1] - 1, 6).astype(int)
    figure, axes = plt.subplots(2, 7, figsize=(13, 4.4), layout="constrained",
                                width_ratios=[1.6] + [1] * 6)
    for row, bandit, room, name in ((0, known, truth, "exact"),
                                    (1, learned, on_grid, "learned")):
        axes[row, 0].imshow(bandit[0].T, vmin=0, vmax=1, cmap="Greys", aspect="auto")
        axes[row, 0].set(ylabel=f"{name}\narm", yticks=range(ARMS), xticks=[],
                         yticklabels=range(1, ARMS + 1))
        for column, t in enumerate(shown, 1):
            ax = axes[row, column]
            image = ax.imshow(room[k, t].reshape(SIZE, SIZE), vmin=0, vmax=1,
                              cmap="Greys", origin="lower")
            ax.plot(cells[k, t] % SIZE, cells[k, t] // SIZE, "o", color="C0")
            ax.plot(goals[k] % SIZE, goals[k] // SIZE, "*", color="C1")
            ax.set(xticks=[], yticks=[])
            axes[0, column].set_title(f"after {t} steps")
    axes[0, 0].set_title("a bandit: does the arm pay?")
    axes[1, 0].set_xlabel("pull")
    axes[1, 3].set_xlabel("a grid: does the cell pay?   dot: walker, star: goal")
    figure.colorbar(image, ax=axes, label="probability")
    figure.savefig(path, dpi=120)


def main(iterations=ITERATIONS, tests=TEST_TASKS, seed=0, plot_to=None):
    """Trains, compares, prints. Returns the figures of the table by name."""
    print("\na bandit")
    learned, known = arms = bandit(iterations[0], tests, seed)
    error = np.sqrt(((learned - known) ** 2).mean((0, 2)))
    print("\na grid")
    on_grid, truth, _, goals, found = room = grid(iterations[1], tests, seed)
    apart = 0.5 * np.abs(on_grid - truth).sum(-1)
    goal = np.take_along_axis(on_grid, goals[:, None, None], -1)[..., 0]
    results = {"bandit": float(np.sqrt((error ** 2).mean())),
               "grid": float(apart.mean()), "goal": float(goal[found].mean())}
    print(f"\n{ARMS} arms: the probability that an arm pays, learned and exact\n"
          f"{'before pull':16}" + "".join(f"{t + 1:6}" for t in range(PULLS))
          + f"   all\n{'r.m.s. error':16}"
          + "".join(f"{e:6.3f}" for e in error) + f"{results['bandit']:6.3f}")
    T = apart.shape[1]
    shown = range(0, T, T // 10)
    print(f"\n{SIZE} x {SIZE} cells: the probability that a cell pays, learned and "
          f"exact\n{'before step':16}" + "".join(f"{t + 1:6}" for t in shown)
          + f"   all\n{'total variation':16}"
          + "".join(f"{apart[:, t].mean():6.3f}" for t in shown)
          + f"{results['grid']:6.3f}\n{'goal was found':16}"
          + "".join(f"{found[:, t].mean():6.0%}" for t in shown)
          + f"{found.mean():6.0%}\nthe goal's cell, once it was found: "
            f"{results['goal']:.3f} (exact: 1)")
    if plot_to:
        plot(plot_to, (arms, room))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw the beliefs of two trials")
    args = parser.parse_args()
    quick = {"iterations": (20, 20), "tests": 200} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
