"""What each kind of adaptation can do: gradient steps are sure, memory is quick.

MAML adapts by gradient descent, RL^2 by whatever its LSTM has learned to do with what
it sees. Both were trained to walk to goals, hidden from them, in a square of side 1.

    python examples/consistency_and_expressiveness.py            40 s on one core
    python examples/consistency_and_expressiveness.py --quick    seconds

(a) Outside the training tasks, with goals two to three times as far as any before, MAML
    goes on improving with more gradient steps: it is gradient descent on the new task's
    return, whatever theta is. RL^2 does not improve.
(b) When no reward comes, the policy gradient is zero and MAML's phi is theta to the
    last bit. RL^2 remembers where it has been, and goes elsewhere.
(c) Inside the training tasks RL^2 earns more after one episode than MAML after 400.

The default run ends with

    return, -+ 95 %
                 episodes         inside        outside
    MAML                0     -7.38 -+0.42    -24.93 -+0.38
    MAML               20     -3.04 -+0.23    -19.03 -+0.38
    MAML               40     -1.67 -+0.12    -15.65 -+0.39
    MAML               60     -1.64 -+0.11    -11.54 -+0.44
    MAML              100     -1.68 -+0.12     -8.72 -+0.25
    MAML              200     -1.60 -+0.11     -8.46 -+0.22
    MAML              400     -1.50 -+0.09     -8.29 -+0.22
    RL^2                0     -2.05 -+0.14    -25.00 -+1.11
    RL^2                1     -0.75 -+0.07    -24.17 -+1.59
    RL^2                2     -0.70 -+0.06    -20.90 -+1.15
    RL^2                3     -0.84 -+0.08    -23.03 -+1.38
    RL^2                5     -1.20 -+0.12    -24.40 -+1.21
    RL^2                9     -1.78 -+0.42    -28.36 -+1.29
    seeing the goal           -0.47          -6.23

    without reward
    MAML: largest change of a parameter by a step  0.0
    RL^2: mean change of a move by an episode      0.34
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass, replace

import numpy as np

from minimeta import (MAML, RL2, Gaussian, LinearSchedule, MLPPolicy, RecurrentPolicy,
                      TrustRegion, evaluate, meta_train, print_progress)
from minimeta.tasks import PointNavigation, PointTasks

HORIZON = 20              # moves of at most 0.1 in each coordinate
MAML_TASKS, MAML_ITERATIONS = 20, 60           # K goals a meta-batch
RL2_TASKS, RL2_ITERATIONS = 128, 400
EPISODES = 20             # B, of a goal for each gradient step
STEPS = (0, 1, 2, 3, 5, 10, 20)                # of MAML, to print
SEEN = (0, 1, 2, 3, 5, 9)                      # episodes, of RL^2; trained on 3
GOALS = 200               # fresh ones, to measure on
INSIDE = PointNavigation(horizon=HORIZON)


@dataclass(frozen=True)
class Outside(PointNavigation):
    """The same, with goals at distances 1 to 1.5 from the start."""

    def draw(self, K, rng):
        angle, far = rng.uniform(0, 2 * np.pi, K), rng.uniform(1, 1.5, K)
        return PointTasks(self, far[:, None] * np.stack([np.cos(angle), np.sin(angle)],
                                                        -1))


class UnpaidTasks(PointTasks):
    """Nothing is earned, wherever one goes, and nothing is reached."""

    def judge(self, away):
        return np.zeros(away.shape[:-1]), np.zeros(away.shape[:-1], bool)


@dataclass(frozen=True)
class Unpaid(PointNavigation):
    """The same goals without rewards."""

    def draw(self, K, rng):
        return UnpaidTasks(self, super().draw(K, rng).goal)


def maml(iterations, seed):
    """Returns the learner and theta."""
    learner = MAML(MLPPolicy(2, Gaussian(2), hidden=(32, 32)), alpha=(0.1, 0.05),
                   trials=EPISODES, lam=0.95,
                   optimizer=TrustRegion(max_kl=0.01, cg_steps=8))
    result = meta_train(learner, INSIDE, iterations=iterations, tasks=MAML_TASKS,
                        seed=seed,
                        callback=print_progress(iterations, name="MAML", lines=4))
    return learner, result.theta


def rl2(iterations, seed):
    """Returns the learner and theta."""
    learner = RL2(RecurrentPolicy(2, Gaussian(2), 48), episodes=3, gamma=0.9, lam=0.9,
                  rate=LinearSchedule(2e-2), entropy_weight=LinearSchedule(3e-3))
    result = meta_train(learner, replace(INSIDE, episodes=3), iterations=iterations,
                        tasks=RL2_TASKS, seed=seed,
                        callback=print_progress(iterations, name="RL^2", lines=4))
    return replace(learner, episodes=SEEN[-1] + 1), result.theta


def changed_without_reward(learner, theta, goals, seed):
    """MAML: the most that a gradient step changes any parameter. RL^2: how much, in the
    mean, an episode changes a coordinate of the next one's first move, which is in
    [-1, 1]."""
    family = Unpaid(horizon=HORIZON, episodes=learner.episodes)
    tasks = family.sample(goals, np.random.default_rng((seed, 0)))
    data = learner.collect(theta, tasks, np.random.default_rng((seed, 1)))
    if isinstance(learner, MAML):
        return float(np.abs(learner.adapt(theta, [data]) - theta).max())
    y, _ = learner.policy.forward(theta, np.moveaxis(data.x[:, :, 0], 0, 1))
    mu = np.clip(learner.policy.split(y)[0][..., :2], -1, 1)
    return float(np.abs(mu[HORIZON] - mu[0]).mean())


def measured(learner, theta, goals, seed):
    """Curves inside and outside, and what an unpaid batch changes."""
    def curve(family):
        family = replace(family, episodes=learner.episodes)
        return evaluate(learner, theta, family, tasks=goals, seed=seed,
                        rounds=STEPS[-1] if learner.rounds else None)

    return {"inside": curve(INSIDE), "outside": curve(Outside(horizon=HORIZON)),
            "unpaid": changed_without_reward(learner, theta, goals, seed)}


def show(name, result, rows, episodes):
    """The lines of one learner."""
    for row in rows:
        print(f"{name:12}{episodes * row:9d}" + "".join(
            f"{curve.mean[row]:10.2f} -+{1.96 * curve.standard_error[row]:.2f}"
            for curve in (result["inside"], result["outside"])))


def main(scale=1.0, goals=GOALS, seed=0):
    """Trains, evaluates, prints. Returns name -> {"inside": Curve, "outside": Curve,
    "unpaid": change}, and "oracle" -> (inside, outside).

    scale   of both trainings' lengths
    """
    results = {
        "MAML": measured(*maml(round(MAML_ITERATIONS * scale), seed), goals, seed),
        "RL^2": measured(*rl2(round(RL2_ITERATIONS * scale), seed), goals, seed)}
    oracle = [results["MAML"][where].tasks.oracle().mean()
              for where in ("inside", "outside")]
    print(f"\nreturn, -+ 95 %\n{'':13}episodes{'inside':>15}{'outside':>15}")
    show("MAML", results["MAML"], STEPS, EPISODES)
    show("RL^2", results["RL^2"], SEEN, 1)
    print(f"{'seeing the goal':21}{oracle[0]:10.2f}{oracle[1]:15.2f}\n\n"
          f"without reward\n"
          f"MAML: largest change of a parameter by a step  "
          f"{results['MAML']['unpaid']}\n"
          f"RL^2: mean change of a move by an episode      "
          f"{results['RL^2']['unpaid']:.2f}")
    return results | {"oracle": oracle}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    main(seed=args.seed, **({"scale": 0.3, "goals": 50} if args.quick else {}))
