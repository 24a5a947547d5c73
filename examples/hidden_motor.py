"""A cart swings up a pole with a motor that it does not know: what adapting is worth.

The motor's force is hidden, and so is which way round it is wired. Two policies for all
motors, one trained by natural gradients (NG) and one by PPO, are held against three
learners that adapt: MAML by a gradient step after each round of 20 episodes, RL^2 by
its memory, VariBAD by what it believes. For three forces a policy was trained on that
motor alone.

    python examples/hidden_motor.py                  2 minutes on one core
    python examples/hidden_motor.py --vary length    the pole's length is hidden instead
    python examples/hidden_motor.py --quick          seconds, to see that it runs

All are tested on the same carts: on some with each of the three forces, wired the right
way round, and on 400 fresh ones, over which the differences are taken: from the better
of the two policies, and from the learner's own first episode or step. The default run
ends with

    return of 50 steps     5 N    10 N    20 N   fresh above the best one above its first
    acting uniformly      0.86    1.64    4.50    2.05
    one policy, NG       11.35   21.64   18.04   18.25
    one policy, PPO       0.49    1.14    1.57   16.93
    MAML, step 0          8.62   17.04   20.71   19.03      0.78 -+0.71
    MAML, step 1         15.12   20.37   23.08   21.54      3.29 -+0.63      2.51 -+0.37
    MAML, step 2         16.56   20.93   23.73   22.20      3.95 -+0.64      3.17 -+0.30
    MAML, step 3         17.11   21.03   24.04   22.52      4.28 -+0.64      3.49 -+0.29
    RL^2, episode 1      18.90   31.05   38.01   32.55     14.30 -+0.90
    RL^2, episode 2      18.48   28.29   32.94   31.21     12.97 -+0.89     -1.33 -+0.37
    VariBAD, episode 1   13.16   20.99   31.52   25.58      7.33 -+1.15
    VariBAD, episode 2   14.83   25.44   24.84   24.93      6.68 -+0.88     -0.65 -+0.64
    trained on it        20.80   34.52   41.27
    classical expert     23.41   24.37   37.37   29.33

On seeds 1 and 2 the better policy earns 21.25 and 27.06; RL^2 earns 6.91 and 2.52 more
in its first episode, and MAML's three steps are worth 3.09 and 5.39. VariBAD earns 8.47
more on seed 1, and on seed 2 it has learned one way of wiring alone and earns 15.92.

RL^2 and VariBAD earn no more in their second episode. All that moves is seen, so a few
steps tell what the motor does, and these learners adapt within their first episode. For
the same reason a hidden length is worth little, as one policy earns nearly what three
earn that were trained alone. With --vary length, on seeds 0, 1 and 2, RL^2 earns 0.02,
0.95 and 1.41 -+0.2 more than the better policy, VariBAD 0.55, 1.72 and -2.44, and
MAML's three steps are worth 0.91, 2.08 and 4.11.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass, replace

import numpy as np

from minimeta import (GRU, MAML, MLP, RL2, BeliefPolicy, Gaussian, LinearSchedule,
                      MLPPolicy, RecurrentPolicy, Reinforce, TrustRegion, VariBAD,
                      evaluate, meta_train, print_progress)
from minimeta.tasks import CartPole

FAMILY = CartPole(horizon=50, dt=0.1, substeps=3, episodes=2)
ALONE = {"force": (5.0, 10.0, 20.0), "length": (0.5, 1.0, 2.0)}  # N, m: trained alone
HIDDEN, LATENT = 32, 4      # units of a layer, cells; d, numbers that stand for a cart
LAM = 0.95                  # mix of advantages
TRIALS = 20                 # B, episodes for a gradient step of MAML
STEPS = 3                   # of MAML when tested; it is trained for one
FRESH, SAME = 400, 40       # carts to measure on: fresh ones, and of each of ALONE


@dataclass(frozen=True)
class NoMemory(MLPPolicy):
    """One policy for all carts. RL2 can train it, and is then PPO without memory. The
    network's last output is the value."""

    def __post_init__(self):
        super().__post_init__()
        *sizes, n_out = self.net.sizes
        object.__setattr__(self, "net", MLP((*sizes, n_out + 1)))

    def memory_after(self, cache, n_steps=None):
        """Returns None: there is no memory."""


SEEN, HEAD = FAMILY.obs_size, Gaussian(1)
PLAIN_POLICY = MLPPolicy(SEEN, HEAD, (HIDDEN, HIDDEN))
BOUNDED = {"optimizer": TrustRegion(max_kl=0.02, cg_steps=8), "gamma": 0.98, "lam": LAM}
MEMORY = {"episodes": FAMILY.episodes, "rate": LinearSchedule(2e-2), "epochs": 4,
          "gamma": 0.95, "lam": LAM}
PLAIN = Reinforce(PLAIN_POLICY, outer="ratio", trials=60, **BOUNDED)
# name -> learner, K carts in a meta-batch, iterations
ONE = {
    "one policy, NG": (replace(PLAIN, trials=2), 30, 300),
    "one policy, PPO": (RL2(NoMemory(SEEN, HEAD, (HIDDEN, HIDDEN)), **MEMORY), 64, 400)}
TRAININGS = ONE | {
    "MAML": (MAML(PLAIN_POLICY, trials=TRIALS, alpha=(0.1, 0.05), **BOUNDED), 20, 80),
    "RL^2": (RL2(RecurrentPolicy(SEEN, HEAD, HIDDEN, network=GRU), **MEMORY), 64, 400),
    "VariBAD": (VariBAD(BeliefPolicy(SEEN, HEAD, HIDDEN, n_latent=LATENT, through=True),
                        tells=("reward", "next"), elbo_weight=0.1, **MEMORY), 64, 400)}


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
          + f"{'fresh':>8}{'above the best one':>19}{'above its first':>16}")
    line("acting uniformly", columns(known["random"]))
    one = max((returns[name][-fresh:, 0] for name in ONE), key=np.mean)
    for name, each in returns.items():
        mine, is_one = each[-fresh:].T, name in ONE
        for i, means in enumerate(columns(each).T[:1 if is_one else None]):
            after = f", step {i}" if name == "MAML" else f", episode {i + 1}"
            line(name + after * (not is_one), means, *[mine[i] - one] * (not is_one),
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
