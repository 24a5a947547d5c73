"""Plans in a Markov decision process whose tables are known, by dynamic programming.

    P  [..., S, A, S]  probability of the next state
    R  [..., S, A]     mean reward

Letters: ... leading task axes, T steps, S states, A actions.
"""
from typing import NamedTuple

import numpy as np

from .. import require


def backward(P, R, horizon, gamma, choose):
    """Values, from the last step to the first.

        Q_t = R + gamma P V_{t+1},    V_t = choose(Q_t),    V_T = 0

    choose  Q_t [..., S, A] -> V_t [..., S]: the maximum over actions, a policy's mean

    Returns Q [..., T, S, A] and V [..., T, S].
    """
    S, A = R.shape[-2:]
    P = P.reshape(R.shape[:-2] + (S * A, S))
    Q, V = [R], [choose(R)]
    for _ in range(horizon - 1):
        Q.append(R + gamma * (P @ V[-1][..., None]).reshape(V[-1].shape + (A,)))
        V.append(choose(Q[-1]))
    return np.stack(Q[::-1], -3), np.stack(V[::-1], -2)


class Plan(NamedTuple):
    """The result of value iteration, for each step t of an episode."""

    Q: np.ndarray      # [..., T, S, A]  return from t on of an action, then of the best
    value: np.ndarray  # [..., T, S]     return from t on of the best actions

    @property
    def policy(self):
        """[..., T, S]  the best action; the first of equals."""
        return self.Q.argmax(-1)


def value_iteration(P, R, horizon, gamma=1.0):
    """Finds the best actions in a known MDP, for `horizon` steps.

        Q_t(s, a) = R(s, a) + gamma sum_s' P(s'|s, a) V_{t+1}(s')
        V_t(s)    = max_a Q_t(s, a)

    P  [..., S, A, S]  probability of the next state
    R  [..., S, A]     mean reward

    Returns a Plan. Of equal actions its policy takes the first; Q shows all of them.
    Source: Bellman (1957), Dynamic Programming.
    """
    require.count("horizon", horizon)
    require.number("gamma", gamma, 0, 1)
    for name, table in (("P", P), ("R", R)):
        require.floating(name, table)
        require.finite(name, table)
    if R.ndim < 2 or P.shape != R.shape + R.shape[-2:-1]:
        raise ValueError(f"P must be [..., S, A, S] and R [..., S, A], got "
                         f"{list(P.shape)} and {list(R.shape)}")
    sums = P.sum(-1)
    if P.min() < 0 or np.abs(sums - 1).max() > 1e-6:
        raise ValueError(f"P must hold probabilities, with sum 1 over the last axis, "
                         f"got sums from {sums.min():.6g} to {sums.max():.6g}")
    return Plan(*backward(P, R, horizon, gamma, lambda Q: Q.max(-1)))
