"""Exact beliefs: what an observer knows about a task after what has happened in it.

Each small family has a posterior that a few numbers hold, and Bayes' rule is an update
of these numbers. So a belief is a recurrent map without parameters:

    belief = exact_belief(family)
    state = belief.begin(K, B)                                   before a trial
    state = belief.update(state, obs, action, reward, end)       after each step
    belief.probabilities(state)      what is likely, [K, B, ..], by family:

    BernoulliBandit, DependentBandit     that an arm pays              [K, B, arms]
    InformativeBandit                    that an arm is the target     [K, B, 10]
    TwoStep                              that S2 or S3 is the good one [K, B, 2]
    GridNavigation                       that a cell is the goal       [K, B, cells]
    RandomMDP                            of the next state             [K, B, S, A, S]

action, reward and end are those of a step, [K, B]; obs [K, B, n] is what is seen next:
after the end of an episode, the start of the next one. `posteriors(belief, data)` runs
through a rollout. `belief.features(state)` [K, B, belief.n_features] holds the belief
as numbers near 1, for a network to read: see belief_oracle.

A state is a tuple of arrays [K, B, ..]. Any other leading axes do as well.
Letters: K tasks, T steps, B trials, S states, A actions.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..tasks import (BernoulliBandit, DependentBandit, GridNavigation,
                     InformativeBandit, RandomMDP, TwoStep, one_hot)
from ..tasks.bandits import BETTER
from ..tasks.gridworld import ELSEWHERE, ON_GOAL, neighbours
from ..tasks.two_step import GOOD
from .optima import belief as first_is_better
from .optima import next_vote


@dataclass(frozen=True)
class Belief:
    """The exact belief about tasks of one family. A subclass says how it is kept."""

    family: Any

    @property
    def n_features(self):
        return self.features(self.begin()).shape[-1]

    def features(self, state):
        """The belief as numbers near 1 [.., n_features]: the probabilities."""
        return self.probabilities(state)


class ArmsBelief(Belief):
    """Arms that tell nothing about each other: p has the posterior
    Beta(successes + 1, failures + 1). The state is these counts, [.., arms, 2]."""

    def begin(self, *shape):
        return np.zeros(shape + (self.family.arms, 2), int),

    def update(self, state, obs, action, reward, end):
        counts, = state
        outcome = np.stack([reward > 0.5, reward <= 0.5], -1)
        pulled = one_hot(action, self.family.arms).astype(int)
        return counts + pulled[..., None] * outcome[..., None, :],

    def probabilities(self, state):
        """The posterior mean of p, (s + 1) / (s + f + 2)."""
        counts, = state
        return (counts[..., 0] + 1) / (counts.sum(-1) + 2)

    def features(self, state):
        """The mean of p and its standard deviation, sqrt(m (1 - m) / (s + f + 3))."""
        m, n = self.probabilities(state), state[0].sum(-1)
        return np.concatenate([m, np.sqrt(m * (1 - m) / (n + 3))], -1)


class VotesBelief(Belief):
    """Two arms with p2 = 1 - p1. A success of arm 1 and a failure of arm 2 are votes
    for arm 1. The state is the votes for arm 1 and for arm 2, [.., 2]."""

    def begin(self, *shape):
        return np.zeros(shape + (2,), int),

    def update(self, state, obs, action, reward, end):
        votes, = state
        for_one = (reward > 0.5) == (action == 0)
        return votes + np.stack([for_one, ~for_one], -1),

    def probabilities(self, state):
        votes, = state
        q = BETTER.get(self.family.kind)
        p1 = next_vote(q, votes[..., 0], votes.sum(-1))
        return np.stack([p1, 1 - p1], -1)

    def features(self, state):
        """p1, and how little is known, 1 / sqrt(votes + 1)."""
        p1, n = self.probabilities(state)[..., 0], state[0].sum(-1)
        return np.stack([p1, 1 / np.sqrt(n + 1)], -1)


class TargetBelief(Belief):
    """The target of an InformativeBandit. The state is which arms may be the target,
    [.., 10]."""

    def begin(self, *shape):
        return np.ones(shape + (self.family.arms - 1,), bool),

    def update(self, state, obs, action, reward, end):
        may_be, = state
        arm, n = action[..., None], np.arange(self.family.arms - 1)
        told = n == np.rint(10 * reward - 1)[..., None]         # by the last arm
        tried = np.where(reward[..., None] > 3, n == arm, n != arm)
        return may_be & np.where(arm == len(n), told, tried),

    def probabilities(self, state):
        may_be, = state
        return equally(may_be)


class TwoStepBelief(Belief):
    """Which outcome of TwoStep is good. A reward in S2, and none in S3, is a vote for
    S2. The state is the votes for S2 and for S3, [.., 2], and where one is, [..]."""

    def begin(self, *shape):
        return np.zeros(shape + (2,), int), np.zeros(shape, int)

    def update(self, state, obs, action, reward, end):
        votes, here = state
        is_outcome, for_one = here > 0, (reward > 0.5) == (here == 1)
        vote = np.stack([is_outcome & for_one, is_outcome & ~for_one], -1)
        return votes + vote, obs.argmax(-1)

    def probabilities(self, state):
        votes, _ = state
        b = first_is_better(GOOD, votes[..., 0], votes.sum(-1))
        return np.stack([b, 1 - b], -1)


class GoalBelief(Belief):
    """The goal of a GridNavigation. The state is the walker's cell, [..], and which
    cells may be the goal, [.., cells]: all of these are equally likely."""

    def begin(self, *shape):
        size = self.family.size
        may_be = np.isin(np.arange(size ** 2),
                         np.array(self.family.goal_cells) @ [size, 1])
        return np.zeros(shape, int), np.broadcast_to(may_be, shape + may_be.shape)

    def update(self, state, obs, action, reward, end):
        cell, may_be = state
        cell = neighbours(self.family.size, self.family.walls)[cell, action]
        is_here = cell[..., None] == np.arange(may_be.shape[-1])
        paid = (reward > (ON_GOAL + ELSEWHERE) / 2)[..., None]
        return np.where(end, 0, cell), may_be & (is_here == paid)

    def probabilities(self, state):
        _, may_be = state
        return equally(may_be)


@dataclass(frozen=True)
class WorldBelief(Belief):
    """P[s, a] ~ Dirichlet(1 + n[s, a]) and R[s, a] ~ N(mean, variance) of a RandomMDP.
    The state is n, how often each state followed, [.., S, A, S]; the number N of
    rewards and their sum, [.., S, A]; and where one is, [..]. Where the last step of an
    episode led is not seen."""

    @property
    def shape(self):
        return self.family.states, self.family.actions

    def begin(self, *shape):
        S, A = self.shape
        none = np.zeros(shape + (S, A))
        return np.zeros(shape + (S, A, S)), none, none, np.zeros(shape, int)

    def update(self, state, obs, action, reward, end):
        (n, N, total, here), (S, A) = state, self.shape
        there = obs.argmax(-1)
        at = one_hot(here, S)[..., None] * one_hot(action, A)[..., None, :]
        follows = one_hot(there, S) * ~np.asarray(end, bool)[..., None]
        return (n + at[..., None] * follows[..., None, None, :], N + at,
                total + at * reward[..., None, None], there)

    def probabilities(self, state):
        """The posterior mean of P, (1 + n) / (S + sum of n)."""
        return (1 + state[0]) / (self.shape[0] + state[0].sum(-1, keepdims=True))

    def rewards(self, state):
        """The mean and the variance of R, [.., S, A], whose prior is N(1, 1).

            (v + sum of rewards) / (v + N),   v / (v + N)       v = noise^2
        """
        (_, N, total, _), v = state, self.family.noise ** 2
        return (v + total) / (v + N), v / (v + N)

    def features(self, state):
        """P, and the mean and the variance of R."""
        tables = (self.probabilities(state), *self.rewards(state))
        lead = state[-1].shape
        return np.concatenate([table.reshape(lead + (-1,)) for table in tables], -1)

    def __post_init__(self):
        require.number("noise of the family", self.family.noise, 0, is_open=True)


def equally(may_be):
    """Equal probabilities [.., n] of all that may be. ValueError if nothing may be."""
    n = may_be.sum(-1, keepdims=True)
    if (n == 0).any():
        raise ValueError("what happened must be possible in a task of the family, got "
                         "steps that no task explains; give the belief the actions and "
                         "rewards as they were")
    return may_be / n


KINDS = {BernoulliBandit: ArmsBelief, DependentBandit: VotesBelief,
         InformativeBandit: TargetBelief, TwoStep: TwoStepBelief,
         GridNavigation: GoalBelief, RandomMDP: WorldBelief}


def exact_belief(family):
    """The exact belief about tasks of the family, as begin, update, probabilities.

    Raises TypeError if no exact belief is known for the family."""
    if type(family) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise TypeError(f"family must be one of {known}, got {family!r}")
    independent = getattr(family, "kind", None) == "independent"
    return (ArmsBelief if independent else KINDS[type(family)])(family)


def posteriors(belief, data):
    """The probabilities before each step of a Rollout, and after the last one.

    data  of a policy whose input x begins with the observation; its trials are equally
          long

    Returns [K, T + 1, B, ..].
    """
    K, T, B = data.reward.shape
    obs, state = data.x[..., :belief.family.obs_size], belief.begin(K, B)
    found = [belief.probabilities(state)]
    for t in range(T):
        state = belief.update(state, obs[:, (t + 1) % T], data.action[:, t],
                              data.reward[:, t], data.end[:, t])
        found.append(belief.probabilities(state))
    return np.stack(found, 1)
