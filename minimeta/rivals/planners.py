"""Agents that plan with what they believe about a RandomMDP, as recurrent policies
whose memory and update are known. The memory is the posterior. An agent reads
(s_t, a_{t-1}, r_{t-1}) at each step, as RL^2 does, so it plays in the same rollout.

    P[s, a] ~ Dirichlet(1 + n[s, a])
    R[s, a] ~ N(mean, v / (v + N)),   mean = (v prior_mean + sum of r) / (v + N)

n are counts of what followed, N counts the rewards seen, v = noise^2. At the start of
each episode an agent imagines one MDP from this belief and solves it. It follows that
plan to the end of the episode, or makes a new one at each step, if it replans. It
breaks ties at random. It never sees where the last step of an episode led: the next
observation is the start of the next episode.

Letters: K tasks, T steps of an episode, R rows, S states, A actions.
"""
from dataclasses import dataclass
from typing import Callable, NamedTuple

import numpy as np

from .. import require
from ..tasks.planning import value_iteration
from ..tasks.random_mdp import RandomMDP, one_hot
from .rival import Rival, acted

TIE = 1e-9  # reward: values that differ by less are equal but for rounding


class Belief(NamedTuple):
    """The posterior of a row's MDP."""

    counts: np.ndarray    # [R, S, A, S]  n, how often a state followed
    mean: np.ndarray      # [R, S, A]     of the mean reward
    variance: np.ndarray  # [R, S, A]     of the mean reward


def posterior_mean(belief, rng):
    """The MDP that is expected, P [R, S, A, S] and R [R, S, A]: greedy planning."""
    weight = 1 + belief.counts
    return weight / weight.sum(-1, keepdims=True), belief.mean


def posterior_sample(belief, rng):
    """An MDP drawn from the posterior (PSRL). Gamma numbers divided by their sum are
    Dirichlet. Source: Strens (2000), A Bayesian framework for reinforcement
    learning; Osband et al. (2013), (More) efficient reinforcement learning via
    posterior sampling, arXiv 1306.0940."""
    weight = rng.standard_gamma(1 + belief.counts)
    noise = rng.standard_normal(belief.mean.shape)
    return (weight / weight.sum(-1, keepdims=True),
            belief.mean + np.sqrt(belief.variance) * noise)


@dataclass(frozen=True)
class exploration_bonus:
    """The MDP that is expected, with rewards that are larger by beta times their
    variance, which is beta / (1 + N) where the noise is 1.
    Source: Kolter & Ng (2009), Near-Bayesian exploration in polynomial time."""

    beta: float

    def __call__(self, belief, rng):
        P, R = posterior_mean(belief, rng)
        return P, R + self.beta * belief.variance

    def __post_init__(self):
        require.fields(self, nonnegative="beta")


class Memory(NamedTuple):
    """A planner's memory of a trial."""

    clock: int            # steps of the trial so far
    last: np.ndarray      # [R]           the state before, where (a, r) happened
    counts: np.ndarray    # [R, S, A, S]  what followed
    visits: np.ndarray    # [R, S, A]     N, rewards seen
    rewards: np.ndarray   # [R, S, A]     their sum
    Q: np.ndarray         # [R, T, S, A]  the plan of this episode; None at first


@dataclass(frozen=True)
class Planner(Rival):
    """Follows the best plan for an MDP that it imagines from its belief.

    family      the RandomMDP
    imagine     posterior_mean (greedy), posterior_sample (PSRL), exploration_bonus(..)
                or another function of a Belief and rng to P [R, S, A, S], R [R, S, A]
    prior_mean  of the mean rewards. 1 is true of the family; 0 fits the published
                tables best. The prior variance is 1, which is true of the family
    replans     True: it plans anew at each step
    """

    family: RandomMDP
    imagine: Callable = posterior_sample
    prior_mean: float = 1.0
    replans: bool = False

    @property
    def episodes(self):
        """Episodes of a trial."""
        return self.family.episodes

    @property
    def shape(self):
        """S, A."""
        return self.family.states, self.family.actions

    def begin(self, theta, n_rows):
        """A Memory of zeros: no rewards seen. No plan is made yet."""
        S, A = self.shape
        none = np.zeros((n_rows, S, A))
        return Memory(0, np.zeros(n_rows, int), np.zeros((n_rows, S, A, S), int),
                      none, none, None)

    def see(self, obs, last, dtype):
        """x = (s_t, a_{t-1}, r_{t-1}); the last two are zero at the first step."""
        S, A = self.shape
        x = np.zeros(obs.shape[:-1] + (S + A + 1,), dtype)
        x[..., :S] = obs
        if last is not None:
            action, reward, _ = last
            x[..., S:-1], x[..., -1] = one_hot(action, A), reward
        return x

    def act(self, theta, memory, x, rng):
        """x [R, S + A + 1] -> Act, memory. theta is not used."""
        S, _ = self.shape
        rows, state = np.arange(len(x)), x[:, :S].argmax(-1)
        t = memory.clock % self.family.horizon
        if memory.clock:
            memory = self.update(memory, state, x[:, S:-1].argmax(-1), x[:, -1], t > 0)
        if t == 0 or self.replans:
            P, R = self.imagine(self.belief(memory), rng)
            memory = memory._replace(Q=value_iteration(P, R, self.family.horizon).Q)
        Q = memory.Q[rows, t, state]
        is_best = Q > Q.max(-1, keepdims=True) - TIE
        action = (is_best * rng.random(Q.shape)).argmax(-1)
        memory = memory._replace(clock=memory.clock + 1, last=state)
        return acted(action), memory

    def update(self, memory, state, action, reward, followed):
        """Memory after (a, r) in the last state. `followed` is False if `state` is the
        start of a new episode, and so tells nothing of P."""
        cell = np.arange(len(state)), memory.last, action
        counts, visits, rewards = (
            array.copy() for array in (memory.counts, memory.visits, memory.rewards))
        visits[cell] += 1
        rewards[cell] += reward
        if followed:
            counts[(*cell, state)] += 1
        return memory._replace(counts=counts, visits=visits, rewards=rewards)

    def belief(self, memory):
        """The posterior, by Bayes' rule."""
        v = self.family.noise ** 2
        mean = (v * self.prior_mean + memory.rewards) / (v + memory.visits)
        return Belief(memory.counts, mean, v / (v + memory.visits))

    def require_fit(self, family):
        if family != self.family:
            raise ValueError(f"tasks must be of the family that the planner knows, "
                             f"{self.family}, got {family}")

    def __post_init__(self):
        require.fields(self, number="prior_mean", truth="replans")
        require.number("noise of the family", self.family.noise, 0, is_open=True)
