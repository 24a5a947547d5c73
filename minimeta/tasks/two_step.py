"""In the two-step task a reward can be credited to an action, or to the state that the
action led to. This tells two kinds of learners apart.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .family import Discrete, Family, Tasks
from .random_mdp import one_hot

COMMON = 0.75   # probability that an action leads where it mostly leads
GOOD = 0.9      # probability of a reward in the good state; in the other, 1 - GOOD


@dataclass(frozen=True)
class TwoStep(Family):
    """A choice mostly leads where it should, but not always. The place where it leads
    may pay a reward.

    sees      where it is, one-hot: S1 (the choice), S2 or S3 (the outcomes)
    does      in S1, action 0 leads to S2 with probability .75 and else to S3, action 1
              the other way round; in S2 and S3 either action collects what there is
    earns     0 in S1; in the good one of S2 and S3, 1 with probability .9, in the other
              with probability .1, else 0
    ends      done after the second step
    a task    which of S2 and S3 is good, with equal chances, in all its episodes

    Psychologists call an episode of this task a trial. Here `episodes` of them are one
    trial of a recurrent agent, which at the choice of the next episode sees S1, the
    reward of the episode before, and d = 1.

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763; after
    Daw et al. (2011). Here the good state does not change within a trial.
    """

    episodes: int = 10

    obs_size = 3
    action = Discrete(2)
    horizon = 2

    def draw(self, K, rng):
        return TwoStepTasks(self, rng.integers(1, 3, size=K))

    def __post_init__(self):
        require.fields(self, count="episodes")


@dataclass(frozen=True)
class TwoStepTasks(Tasks):
    """K tasks. The state is 0, 1 or 2 for S1, S2 or S3, [K, B]."""

    family: TwoStep
    good: np.ndarray  # [K]  the state that pays, 1 or 2

    def observe(self, state):
        return one_hot(state, self.family.obs_size)

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, self.observe(state)

    def move(self, state, action, rng):
        is_choice, luck = state == 0, rng.random(state.shape)
        outcome = 1 + np.where(luck < COMMON, action, 1 - action)
        p = np.where(state == self.good[:, None], GOOD, 1 - GOOD)
        reward = (~is_choice & (luck < p)).astype(float)
        state = np.where(is_choice, outcome, state)
        return state, self.observe(state), reward, ~is_choice

    def oracle(self):
        """Exact: the action that mostly leads to the good state."""
        return np.full(len(self), COMMON * GOOD + (1 - COMMON) * (1 - GOOD))

    def random(self):
        """Exact: the good state half of the time."""
        return np.full(len(self), 0.5)


def episodes_as_text(obs, action, reward):
    """One trial as text. Each episode has a column: the action, the state that it led
    to, and what that state paid.

    obs     [T, 3 or more]  one-hot states first, as the task shows them
    action  [T]
    reward  [T]
    """
    rows = (("action", action[::2]), ("led to S", 2 + obs[1::2, 2]),
            ("paid", reward[1::2]))
    return "\n".join(f"{name:9}" + " ".join(f"{value:.0f}" for value in row)
                     for name, row in rows)
