"""A robot arm finds out its own body, and brings its hand where it shall be.

The arm's payload, the lengths of its links and the gains of its motors are hidden, and
each motor may be wired the wrong way round. Three learners are held against an expert
who knows all of it, and against one policy for all arms, which does not adapt.

    python examples/robot_arm.py            140 s on one core
    python examples/robot_arm.py --quick    seconds, to see that it learns

MAML and ProMP take a gradient step after every 20 episodes; RL^2 adapts while it moves.
The table says how much of the gap to the expert is closed: of that from the learner's
own return before adaptation, and of that from the one policy's, which is good: it can
feel which way a joint goes, and steer against it. Steps that MAML was made for spoil
it. The default run ends with the distance from hand to target of one arm, in
decimetres, at each of the 50 steps (0.05 s), and with the table:

    one policy first episode 77788877766554433222222222223333333333333333333333
    one policy adapted       77776665543322111112233344444554444433322222223333
    MAML       first episode 77777777777777666666666555555555555566778899999999
    MAML       adapted       77776665544332221111111100000000000001111111111111
    ProMP      first episode 77777777777776666665555555555556666666777778888899
    ProMP      adapted       77776665543322111000000000000000000000000000000000
    RL^2       first episode 77777776665543322110000000000000000000000000000000
    RL^2       adapted       77776665544332111000000000000000000000000000000000

    return, -+ 95 %  episodes    return        its gap    gap above one policy
    one policy              0    -15.50 -+1.00       0%               0%
    one policy             20    -31.80 -+1.95    -188%            -188%
    one policy             40    -26.71 -+1.77    -129%            -129%
    one policy             60    -24.64 -+1.67    -105%            -105%
    MAML                    0    -40.68 -+1.67       0%            -290%
    MAML                   20    -13.59 -+1.65      80%              22%
    MAML                   40    -12.76 -+1.53      82%              32%
    MAML                   60    -11.96 -+1.36      85%              41%
    ProMP                   0    -38.50 -+1.54       0%            -265%
    ProMP                  20    -11.32 -+1.20      86%              48%
    ProMP                  40     -9.09 -+0.41      93%              74%
    ProMP                  60     -8.56 -+0.37      94%              80%
    RL^2                    0     -8.67 -+0.39                       79%
    RL^2                    1     -7.56 -+0.31                       91%
    acting uniformly             -36.65
    the expert                    -6.82
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # in each of THREADS

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from minimeta import (MAML, RL2, Gaussian, LinearSchedule, MLPPolicy, ProMP,
                      RecurrentPolicy, Reinforce, TrustRegion, evaluate, meta_train,
                      print_progress)
from minimeta.runs import pictures
from minimeta.tasks import PlanarArm

THREADS = os.cpu_count()
POOL = ThreadPoolExecutor(THREADS)  # for gradients; no bit of a result depends on it
FAMILY = PlanarArm("dynamics", substeps=2)
POLICY = MLPPolicy(FAMILY.obs_size, Gaussian(2), hidden=(32, 32))
COMMON = {"trials": 20, "lam": 0.95,     # B, episodes for a step; mix of advantages
          "alpha": (0.1, 0.025)}         # rates of the first step, of those after it
BOUNDED = TrustRegion(max_kl=0.01, cg_steps=8)
STEPS = 3                                # of adaptation when tested; trained for one
# name -> learner, K arms in a meta-batch, iterations
TRAININGS = {
    "one policy": (Reinforce(POLICY, outer="ratio", optimizer=BOUNDED, **COMMON),
                   40, 120),  # as many episodes as MAML
    "MAML": (MAML(POLICY, optimizer=BOUNDED, **COMMON), 40, 60),
    "ProMP": (ProMP(POLICY, rate=LinearSchedule(1e-2), **COMMON), 40, 60),
    "RL^2": (RL2(RecurrentPolicy(FAMILY.obs_size, Gaussian(2), 48), episodes=2,
                 gamma=0.9, lam=0.9, rate=LinearSchedule(2e-2),
                 entropy_weight=0.0),
             128, 500)}
ARMS = 100                               # fresh ones, to measure on


def train(name, scale, seed):
    """theta, after `scale` times the iterations."""
    learner, arms, iterations = TRAININGS[name]
    iterations = max(1, round(iterations * scale))
    return meta_train(learner, replace(FAMILY, episodes=learner.episodes),
                      iterations=iterations, tasks=arms, seed=seed, executor=POOL,
                      callback=print_progress(iterations, name=name, lines=4)).theta


def tested(learner, theta, arms, seed):
    """Returns against experience."""
    return evaluate(learner, theta, replace(FAMILY, episodes=learner.episodes),
                    tasks=arms, seed=seed, rounds=0 if learner.episodes > 1 else STEPS)


def sweeps(learner, theta, arm, seed):
    """States [T, 4] of the first episode, and of one after all adaptation."""
    rng, history, phi = np.random.default_rng((seed, 3)), [], theta
    arm = replace(arm, family=replace(FAMILY, episodes=learner.episodes))
    for _ in range(1 if learner.episodes > 1 else STEPS + 1):
        history.append(learner.collect(phi, arm, rng))
        phi = learner.adapt(theta, history)
    T, seen = FAMILY.horizon, [history[0].x[0, :, 0, :6], history[-1].x[0, :, 0, :6]]
    return [np.concatenate([np.arctan2(x[:, 2:4], x[:, :2]), x[:, 4:]], -1)
            for x in (seen[0][:T], seen[1][-T:])]


def picture(arm, states):
    """The distance from hand to target at each step: a digit a decimetre."""
    distance = arm.distance(states[None])[0]
    return "".join(str(min(9, round(10 * d))) for d in distance)


def plot(path, arm, shown):
    """The arm's sweep before and after adaptation, for each learner."""
    pictures.sweeps({f"{name}, {when}": np.stack(
        [arm.elbow(states[None]), arm.hand(states[None])], 2)
        for name, pair in shown.items()
        for states, when in zip(pair, ("before", "after"))}, arm.target).savefig(path)


