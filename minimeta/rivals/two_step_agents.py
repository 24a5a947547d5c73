"""The two-step task, played by two known learners, and how to tell from the outside
which of them somebody is.

Both add up votes, a reward +1 and its absence -1, and choose what has more. They differ
in what a vote is cast for:

    model-based   where the action led: S2 or S3. Optimal, since that is what pays.
    model-free    the action itself, whatever it led to

The sign is the probability of choosing the same action again, by (reward, transition).
After a reward that came by a rare transition the model-free learner stays, and the
model-based one leaves, since the other action leads there more often:

    effect of reward    (p_rc + p_rr - p_nc - p_nr) / 2      model-free
    interaction         p_rc - p_rr - p_nc + p_nr            model-based

where the first letter is r, rewarded, or n, not; the second c, common, or r, rare.
Source: Daw et al. (2011), Model-based influences on humans' choices and striatal
prediction errors; Wang et al. (2016), Learning to reinforcement learn.

Letters: K tasks, R rows.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from ..policy.policies import Act
from ..rl import rollout

CREDITS = {"model-based": True, "model-free": False}


@dataclass(frozen=True)
class TwoStepAgent:
    """One of the two learners.

    kind      "model-based" or "model-free"
    episodes  rounds in a trial
    """

    kind: str
    episodes: int

    rounds = 0  # it is evaluated as a learner that has nothing left to learn
    adapts_between_trials = False

    def __post_init__(self):
        require.choice("kind", self.kind, CREDITS)
        require.count("episodes", self.episodes)

    def begin(self, theta, n_rows):
        """Votes for 1 against 0, the action of the round and where it led: [3, R]."""
        return np.zeros((3, n_rows), int)

    def see(self, obs, last, dtype):
        """x = (s_t, a_{t-1}, r_{t-1}, d_{t-1}), the action as it is."""
        action, reward, done = np.zeros((3,) + obs.shape[:2]) if last is None else last
        return np.concatenate(
            [obs, np.stack([action, reward, done], -1)], -1).astype(int)

    def act(self, theta, memory, x, rng):
        (votes, chosen, led), is_choice = memory, x[:, 0] == 1
        chosen = np.where(is_choice, chosen, x[:, 3])
        led = np.where(is_choice, led, x[:, 2])
        about = led if CREDITS[self.kind] else chosen
        votes = votes + x[:, 5] * (2 * x[:, 4] - 1) * (2 * about - 1)
        action = (votes + rng.uniform(-0.5, 0.5, len(x)) > 0).astype(int)
        nothing = np.zeros(len(x))
        return Act(action, nothing, nothing), np.stack([votes, chosen, led])

    def collect(self, theta, tasks, rng):
        """One trial on each task."""
        return rollout(self, None, tasks, trials=1, episodes=self.episodes, rng=rng)


@dataclass(frozen=True)
class Stays:
    """How often the same action was chosen again.

    stayed, n  [K, 2, 2]  rounds of each task that were followed by the same action, and
                          all, by (not rewarded, rewarded) and (rare, common)
    """

    stayed: np.ndarray
    n: np.ndarray

    @property
    def p(self):
        """[2, 2]  the probability of staying."""
        return self.stayed.sum(0) / self.n.sum(0)

    def effect(self, w):
        """(sum w p, half of its 95 % interval), w [2, 2]. Tasks are independent, rounds
        of a task are not: the error is of a ratio of sums over tasks."""
        error = ((self.stayed - self.p * self.n) * w / self.n.sum(0)).sum((1, 2))
        return float((w * self.p).sum()), float(1.96 * np.sqrt((error ** 2).sum()))

    def cell(self, is_rewarded, is_common):
        """The probability in one of the four cases, and half of its interval."""
        w = np.zeros((2, 2))
        w[int(is_rewarded), int(is_common)] = 1
        return self.effect(w)

    def reward_effect(self):
        """Main effect of reward: the sign of a model-free learner."""
        return self.effect(np.array([[-0.5, -0.5], [0.5, 0.5]]))

    def interaction(self):
        """Reward x transition: the sign of a model-based learner."""
        return self.effect(np.array([[1.0, -1.0], [-1.0, 1.0]]))


def stays(data):
    """A Rollout of TwoStep, one trial on each task -> Stays."""
    action, led = data.action[:, ::2, 0], data.x[:, 1::2, 0, 2].astype(int)
    reward, is_common = data.reward[:, 1::2, 0].astype(int), (led == action).astype(int)
    case = (2 * reward + is_common)[:, :-1, None] == np.arange(4)
    is_stay = (action[:, 1:] == action[:, :-1])[..., None]
    shape = (len(action), 2, 2)
    return Stays((case & is_stay).sum(1).reshape(shape), case.sum(1).reshape(shape))
