"""RL^2 in worlds without structure: an LSTM becomes a reinforcement learning algorithm.

Each trial is a random MDP of 10 states and 5 actions, met for 10 episodes of 10 steps.
The LSTM must find out where actions lead and what they pay, and use it; it is held
against planners that know how such worlds are drawn and keep the exact posterior.

    python examples/rl2_mdp.py            9 minutes on one core
    python examples/rl2_mdp.py --quick    seconds, to see that it learns

Two things make it learnable in minutes. The worlds grow: at first only one state can be
reached, a bandit. And what is read is laid out as a table: besides the state, the last
action, its reward and the end of an episode, the LSTM sees the reward in the cell of
the state and the action that it belongs to. The default run ends with

    reward of a trial              -+ 95 %  published  episode 1      2      5     10
    random                   100.35  exact      100.1
    PSRL, prior mean 0       138.20 -+0.83      138.1      10.07  11.19  13.96  16.42
    PSRL, prior mean 1       134.19 -+0.79                 10.07  10.94  13.35  15.98
    greedy, prior mean 0     136.82 -+0.86      134.8       9.97  12.16  14.03  14.96
    greedy, prior mean 1     154.46 -+0.79                  9.97  12.62  15.87  17.83
    greedy, each step        158.80 -+0.79                 11.20  13.32  16.32  17.94
    bonus, each step         162.96 -+0.81                 11.16  13.26  16.68  18.82
    RL^2                     154.13 -+0.79      156.2      11.11  13.28  15.85  17.16
    knowing the world        218.83  exact

The last two planners plan anew at each step, as RL^2 can, and the last one adds a bonus
to rewards of which it knows little. So there is more to learn than RL^2 has learned
here: with 96 cells and 12 minutes it reaches 155.59 -+0.80. Without the table,
trainings of 8 and 9 minutes reached 137, and 136 with 128 cells.

Source: Duan et al. (2016), RL^2, arXiv 1611.02779, table 2: a GRU of 256 and up to
five times as many trials.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass, replace

import numpy as np

from minimeta import (RL2, Categorical, LinearSchedule, RecurrentPolicy, evaluate,
                      meta_train, print_progress)
from minimeta.rivals import (Planner, exploration_bonus, posterior_mean,
                             posterior_sample)
from minimeta.runs import pictures
from minimeta.tasks import RandomMDP, RandomMDPTasks, one_hot

FAMILY = RandomMDP()
HIDDEN = 64                 # H, LSTM cells
TASKS = 64                  # K, worlds in a meta-batch
STAGES = ((1, 200), (2, 350), (4, 450), (6, 450), (8, 550), (10, 5900))
                            # states that can be reached, iterations
RATE = 1e-2                 # of Adam; decays to 0 in the last stage
ENTROPY = 0.1               # weight of the bonus; the same
EPOCHS, MAX_NORM = 2, 0.3   # steps on each batch, and the longest gradient
GAMMA, LAM = 0.8, 0.3       # discount, mix of advantages
WORLDS = 4000               # fresh ones, to measure on
BETA = 0.5                  # of the bonus; the best of .5, 1, 1.5
PUBLISHED = {"random": 100.1, "PSRL, prior mean 0": 138.1,
             "greedy, prior mean 0": 134.8, "RL^2": 156.2}


class TracedTasks(RandomMDPTasks):
    """Seen are the state and the one before, one-hot, [2 S]: at first zeros for that. A
    state here is now + S (before + 1), and 0 at first."""

    def observe(self, state):
        S = self.family.states
        return np.concatenate([one_hot(state % S, S), one_hot(state // S - 1, S)], -1)

    def move(self, state, action, rng):
        S = self.family.states
        after, _, reward, done = super().move(state % S, action, rng)
        after = after + S * (state % S + 1)
        return after, self.observe(after), reward, done


@dataclass(frozen=True)
class TracedWorld(RandomMDP):
    """The same worlds, but of the states only `reachable` can be reached, drawn for
    each task; the first is always among them."""

    reachable: int = 10

    @property
    def obs_size(self):
        return 2 * self.states

    def draw(self, K, rng):
        tasks = super().draw(K, rng)
        luck = rng.random((K, self.states))
        luck[:, 0] = -1
        is_in = luck.argsort(-1).argsort(-1) < self.reachable
        P = tasks.P * is_in[:, None, None]
        return TracedTasks(self, P / P.sum(-1, keepdims=True), tasks.R)


class TablePolicy(RecurrentPolicy):
    """Sees in addition the reward in a table of states and actions, in the cell that
    was left."""

    @property
    def n_in(self):
        return super().n_in + self.obs_size // 2 * self.head.n

    def see(self, obs, last, dtype):
        x, S, start = super().see(obs, last, dtype), self.obs_size // 2, super().n_in
        if last is not None:
            action, reward, _ = last
            cell = obs[..., S:, None] * self.head.encode(action)[..., None, :]
            x[..., start:] = cell.reshape(obs.shape[:-1] + (-1,)) * reward[..., None]
        return x


def train(scale, seed):
    """Returns the learner and theta."""
    head = Categorical(FAMILY.actions)
    learner = RL2(TablePolicy(TracedWorld().obs_size, head, HIDDEN),
                  episodes=FAMILY.episodes, gamma=GAMMA, lam=LAM, rate=RATE,
                  entropy_weight=ENTROPY, epochs=EPOCHS,
                  max_norm=MAX_NORM)
    theta = None
    for stage, (reachable, iterations) in enumerate(STAGES):
        if reachable == FAMILY.states:
            learner = replace(learner, rate=LinearSchedule(RATE),
                              entropy_weight=LinearSchedule(ENTROPY))
        iterations = max(1, round(iterations * scale))
        name = f"{reachable} state{'s' * (reachable > 1)}"
        theta = meta_train(
            learner, TracedWorld(reachable=reachable), iterations=iterations,
            tasks=TASKS, seed=len(STAGES) * seed + stage, theta=theta,
            callback=print_progress(iterations, name=name, lines=2)).theta
    return learner, theta


def plot(path, curves, ceiling):
    """Return of an episode against how many came before it."""
    pictures.curves({name: (range(1, FAMILY.episodes + 1), curve.mean)
                     for name, curve in curves.items()}, "episode", "return",
                    {"knowing the world": ceiling / FAMILY.episodes}).savefig(path)


def main(scale=1.0, worlds=WORLDS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> Curve of the returns of the episodes,
    and the exact totals under "random" and "ceiling".

    scale   of the training's length
    """
    pictures.required(plot_to)
    learner, theta = train(scale, seed)
    players = {f"{name}, prior mean {mean}": Planner(FAMILY, imagine, mean)
               for name, imagine in (("PSRL", posterior_sample),
                                     ("greedy", posterior_mean)) for mean in (0, 1)}
    players |= {f"{name}, each step": Planner(FAMILY, imagine, replans=True)
                for name, imagine in (("greedy", posterior_mean),
                                      ("bonus", exploration_bonus(BETA)))}
    curves = {name: evaluate(planner, None, FAMILY, tasks=worlds, seed=seed)
              for name, planner in players.items()}
    curves["RL^2"] = evaluate(learner, theta, TracedWorld(), tasks=worlds, seed=seed)
    fresh = curves["PSRL, prior mean 0"].tasks
    random, ceiling = (FAMILY.episodes * each.mean()
                       for each in (fresh.random(), fresh.oracle()))

    print(f"\n{'reward of a trial':22}{'-+ 95 %':>16}{'published':>11}"
          f"{'episode 1':>11}{'2':>7}{'5':>7}{'10':>7}")
    print(f"{'random':22}{random:9.2f}{'exact':>7}{PUBLISHED['random']:11.1f}")
    for name, curve in curves.items():
        total = curve.returns.sum(1)
        published = f"{PUBLISHED[name]:.1f}" if name in PUBLISHED else ""
        print(f"{name:22}{total.mean():9.2f} -+{1.96 * total.std() / worlds ** .5:.2f}"
              f"{published:>11}{curve.mean[0]:11.2f}"
              + "".join(f"{curve.mean[i]:7.2f}" for i in (1, 4, 9)))
    print(f"{'knowing the world':22}{ceiling:9.2f}{'exact':>7}")
    if plot_to:
        plot(plot_to, curves, ceiling)
    return curves | {"random": random, "ceiling": ceiling}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw return against episodes")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"scale": 0.05, "worlds": 500} if args.quick else {}))
