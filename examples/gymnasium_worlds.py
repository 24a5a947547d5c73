"""Environments of Gymnasium as tasks: frozen lakes whose holes nobody tells, and poles.

    pip install gymnasium
    python examples/gymnasium_worlds.py            MINUTES on one core
    python examples/gymnasium_worlds.py --quick    seconds, to see that it runs

A function of `rng` makes an environment, and each one is a task: here a lake with
random holes, and a pole of random length. RL^2 remembers what it has met in the first
episodes of a trial; MAML takes a gradient step on ten episodes. The run ends with

TABLE
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from importlib.util import find_spec

from minimeta import (MAML, RL2, Categorical, LinearSchedule, MLPPolicy,
                      RecurrentPolicy, compare, from_gymnasium, meta_train,
                      print_progress)
from minimeta.runs import Comparisons, pictures

SIZE, FREE = 4, 0.75         # of a lake: its side, and the share of ice
LENGTHS = (0.1, 2.0)         # halves of the poles, m; Gymnasium's own is 0.5
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
    world.length = rng.uniform(*LENGTHS)
    world.polemass_length = world.masspole * world.length
    return env


def worlds():
    """name -> (family, {name: (learner, iterations, tasks of a meta-batch)})."""
    lakes = from_gymnasium(lake, horizon=20, episodes=EPISODES)
    poles = from_gymnasium(pole, horizon=60, episodes=EPISODES)
    return {
        "frozen lakes": (lakes, {
            "RL^2": (RL2(RecurrentPolicy(lakes.obs_size, Categorical(4), 32),
                         episodes=EPISODES, gamma=0.95, rate=LinearSchedule(6e-3),
                         entropy_weight=LinearSchedule(0.05)), 300, 48),
            "MAML": (MAML(MLPPolicy(lakes.obs_size, Categorical(4), (32,)), alpha=1.0,
                          trials=10, rate=LinearSchedule(0.01)), 100, 20)}),
        "poles": (poles, {
            "RL^2": (RL2(RecurrentPolicy(4, Categorical(2), 16), episodes=EPISODES,
                         returns="episode", gamma=0.95, rate=LinearSchedule(6e-3)),
                     100, 24),
            "MAML": (MAML(MLPPolicy(4, Categorical(2), (16,)), alpha=0.3, trials=10,
                          rate=LinearSchedule(0.01)), 30, 10)}),
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
