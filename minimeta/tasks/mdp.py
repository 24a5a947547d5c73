"""Markov decision processes whose states can be counted: a family of random ones, and
the dynamic programme that solves any.

Such tasks have tables, the same for every family:

    P, R, start = tasks.tables()
    P      [K, S, A, S]  probability of the next state
    R      [K, S, A]     mean reward
    start  [K, S]        probability of the first state

Letters: K tasks (or any leading axes ...), T steps, B episodes, S states, A actions.
"""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..calculus import boundary
from .family import Discrete, Tasks


def one_hot(index, n):
    """Integers [...] -> rows [..., n], 1 at the index and 0 elsewhere."""
    return (index[..., None] == np.arange(n)).astype(float)


class TabularTasks(Tasks):
    """K tasks whose state is a number, [K, B], at first 0, and observed one-hot."""

    @property
    def n_states(self):
        """S."""
        return self.family.obs_size

    def reset(self, B, rng):
        state = np.zeros((len(self), boundary.count("B", B)), int)
        return state, self.observe(state)

    def observe(self, state):
        return one_hot(state, self.n_states)

    def starts(self):
        """[K, S]  probability of the first state."""
        return one_hot(np.zeros(len(self), int), self.n_states)


@dataclass(frozen=True)
class RandomMDP:
    """A world without structure: where an action leads and what it pays must be found
    out.

    sees      which of `states` states it is in, one-hot; at first state 0
    does      one of `actions` actions
    earns     R[s, a] plus noise N(0, noise^2)
    ends      after `horizon` steps (no step ends it early)
    a task    P[s, a], the probabilities of the next state, uniform on the simplex (flat
              Dirichlet), and mean rewards R[s, a] from N(1, 1)

    Source: Duan et al. (2016), RL^2, table 2 and the text about it.
    """

    states: int = 10
    actions: int = 5
    horizon: int = 10
    episodes: int = 10
    noise: float = 1.0

    def __post_init__(self):
        for name in ("states", "actions", "horizon", "episodes"):
            boundary.count(name, getattr(self, name))
        boundary.number("noise", self.noise, 0)

    @property
    def obs_size(self):
        return self.states

    @property
    def action(self):
        return Discrete(self.actions)

    def sample(self, K, rng):
        """K MDPs. Exponential numbers divided by their sum are flat Dirichlet."""
        shape = (boundary.count("K", K), self.states, self.actions)
        P = rng.standard_exponential(shape + (self.states,))
        P /= P.sum(-1, keepdims=True)
        return RandomMDPTasks(self, P, rng.normal(1, 1, shape))


@dataclass(frozen=True)
class RandomMDPTasks(TabularTasks):
    """K MDPs."""

    family: RandomMDP
    P: np.ndarray  # [K, S, A, S]
    R: np.ndarray  # [K, S, A]

    def tables(self):
        return self.P, self.R, self.starts()

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
        k = np.arange(len(self))[:, None]
        ladder = self.P[k, state, action].cumsum(-1)[..., :-1]
        after = (ladder < rng.random(state.shape + (1,))).sum(-1)
        noise = self.family.noise * rng.standard_normal(state.shape)
        done = np.zeros(state.shape, bool)
        return after, self.observe(after), self.R[k, state, action] + noise, done

    def oracle(self):
        """Exact: value iteration."""
        return value_iteration(self.P, self.R, self.family.horizon).value[:, 0, 0]

    def random(self):
        """Exact: the value of acting uniformly."""
        _, V = backward(self.P, self.R, self.family.horizon, 1.0, lambda Q: Q.mean(-1))
        return V[:, 0, 0]


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
    """What value iteration finds, for each step t of an episode."""

    Q: np.ndarray      # [..., T, S, A]  return from t on of an action, then of the best
    value: np.ndarray  # [..., T, S]     return from t on of the best actions

    @property
    def policy(self):
        """[..., T, S]  the best action; the first of equals."""
        return self.Q.argmax(-1)


def value_iteration(P, R, horizon, gamma=1.0):
    """The best that can be done in a known MDP within `horizon` steps.

        Q_t(s, a) = R(s, a) + gamma sum_s' P(s'|s, a) V_{t+1}(s')
        V_t(s)    = max_a Q_t(s, a)

    P  [..., S, A, S]  probability of the next state
    R  [..., S, A]     mean reward

    Returns a Plan. Of equal actions its policy takes the first; Q shows all of them.
    Source: Bellman (1957), Dynamic Programming.
    """
    boundary.count("horizon", horizon)
    boundary.number("gamma", gamma, 0, 1)
    for name, table in (("P", P), ("R", R)):
        boundary.floating(name, table)
        boundary.finite(name, table)
    if R.ndim < 2 or P.shape != R.shape + R.shape[-2:-1]:
        raise ValueError(f"P must be [..., S, A, S] and R [..., S, A], got "
                         f"{list(P.shape)} and {list(R.shape)}")
    sums = P.sum(-1)
    if P.min() < 0 or np.abs(sums - 1).max() > 1e-6:
        raise ValueError(f"P must hold probabilities, with sum 1 over the last axis, "
                         f"got sums from {sums.min():.6g} to {sums.max():.6g}")
    return Plan(*backward(P, R, horizon, gamma, lambda Q: Q.max(-1)))
