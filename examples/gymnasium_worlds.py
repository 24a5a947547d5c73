"""Environments of Gymnasium as tasks: frozen lakes whose holes nobody tells, and poles.

    pip install gymnasium
    python examples/gymnasium_worlds.py            2 min on one core
    python examples/gymnasium_worlds.py --quick    seconds, to see that it runs

A function of `rng` makes an environment, and each one is a task: here a lake with
random holes, and a pole of random length. RL^2 remembers what it has met in the first
episodes of a trial. MAML takes a gradient step on ten episodes of a lake, or twenty of
a pole. The rows of the table read

                episodes     steps      return   95% interval          over
    200 fresh tasks, frozen lakes
      random                             0.045   [0.016, 0.074]        200 tasks
      RL^2             0         0       0.330   [0.264, 0.396]        200 tasks
      RL^2             1         4       0.580   [0.511, 0.649]        200 tasks
      RL^2             2         8       0.705   [0.641, 0.769]        200 tasks
      MAML             0         0       0.324   [0.283, 0.366]        200 tasks
      MAML            10        38       0.547   [0.494, 0.599]        200 tasks
    200 fresh tasks, poles
      random                            22.755   [20.207, 25.303]      200 tasks
      RL^2             0         0      99.245   [98.434, 100.056]     200 tasks
      RL^2             1        99      98.615   [97.228, 100.002]     200 tasks
      RL^2             2       198      98.880   [97.571, 100.189]     200 tasks
      MAML             0         0      62.318   [59.327, 65.310]      200 tasks
      MAML            20      1246      66.770   [63.963, 69.577]      200 tasks

On the same poles MAML gains 4.45, [3.34, 5.56], by its step. RL^2 keeps nearly every
pole up for all of the 100 steps, from the first episode on: nothing is left to gain.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from importlib.util import find_spec

import numpy as np

from minimeta import (MAML, RL2, Categorical, LinearSchedule, MLPPolicy,
                      RecurrentPolicy, compare, from_gymnasium, meta_train,
                      print_progress)
from minimeta.runs import Comparisons, pictures

SIZE, FREE = 4, 0.75         # of a lake: its side, and the share of ice
LENGTHS = (0.05, 3.0)        # halves of the poles, m; Gymnasium's own is 0.5
EPISODES = 3                 # of a trial, for RL^2
TEST_TASKS = 200


def lake(rng):
    """A frozen lake with random holes and a way through; it pays 1 at the end."""
    import gymnasium
    from gymnasium.envs.toy_text.frozen_lake import generate_random_map
    desc = generate_random_map(SIZE, FREE, seed=int(rng.integers(2 ** 30)))
    return gymnasium.make("FrozenLake-v1", desc=desc, is_slippery=False)


def pole(rng):
    """A pole of random length on a cart. It pays 1 a step, until the pole falls."""
    import gymnasium
    env = gymnasium.make("CartPole-v1")
    world = env.unwrapped
    world.length = np.exp(rng.uniform(*np.log(LENGTHS)))
    world.polemass_length = world.masspole * world.length
    return env


def worlds():
    """name -> (family, {name: (learner, iterations, tasks of a meta-batch)})."""
    lakes = from_gymnasium(lake, horizon=20, episodes=EPISODES)
    poles = from_gymnasium(pole, horizon=100, episodes=EPISODES)
    return {
        "frozen lakes": (lakes, {
            "RL^2": (RL2(RecurrentPolicy(lakes.obs_size, Categorical(4), 32),
                         episodes=EPISODES, gamma=0.95, rate=LinearSchedule(6e-3),
                         entropy_weight=LinearSchedule(0.05)), 300, 48),
            "MAML": (MAML(MLPPolicy(lakes.obs_size, Categorical(4), (32,)), alpha=1.0,
                          trials=10, rate=LinearSchedule(0.01)), 100, 20)}),
        "poles": (poles, {
            "RL^2": (RL2(RecurrentPolicy(4, Categorical(2), 24), episodes=EPISODES,
                         returns="episode", gamma=0.95, rate=LinearSchedule(0.01),
                         entropy_weight=LinearSchedule(0.01)), 100, 32),
            "MAML": (MAML(MLPPolicy(4, Categorical(2), (16,)), alpha=1.0, trials=20,
                          lam=0.95, rate=LinearSchedule(0.01)), 30, 20)}),
    }


def main(scale=1.0, tasks=TEST_TASKS, seed=0, plot_to=None):
    """Trains, compares, prints. Returns Comparisons; None without Gymnasium.

    scale   of the trainings' lengths
    """
    if find_spec("gymnasium") is None:
        print("This example needs Gymnasium: pip install gymnasium")
        return None
    pictures.required(plot_to)
    tables = {}
    for world, (family, learners) in worlds().items():
        runs = {}
        for name, (learner, iterations, K) in learners.items():
            iterations = max(1, round(scale * iterations))
            runs[name] = meta_train(
                learner, family, iterations=iterations, tasks=K, seed=seed,
                callback=print_progress(iterations, name=f"{world}, {name}", lines=3))
        tables[world] = compare(runs, family, tasks=tasks, seed=seed, rounds=1)
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
