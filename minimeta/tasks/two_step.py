"""The two-step task: rewards that can be credited to an action, or to where it led."""
from dataclasses import dataclass

import numpy as np

from .. import require
from .family import Discrete, Tasks

COMMON = 0.75   # probability that an action leads where it mostly leads
GOOD = 0.9      # probability of a reward in the good state; 1 - GOOD in the other


@dataclass(frozen=True)
class TwoStep:
    """A choice that mostly, not always, leads where it should; then a reward, or none.

    sees      where it is, one-hot: S1 (the choice), S2 or S3 (the outcomes)
    does      in S1, action 0 leads to S2 with probability .75 and else to S3, action 1
              the other way round; in S2 and S3 either action collects what there is
    earns     0 in S1; in the good one of S2 and S3, 1 with probability .9, in the other
              with probability .1, else 0
    ends      done after the second step
    a task    which of S2 and S3 is good, with equal chances, for all `trials` rounds

    Each round is an episode, and `trials` rounds (trials, to psychologists) are one
    trial of a recurrent agent. So at the choice of the next round it sees S1, the
    reward of the round before, and d = 1.

    Source: Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763; after
    Daw et al. (2011). Here the good state does not change within a trial.
    """

    trials: int = 10

    obs_size = 3
    action = Discrete(2)
    horizon = 2

    def __post_init__(self):
        require.count("trials", self.trials)

    @property
    def episodes(self):
        return self.trials

    def sample(self, K, rng):
        """K tasks."""
        return TwoStepTasks(self, rng.integers(1, 3, size=require.count("K", K)))


@dataclass(frozen=True)
class TwoStepTasks(Tasks):
    """K tasks. The state is 0, 1 or 2 for S1, S2 or S3, [K, B]."""

    family: TwoStep
    good: np.ndarray  # [K]  the state that pays, 1 or 2

    def observe(self, state):
        return (state[..., None] == np.arange(3)).astype(float)

    def reset(self, B, rng):
        state = np.zeros((len(self), require.count("B", B)), int)
        return state, self.observe(state)

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
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


def picture(obs, action, reward):
    """One trial as text, a column for each round: the state that action 0 or 1 led to,
    and what it paid.

    obs     [T, 3 or more]  one-hot states first, as the task shows them
    action  [T]
    reward  [T]
    """
    rows = (("action", action[::2]), ("led to S", 2 + obs[1::2, 2]),
            ("paid", reward[1::2]))
    return "\n".join(f"{name:9}" + " ".join(f"{value:.0f}" for value in row)
                     for name, row in rows)
