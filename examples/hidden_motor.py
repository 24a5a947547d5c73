"""A cart swings up a pole with a motor that it does not know: what adapting is worth.

The motor's force is hidden, and so is which way round it is wired. One policy for all
motors is held against three learners that adapt: MAML by a gradient step after each
round of 20 episodes, RL^2 by its memory, VariBAD by what it believes. For three forces
a policy was trained on that motor alone.

    python examples/hidden_motor.py                  TIME on one core
    python examples/hidden_motor.py --vary length    the pole's length is hidden instead
    python examples/hidden_motor.py --quick          seconds, to see that it runs

TABLE
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import replace

import numpy as np

from minimeta import (GRU, MAML, RL2, BeliefPolicy, Gaussian, LinearSchedule, MLPPolicy,
                      RecurrentPolicy, Reinforce, TrustRegion, VariBAD, evaluate,
                      meta_train, print_progress)
from minimeta.tasks import CartPole

FAMILY = CartPole(horizon=50, dt=0.1, substeps=3, episodes=2)
ALONE = {"force": (5.0, 10.0, 20.0), "length": (0.5, 1.0, 2.0)}  # N, m: trained alone
HIDDEN, LATENT = 32, 4      # units of a layer, cells; d, numbers that stand for a cart
LAM = 0.95                  # mix of advantages
TRIALS = 20                 # B, episodes for a gradient step of MAML
STEPS = 3                   # of MAML when tested; it is trained for one
FRESH, SAME = 400, 40       # carts to measure on: fresh ones, and of each of ALONE

HEAD = Gaussian(1)
MLP = MLPPolicy(FAMILY.obs_size, HEAD, (HIDDEN, HIDDEN))
BOUNDED = {"optimizer": TrustRegion(max_kl=0.02, cg_steps=8), "gamma": 0.98, "lam": LAM}
MEMORY = {"episodes": FAMILY.episodes, "rate": LinearSchedule(1e-2), "epochs": 4,
          "gamma": 0.95, "lam": LAM}
PLAIN = Reinforce(MLP, outer="ratio", trials=60, **BOUNDED)
# name -> learner, K carts in a meta-batch, iterations
TRAININGS = {
    "one policy": (replace(PLAIN, trials=2), 30, 300),
    "MAML": (MAML(MLP, trials=TRIALS, alpha=(0.1, 0.05), **BOUNDED), 20, 80),
    "RL^2": (RL2(RecurrentPolicy(FAMILY.obs_size, HEAD, HIDDEN, network=GRU), **MEMORY),
             64, 400),
    "VariBAD": (VariBAD(BeliefPolicy(FAMILY.obs_size, HEAD, HIDDEN, n_latent=LATENT,
                                     through=True), tells=("reward", "next"),
                        elbo_weight=0.1, **MEMORY), 64, 400)}


def train(name, learner, family, carts, iterations, seed):
    """theta."""
    return meta_train(learner, family, iterations=iterations, tasks=carts, seed=seed,
                      callback=print_progress(iterations, name=name, lines=3)).theta


def alone(vary, value):
    """The family of one cart."""
    return replace(FAMILY, **{vary: value})


def trained_alone(vary, scale, seed):
    """The mean return on each cart of ALONE of a policy trained on it: [3]."""
    returns, iterations = [], max(1, round(100 * scale))
    for value in ALONE[vary]:
        family = alone(vary, value)
        theta = train(f"{value:g} alone", PLAIN, family, 1, iterations, seed)
        returns.append(evaluate(PLAIN, theta, family, tasks=SAME, seed=seed).mean[0])
    return np.array(returns)


def carts(vary, fresh, seed):
    """SAME carts for each value of ALONE, then the fresh ones."""
    family, n = replace(FAMILY, vary=vary), SAME * len(ALONE[vary])
    tasks = family.sample(n + fresh, np.random.default_rng((seed, 1)))
    values = getattr(tasks, vary).copy()
    values[:n] = np.repeat(ALONE[vary], SAME)
    return replace(tasks, **{vary: values})


def columns(returns):
    """The means of returns [carts, ..] over each value of ALONE, and over the fresh
    carts: [4, ..]."""
    parts = np.split(returns, SAME * np.arange(1, 4))
    return np.stack([part.mean(0) for part in parts])


def line(name, means, *differences):
    """A row of the table: returns, then paired differences [K] with their intervals."""
    print(f"{name:18}" + "".join(f"{mean:8.2f}" for mean in means) + "".join(
        f"{d.mean():10.2f} -+{1.96 * d.std() / len(d) ** .5:.2f}" for d in differences))


def main(vary="force", scale=1.0, fresh=FRESH, seed=0):
    """Trains, evaluates, prints. Returns name -> returns [fresh, points] on the same
    fresh carts after each amount of experience; "alone" -> [3]; "random" and "expert"
    -> [fresh].

    scale   of all trainings' lengths
    """
    tested, family, returns = carts(vary, fresh, seed), replace(FAMILY, vary=vary), {}
    for name, (learner, K, iterations) in TRAININGS.items():
        theta = train(name, learner, family, K, max(1, round(scale * iterations)), seed)
        returns[name] = evaluate(learner, theta, family, tasks=tested, seed=seed,
                                 rounds=STEPS if name == "MAML" else 0).returns
    known = {"random": tested.random(), "expert": tested.oracle()}
    by_itself = trained_alone(vary, scale, seed)

    unit = {"force": "N", "length": "m"}[vary]
    print(f"\n{'return of 50 steps':18}"
          + "".join(f"{f'{x:g} {unit}':>8}" for x in ALONE[vary])
          + f"{'fresh':>8}{'above one policy':>18}{'above its first':>18}")
    line("acting uniformly", columns(known["random"]))
    one = returns["one policy"][-fresh:, 0]
    for name, each in returns.items():
        kind, mine = ("step" if name == "MAML" else "episode"), each[-fresh:].T
        for i, means in enumerate(columns(each).T):
            line(name if name == "one policy" else f"{name}, {kind} {i}", means,
                 *[mine[i] - one] * (name != "one policy"),
                 *[mine[i] - mine[0]] * (i > 0))
    line("trained on it", by_itself)
    line("classical expert", columns(known["expert"]))
    return {name: each[-fresh:] for name, each in (returns | known).items()} | {
        "alone": by_itself}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vary", choices=list(ALONE), default="force")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    main(args.vary, seed=args.seed,
         **({"scale": 0.05, "fresh": 60} if args.quick else {}))
