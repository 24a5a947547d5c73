"""Who gets credit for exploring? Down a corridor are two doors, a prize behind one.

Only episodes that go to the doors tell which is right, but whoever goes without knowing
loses, and the policy mostly stays at home to begin with. What adaptation changes is the
choice of the door; what makes it possible is another choice, in another state. In the
Hessians of the log-likelihood and of the ratio, states do not meet: with them theta
learns to stay at home. In DiCE's they do, and E-MAML adds the credit: with these, theta
learns to explore.

    python examples/exploration_credit.py                20 to 60 seconds
    python examples/exploration_credit.py --quick        4 seconds, 2 seeds
    python examples/exploration_credit.py --start 0.5    where all of MAML learn it
    python examples/exploration_credit.py --plot credit.png

    of 10 seeds                      explores        return before         return after
    pretrained             0.01 [ 0.00, 0.01]   0.00 [ 0.00, 0.00]   0.00 [ 0.00, 0.00]
    first-order MAML       0.01 [ 0.00, 0.01]   0.00 [ 0.00, 0.00]   0.00 [ 0.00, 0.00]
    MAML, log-likelihood   0.01 [ 0.00, 0.01]   0.00 [ 0.00, 0.00]   0.00 [ 0.00, 0.00]
    MAML, ratio            0.01 [ 0.01, 0.01]  -0.00 [-0.01, 0.00]  -0.00 [-0.01, 0.00]
    MAML, DiCE             0.81 [ 0.54, 0.98]  -0.41 [-0.51,-0.26]   0.76 [ 0.42, 0.98]
    E-MAML                 0.86 [ 0.56, 0.98]  -0.43 [-0.50,-0.28]   0.81 [ 0.42, 0.98]
    random                 0.50                -0.25                -0.25
    staying at home        0.00                 0.00                 0.00
    optimum (exact)        1.00                -0.50                 1.00

All seeds of DiCE and E-MAML explore. Most then earn 0.97 or more; the others come to
open always the same door, and to stay at home after adaptation if there is no prize: a
local optimum, of 0.5 at most.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
import time
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from minimeta import EMAML, MAML, Reinforce, TabularPolicy, evaluate, meta_train
from minimeta.runs import pictures
from minimeta.tasks import Discrete, Family, TabularTasks

PRIZE, TRAP = 1.0, -2.0
START = 0.1            # probability of going to the doors, to begin with
ALPHA = 5.0            # rate of the inner step
EPISODES = 10          # B, before adaptation and after
TASKS = 40             # K, in a meta-batch
ITERATIONS = 200
RATE = 0.02            # of Adam
SEEDS = 10
LIKELY = "probability of going to the doors"
TEST_TASKS = 2000
HOME, DOORS, END = range(3)
STAY, GO = range(2)


@dataclass(frozen=True)
class Corridor(Family):
    """Two doors at the end of a corridor.

    sees      where it is, one-hot: at home, at the doors, at the end
    does      at home: 0 stays, 1 goes to the doors; there: opens door 0 or 1
    earns     1 behind the right door, -2 behind the other, 0 for staying at home
    ends      after 2 steps
    a task    which door is the right one
    """

    obs_size, action, horizon, episodes = 3, Discrete(2), 2, 1

    def draw(self, K, rng):
        return CorridorTasks(self, rng.integers(2, size=K))


@dataclass(frozen=True)
class CorridorTasks(TabularTasks):
    """K tasks."""

    family: Corridor
    door: np.ndarray  # [K]  the right one

    def move(self, state, action, rng):
        after = np.where((state == HOME) & (action == GO), DOORS, END)
        paid = np.where(action == self.door[:, None], PRIZE, TRAP)
        return (after, self.observe(after), np.where(state == DOORS, paid, 0.0),
                np.zeros(state.shape, bool))

    def oracle(self):
        return np.full(len(self), PRIZE)

    def random(self):
        return np.full(len(self), (PRIZE + TRAP) / 4)


@dataclass(frozen=True)
class TimidPolicy(TabularPolicy):
    """A tabular policy that goes to the doors with the probability `start` at first."""

    start: float = START

    def init(self, rng, dtype=np.float64):
        theta = super().init(rng, dtype)
        theta[2 * HOME + GO] += np.log(self.start / (1 - self.start))
        return theta


def learners(start):
    """name -> learner; they differ in the meta-gradient alone."""
    policy = TimidPolicy(3, 2, start)
    same = dict(alpha=ALPHA, trials=EPISODES, gamma=1.0, baseline="none",
                normalise=False, rate=RATE, dtype=np.float64)
    return {
        "pretrained": Reinforce(policy, **same),
        "first-order MAML": MAML(policy, first_order=True, **same),
        "MAML, log-likelihood": MAML(policy, inner="log-likelihood", **same),
        "MAML, ratio": MAML(policy, inner="ratio", **same),
        "MAML, DiCE": MAML(policy, inner="dice", **same),
        "E-MAML": EMAML(policy, **same),
    }


def explores(theta):
    """The probability of going to the doors before adaptation."""
    stay, go = np.exp(theta.reshape(3, 2)[HOME])
    return float(go / (stay + go))


def train(learner, iterations, seed):
    """Returns how likely it was to explore after each iteration, and the mean return on
    fresh tasks before and after adaptation."""
    path = []

    def watch(iteration, row, theta):
        path.append(explores(theta))

    theta = meta_train(learner, Corridor(), iterations=iterations, tasks=TASKS,
                       seed=seed, callback=watch).theta
    curve = evaluate(learner, theta, Corridor(), tasks=TEST_TASKS, seed=seed, rounds=1)
    return path, curve.mean


def plot(path, paths):
    """How likely exploring is before adaptation, against iterations."""
    pictures.learning(
        {name: [SimpleNamespace(log=[{LIKELY: p} for p in run]) for run in runs]
         for name, runs in paths.items()}, LIKELY, smooth=1).savefig(path)


def show(results, seeds):
    """Means over seeds, with the least and the most."""
    heads = "explores", "return before", "return after"
    title = f"of {seeds} seeds"
    print(f"\n{title:20}" + "".join(f"{head:>21}" for head in heads))
    for name, (explored, returns) in results.items():
        columns = np.stack([explored, *returns.T]).round(2) + 0.0  # no -0.00
        print(f"{name:20}" + "".join(
            f"{c.mean():7.2f} [{c.min():5.2f},{c.max():5.2f}]" for c in columns))
    chance = (PRIZE + TRAP) / 4
    for name, *columns in (
            ("random", 0.5, chance, chance), ("staying at home", 0, 0, 0),
            ("optimum (exact)", 1, 2 * chance, PRIZE)):
        print(f"{name:20}" + "".join(f"{c:7.2f}{'':14}" for c in columns).rstrip())


def main(iterations=ITERATIONS, seeds=SEEDS, start=START, seed=0, plot_to=None):
    """Trains each learner with several seeds, from `seed` on. Returns name -> (how
    likely exploring is [seeds], return before and after adaptation [seeds, 2])."""
    pictures.required(plot_to)
    began, paths, results = time.perf_counter(), {}, {}
    for name, learner in learners(start).items():
        runs = [train(learner, iterations, seed + i) for i in range(seeds)]
        paths[name], returns = zip(*runs)
        results[name] = np.array(paths[name])[:, -1], np.array(returns)
        print(f"{time.perf_counter() - began:6.1f} s   {name}", flush=True)
    show(results, seeds)
    if plot_to:
        plot(plot_to, paths)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--quick", action="store_true", help="two seeds")
    parser.add_argument("--start", type=float, default=START,
                        help="probability of going to the doors, to begin with")
    parser.add_argument("--plot", metavar="FILE")
    args = parser.parse_args()
    main(seeds=2 if args.quick else SEEDS, start=args.start, seed=args.seed,
         plot_to=args.plot)
