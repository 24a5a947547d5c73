"""This file holds TabularTasks, the base of tasks whose states can be counted, and
RandomMDP, a family of such worlds without any structure.

Tasks with countable states have tables, in the same form for every family:

    P, R, start = tasks.tables()
    P      [K, S, A, S]  probability of the next state
    R      [K, S, A]     mean reward
    start  [K, S]        probability of the first state

Letters: K tasks (or any leading axes ...), T steps, B episodes, S states, A actions.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .family import Discrete, Family, Tasks
from .planning import backward, value_iteration


def one_hot(index, n):
    """Integers [...] -> rows [..., n], 1 at the index and 0 elsewhere."""
    return (index[..., None] == np.arange(n)).astype(float)


def draw_index(p, rng):
    """Integers [...], drawn with the probabilities p [..., n].

    The ladder of sums divides [0, top) into n intervals, and a uniform number falls
    into one of them. It never falls into an empty one, so an index of probability 0 is
    never drawn. The top is 1 up to rounding; the uniform number is multiplied by it.
    """
    ladder = p.cumsum(-1)
    return (ladder <= ladder[..., -1:] * rng.random(p.shape[:-1] + (1,))).sum(-1)


class TabularTasks(Tasks):
    """K tasks. The state is a number, [K, B]. It is 0 at first and is seen one-hot."""

    @property
    def n_states(self):
        """S."""
        return self.family.obs_size

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, self.observe(state)

    def observe(self, state):
        return one_hot(state, self.n_states)

    def starts(self):
        """[K, S]  probability of the first state."""
        return one_hot(np.zeros(len(self), int), self.n_states)


@dataclass(frozen=True)
class RandomMDP(Family):
    """A world without structure. The agent must find out where each action leads, and
    how much it pays.

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

    @property
    def obs_size(self):
        return self.states

    @property
    def action(self):
        return Discrete(self.actions)

    def draw(self, K, rng):
        """Exponential numbers, divided by their sum, have a flat Dirichlet
        distribution."""
        shape = K, self.states, self.actions
        P = rng.standard_exponential(shape + (self.states,))
        P /= P.sum(-1, keepdims=True)
        return RandomMDPTasks(self, P, rng.normal(1, 1, shape))

    def __post_init__(self):
        require.fields(self, count=("states", "actions", "horizon", "episodes"),
                       nonnegative="noise")


@dataclass(frozen=True)
class RandomMDPTasks(TabularTasks):
    """K MDPs."""

    family: RandomMDP
    P: np.ndarray  # [K, S, A, S]
    R: np.ndarray  # [K, S, A]

    def tables(self):
        return self.P, self.R, self.starts()

    def move(self, state, action, rng):
        k = np.arange(len(self))[:, None]
        after = draw_index(self.P[k, state, action], rng)
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
