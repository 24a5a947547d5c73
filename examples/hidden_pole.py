"""A cart swings up a pole whose length it is not told: what adapting is worth.

One policy for all lengths is held against three learners that adapt: MAML by gradient
steps after each round of 20 episodes, RL^2 by its memory, VariBAD by what it believes.
For three of the lengths a policy was trained on that pole alone.

    python examples/hidden_pole.py             TIME on one core
    python examples/hidden_pole.py --quick     seconds, to see that it runs

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

FAMILY = CartPole(vary="length", horizon=50, dt=0.1, substeps=3, episodes=2)
LENGTHS = (0.5, 1.0, 2.0)   # m, of poles that a policy is trained on alone
HIDDEN, LATENT = 32, 4      # units of a layer, cells; d, numbers that stand for a pole
GAMMA, LAM = 0.98, 0.95     # discount, mix of advantages
TRIALS = 20                 # B, episodes for a gradient step of MAML
STEPS = 3                   # of MAML when tested; it is trained for one
FRESH, SAME = 300, 40       # poles to measure on: fresh ones, and of each of LENGTHS

HEAD = Gaussian(1)
MLP = MLPPolicy(FAMILY.obs_size, HEAD, (HIDDEN, HIDDEN))
BOUNDED = TrustRegion(max_kl=0.02, cg_steps=8)
SAME_FOR_ALL = {"gamma": GAMMA, "lam": LAM}
MEMORY = {"episodes": FAMILY.episodes, "rate": LinearSchedule(1e-2), "epochs": 4,
          "entropy_weight": 0.0, **SAME_FOR_ALL}
ALONE = Reinforce(MLP, outer="ratio", trials=60, optimizer=BOUNDED, **SAME_FOR_ALL)
# name -> learner, K poles in a meta-batch, iterations
TRAININGS = {
    "one policy": (replace(ALONE, trials=2), 30, 300),
    "MAML": (MAML(MLP, trials=TRIALS, alpha=(0.1, 0.05), optimizer=BOUNDED,
                  **SAME_FOR_ALL), 20, 50),
    "RL^2": (RL2(RecurrentPolicy(FAMILY.obs_size, HEAD, HIDDEN, network=GRU), **MEMORY),
             64, 350),
    "VariBAD": (VariBAD(BeliefPolicy(FAMILY.obs_size, HEAD, HIDDEN, n_latent=LATENT),
                        tells=("reward", "next"), std=0.1, kl_weight=0.1, **MEMORY),
                64, 150)}


def train(name, learner, family, poles, iterations, seed):
    """theta."""
    return meta_train(learner, family, iterations=iterations, tasks=poles, seed=seed,
                      callback=print_progress(iterations, name=name, lines=3)).theta


def of_length(length):
    """The family of one pole."""
    return replace(FAMILY, vary="nothing", length=length)


def trained_alone(scale, seed):
    """The mean return for each of LENGTHS of a policy that was trained on it alone."""
    returns = []
    for length in LENGTHS:
        family, iterations = of_length(length), max(1, round(100 * scale))
        theta = train(f"{length} m alone", ALONE, family, 1, iterations, seed)
        returns.append(evaluate(ALONE, theta, family, tasks=SAME, seed=seed).mean[0])
    return np.array(returns)


def columns(returns):
    """The means of returns [SAME * 3 + fresh, ..] over the poles of each of LENGTHS,
    and over the fresh ones: [4, ..]."""
    return np.stack([part.mean(0) for part in np.split(
        returns, SAME * np.arange(1, len(LENGTHS) + 1))])


def line(name, means, *differences):
    """A row of the table: returns, then paired differences [K] with their intervals."""
    print(f"{name:18}" + "".join(f"{mean:8.2f}" for mean in means) + "".join(
        f"{d.mean():9.2f} -+{1.96 * d.std() / len(d) ** 0.5:.2f}" for d in differences))


def main(scale=1.0, fresh=FRESH, seed=0):
    """Trains, evaluates, prints. Returns name -> returns [fresh, points], on the same
    fresh poles after each amount of experience; "alone" -> [3]; "random" and "expert"
    -> [fresh].

    scale   of all trainings' lengths
    """
    drawn = FAMILY.sample(fresh, np.random.default_rng((seed, 1)))
    poles = FAMILY.sample(SAME * len(LENGTHS) + fresh, np.random.default_rng(0))
    poles = replace(poles, length=np.concatenate([np.repeat(LENGTHS, SAME),
                                                  drawn.length]))
    returns = {}
    for name, (learner, K, iterations) in TRAININGS.items():
        theta = train(name, learner, FAMILY, K, max(1, round(scale * iterations)), seed)
        returns[name] = evaluate(learner, theta, FAMILY, tasks=poles, seed=seed,
                                 rounds=STEPS if name == "MAML" else 0).returns
    alone = trained_alone(scale, seed)
    known = {"random": poles.random(), "expert": poles.oracle()}

    print(f"\n{'return of 50 steps':18}" + "".join(f"{f'{x} m':>8}" for x in LENGTHS)
          + f"{'fresh':>8}{'above one policy':>18}{'above its first':>17}")
    line("acting uniformly", columns(known["random"]))
    one = returns["one policy"][-fresh:, 0]
    for name, each in returns.items():
        kind = "step" if name == "MAML" else "episode"
        for i, mean in enumerate(columns(each).T):
            mine = each[-fresh:]
            line(name if name == "one policy" else f"{name}, {kind} {i}", mean,
                 *[mine[:, i] - one][:name != "one policy"],
                 *[mine[:, i] - mine[:, 0]][:i > 0])
    line("trained on it", alone)
    line("classical expert", columns(known["expert"]))
    return {name: each[-fresh:] for name, each in (returns | known).items()} | {
        "alone": alone}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    args = parser.parse_args()
    main(seed=args.seed, **({"scale": 0.02, "fresh": 60} if args.quick else {}))
