"""One-shot imitation on a robot arm: shown one reach, the arm reaches there.

The target is hidden: what the arm is to do is in the demonstration only. Its policy
adapts by three gradient steps on the squared error of the demonstrated torques, or,
where a demonstration shows the motion without its torques, on a loss that was learned.
It is tested from where the demonstration began, and from elsewhere.

    python examples/imitation_arm.py            about 50 s on one core
    python examples/imitation_arm.py --quick    seconds, to see that it learns

The default run ends with

    500 demonstrations of fresh targets: final distance to it, m
                                       from where it began        from elsewhere
    acting uniformly                        0.680 +- 0.031        0.689 +- 0.031
    cloning from scratch, 3 steps           0.144 +- 0.011        0.257 +- 0.013
    cloning from scratch, 300 steps         0.013 +- 0.001        0.118 +- 0.009
    before the demonstration                0.510 +- 0.022        0.510 +- 0.022
    after it                                0.009 +- 0.001        0.013 +- 0.002
    after it, without its torques           0.044 +- 0.002        0.046 +- 0.003
    the expert                              0.000 +- 0.000        0.000 +- 0.000
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import replace

import numpy as np

from minimeta import (Gaussian, Imitation, LinearSchedule, MLPPolicy, meta_train,
                      print_progress)
from minimeta.runs import pictures
from minimeta.tasks import PlanarArm

SUBSTEPS = 2            # of the integrator: half as many as usual, for speed
HIDDEN = (64,)
STEPS = 3               # gradient steps on the demonstration
ALPHA = {"cloning": 0.03, "learned": 0.01}  # their rate, where its learning begins
NOISE, SHOWS = 0.3, 2   # the outer objective: two episodes of a disturbed expert
TASKS = 16              # K, targets in a meta-batch
ITERATIONS = 300
RATE = 3e-3             # of Adam, decaying to 0
TARGETS = 500           # fresh ones, to test on
ELSEWHERE = 0.6         # radians: how far the joints are from where it was shown


def learn(inner, family, iterations, seed):
    """The learner and its theta."""
    learner = Imitation(MLPPolicy(family.obs_size, Gaussian(2), HIDDEN), inner=inner,
                        expert="controller", loss="squared-error", greedy=True,
                        alpha=ALPHA[inner], learn_alpha=True, steps=STEPS, noise=NOISE,
                        shows=SHOWS, rate=LinearSchedule(RATE))
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations, name=inner, lines=5))
    return learner, result.theta


def sweep(tasks, act, state):
    """States [K, T + 1, 4] of an episode from state [K, 1, 4]; act(state) [K, 1, 2]."""
    states, rng = [state], np.random.default_rng(0)  # an arm draws nothing
    for _ in range(tasks.family.horizon):
        states.append(tasks.step(states[-1], act(states[-1]), rng)[0])
    return np.concatenate(states, 1)


def plot(path, tasks, states):
    """The arm's sweeps in three tasks (rows); names -> states (columns)."""
    three = tasks[:3]
    pictures.sweeps({name: np.stack([three.elbow(some[:3]), three.hand(some[:3])], 2)
                     for name, some in states.items()}, three.target).savefig(path)


def main(iterations=ITERATIONS, targets=TARGETS, seed=0, plot_to=None):
    """Trains, tests, prints. Returns name -> final distances to the target, m
    [2, targets]: from where the demonstration began, and from elsewhere."""
    pictures.required(plot_to)
    family = PlanarArm("target", substeps=SUBSTEPS)
    tasks = family.sample(targets, np.random.default_rng((seed, 0)))
    rng, states = np.random.default_rng((seed, 1)), {}
    start = tasks.reset(1, rng)[0]
    elsewhere = start + rng.uniform(-ELSEWHERE, ELSEWHERE, start.shape) * [1, 1, 0, 0]

    def test(name, act):
        states[name] = [sweep(tasks, act, state) for state in (start, elsewhere)]

    def imitator(phi):
        phi = np.broadcast_to(phi, (targets, phi.shape[-1]))[:, :policy.size]

        def act(state):
            y, _ = policy.forward(phi, tasks.observe(state)[:, None].astype(phi.dtype))
            return policy.head.greedy(policy.split(y)[0])[:, 0].astype(float)

        return act

    learner, theta = learn("cloning", family, iterations, seed)
    silent, zeta = learn("learned", family, iterations, seed)
    policy, untrained = learner.policy, learner.init(np.random.default_rng((seed, 0)))
    shown = learner.collect(theta, tasks, rng).shown

    test("acting uniformly", lambda state: rng.uniform(-1, 1, (targets, 1, 2)))
    for steps in (STEPS, 300):
        scratch = replace(learner, steps=steps).adapt(untrained, [shown])
        test(f"cloning from scratch, {steps} steps", imitator(scratch))
    test("before the demonstration", imitator(theta))
    test("after it", imitator(learner.adapt(theta, [shown])))
    wordless = replace(shown, action=None)
    test("after it, without its torques", imitator(silent.adapt(zeta, [wordless])))
    test("the expert", tasks.expert)

    print(f"\n{targets} demonstrations of fresh targets: final distance to it, m\n"
          f"{'':32}{'from where it began':>22}{'from elsewhere':>22}")
    distance = {name: np.stack([tasks.distance(s[:, -1:])[:, 0] for s in pair])
                for name, pair in states.items()}
    for name, d in distance.items():
        half = 1.96 * d.std(-1) / np.sqrt(targets)
        print(f"{name:32}" + "".join(
            f"{m:13.3f} +- {h:.3f}" for m, h in zip(d.mean(-1), half)))
    if plot_to:
        names = ("before the demonstration", "after it", "the expert")
        plot(plot_to, tasks, {name: states[name][0] for name in names})
    return distance


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", metavar="FILE", help="draw the arm's sweeps")
    parser.add_argument("--quick", action="store_true", help="a fifth of the training")
    args = parser.parse_args()
    quick = {"iterations": ITERATIONS // 5, "targets": 100} if args.quick else {}
    main(seed=args.seed, plot_to=args.plot, **quick)
