"""The classical bandit agents, as recurrent policies whose memory and update are known:
the memory is the counts of successes and failures of each arm, and what is read at each
step is (a_{t-1}, r_{t-1}), as RL^2 reads it. So they run in the same rollout.

An agent pulls the arm with the highest score, ties broken at random. A score is a
function

    score(successes, failures, rng) -> [R, arms]        counts [R, arms] integers

and the arm's probability p has the posterior Beta(successes + 1, failures + 1).

Letters: K tasks, B trials side by side, R rows.
"""
from dataclasses import dataclass
from typing import Callable

import numpy as np

from .. import require
from ..policy import Categorical
from ..policy.policies import Act
from ..rl import rollout
from ..tasks.bandits import KINDS
from ..exact.bayes_bandit import bayes_optimal_bandit
from ..exact.optima import belief
from ..exact.gittins import gittins_table


@dataclass(frozen=True)
class BanditAgent:
    """Pulls the arm with the highest score."""

    arms: int
    score: Callable

    rounds, episodes = 0, 1  # evaluated as a learner that has nothing left to learn
    adapts_between_trials = False

    @property
    def head(self):
        """What it chooses from."""
        return Categorical(self.arms)

    def begin(self, theta, n_rows):
        """Counts of successes and failures, [2, R, arms]."""
        return np.zeros((2, n_rows, self.arms), int)

    def see(self, obs, last, dtype):
        """x = (a_{t-1} one-hot, r_{t-1}); zero at the first step."""
        x = np.zeros(obs.shape[:-1] + (self.arms + 1,), dtype)
        if last is not None:
            action, reward, _ = last
            x[..., :-1] = action[..., None] == np.arange(self.arms)
            x[..., -1] = reward
        return x

    def act(self, theta, counts, x, rng):
        pulled, reward = x[:, :-1].astype(int), x[:, -1:].astype(int)
        counts = counts + np.stack([pulled * reward, pulled * (1 - reward)])
        score = self.score(*counts, rng)
        is_best = score == score.max(-1, keepdims=True)
        action = (is_best * rng.random(score.shape)).argmax(-1)
        return Act(action, np.zeros(len(x)), np.zeros(len(x))), counts

    def collect(self, theta, tasks, rng):
        """One trial on each task."""
        return rollout(self, None, tasks, trials=1, episodes=1, rng=rng)


def mean(successes, failures):
    """The posterior mean of p."""
    return (successes + 1) / (successes + failures + 2)


def random(successes, failures, rng):
    return rng.random(successes.shape)


def greedy(successes, failures, rng):
    return mean(successes, failures)


def thompson(successes, failures, rng):
    """A draw from the posterior of p. Source: Thompson (1933)."""
    return rng.beta(successes + 1, failures + 1)


def dependent_thompson(kind):
    """Thompson sampling for a DependentBandit of a known kind: a draw of p1 from its
    true posterior, and p2 = 1 - p1."""
    q = require.choice("kind", kind, KINDS)
    if kind == "independent":
        return thompson

    def score(successes, failures, rng):
        votes = successes[:, 0] + failures[:, 1]
        others = failures[:, 0] + successes[:, 1]
        if kind == "uniform":
            p1 = rng.beta(votes + 1, others + 1)
        else:
            is_first = rng.random(len(votes)) < belief(q, votes, votes + others)
            p1 = np.where(is_first, q, 1 - q)
        return np.stack([p1, 1 - p1], -1)

    return score


def ots(successes, failures, rng):
    """Optimistic Thompson sampling: a draw, but never below the mean.
    Source: May et al. (2012), Optimistic Bayesian sampling."""
    return np.maximum(thompson(successes, failures, rng), mean(successes, failures))


def epsilon_greedy(epsilon):
    """Greedy, but at random with probability epsilon."""
    require.number("epsilon", epsilon, 0, 1)

    def score(successes, failures, rng):
        explores = rng.random((len(successes), 1)) < epsilon
        noise = rng.random(successes.shape)
        return np.where(explores, noise, mean(successes, failures))

    return score


def ucb1(c):
    """mean + c sqrt(2 log t / n): n pulls of the arm, t of all, each arm begun with one
    success and one failure. Source: Auer et al. (2002); c as in Duan et al. (2016)."""
    require.number("c", c, 0)

    def score(successes, failures, rng):
        n = successes + failures + 2
        t = n.sum(-1, keepdims=True)
        return mean(successes, failures) + c * np.sqrt(2 * np.log(t) / n)

    return score


def gittins(pulls, discount):
    """The Gittins index: optimal for infinitely many pulls, discounted."""
    table = gittins_table(pulls, discount)

    def score(successes, failures, rng):
        return table[successes, failures]

    return score


def bayes_optimal(arms, pulls):
    """1 for the arm that the exact solution pulls, 0 for the others."""
    solution = bayes_optimal_bandit(arms, pulls)

    def score(successes, failures, rng):
        best = solution.best_arm(successes, failures)
        return (best[:, None] == np.arange(arms)).astype(float)

    return score
