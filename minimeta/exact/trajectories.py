"""Lists every trajectory of a small MDP with its probability, so that the mean of an
estimator is a sum and needs no samples.

    E[estimator] = sum_n probability_n estimator(trajectory_n)

The rewards are the mean rewards R(s, a). An estimator that is linear in the rewards
has the same mean with them as with noisy rewards.

Letters: K tasks, T steps, N trajectories, S states, A actions.
"""
from typing import NamedTuple

import numpy as np

from .. import require
from ..rl import Rollout
from .expected_return import require_tables

MOST = 1_000_000  # trajectories


class Trajectories(NamedTuple):
    """Every trajectory once."""

    data: Rollout            # [K, T, N, ..]  as if N episodes had been played
    probability: np.ndarray  # [K, N]         under theta; sums to 1 over N


def all_trajectories(policy, theta, tasks):
    """Every trajectory of one episode that is possible in at least one of the tasks.

    policy  a memoryless policy
    theta   [K, P]
    tasks   with tables() and observe()

    A surrogate is linear in its advantages (or rewards): with these multiplied by
    probability[:, None] it is the mean over all trajectories.

    Raises ValueError if there are more than a million: there are up to A (S A)^(T - 1).
    """
    require_tables(tasks, policy)
    require.parameters(policy.layout, theta)
    P, R, start = tasks.tables()
    states, action = walks((start > 0).any(0), (P > 0).any(0), tasks.family.horizon)
    k, (T, N) = np.arange(len(tasks))[:, None], states.shape
    probability = start[k, states[0]]
    for t in range(T - 1):
        probability = probability * P[k, states[t], action[t], states[t + 1]]
    everywhere = (len(tasks), T, N)
    x = tasks.observe(np.broadcast_to(states, everywhere)).astype(theta.dtype)
    taken = np.broadcast_to(action, everywhere)
    u, value = policy.split(policy.forward(theta, x)[0])
    log_prob = policy.head.log_prob(u, taken)
    reward = R[k[..., None], states, action].astype(theta.dtype)
    end = np.broadcast_to((np.arange(T) == T - 1)[:, None], everywhere)
    data = Rollout(x, taken, reward, log_prob, value, end, np.ones(everywhere, bool))
    return Trajectories(data, probability.astype(theta.dtype) * np.exp(log_prob.sum(1)))


def walks(starts, leads, horizon):
    """States and actions [T, N] of all walks from the states where `starts` [S] is
    True. `leads` [S, A, S] is True where a step is possible."""
    A = leads.shape[1]
    states, actions = np.flatnonzero(starts)[None], np.zeros((0, starts.sum()), int)
    for t in range(horizon):
        if t > 0:
            which, after = np.nonzero(leads[states[-1], actions[-1]])
            if len(which) * A > MOST:
                raise ValueError(
                    f"there are more than {MOST} trajectories after {t + 1} of "
                    f"{horizon} steps; use fewer states, actions or steps")
            states, actions = np.vstack([states[:, which], after]), actions[:, which]
        choice = np.tile(np.arange(A), states.shape[1])
        states, actions = states.repeat(A, 1), np.vstack([actions.repeat(A, 1), choice])
    return states, actions
