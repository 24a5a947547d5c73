"""RL^2: adaptation is the hidden state of a recurrent policy, carried through a trial.

    h_{t+1} = f_theta(h_t, s_t, a_{t-1}, r_{t-1}, d_{t-1}),    phi = (theta, h)

There is nothing else to it: reinforcement learning of theta over whole trials makes the
LSTM an algorithm that explores, infers the task and exploits. Returns and advantages
run across the episodes of a trial, so that exploring early can earn what comes late.
theta is trained by clipped ratios (PPO) with a value and an entropy bonus, and
backpropagation through time over the whole trial.

Letters: K tasks, T steps, B trials. One theta serves all tasks, so tasks are folded
into the rows: [K, T, B, n] -> [T, K B, n]. Source: Duan et al. (2016), RL^2, arXiv
1611.02779; Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763;
Schulman et al. (2017), arXiv 1707.06347.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..objective import Adam, ClippedRatio, LinearSchedule, Objective
from ..policy import LSTMPolicy
from ..objective.losses import Entropy, OfActions, Sum, ValueFit
from ..objective.optimizers import at, clip_norm, require_schedule
from ..rl import gae, normalised, rollout
from .gradient import counts
from .learner import require_finite


def fold(array):
    """[K, T, B, ...] -> [T, K B, ...]: tasks become rows, each with its own memory."""
    array = np.moveaxis(array, 0, 1)
    return array.reshape(array.shape[:1] + (-1,) + array.shape[3:])


@dataclass(frozen=True)
class RL2:
    """The learner.

    policy          an LSTMPolicy
    episodes        of a trial
    trials          B, trials of each task in a batch
    gamma, lam      discount, and the mix of advantages, across the whole trial
    clip            of the ratio
    epochs          steps on each batch
    rate            of Adam, a number or a schedule
    value_weight    of the squared error of the value
    entropy_weight  of the entropy bonus, a number or a schedule
    max_norm        the longest gradient, Euclidean
    """

    policy: LSTMPolicy
    episodes: int = 1
    trials: int = 1
    gamma: float = 1.0
    lam: float = 0.9
    clip: float = 0.2
    epochs: int = 3
    rate: Any = LinearSchedule(6e-3, 0.0)
    value_weight: float = 0.5
    entropy_weight: Any = LinearSchedule(0.02, 0.0)
    max_norm: float = 1.0
    optimizer: Adam = Adam()
    dtype: Any = np.float32

    rounds = 0  # all adaptation happens inside the trial
    adapts_between_trials = False

    def __post_init__(self):
        for name in ("episodes", "trials", "epochs"):
            require.count(name, getattr(self, name))
        require.number("gamma", self.gamma, 0, 1)
        require.number("lam", self.lam, 0, 1)
        require.number("clip", self.clip, 0, is_open=True)
        require.number("max_norm", self.max_norm, 0, is_open=True)
        require.number("value_weight", self.value_weight, 0)
        require.precision(self.dtype)
        require_schedule("rate", self.rate)
        require_schedule("entropy_weight", self.entropy_weight)
        if not isinstance(self.policy, LSTMPolicy):
            raise TypeError(f"policy must be an LSTMPolicy, got {self.policy!r}")
        if not isinstance(self.optimizer, Adam):
            raise TypeError(f"optimizer must be an Adam(..), got {self.optimizer!r}")

    def init(self, rng):
        """A random theta [P]."""
        return self.policy.init(rng, self.dtype)

    def collect(self, theta, tasks, rng):
        """One batch of trials."""
        n = tasks.family.episodes
        if n != self.episodes:
            raise ValueError(
                f"episodes must be those of the family's trials, {n}, got "
                f"{self.episodes}; use RL2(.., episodes={n}) or another family")
        return rollout(self.policy, theta, tasks, trials=self.trials,
                       episodes=self.episodes, rng=rng)

    def adapt(self, theta, history):
        """The memory (h, c), each [K B, H], after reading the trials of all batches so
        far: from here the policy goes on as one that has lived through them."""
        x = np.concatenate([fold(data.x) for data in history])
        _, (_, cache) = self.policy.forward(theta, x)
        return cache.state

    def objective(self, data, entropy_weight):
        """The loss of one batch, as a function of theta."""
        counts(data.mask)
        data_mask = fold(data.mask).astype(data.reward.dtype)
        w = data_mask / data_mask.sum()
        A = gae(data.reward, data.value, self.gamma, self.lam)
        targets = fold(A + data.value)
        surrogate = ClippedRatio(
            w * normalised(fold(A), data_mask), fold(data.log_prob), self.clip)
        loss = Sum((
            (-1, OfActions(self.policy, fold(data.action), surrogate)),
            (self.value_weight, ValueFit(self.policy, targets, w)),
            (-entropy_weight, Entropy(self.policy, w)),
        ))
        return Objective(self.policy, fold(data.x), loss)

    def update(self, theta, state, history, data, progress):
        """`epochs` steps on the loss of one batch."""
        state = self.optimizer.init(theta) if state is None else state
        objective = self.objective(data, at(self.entropy_weight, progress))
        for _ in range(self.epochs):
            point = objective.at(theta)
            require_finite(
                self.policy.layout, loss=point.value, gradient=point.grad)
            grad, norm = clip_norm(point.grad, self.max_norm)
            theta, state = self.optimizer.step(
                theta, grad, state, at(self.rate, progress))
            require_finite(self.policy.layout, theta=theta)
        returns = data.reward.sum(1)
        return theta, state, {"return": float(returns.mean()),
                              "loss": float(point.value), "gradient": norm}
