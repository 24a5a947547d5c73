"""The classical bandit agents, as recurrent policies whose memory and update are known.
The memory is the counts of successes and failures of each arm. An agent reads
(a_{t-1}, r_{t-1}) at each step, as RL^2 does, so it plays in the same rollout.

An agent pulls the arm with the highest score, and breaks ties at random. A score is a
function

    score(successes, failures, rng) -> [R, arms]        counts [R, arms] integers

and the probability p of an arm has the posterior Beta(successes + 1, failures + 1). A
score with settings, such as ucb1(0.3), is a frozen dataclass that is called like a
function, so that it pickles.

Letters: K tasks, B trials side by side, R rows.
"""
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from .. import require
from ..exact.bayes_bandit import bayes_optimal_bandit
from ..exact.finite_gittins import finite_gittins_table
from ..exact.gittins import gittins_table
from ..exact.optima import belief
from ..policy import Categorical
from ..tasks import DependentBandit
from ..tasks.bandits import KINDS
from .rival import Rival, acted


@dataclass(frozen=True)
class BanditAgent(Rival):
    """Pulls the arm with the highest score. Rewards must be 0 or 1."""

    arms: int
    score: Callable

    @property
    def head(self):
        """The distribution over arms, for its size."""
        return Categorical(self.arms)

    def begin(self, theta, n_rows):
        """Counts of successes and failures, [2, R, arms]."""
        return np.zeros((2, n_rows, self.arms), int)

    def see(self, obs, last, dtype):
        """x = (a_{t-1} one-hot, r_{t-1}); both are zero at the first step."""
        x = np.zeros(obs.shape[:-1] + (self.arms + 1,), dtype)
        if last is not None:
            action, reward, _ = last
            x[..., :-1] = action[..., None] == np.arange(self.arms)
            x[..., -1] = reward
        return x

    def act(self, theta, counts, x, rng):
        pulled, reward = x[:, :-1].astype(int), x[:, -1:]
        is_other = (reward != 0) & (reward != 1)
        if is_other.any():
            raise ValueError(
                f"rewards must be 0 or 1 for an agent that counts successes, got "
                f"{reward[is_other][0]:g}; play a BernoulliBandit or the like")
        success = pulled * reward.astype(int)
        counts = counts + np.stack([success, pulled - success])
        score = self.score(*counts, rng)
        is_best = score == score.max(-1, keepdims=True)
        action = (is_best * rng.random(score.shape)).argmax(-1)
        return acted(action), counts

    def require_fit(self, family):
        if hasattr(self.score, "require_fit"):
            self.score.require_fit(family)


# ---- scores

def mean(successes, failures):
    """The posterior mean of p."""
    return (successes + 1) / (successes + failures + 2)


def random(successes, failures, rng):
    """A random arm."""
    return rng.random(successes.shape)


def greedy(successes, failures, rng):
    """The arm with the highest mean."""
    return mean(successes, failures)


@dataclass(frozen=True)
class epsilon_greedy:
    """Greedy, but any arm with probability epsilon."""

    epsilon: float

    def __call__(self, successes, failures, rng):
        explores = rng.random((len(successes), 1)) < self.epsilon
        noise = rng.random(successes.shape)
        return np.where(explores, noise, mean(successes, failures))

    def __post_init__(self):
        require.fields(self, fraction="epsilon")


@dataclass(frozen=True)
class ucb1:
    """mean + c sqrt(2 log t / n): n pulls of the arm, t of all arms. Each arm begins
    with a success and a failure. Source: Auer et al. (2002); c from Duan et al. (2016).
    """

    c: float

    def __call__(self, successes, failures, rng):
        n = successes + failures + 2
        t = n.sum(-1, keepdims=True)
        return mean(successes, failures) + self.c * np.sqrt(2 * np.log(t) / n)

    def __post_init__(self):
        require.fields(self, nonnegative="c")


def thompson(successes, failures, rng):
    """A draw from the posterior of p. Source: Thompson (1933)."""
    return rng.beta(successes + 1, failures + 1)


def ots(successes, failures, rng):
    """Optimistic Thompson sampling: a draw, but never below the mean.
    Source: May et al. (2012), Optimistic Bayesian sampling."""
    return np.maximum(thompson(successes, failures, rng), mean(successes, failures))


