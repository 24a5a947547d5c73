"""The most that an agent can earn if it knows the family but not the task: exact values
by dynamic programming, for families where a count or a small set is all that one knows.

Where p2 = 1 - p1, a pull of either arm votes on the same question: a success of arm 1
and a failure of arm 2 are votes for arm 1. So all that is known is that s of n votes
were for arm 1. All pulls tell equally much, so the best is to act greedily:

    V(n, s) = earns(m) + m V(n + 1, s + 1) + (1 - m) V(n + 1, s)
    m         = probability that the next vote is for arm 1, after s of n
    earns(m)  = max(m, 1 - m), what the better arm pays; the two-step task has its own

In the two-step task an outcome votes in the same way, on which state is the good one.
Source of the tasks: Wang et al. (2016), Learning to reinforcement learn.
"""
import numpy as np

from .. import require
from ..calculus.maps import sigmoid
from ..tasks.bandits import BETTER, KINDS
from ..tasks.two_step import COMMON, GOOD
from .bayes_bandit import bayes_optimal_bandit


def belief(q, s, n):
    """Probability that p1 is q and not 1 - q, after s of n votes for arm 1.

        1 / (1 + exp(-z)),    z = (2 s - n) log(q / (1 - q))
    """
    return sigmoid((2 * s - n) * np.log(q / (1 - q)))


def next_vote(q, s, n):
    """m, where p1 is q or 1 - q with equal chances, or uniform if q is None."""
    if q is None:
        return (s + 1) / (n + 2)
    b = belief(q, s, n)
    return b * q + (1 - b) * (1 - q)


def by_votes(q, votes, earns):
    """V(0, 0) of the formula above, for so many votes."""
    V = np.zeros(votes + 1)
    for n in reversed(range(votes)):
        m = next_vote(q, np.arange(n + 1.0), n)
        V = earns(m) + m * V[1:] + (1 - m) * V[:-1]
    return float(V[0])


def dependent_optimum(kind, pulls):
    """The most that can be expected from a DependentBandit, reward of a trial."""
    require.choice("kind", kind, KINDS)
    pulls = require.count("pulls", pulls)
    if kind == "independent":
        return bayes_optimal_bandit(2, pulls).value
    return by_votes(BETTER.get(kind), pulls, lambda m: np.maximum(m, 1 - m))


def dependent_floor(kind, pulls):
    """The least regret that can be expected: the optimum of one who knows the arms,
    minus the optimum of one who does not."""
    mean_of_best = {**BETTER, "uniform": 3 / 4, "independent": 2 / 3}
    known = require.choice("kind", kind, mean_of_best)
    return pulls * known - dependent_optimum(kind, pulls)


def two_step_optimum(episodes):
    """The most that can be expected from TwoStep(episodes), reward of an episode."""
    episodes = require.count("episodes", episodes)

    def earns(m):
        likely = np.maximum(m, 1 - m)
        return COMMON * likely + (1 - COMMON) * (1 - likely)

    return by_votes(GOOD, episodes, earns) / episodes


def informative_optimum(pulls):
    """The most that can be expected from an InformativeBandit, reward of a trial: the
    informative arm pays 0.55 on average, and each later pull of the target 5. A lone
    pull buys no knowledge, and pays (5 + 9) / 10 on any other arm."""
    pulls = require.count("pulls", pulls)
    return 1.4 if pulls == 1 else 0.55 + 5.0 * (pulls - 1)


def informative_thompson(pulls):
    """The expected reward of Thompson sampling with the true prior on an
    InformativeBandit. It never pulls the informative arm, which is best in no task.

        V(left, n) = (5 left + (n - 1) (1 + V(left - 1, n - 1))) / n      n candidates
    """

    def V(left, n):
        if left == 0 or n == 0:
            return 0.0
        return (5 * left + (n - 1) * (1 + V(left - 1, n - 1))) / n

    return V(require.count("pulls", pulls), 10)
