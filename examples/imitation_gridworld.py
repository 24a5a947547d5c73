"""One-shot imitation: shown the way once, a policy goes to goals it has never met.

A walker on a 5x5 grid learns, from demonstrations of three goals in four, how to adapt
to one demonstration by five gradient steps of behaviour cloning. It is tested on the
other goals, from the corner where demonstrations begin, and from any cell. It learns
this twice: from demonstrations with actions, and from demonstrations that show states
only, for which it learns the loss to descend as well.

The policy sees its row and its column. Were it given cells, what it is shown of one
cell would tell nothing of the next.

    python examples/imitation_gridworld.py            about 45 s on one core
    python examples/imitation_gridworld.py --quick    seconds, to see that it learns

The default run ends with

    1000 demonstrations of goals that were never met: goal reached
                                       from the corner     from any cell
    acting uniformly                     17.1% +- 2.3%     24.6% +- 2.7%
    cloning from scratch, 5 steps        76.0% +- 2.6%     52.5% +- 3.1%
    cloning from scratch, 200 steps      99.2% +- 0.6%     60.3% +- 3.0%
    before the demonstration             39.1% +- 3.0%     37.5% +- 3.0%
    after one of another goal            12.4% +- 2.0%     18.4% +- 2.4%
    after it                             97.7% +- 0.9%     96.9% +- 1.1%
    after it, without its actions        99.1% +- 0.6%     98.6% +- 0.7%
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import replace

import numpy as np

from minimeta import (Categorical, Imitation, LinearSchedule, MLPPolicy, meta_train,
                      print_progress)
from minimeta.tasks import GridNavigation

SIZE = 5                # of the grid; an episode is three times as long
EVERY = 4               # every fourth goal is to test on
HIDDEN = (64,)
STEPS = 5               # gradient steps on the demonstration
ALPHA = {"cloning": 0.5, "learned": 0.1}    # their rate, where its learning begins
NOISE, SHOWS = 0.4, 4   # the outer objective: four episodes of a disturbed expert
TASKS = 32              # K, goals in a meta-batch
ITERATIONS = 1000
RATE = 3e-3             # of Adam, decaying to 0
TRIALS = 1000           # demonstrations of held-out goals to test on


def split(seed):
    """Families of the goals to learn from, and of those to test on: every fourth."""
    goals = GridNavigation(SIZE).goal_cells
    held_out = goals[seed % EVERY::EVERY]
    return [GridNavigation(SIZE, 3 * SIZE, goals=part, sees="row and column")
            for part in (tuple(set(goals) - set(held_out)), held_out)]


def learn(inner, family, iterations, seed):
    """The learner and its theta."""
    learner = Imitation(MLPPolicy(2 * SIZE, Categorical(5), HIDDEN), inner=inner,
                        alpha=ALPHA[inner], learn_alpha=True, steps=STEPS, noise=NOISE,
                        shows=SHOWS, rate=LinearSchedule(RATE))
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations, name=inner, lines=5))
    return learner, result.theta


def walk(policy, phi, tasks, state, rng):
    """One walk on each task, [K, T] cells, and whether it reached the goal, [K]."""
    cells, reached = [state], np.zeros(state.shape, bool)
    for _ in range(tasks.family.horizon):
        x = policy.see(tasks.observe(state), None, phi.dtype)
        act, _ = policy.act(phi, None, x, rng)
        state, _, reward, _ = tasks.step(state, act.action, rng)
        cells.append(state)
        reached |= reward > 0
    return np.concatenate(cells, 1), reached[:, 0]


def picture(cells, goal, title):
    """A walk [T + 1] on the grid: the step at which each cell was first reached; *, the
    goal."""
    grid = np.full(SIZE ** 2, " . ")
    for t in reversed(range(len(cells))):
        grid[cells[t]] = f"{t:2d} "
    grid[goal] = grid[goal][:2] + "*"
    rows = grid.reshape(SIZE, SIZE)[::-1]
    return [f"{title:20}", *(f"{''.join(row):20}" for row in rows)]


def main(iterations=ITERATIONS, trials=TRIALS, seed=0):
    """Trains, tests, prints. Returns name -> whether the goal was reached, [2, trials]:
    from the corner, as was shown, and from any cell."""
    family, held_out = split(seed)
    tasks = held_out.sample(trials, np.random.default_rng((seed, 0)))
    starts = np.random.default_rng((seed, 1)).integers(SIZE ** 2, size=(trials, 1))
    goals = np.unique(tasks.goal)
    others = replace(tasks, goal=goals[np.searchsorted(goals, tasks.goal) - 1])
    walks, reached = {}, {}

    learner, theta = learn("cloning", family, iterations, seed)
    silent, zeta = learn("learned", family, iterations, seed)
    policy, untrained = learner.policy, learner.init(np.random.default_rng((seed, 0)))
    shown, another = (
        learner.collect(theta, some, np.random.default_rng((seed, 2))).shown
        for some in (tasks, others))

    def test(name, phi):
        phi = np.broadcast_to(phi, (trials, phi.shape[-1]))[:, :policy.size]
        rng = np.random.default_rng((seed, 3))
        walks[name], corner = walk(policy, phi, tasks, 0 * starts, rng)
        reached[name] = np.stack([corner, walk(policy, phi, tasks, starts, rng)[1]])

    test("acting uniformly", 0 * untrained)
    for steps in (STEPS, 200):
        scratch = replace(learner, steps=steps).adapt(untrained, [shown])
        test(f"cloning from scratch, {steps} steps", scratch)
    test("before the demonstration", theta)
    test("after one of another goal", learner.adapt(theta, [another]))
    test("after it", learner.adapt(theta, [shown]))
    wordless = replace(shown, action=None)
    test("after it, without its actions", silent.adapt(zeta, [wordless]))

    for k in range(2):
        columns = [picture(walks[name][k], tasks.goal[k], title) for name, title in (
            ("before the demonstration", "before"), ("after it", "after"))]
        print("\n" + "\n".join(map("".join, zip(*columns))))
    print(f"\n{trials} demonstrations of goals that were never met: goal reached\n"
          f"{'':32}{'from the corner':>18}{'from any cell':>18}")
    for name, hits in reached.items():
        half = 1.96 * hits.std(-1) / np.sqrt(trials)
        print(f"{name:32}" + "".join(
            f"{mean:10.1%} +-{h:5.1%}" for mean, h in zip(hits.mean(-1), half)))
    return reached


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the training")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 10, "trials": 200} if args.quick else {}
    main(seed=args.seed, **quick)