@dataclass(frozen=True)
class majority:
    """The number of draws from the posterior, of n, in which the arm is the best one.
    Duan et al. (2016) call this OTS and do not print n: 20 fits their table."""

    n: int = 20

    def __call__(self, successes, failures, rng):
        draws = rng.beta(successes + 1, failures + 1, (self.n, *successes.shape))
        best = draws.argmax(-1)
        return (best[..., None] == np.arange(successes.shape[-1])).sum(0)

    def __post_init__(self):
        require.fields(self, count="n")


@dataclass(frozen=True)
class dependent_thompson:
    """Thompson sampling for a DependentBandit of a known kind: a draw of p1 from its
    true posterior, and p2 = 1 - p1."""

    kind: str

    def __call__(self, successes, failures, rng):
        if self.kind == "independent":
            return thompson(successes, failures, rng)
        votes = successes[:, 0] + failures[:, 1]
        others = failures[:, 0] + successes[:, 1]
        if self.kind == "uniform":
            p1 = rng.beta(votes + 1, others + 1)
        else:
            q = KINDS[self.kind]
            is_first = rng.random(len(votes)) < belief(q, votes, votes + others)
            p1 = np.where(is_first, q, 1 - q)
        return np.stack([p1, 1 - p1], -1)

    def require_fit(self, family):
        if not isinstance(family, DependentBandit) or family.kind != self.kind:
            raise ValueError(f"{self} must play a DependentBandit({self.kind!r}, ..), "
                             f"got {family}")

    def __post_init__(self):
        require.choice("kind", self.kind, KINDS)


@dataclass(frozen=True)
class gittins:
    """The Gittins index. It is optimal for infinitely many pulls, discounted. `pulls`
    is the most that an arm may be pulled."""

    pulls: int
    discount: float
    table: Any = field(init=False, repr=False, compare=False)  # [pulls + 1, pulls + 1]

    def __call__(self, successes, failures, rng):
        most = (successes + failures).max()
        if most > self.pulls:
            raise ValueError(f"pulls of {self} must be at least those of an arm, got "
                             f"an arm with {most}")
        return self.table[successes, failures]

    def require_fit(self, family):
        if family.horizon > self.pulls:
            raise ValueError(f"pulls of {self} must be at least those of {family}; "
                             f"use gittins({family.horizon}, {self.discount})")

    def __post_init__(self):
        require.fields(self, count="pulls", number="discount")
        object.__setattr__(self, "table", gittins_table(self.pulls, self.discount))


@dataclass(frozen=True)
class finite_gittins:
    """The Gittins index for the pulls that are left of `pulls`."""

    pulls: int
    table: Any = field(init=False, repr=False, compare=False)  # [left, s, f]

    def __call__(self, successes, failures, rng):
        left = self.pulls - (successes + failures).sum(-1, keepdims=True)
        if left.min() < 1:
            raise ValueError(f"pulls of {self} must be more than those made before")
        return self.table[left, successes, failures]

    def require_fit(self, family):
        if family.horizon != self.pulls:
            raise ValueError(f"pulls of {self} must be those of {family}; use "
                             f"finite_gittins({family.horizon})")

    def __post_init__(self):
        require.fields(self, count="pulls")
        object.__setattr__(self, "table", finite_gittins_table(self.pulls))


@dataclass(frozen=True)
class bayes_optimal:
    """True for the arm that the exact solution pulls, False for the others."""

    arms: int
    pulls: int
    solution: Any = field(init=False, repr=False, compare=False)

    def __call__(self, successes, failures, rng):
        best = self.solution.best_arm(successes, failures)
        return best[:, None] == np.arange(self.arms)

    def require_fit(self, family):
        if family.horizon != self.pulls:
            raise ValueError(f"pulls of {self} must be those of {family}; use "
                             f"bayes_optimal({self.arms}, {family.horizon})")

    def __post_init__(self):
        require.fields(self, count=("arms", "pulls"))
        solution = bayes_optimal_bandit(self.arms, self.pulls)
        object.__setattr__(self, "solution", solution)
