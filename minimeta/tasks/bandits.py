"""Bandits are rows of slot machines, called arms. There is nothing to see; an agent has
to learn which arm pays.

A trial of a bandit is one episode of `pulls` pulls.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .family import Discrete, Family, Tasks


class Bandit(Family):
    """A family with fields `arms` and `pulls`; all bandits inherit from it."""

    obs_size = 1

    @property
    def action(self):
        return Discrete(self.arms)

    @property
    def horizon(self):
        return self.pulls


class BanditTasks(Tasks):
    """K bandits. The state is the number of pulls made, [K, B]. Subclasses define
    mean(state, action), the expected reward of an arm at that pull."""

    def observe(self, state):
        return 1 - state[..., None] / self.family.pulls

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, self.observe(state)

    def move(self, state, action, rng):
        reward = self.pay(self.mean(state, action), rng)
        done = np.zeros(state.shape, bool)
        return state + 1, self.observe(state + 1), reward, done

    def pay(self, mean, rng):
        """1 with probability `mean`, else 0."""
        return (rng.random(mean.shape) < mean).astype(float)

    def regret(self, action):
        """The expected reward that each of the actions [K, T, B] misses: [K, T, B].

            mu* - mu_{a_t}        the best arm at pull t, less the arm that was pulled
        """
        shape, missed = (len(self), self.family.arms), []
        arms = np.broadcast_to(np.arange(self.family.arms), shape)
        for t, a in enumerate(np.moveaxis(action, 1, 0)):
            best = self.mean(np.full(shape, t), arms).max(-1, keepdims=True)
            missed.append(best - self.mean(np.full_like(a, t), a))
        return np.stack(missed, 1)


@dataclass(frozen=True)
class BernoulliBandit(Bandit):
    """A row of slot machines. A pull of an arm pays 1 or nothing.

    sees      the fraction of its pulls that are left, in [0, 1]
    does      pulls one of `arms` arms
    earns     1 with the arm's own probability p, else 0
    ends      after `pulls` pulls (the horizon; no pull ends it early)
    a task    p of each arm, uniform on [0, 1], independent

    Source: Duan et al. (2016), RL^2, section 3.1.
    """

    arms: int
    pulls: int

    def draw(self, K, rng):
        return BernoulliTasks(self, rng.random((K, self.arms)))

    def __post_init__(self):
        require.fields(self, count=("arms", "pulls"))


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


# The probability of the better arm. The other arm has 1 minus that.
BETTER = {"easy": 0.9, "medium": 0.75, "hard": 0.6}
KINDS = {**BETTER, "uniform": None, "independent": None}


@dataclass(frozen=True)
class DependentBandit(Bandit):
    """Two slot machines, with p2 = 1 - p1, so that each tells about the other.

    sees, does, earns, ends    as BernoulliBandit with two arms
    a task    p1, by `kind`
        "easy"         .1 or .9, with equal chances
        "medium"       .25 or .75, with equal chances
        "hard"         .4 or .6, with equal chances
        "uniform"      uniform on [0, 1]
        "independent"  for comparison: p1 and p2 are uniform on [0, 1], independent

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763.
    """

    kind: str
    pulls: int = 100

    arms = 2

    def draw(self, K, rng):
        p = rng.random((K, 2))
        if self.kind == "independent":
            return BernoulliTasks(self, p)
        p1 = p[:, 0]
        if self.kind in BETTER:
            better = BETTER[self.kind]
            p1 = np.where(p1 < 0.5, better, 1 - better)
        return BernoulliTasks(self, np.stack([p1, 1 - p1], -1))

    def __post_init__(self):
        require.choice("kind", self.kind, KINDS)
        require.fields(self, count="pulls")


@dataclass(frozen=True)
class InformativeBandit(Bandit):
    """Eleven slot machines that always pay the same. The last one tells which of the
    others pays most.

    sees      the fraction of its pulls that are left, in [0, 1]
    does      pulls one of 11 arms
    earns     5 from the target, which is one of the first ten arms, and 1 from the
              other nine; from the last arm a tenth of the target's number: .1 if the
              target is the first arm, .2 if it is the second, up to 1 for the tenth
    ends      after `pulls` pulls
    a task    the target, uniform among the first ten arms

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763.
    """

    pulls: int = 5

    arms = 11

    def draw(self, K, rng):
        target = rng.integers(10, size=K)
        worth = np.ones((K, self.arms))
        worth[np.arange(K), target] = 5
        worth[:, -1] = (target + 1) / 10
        return SureTasks(self, worth)

    def __post_init__(self):
        require.fields(self, count="pulls")


@dataclass(frozen=True)
class SureTasks(BernoulliTasks):
    """K bandits whose arms pay their p every time."""

    def pay(self, mean, rng):
        return mean


@dataclass(frozen=True)
class RestlessBandit(Bandit):
    """Two slot machines that change while they are played, with p2 = 1 - p1 throughout.

    sees, does, earns, ends    as BernoulliBandit with two arms
    a task    the path of p1: it begins uniform on [0, 1] and takes a step
              N(0, volatility^2) after each pull, reflected at 0 and 1. The volatility
              is one of `volatilities`, with equal chances

    A good agent forgets faster where the volatility is larger.
    Source: Wang et al. (2016), Learning to reinforcement learn. They do not print their
    volatilities: these are ours.
    """

    pulls: int = 100
    volatilities: tuple = (0.02, 0.1)

    arms = 2

    def draw(self, K, rng):
        which = rng.integers(len(self.volatilities), size=K)
        volatility = np.take(self.volatilities, which)[:, None]
        steps = rng.normal(size=(K, self.pulls)) * volatility
        steps[:, 0] = rng.random(K)
        p1 = 1 - np.abs(1 - np.cumsum(steps, 1) % 2)  # reflected into [0, 1]
        return RestlessTasks(self, np.stack([p1, 1 - p1], -1))

    def __post_init__(self):
        require.fields(self, count="pulls", sequence="volatilities")
        require.count("the number of volatilities", len(self.volatilities))
        object.__setattr__(self, "volatilities", tuple(
            require.number("volatility", v, 0) for v in self.volatilities))


@dataclass(frozen=True)
class RestlessTasks(BanditTasks):
    """K bandits whose arms change with each pull, in the same way in every episode."""

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


def pulls_as_text(action, reward, arms):
    """One trial as text. Each arm has a line and each pull a column, with what it paid.

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
