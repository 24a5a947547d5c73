"""RL^2 learns to explore: an LSTM becomes a bandit algorithm, beside the exact optimum.

    python examples/rl2_bandit.py                        5 arms, 10 pulls: 1 minute
    python examples/rl2_bandit.py --arms 2 --pulls 100   Wang et al.'s length: 4 minutes
    python examples/rl2_bandit.py --network gru          another network: 1 minute
    python examples/rl2_bandit.py --quick                seconds, to see that it runs

Nobody tells the agent what a bandit is. It sees which arm it pulled last, what the arm
paid and how many pulls are left, and is rewarded for the total. Of the classical agents
with a setting (epsilon, c, discount) the best of several settings is shown. An agent is
measured by what each of its pulls costs against the best one, which is known exactly:
this has little noise. The default run ends with

    5 arms, 10 pulls: total reward of 20000 fresh bandits
                       reward       95 % interval  of the optimum
    random              5.002      [4.995, 5.009]         75.11%
    Thompson            5.832      [5.827, 5.837]         87.56%
    greedy              6.627      [6.626, 6.628]         99.50%
    OTS                 5.983      [5.979, 5.988]         89.84%
    epsilon-greedy      6.593      [6.592, 6.595]         99.00%
    UCB1                6.657      [6.657, 6.657]         99.95%
    Gittins             6.657      [6.657, 6.657]         99.95%
    RL^2                6.655      [6.655, 6.655]         99.92%
    Bayes-optimal       6.660               exact        100.00%

Above 20 pulls the training knows p: it judges a pull of arm a by p_a - max p, since the
toss of a coin says little of it. The agent sees the rewards alone. With 2 arms and 100
pulls RL^2 then earns 99.90, 99.89, 99.89, 99.89 and 99.89 % of the optimum on seeds 0 to
4, and UCB1 99.86 %.

Where the exact optimum has too many states, as with 5 arms and 100 pulls, the Gittins
index for the pulls that are left stands for it. There it earns 78.62 -+0.07, and RL^2
78.20 -+0.08; Duan et al. (2016) print 78.7 for RL^2, with a standard error of about
0.45.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse
from dataclasses import dataclass, replace

import numpy as np

from minimeta import (GRU, LSTM, RL2, Categorical, LinearSchedule, RecurrentPolicy,
                      exact, meta_train, print_progress)
from minimeta.rivals import bandit_agents as agents
from minimeta.rl import rollout
from minimeta.runs import pictures
from minimeta.tasks import BernoulliBandit

NETWORKS = {"lstm": LSTM, "gru": GRU}
HIDDEN = 48    # H, cells
RATE = 6e-3    # of Adam, decaying to 0
SHORT = {"gamma": 1.0, "lam": 0.9, "entropy_weight": LinearSchedule(0.02, 0.0)}
LONG = {"gamma": LinearSchedule(0.9, 0.995), "lam": LinearSchedule(0.3, 0.95),
        "entropy_weight": LinearSchedule(0.1, 0.0)}
TEST_BANDITS = 20_000
CHUNK = 2000   # bandits played at once
EPSILONS = (0.02, 0.05, 0.1, 0.2)    # the best of these is shown, as is the best c
CS = (0.1, 0.2, 0.3, 0.5, 1.0)
DISCOUNTS = (0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class TrainedByRegret(RL2):
    """A pull of arm a is judged by  p_a - max p  in place of the reward, a coin's toss.
    The sums differ by noise and by what no pull changes, so the same agent is best.
    What the policy sees is the reward."""

    def collect(self, theta, tasks, rng):
        data = super().collect(theta, tasks, rng)
        regret = tasks.regret(data.action)
        return replace(data, reward=-regret.astype(data.reward.dtype))


def train(family, network, iterations, seed):
    """In a long trial most of what comes after a pull is noise, so gamma and lambda are
    small at first, and regret takes the place of the rewards. Gamma and lambda grow,
    since exploring pays late; and a larger entropy bonus keeps the agent exploring.
    Returns an RL2 with the policy, and theta."""
    is_long = family.pulls > 20
    policy = RecurrentPolicy(family.obs_size, Categorical(family.arms), HIDDEN,
                             NETWORKS[network])
    learn = TrainedByRegret if is_long else RL2
    learner = learn(policy, rate=LinearSchedule(RATE, 0.0),
                    **(LONG if is_long else SHORT))
    result = meta_train(learner, family, iterations=iterations,
                        tasks=64 if is_long else 256, seed=seed,
                        callback=print_progress(iterations))
    return RL2(policy), result.theta


def classical(family):
    """Name -> the agents of that name, of which the best is shown."""
    arms, pulls = family.arms, family.pulls
    scores = {
        "random": [agents.random],
        "Thompson": [agents.thompson],
        "greedy": [agents.greedy],
        "OTS": [agents.ots],
        "epsilon-greedy": [agents.epsilon_greedy(e) for e in EPSILONS],
        "UCB1": [agents.ucb1(c) for c in CS],
        "Gittins": [agents.gittins(pulls, d) for d in DISCOUNTS],
    }
    return {name: [agents.BanditAgent(arms, s) for s in group]
            for name, group in scores.items()}


def reference(family):
    """The exact optimum as (name, what it earns, what an agent loses to it in each trial
    of a Rollout). Where it has too many states, an agent that knows every p stands for
    it, and earns n / (n + 1) a pull with n arms."""
    arms, pulls = family.arms, family.pulls
    try:
        optimum = exact.bayes_optimal_bandit(arms, pulls)
    except ValueError:
        return "knowing p", pulls * arms / (arms + 1), lambda tasks, data: (
            tasks.oracle() - tasks.mean(None, data.action[..., 0]).sum(-1))
    return "Bayes-optimal", optimum.value, lambda tasks, data: (
        optimum.shortfall(data)[:, 0])


def plot(path, family, learner, theta, bandits, seed):
    """What each pull of a trial pays, beside Thompson sampling and an index that is
    optimal but for 2e-4 of the reward."""
    tasks = family.sample(bandits, np.random.default_rng((seed, 1)))
    optimal, thompson = (agents.BanditAgent(family.arms, score) for score in (
        agents.finite_gittins(family.pulls), agents.thompson))
    lines = {}
    for name, agent, phi in (("finite Gittins", optimal, None), ("RL^2", learner, theta),
                             ("Thompson", thompson, None)):
        reward = agent.collect(phi, tasks, np.random.default_rng((seed, 2))).reward
        lines[name] = (range(1, family.pulls + 1), reward[..., 0].mean(0),
                       1.96 * reward[..., 0].std(0) / np.sqrt(bandits))
    pictures.curves(lines, "pull", "mean reward", {"random": 0.5}).savefig(path)


def main(arms=5, pulls=10, network="lstm", iterations=None, bandits=TEST_BANDITS,
         seed=0, plot_to=None):
    """Trains, evaluates, prints. Returns name -> (mean total reward, standard error),
    and what the exact optimum or knowing every p earns under "exact"."""
    pictures.required(plot_to)
    family = BernoulliBandit(arms, pulls)
    iterations = iterations or (5000 if pulls > 20 else 4000)
    best, value, loses = reference(family)
    learner, theta = train(family, network, iterations, seed)

    def total(agent, theta=None):
        """The reference minus the mean loss; it has little noise."""
        policy, lost = getattr(agent, "policy", agent), []
        rng = np.random.default_rng([seed, 1])
        for start in range(0, bandits, CHUNK):
            tasks = family.sample(min(CHUNK, bandits - start), rng)
            data = rollout(policy, theta, tasks, trials=1, episodes=1, rng=rng)
            lost.append(loses(tasks, data))
        lost = np.concatenate(lost)
        return value - lost.mean(), lost.std() / np.sqrt(len(lost))

    rewards = {name: max(total(agent) for agent in group)
               for name, group in classical(family).items()}
    rewards["RL^2"], whole, of = total(learner, theta), value, "of the optimum"
    if best != "Bayes-optimal":  # then the index stands for the optimum
        rewards["finite Gittins"] = total(
            agents.BanditAgent(arms, agents.finite_gittins(pulls)))
        whole, of = rewards["finite Gittins"][0], "of the index"
    print(f"\n{arms} arms, {pulls} pulls: total reward of {bandits} fresh bandits\n"
          f"{'':16}{'reward':>9}{'95 % interval':>20}{of:>16}")
    for name, (mean, error) in rewards.items():
        low, high = mean - 1.96 * error, mean + 1.96 * error
        print(f"{name:16}{mean:9.3f}{f'[{low:.3f}, {high:.3f}]':>20}"
              f"{mean / whole:15.2%}")
    print(f"{best:16}{value:9.3f}{'exact':>20}{value / whole:15.2%}")
    if plot_to:
        plot(plot_to, family, learner, theta, bandits, seed)
    return rewards | {"exact": (value, 0.0)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", type=int, default=5)
    parser.add_argument("--pulls", type=int, default=10)
    parser.add_argument("--network", choices=list(NETWORKS), default="lstm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="little training")
    parser.add_argument("--plot", metavar="FILE", help="draw reward against pulls")
    args = parser.parse_args()
    quick = {"iterations": 300, "bandits": 2000} if args.quick else {}
    main(args.arms, args.pulls, args.network, seed=args.seed, plot_to=args.plot,
         **quick)
