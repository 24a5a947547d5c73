"""Four learners side by side, on a grid and in the plane: one table, one figure.

    python examples/compare_learners.py                      90 s on one core
    python examples/compare_learners.py --quick              seconds, to see it run
    python examples/compare_learners.py --plot compare.png

RL^2 remembers the episodes of a trial. MAML, ProMP and a policy that was pretrained on
all tasks at once take gradient steps, each on 20 episodes of the task. The table that
the run ends with has a row for each amount of experience. The last ones read

                    episodes     steps      return   95% interval          over
    200 fresh tasks, grid
      random                                -1.168   [-1.207, -1.128]      200 tasks
      oracle                                11.101   [10.854, 11.347]      200 tasks
      RL^2                 3        45      11.084   [10.833, 11.335]      200 tasks
      MAML                60       900      10.909   [10.648, 11.169]      200 tasks
      ProMP               60       900       9.434   [9.085, 9.783]        200 tasks
      pretrained          60       900       4.708   [4.086, 5.330]        200 tasks
    200 fresh tasks, plane
      random                               -13.657   [-14.135, -13.179]    200 tasks
      oracle                                -0.471   [-0.521, -0.422]      200 tasks
      RL^2                 3        81      -2.871   [-3.080, -2.663]      200 tasks
      MAML                60      1604      -1.411   [-1.547, -1.276]      200 tasks
      ProMP               60      1638      -1.320   [-1.403, -1.237]      200 tasks
      pretrained          60      1661      -3.600   [-4.053, -3.148]      200 tasks

One seed of training; the intervals are over tasks.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

from minimeta import (MAML, RL2, Categorical, Gaussian, LinearSchedule, MLPPolicy,
                      ProMP, RecurrentPolicy, Reinforce, TabularPolicy, TrustRegion,
                      compare, meta_train, print_progress)
from minimeta.runs import Comparisons, pictures
from minimeta.tasks import GridNavigation, PointNavigation

GRID = GridNavigation()                           # 4 episodes of 15 steps
PLANE = PointNavigation(horizon=30, episodes=4)
STEPS = 3                                         # gradient steps when tested
TEST_TASKS = 200
TABLE = TabularPolicy(GRID.obs_size, 5)
WALKER = MLPPolicy(2, Gaussian(2), (32, 32))
ON_GRID = {"trials": 20, "lam": 0.95, "alpha": 100.0, "rate": LinearSchedule(0.3)}
IN_PLANE = {"trials": 20, "lam": 0.95, "alpha": (0.1, 0.03, 0.015)}
REGION = TrustRegion(max_kl=0.01, cg_steps=8)
RECURRENT = {"episodes": 4, "gamma": 0.95, "lam": 0.9, "epochs": 4}

# world -> (family, {name: (learner, iterations, tasks of a meta-batch)})
WORLDS = {
    "grid": (GRID, {
        "RL^2": (RL2(RecurrentPolicy(GRID.obs_size, Categorical(5), 48),
                     entropy_weight=LinearSchedule(0.05), **RECURRENT), 500, 64),
        "MAML": (MAML(TABLE, inner="dice", **ON_GRID), 150, 40),
        "ProMP": (ProMP(TABLE, **ON_GRID | {"rate": LinearSchedule(0.1)}), 150, 40),
        "pretrained": (Reinforce(TABLE, outer="ratio", **ON_GRID), 150, 40)}),
    "plane": (PLANE, {
        "RL^2": (RL2(RecurrentPolicy(2, Gaussian(2), 32), entropy_weight=0.0,
                     rate=LinearSchedule(5e-3), **RECURRENT), 300, 64),
        "MAML": (MAML(WALKER, optimizer=REGION, **IN_PLANE), 100, 20),
        "ProMP": (ProMP(WALKER, rate=LinearSchedule(1e-2, 2e-3), **IN_PLANE), 100, 20),
        "pretrained": (Reinforce(WALKER, outer="ratio", optimizer=REGION, **IN_PLANE),
                       100, 20)}),
}


def main(scale=1.0, tasks=TEST_TASKS, seed=0, plot_to=None):
    """Trains, compares, prints. Returns Comparisons.

    scale   of the trainings' lengths
    """
    pictures.required(plot_to)
    tables = {}
    for world, (family, learners) in WORLDS.items():
        runs = {}
        for name, (learner, iterations, K) in learners.items():
            iterations = max(1, round(scale * iterations))
            runs[name] = meta_train(
                learner, family, iterations=iterations, tasks=K, seed=seed,
                callback=print_progress(iterations, name=f"{world}, {name}", lines=2))
        tables[world] = compare(runs, family, tasks=tasks, seed=seed, rounds=STEPS)
    table = Comparisons(tables)
    print(f"\n{table}")
    if plot_to:
        table.plot(plot_to)
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw return against episodes")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"scale": 0.02, "tasks": 20} if args.quick else {}))
