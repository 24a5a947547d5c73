"""RL^2 where every step pays 1 until the pole falls, and a fall costs nothing more.

A cart balances a pole. Gravity, the length of the pole and the direction in which each
action pushes are hidden. They stay the same for a trial of three episodes.

    python examples/rl2_survival.py            80 s on one core
    python examples/rl2_survival.py --quick    seconds, to see that it learns

After a fall the next episode begins at once, and pays as much. Returns that run across
the trial can see what the fall has lost only at the end of the trial, which comes
sooner. With a discount of .95 the end is too far away to be seen from the first
episode, so the agent learns to balance in the last episode, and less in the first.
Without a discount the end is always seen. Where returns are cut at the ends of episodes
a fall loses what the episode would still have paid. The last lines read

    steps of 60, -+ 95 %      episode 1      episode 2      episode 3
    gamma 1                52.17 -+0.47   55.18 -+0.47   57.54 -+0.28
    gamma .95              45.27 -+0.61   59.54 -+0.14   59.84 -+0.05
    gamma .95, cut         59.90 -+0.07   59.90 -+0.08   59.92 -+0.07
    random                 24.04 -+0.54   24.21 -+0.56   23.99 -+0.55

and with seeds 1 and 2

    gamma 1                39.92 -+0.46   40.31 -+0.45   56.65 -+0.31
    gamma .95              44.59 -+0.73   52.34 -+0.44   59.87 -+0.10
    gamma .95, cut         59.92 -+0.06   59.79 -+0.10   59.82 -+0.09

    gamma 1                57.45 -+0.25   55.53 -+0.32   58.63 -+0.23
    gamma .95              24.54 -+0.35   58.30 -+0.34   59.75 -+0.10
    gamma .95, cut         59.99 -+0.01   59.97 -+0.01   59.98 -+0.01

Only the cut is good with every seed. gamma 1, which is RL2's default, learns in every
episode, but not reliably: with seed 1 it earns less than gamma .95.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass

import numpy as np

from minimeta import (RL2, Categorical, RecurrentPolicy, evaluate, meta_train,
                      print_progress)
from minimeta.tasks import Discrete, Family, Tasks

TASKS = 128            # K, poles in a meta-batch
ITERATIONS = 200
SETTINGS = {           # name -> what differs from RL2's defaults
    "gamma 1": {},
    "gamma .95": {"gamma": 0.95},
    "gamma .95, cut": {"gamma": 0.95, "returns": "episode"},
}
TEST_TASKS = 2000

CART, POLE, FORCE, TAU = 1.0, 0.1, 10.0, 0.02    # kg, kg, N, s: as Gymnasium's CartPole
FALLEN, OFF = np.pi / 15, 2.4                    # radians, m


@dataclass(frozen=True)
class HiddenCartPole(Family):
    """A pole on a cart.

    sees    position (m), speed (m/s), angle (rad, 0 is up), rate of the angle (rad/s)
    does    pushes with 10 N, one way or the other
    earns   1 a step
    ends    when the pole leans by more than 12 degrees or the cart is 2.4 m off (done)
    a task  gravity, uniform from 5 to 15 m/s^2; half the pole's length, uniform from
            .25 to 1 m; and which of the two actions pushes to the right
    """

    horizon: int = 60
    episodes: int = 3

    obs_size, action = 4, Discrete(2)

    def draw(self, K, rng):
        return CartPoles(self, rng.uniform(5, 15, K), rng.uniform(0.25, 1, K),
                         rng.choice([-1.0, 1.0], K))


@dataclass(frozen=True)
class CartPoles(Tasks):
    family: HiddenCartPole
    gravity: np.ndarray  # [K]
    length: np.ndarray   # [K]
    sign: np.ndarray     # [K]

    def begin(self, B, rng):
        state = rng.uniform(-0.05, 0.05, (len(self), B, 4))
        return state, state.copy()

    def move(self, state, action, rng):
        x, v, angle, rate = np.moveaxis(state, -1, 0)
        g, l, sign = (a[:, None] for a in (self.gravity, self.length, self.sign))
        force = FORCE * sign * (2 * action - 1)
        sin, cos, m = np.sin(angle), np.cos(angle), CART + POLE
        push = (force + POLE * l * rate ** 2 * sin) / m
        bend = (g * sin - cos * push) / (l * (4 / 3 - POLE * cos ** 2 / m))
        pull = push - POLE * l * bend * cos / m
        state = state + TAU * np.stack([v, pull, rate, bend], -1)
        done = (np.abs(state[..., 0]) > OFF) | (np.abs(state[..., 2]) > FALLEN)
        return state, state.copy(), np.ones(done.shape), done


def learners(family):
    """name -> learner."""
    policy = RecurrentPolicy(family.obs_size, Categorical(family.action.n))
    return {name: RL2(policy, episodes=family.episodes, **setting)
            for name, setting in SETTINGS.items()}


def main(iterations=ITERATIONS, tasks=TEST_TASKS, seed=0):
    """Trains, evaluates, prints. Returns name -> Curve of the steps survived in each
    episode of a trial."""
    family, curves = HiddenCartPole(), {}
    for name, learner in learners(family).items():
        result = meta_train(
            learner, family, iterations=iterations, tasks=TASKS, seed=seed,
            callback=print_progress(iterations, name=name, lines=4))
        curves[name] = evaluate(learner, result.theta, family, tasks=tasks, seed=seed)
    uniform = 0 * result.theta  # with weights of 0 all actions are equally likely
    curves["random"] = evaluate(learner, uniform, family, tasks=tasks, seed=seed)

    print(f"\n{'steps of 60, -+ 95 %':20}" + "".join(
        f"{f'episode {e + 1}':>15}" for e in range(family.episodes)))
    for name, curve in curves.items():
        print(f"{name:20}" + "".join(
            f"{mean:8.2f} -+{1.96 * error:.2f}"
            for mean, error in zip(curve.mean, curve.standard_error)))
    return curves


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 10, "tasks": 500} if args.quick else {}
    main(seed=args.seed, **quick)
