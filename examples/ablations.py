"""Turn it off and watch: what each piece of a meta-learner is worth.

    python examples/ablations.py            3 minutes on one core
    python examples/ablations.py --quick    seconds, to see that it runs

A row is a learner that lacks one piece, trained beside the right learner from the same
seeds on the same tasks. The cost is how much less it earns on 1000 fresh tasks, with
the 95 % interval of the mean over seeds. Public projects have lacked most of these
pieces, and trained without complaint. Each setting was tuned until its right learner
learns in seconds; the others take the same settings. The run ends with these lines,
each with its reason:

    without                           right without    cost  95 %, 6 seeds
    all memory between episodes        4.92    2.63    2.29 -+ 0.16
    hidden state between episodes      4.92    4.81    0.11 -+ 0.26; inside its interval
    returns across episodes            3.49    2.39    1.10 -+ 0.06
    last reward as an input            6.30    4.99    1.31 -+ 0.07
    last action as an input            6.30    6.14    0.16 -+ 0.08
    last done as an input              4.92    4.91    0.02 -+ 0.04; inside its interval
    bias of the forget gate            6.30    6.29    0.01 -+ 0.02; inside its interval
    reward discounted once too often   6.30    6.30   -0.00 -+ 0.03; inside its interval
    Hessian of the inner step          3.73    2.51    1.21 -+ 0.54
    mask of ended episodes            -1.12   -3.10    1.98 -+ 0.29
    sum of log pi over dimensions     -1.12   -1.31    0.19 -+ 0.39; inside its interval
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
import time
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from minimeta import (MAML, RL2, Categorical, Gaussian, LinearSchedule, MLPPolicy,
                      RecurrentPolicy, TabularPolicy, evaluate, meta_train)
from minimeta.meta import interval
from minimeta.objective import LogLikelihood, Ratio
from minimeta.tasks import BernoulliBandit, Discrete, GridNavigation, PointNavigation

SEEDS, TEST_TASKS = 6, 1000
HIDDEN = 24                  # LSTM cells


@dataclass(frozen=True)
class Doors:
    """Two doors and a slot machine. One door pays 1 and the other nothing; the machine
    pays 1 with probability 0.55. Each pull is an episode: to open a door costs 0.05 in
    the first episode, and tells for all later ones. A task is which door pays."""

    episodes: int = 4
    obs_size, horizon, pulls, arms, action = 1, 1, 1, 3, Discrete(3)

    def sample(self, K, rng):
        arms = BernoulliBandit(self.arms, self.pulls).sample(K, rng)
        doors = np.eye(2)[rng.integers(2, size=K)]
        p = np.concatenate([doors, np.full((K, 1), 0.55)], -1)
        return replace(arms, family=self, p=p)


# ---- what is turned off

@dataclass(frozen=True)
class ResetMemory(RecurrentPolicy):
    """The memory begins anew with each episode of `horizon` steps."""

    horizon: int = 1

    def act(self, theta, memory, x, rng):
        is_new = x[..., -1:] == 1  # d_{t-1}
        fresh = self.begin(theta, x.shape[-2])
        memory = tuple(np.where(is_new, f, m) for f, m in zip(fresh, memory))
        return super().act(theta, memory, x, rng)

    def fold_steps(self, x):
        """[T, B, n] -> [horizon, episodes B, n]: an episode is a trial of its own."""
        x = x.reshape(-1, self.horizon, *x.shape[-2:])
        return np.moveaxis(x, 0, 1).reshape(self.horizon, -1, x.shape[-1])

    def unfold_steps(self, y, n_steps):
        y = y.reshape(self.horizon, n_steps // self.horizon, -1, y.shape[-1])
        return np.moveaxis(y, 1, 0).reshape(n_steps, -1, y.shape[-1])


@dataclass(frozen=True)
class ForgetEpisode(ResetMemory):
    """And the last action and reward do not cross the end of an episode either."""

    def see(self, obs, last, dtype):
        x = super().see(obs, last, dtype)
        x[..., self.obs_size:-1] *= 1 - x[..., -1:]
        return x


@dataclass(frozen=True)
class NoForgetBias(RecurrentPolicy):
    """All biases of the LSTM begin at 0, that of the forget gate too."""

    def init(self, rng, dtype=np.float64):
        blocks = self.layout.unpack(super().init(rng, dtype))._asdict()
        return self.layout.pack(**blocks | {"b": 0 * blocks["b"]})


@dataclass(frozen=True)
class OneDiscountTooMany(RL2):
    """G_t = gamma r_t + gamma^2 r_{t+1} + .."""

    def update(self, theta, state, history, data, progress):
        late = replace(data, reward=self.gamma * data.reward)
        return super().update(theta, state, history, late, progress)


@dataclass(frozen=True)
class NoMask(MAML):
    """What follows an episode's end is zeros, read as experience."""

    def collect(self, theta, tasks, rng):
        data = super().collect(theta, tasks, rng)
        keep = data.mask[..., None]
        return replace(data, x=data.x * keep, action=data.action * keep,
                       mask=np.ones_like(data.mask))


@dataclass(frozen=True)
class OfMean:
    """A surrogate whose log-probability is the mean over the two dimensions of an
    action, not the sum."""

    surrogate: Any

    def value(self, l):
        return self.surrogate.value(l / 2)

    def grad(self, l):
        return self.surrogate.grad(l / 2) / 2

    def hvp(self, l, l_dot):
        return self.surrogate.hvp(l / 2, l_dot / 2) / 2