def main(scale=1.0, arms=ARMS, seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> Curve of returns against experience,
    and the mean returns under "expert" and "random".

    scale   of all trainings' lengths
    """
    pictures.required(plot_to)
    arm = FAMILY.sample(1, np.random.default_rng((seed, 2)))
    print(f"on {THREADS} threads")
    curves, shown = {}, {}
    for name, (learner, _, _) in TRAININGS.items():
        theta = train(name, scale, seed)
        curves[name] = tested(learner, theta, arms, seed)
        shown[name] = sweeps(learner, theta, arm, seed)
    fresh = curves["one policy"].tasks
    expert, random = fresh.oracle().mean(), fresh.random().mean()
    fixed = curves["one policy"].mean[0]

    def closed(mean, start):
        """The part of the gap from `start` to the expert."""
        return 1 - (expert - mean) / (expert - start)

    print()
    for name, pair in shown.items():
        for when, states in zip(("first episode", "adapted"), pair):
            print(f"{name:11}{when:14}{picture(arm, states)}")
    print(f"\n{'return, -+ 95 %':12}{'episodes':>10}{'return':>10}{'its gap':>15}"
          f"{'gap above one policy':>24}")
    for name, curve in curves.items():
        adapts_within = TRAININGS[name][0].episodes > 1
        for i, (mean, error) in enumerate(zip(curve.mean, curve.standard_error)):
            own = "" if adapts_within else f"{closed(mean, curve.mean[0]):.0%}"
            print(f"{name:16}{i * (1 if adapts_within else COMMON['trials']):9d}"
                  f"{mean:10.2f} -+{1.96 * error:.2f}{own:>9}"
                  f"{closed(mean, fixed):17.0%}")
    print(f"{'acting uniformly':25}{random:10.2f}\n{'the expert':25}{expert:10.2f}")
    if plot_to:
        plot(plot_to, arm, shown)
    return curves | {"expert": expert, "random": random}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw the sweeps of one arm")
    args = parser.parse_args()
    main(seed=args.seed, plot_to=args.plot,
         **({"scale": 0.1, "arms": 30} if args.quick else {}))
