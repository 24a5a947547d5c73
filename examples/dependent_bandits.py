"""Two arms of which one tells about the other, and an agent that finds it out.

p2 = 1 - p1, so that every pull of either arm tells equally much about both. UCB1 and
Thompson sampling with independent Beta priors, as published, do not know that, and
explore too much. Beside them: Thompson sampling under the true prior, and the least
regret possible (exact). Without the reward as an input, the same agent is left to
chance.

    python examples/dependent_bandits.py --kind hard     about 105 s on one core
    python examples/dependent_bandits.py --kind all      all five kinds
    python examples/dependent_bandits.py --quick         seconds, to see that it learns

The last lines of all kinds, side by side (regret of 100 pulls; 95 % interval of RL^2):

                             easy    medium      hard   uniform   independent
    random                 40.005    25.003    10.001    25.099        16.725
    RL^2 without reward    39.989    24.993     9.999    25.139        16.745
    UCB1                    5.994     6.844     5.964     5.825         5.473
    UCB1, best c             .631     1.259     3.061     1.544         1.824
    Thompson                2.128     3.008     4.083     2.779         2.765
    Thompson, true prior     .740     1.315     3.174     2.105         2.765
    RL^2                     .618     1.013     2.396     1.232         2.279
                           -+.010    -+.022    -+.049    -+.028        -+.071
    Bayes-optimal, exact     .625     1.000     2.312     1.221         1.748

Where arms are independent RL^2 is ahead of Thompson sampling and of UCB1 as published,
but not of UCB1 with its c tuned to the task.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (RL2, Categorical, LinearSchedule, RecurrentPolicy, meta_train,
                      print_progress)
from minimeta.exact import dependent_floor
from minimeta.rivals import bandit_agents as agents
from minimeta.runs import pictures
from minimeta.tasks import DependentBandit, pulls_as_text

PULLS = 100
HIDDEN = 48             # H, LSTM cells
TASKS = 128             # K, bandits in a meta-batch
ITERATIONS = 1400
BLIND_ITERATIONS = 30   # of the agent without the reward input, which cannot learn
RATE = 1e-2             # of Adam, decaying to 0
ENTROPY = 0.2           # weight of the bonus, decaying to 0; with less, some agents
                        # settle on one arm before they have learned to compare
KINDS = ("easy", "medium", "hard", "uniform", "independent")
GAMMA, LAM = 0.8, 0.3   # discount, mix of advantages: reward follows the pull at once,
FAR = 0.9               # but where arms are independent, exploring pays off later
TEST_BANDITS = 20_000
CS = (0.1, 0.2, 0.3, 0.5)    # of UCB1, whose own c is 1; the best of these is shown too


def train(family, iterations, seed, sees=("action", "reward", "done")):
    """Returns the learner and its theta."""
    policy = RecurrentPolicy(family.obs_size, Categorical(2), HIDDEN, sees=sees)
    learner = RL2(policy, gamma=FAR if family.kind == "independent" else GAMMA, lam=LAM,
                  rate=LinearSchedule(RATE), entropy_weight=LinearSchedule(ENTROPY))
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def plot(path, kind, data):
    """The action raster of 60 bandits: a row each, whether a pull was of the better
    arm."""
    pictures.raster({kind: data}, ("worse arm", "better arm"), xlabel="pull"
                    ).savefig(path)


def main(kind="hard", iterations=ITERATIONS, bandits=TEST_BANDITS, seed=0,
         plot_to=None):
    """Trains, evaluates, prints. Returns name -> (mean regret, standard error), and the
    exact floor under "floor"."""
    family = DependentBandit(kind, PULLS)
    pictures.required(plot_to)
    print(f"{kind}: training with and without the reward as an input")
    learner, theta = train(family, iterations, seed)
    blind, blind_theta = train(family, BLIND_ITERATIONS, seed, ("action", "done"))
    tasks = family.sample(bandits, np.random.default_rng((seed, 1)))

    def regret(agent, phi=None):
        data = agent.collect(phi, tasks, np.random.default_rng((seed, 2)))
        missed = tasks.regret(data.action).sum(1)[:, 0]
        return (float(missed.mean()), float(missed.std() / np.sqrt(bandits))), data

    def classical(score):
        return regret(agents.BanditAgent(2, score))[0]

    mine, data = regret(learner, theta)
    results = {
        "random": classical(agents.random),
        "RL^2 without reward": regret(blind, blind_theta)[0],
        "UCB1": classical(agents.ucb1(1.0)),
        "UCB1, best c": min(classical(agents.ucb1(c)) for c in CS),
        "Thompson": classical(agents.thompson),
        "Thompson, true prior": classical(agents.dependent_thompson(kind)),
        "RL^2": mine,
    }
    print(f"\nA trial of RL^2, p = {np.round(tasks.p[0], 2)}; what each pull paid:\n"
          + pulls_as_text(data.action[0, :, 0], data.reward[0, :, 0], 2))
    print(f"\n{f'{kind}, {PULLS} pulls':24}{'regret':>8}{'95 % interval':>20}")
    for name, (mean, error) in results.items():
        interval = f"[{mean - 1.96 * error:.3f}, {mean + 1.96 * error:.3f}]"
        print(f"{name:24}{mean:8.3f}{interval:>20}")
    floor = dependent_floor(kind, PULLS)
    print(f"{'Bayes-optimal':24}{floor:8.3f}{'exact':>20}\n")
    if plot_to:
        best = tasks.p.argmax(-1)[:60, None]
        plot(plot_to, kind, data.action[:60, :, 0] == best)
    return results | {"floor": floor}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="hard", choices=[*KINDS, "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the training")
    parser.add_argument("--plot", metavar="FILE", help="draw the action raster")
    args = parser.parse_args()
    if args.plot and args.kind == "all":
        parser.error("--plot draws one kind: name it with --kind")
    quick = {"iterations": ITERATIONS // 10, "bandits": 1000} if args.quick else {}
    for kind in KINDS if args.kind == "all" else [args.kind]:
        main(kind, seed=args.seed, plot_to=args.plot, **quick)