AVERAGED = {"inner": lambda A, l_old, mask: OfMean(LogLikelihood(A)),
            "outer": lambda A, l_old, mask: OfMean(Ratio(A, l_old / 2))}


# ---- the right learners, and the rows

class Setting(NamedTuple):
    """A family, the right learner for it, and how much the learner is trained."""

    family: Any
    right: Any
    iterations: int
    tasks: int  # K


def recurrent(family, policy=RecurrentPolicy, **settings):
    """A policy for the family."""
    return policy(family.obs_size, Categorical(family.action.n), HIDDEN, **settings)


ROOM = GridNavigation(size=3, horizon=4, episodes=3)
BANDIT, DOORS = BernoulliBandit(arms=3, pulls=10), Doors()
GRID = GridNavigation(size=3, horizon=6, episodes=1)
PLANE = PointNavigation(horizon=10, max_step=0.2, radius=0.1)
SETTINGS = {
    "room": Setting(ROOM, RL2(recurrent(ROOM), episodes=3,
                              entropy_weight=LinearSchedule(0.1)), 500, 64),
    "bandit": Setting(BANDIT, RL2(recurrent(BANDIT), gamma=0.8), 400, 128),
    "doors": Setting(DOORS, RL2(recurrent(DOORS), episodes=4,
                                entropy_weight=LinearSchedule(0.1)), 300, 64),
    "grid": Setting(GRID, MAML(TabularPolicy(9, 5), alpha=30.0, inner="dice", lam=0.95,
                               rate=LinearSchedule(0.3)), 150, 20),
    "plane": Setting(PLANE, MAML(MLPPolicy(2, Gaussian(2), (16,)), alpha=0.2,
                                 rate=0.01), 150, 20),
}


def right(name, kind=None, **changes):
    """The right learner of a setting, changed, or as a subclass of what it is."""
    learner = replace(SETTINGS[name].right, **changes)
    if kind is None:
        return learner
    return kind(**{f.name: getattr(learner, f.name) for f in fields(learner) if f.init})


ROWS = [  # what is turned off, setting, learner, why
    ("all memory between episodes", "room",
     right("room", policy=recurrent(ROOM, ForgetEpisode, horizon=4)),
     "what the first episode found is forgotten before the second can use it"),
    ("hidden state between episodes", "room",
     right("room", policy=recurrent(ROOM, ResetMemory, horizon=4)),
     "the last action and reward still cross, and here they tell enough"),
    ("returns across episodes", "doors", right("doors", returns="episode"),
     "exploring costs now and pays in later episodes, which no longer count"),
    ("last reward as an input", "bandit",
     right("bandit", policy=recurrent(BANDIT, sees=("action", "done"))),
     "the agent never hears what an arm paid"),
    ("last action as an input", "bandit",
     right("bandit", policy=recurrent(BANDIT, sees=("reward", "done"))),
     "where it is not certain of its choice, the agent does not know what it did"),
    ("last done as an input", "room",
     right("room", policy=recurrent(ROOM, sees=("action", "reward"))),
     "the observation tells it too: the walker is back at the start"),
    ("bias of the forget gate", "bandit",
     right("bandit", policy=recurrent(BANDIT, NoForgetBias)),
     "ten steps are perhaps too few for what it helps to remember"),
    ("reward discounted once too often", "bandit", right("bandit", OneDiscountTooMany),
     "advantages are normalised, which hides a factor; a law of gae does not"),
    ("Hessian of the inner step", "grid", right("grid", first_order=True),
     "nobody gets credit for the exploring from which the step learns"),
    ("mask of ended episodes", "plane", right("plane", NoMask),
     "zeros are read as doing nothing at the start, where the observation is zero"),
    ("sum of log pi over dimensions", "plane", right("plane", **AVERAGED),
     "the mean makes the inner step half as long: a rate that nobody has chosen"),
]


def earned(learner, setting, seed, fraction, tasks):
    """Reward of a trial, or of an episode after the step: the mean over fresh tasks."""
    family, _, iterations, K = setting
    theta = meta_train(learner, family, iterations=int(fraction * iterations), tasks=K,
                       seed=seed).theta
    mean = evaluate(learner, theta, family, tasks=tasks, seed=seed).mean
    return mean[-1] if learner.rounds else mean.sum()


def main(fraction=1.0, seeds=SEEDS, tasks=TEST_TASKS, first_seed=0):
    """Trains all, prints the rows. Returns what -> (right [seeds], without [seeds])."""
    def by_seed(learner, name):
        each = range(first_seed, first_seed + seeds)
        return np.array(
            [earned(learner, SETTINGS[name], seed, fraction, tasks) for seed in each])

    start, results = time.perf_counter(), {}
    goods = {name: by_seed(setting.right, name) for name, setting in SETTINGS.items()}
    for what, name, learner, _ in ROWS:
        results[what] = goods[name], by_seed(learner, name)
        print(f"{time.perf_counter() - start:6.1f} s   without {what}", flush=True)
    print(f"\n{'without':33}{'right':>6}{'without':>8}{'cost':>8}  95 %, {seeds} seeds")
    for what, _, _, why in ROWS:
        good, bad = results[what]
        cost, half = interval(good - bad)
        verdict = "" if abs(cost) > half else "; inside its interval"
        print(f"{what:33}{good.mean():6.2f}{bad.mean():8.2f}{cost:8.2f} -+{half:5.2f}"
              f"{verdict}\n    {why}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    quick = {"fraction": 0.05, "seeds": 2, "tasks": 200} if args.quick else {}
    main(first_seed=args.seed, **quick)
