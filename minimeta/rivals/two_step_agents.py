"""Two classical learners of the two-step task, and a measure that tells from an agent's
choices which of the two it is like.

Both add up votes, +1 for a reward and -1 for none. They differ in what a vote is for,
and choose the action that gets or leads to more votes:

    model-based   the state that the action led to, S2 or S3. This is optimal,
                  since only the state decides what is paid
    model-free    the action itself, whatever it led to

The measure is the probability of choosing the same action again, after each (reward,
transition). After a reward that came by a rare transition the model-free learner stays.
The model-based one moves its vote to the other action, which leads to that state more
often, so it stays less often than after a common transition.

    effect of reward    (p_rc + p_rr - p_nc - p_nr) / 2      model-free
    interaction         p_rc - p_rr - p_nc + p_nr            model-based

The first letter is r for rewarded or n for not, the second c for common or r for rare.
Source: Daw et al. (2011), Model-based influences on humans' choices and striatal
prediction errors; Wang et al. (2016), Learning to reinforcement learn.

Letters: K tasks, R rows.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from ..tasks import TwoStep
from .rival import Rival, acted

CREDITS = {"model-based": True, "model-free": False}


@dataclass(frozen=True)
class TwoStepAgent(Rival):
    """One of the two learners.

    kind      "model-based" or "model-free"
    episodes  in a trial
    """

    kind: str
    episodes: int

    def begin(self, theta, n_rows):
        """Votes for 1 less votes for 0, the action of the episode, the state after it:
        [3, R]."""
        return np.zeros((3, n_rows))

    def see(self, obs, last, dtype):
        """x = (s_t, a_{t-1}, r_{t-1}, d_{t-1}), the action as it is."""
        action, reward, done = np.zeros((3,) + obs.shape[:2]) if last is None else last
        x = np.concatenate([obs, np.stack([action, reward, done], -1)], -1)
        return x.astype(dtype)

    def act(self, theta, memory, x, rng):
        (votes, chosen, led), is_choice = memory, x[:, 0] == 1
        chosen = np.where(is_choice, chosen, x[:, 3])
        led = np.where(is_choice, led, x[:, 2])
        about = led if CREDITS[self.kind] else chosen
        votes = votes + x[:, 5] * (2 * x[:, 4] - 1) * (2 * about - 1)
        action = (votes + rng.uniform(-0.5, 0.5, len(x)) > 0).astype(int)
        return acted(action), np.stack([votes, chosen, led])

    def require_fit(self, family):
        if not isinstance(family, TwoStep):
            raise ValueError(f"a TwoStepAgent must play TwoStep(..), got {family}")

    def __post_init__(self):
        require.choice("kind", self.kind, CREDITS)
        require.fields(self, count="episodes")


@dataclass(frozen=True)
class Stays:
    """How often the same action was chosen again.

    stayed, n  [K, 2, 2]  episodes of each task that were followed by the same action,
                          and all, by (not rewarded, rewarded) and (rare, common)
    """

    stayed: np.ndarray
    n: np.ndarray

    @property
    def p(self):
        """[2, 2]  the probability of staying; NaN for a case that never came."""
        return self.stayed.sum(0) / self.n.sum(0)

    def effect(self, w):
        """(sum w p, half of its 95 % interval), w [2, 2]. Tasks are independent, and
        episodes of a task are not: the error is that of a ratio of sums over tasks."""
        error = ((self.stayed - self.p * self.n) * w / self.n.sum(0)).sum((1, 2))
        return float((w * self.p).sum()), float(1.96 * np.sqrt((error ** 2).sum()))

    def cell(self, is_rewarded, is_common):
        """The probability in one of the four cases, and half of its interval."""
        w = np.zeros((2, 2))
        w[int(is_rewarded), int(is_common)] = 1
        return self.effect(w)

    def reward_effect(self):
        """Main effect of reward: the sign of a model-free learner."""
        return self.effect([[-0.5, -0.5], [0.5, 0.5]])

    def interaction(self):
        """Reward x transition: the sign of a model-based learner."""
        return self.effect([[1, -1], [-1, 1]])


def stays(data):
    """A Rollout of TwoStep, one trial on each task -> Stays."""
    action, led = data.action[:, ::2, 0], data.x[:, 1::2, 0, 2]
    case = 2 * data.reward[:, 1::2, 0] + (led == action)
    case = case[:, :-1, None] == np.arange(4)
    is_stay = (action[:, 1:] == action[:, :-1])[..., None]
    shape = (len(action), 2, 2)
    return Stays((case & is_stay).sum(1).reshape(shape), case.sum(1).reshape(shape))
