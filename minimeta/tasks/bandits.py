"""Bandits: arms that pay, and nothing to see. All there is to learn is which arm.

Every bandit is one episode of `pulls` pulls, and one trial is one episode.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .family import Discrete, Tasks


class Bandit:
    """What all bandits share: a family with fields `arms` and `pulls`."""

    obs_size = 1
    episodes = 1

    @property
    def action(self):
        return Discrete(self.arms)

    @property
    def horizon(self):
        return self.pulls


class BanditTasks(Tasks):
    """K bandits. The state is the number of pulls made, [K, B]; `mean` is the
    expected reward of an arm at that pull."""

    def observe(self, state):
        return 1 - state[..., None] / self.family.pulls

    def reset(self, B, rng):
        state = np.zeros((len(self), require.count("B", B)), int)
        return state, self.observe(state)

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
        reward = self.pay(self.mean(state, action), rng)
        done = np.zeros(state.shape, bool)
        return state + 1, self.observe(state + 1), reward, done

    def pay(self, mean, rng):
        """1 with probability `mean`, else 0."""
        return (rng.random(mean.shape) < mean).astype(float)

    def regret(self, action):
        """The expected reward missed by the actions [K, T, B] of whole trials: [K, B].

            sum_t (mu* - mu_{a_t})
        """
        earned = sum(self.mean(np.full_like(a, t), a)
                     for t, a in enumerate(np.moveaxis(action, 1, 0)))
        return self.oracle()[:, None] - earned


@dataclass(frozen=True)
class BernoulliBandit(Bandit):
    """A row of slot machines, each of which pays 1 or nothing.

    sees      the fraction of its pulls that are left, in [0, 1]
    does      pulls one of `arms` arms
    earns     1 with the arm's own probability p, else 0
    ends      after `pulls` pulls (the horizon; no pull ends it early)
    a task    p of each arm, uniform on [0, 1], independent

    Source: Duan et al. (2016), RL^2, section 3.1.
    """

    arms: int
    pulls: int

    def __post_init__(self):
        require.count("arms", self.arms)
        require.count("pulls", self.pulls)

    def sample(self, K, rng):
        """K bandits."""
        return BernoulliTasks(self, rng.random((require.count("K", K), self.arms)))


@dataclass(frozen=True)
class BernoulliTasks(BanditTasks):
    """K bandits whose arms keep their probabilities."""

    family: Bandit
    p: np.ndarray  # [K, arms]  probability of a reward

    def mean(self, state, action):
        return np.take_along_axis(self.p, action, -1)

    def oracle(self):
        """Exact: the best arm at every pull."""
        return self.family.pulls * self.p.max(-1)

    def random(self):
        """Exact: a uniform arm at every pull."""
        return self.family.pulls * self.p.mean(-1)


# The probability of the better arm; 1 minus it is the other's.
BETTER = {"easy": 0.9, "medium": 0.75, "hard": 0.6}
KINDS = {**BETTER, "uniform": None, "independent": None}


@dataclass(frozen=True)
class DependentBandit(Bandit):
    """Two slot machines of which one tells about the other: p2 = 1 - p1.

    sees, does, earns, ends    as BernoulliBandit with two arms
    a task    p1: .1 or .9 (easy), .25 or .75 (medium), .4 or .6 (hard), with equal
              chances; uniform on [0, 1] (uniform); for comparison, p1 and p2 uniform on
              [0, 1] and independent (independent)

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763.
    """

    kind: str
    pulls: int = 100

    arms = 2

    def __post_init__(self):
        require.choice("kind", self.kind, KINDS)
        require.count("pulls", self.pulls)

    def sample(self, K, rng):
        """K bandits."""
        p = rng.random((require.count("K", K), 2))
        if self.kind == "independent":
            return BernoulliTasks(self, p)
        p1 = p[:, 0]
        if self.kind in BETTER:
            better = BETTER[self.kind]
            p1 = np.where(p1 < 0.5, better, 1 - better)
        return BernoulliTasks(self, np.stack([p1, 1 - p1], -1))


@dataclass(frozen=True)
class InformativeBandit(Bandit):
    """Eleven slot machines that pay surely, one of which tells where the money is.

    sees      the fraction of its pulls that are left, in [0, 1]
    does      pulls one of 11 arms
    earns     5 from the target, which is one of the first ten arms; 1 from the other
              nine; from the last arm a tenth of the target's number: .1 for the first
              arm, .2 for the second, up to 1 for the tenth
    ends      after `pulls` pulls
    a task    the target, uniform among the first ten arms

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763.
    """

    pulls: int = 5

    arms = 11

    def __post_init__(self):
        require.count("pulls", self.pulls)

    def sample(self, K, rng):
        """K bandits."""
        target = rng.integers(10, size=require.count("K", K))
        worth = np.ones((K, self.arms))
        worth[np.arange(K), target] = 5
        worth[:, -1] = (target + 1) / 10
        return SureTasks(self, worth)


@dataclass(frozen=True)
class SureTasks(BernoulliTasks):
    """K bandits whose arms pay their p every time."""

    def pay(self, mean, rng):
        return mean


@dataclass(frozen=True)
class RestlessBandit(Bandit):
    """Two slot machines that change while they are played, p2 = 1 - p1 throughout.

    sees, does, earns, ends    as BernoulliBandit with two arms
    a task    the path of p1: it begins uniform on [0, 1] and takes a step
              N(0, volatility^2) after each pull, reflected at 0 and 1; the volatility
              is one of `volatilities` with equal chances. To do well is to learn how
              fast to forget.

    Source: Wang et al. (2016), Learning to reinforcement learn, who do not print their
    volatilities: these are ours.
    """

    pulls: int = 100
    volatilities: tuple = (0.02, 0.1)

    arms = 2

    def __post_init__(self):
        require.count("pulls", self.pulls)
        volatilities = require.sequence("volatilities", self.volatilities)
        require.count("the number of volatilities", len(volatilities))
        for volatility in volatilities:
            require.number("volatility", volatility, 0)

    def sample(self, K, rng):
        """K bandits."""
        which = rng.integers(len(self.volatilities), size=require.count("K", K))
        volatility = np.take(self.volatilities, which)[:, None]
        steps = rng.normal(size=(K, self.pulls)) * volatility
        steps[:, 0] = rng.random(K)
        p1 = 1 - np.abs(1 - np.cumsum(steps, 1) % 2)  # reflection: folded into [0, 1]
        return RestlessTasks(self, np.stack([p1, 1 - p1], -1))


@dataclass(frozen=True)
class RestlessTasks(BanditTasks):
    """K bandits whose arms change from pull to pull, alike in every episode."""

    family: RestlessBandit
    p: np.ndarray  # [K, pulls, arms]  probability of a reward

    def mean(self, state, action):
        return self.p[np.arange(len(self))[:, None], state, action]

    def oracle(self):
        """Exact: the arm that is best at each pull."""
        return self.p.max(-1).sum(-1)

    def random(self):
        """Exact: a uniform arm at every pull."""
        return self.p.mean(-1).sum(-1)


def picture(action, reward, arms):
    """One trial as text: a line for each arm, a column for each pull, what it paid.

    action  [T]  integers
    reward  [T]
    """
    cells = [f"{r:g}" for r in reward]
    width = max(map(len, cells))
    lines = []
    for arm in range(arms):
        pulls = (c if a == arm else "" for a, c in zip(action, cells))
        lines.append(f"arm {arm + 1:2d}  " + ("" if width == 1 else " ").join(
            f"{c:>{width}}" for c in pulls).rstrip())
    return "\n".join(lines)
