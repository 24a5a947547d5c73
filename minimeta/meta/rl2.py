"""RL^2: adaptation is the hidden state of a recurrent policy, carried through a trial.

    h_{t+1} = f_theta(h_t, s_t, a_{t-1}, r_{t-1}, d_{t-1}),    phi = (theta, h)

There is nothing else to it: reinforcement learning of theta over whole trials makes the
network an algorithm that explores, infers the task and exploits. theta is trained by
clipped ratios (PPO) with a value and an entropy bonus, and backpropagation through time
over the whole trial:

    loss = - sum w min(A rho, A clip(rho)) + value_weight sum w (v - v_target)^2
           - entropy_weight sum w H(pi)                   w = 1 / number of steps

Returns and advantages run across the episodes of a trial (returns="trial"), so that
exploring early can earn what comes late. Beware of a reward of 1 a step where an early
end costs nothing: the next episode begins at once and is worth as much. A discount
below 1 then makes dying and surviving nearly alike. There cut the returns at the ends
of episodes (returns="episode"), which is right where one episode suffices to find out
what the task is, or pay for the end (a negative reward). With gamma=1 an agent learns
too, but not surely: see examples/rl2_survival.py.

Long trials learn best with a small gamma and lam at first, since most of what comes
after a step is noise, and with larger ones later, since exploring pays late:
gamma=LinearSchedule(0.9, 0.995).

The policy's v estimates a return in units of the batch, so that no scale or offset of
the rewards changes what value_weight means. G is the discounted return of a step:

    V = mean(G) + std(G) v,    v_target = (A + V - mean(G)) / std(G)

The policy also sees the rewards, as they are. Show it rewards of a size near 1, by
RecurrentPolicy(.., reward_unit=..), which divides them.

Letters: K tasks, T steps, B trials. One theta serves all tasks, so tasks are folded
into the rows: [K, T, B, n] -> [T, K B, n]. Source: Duan et al. (2016), RL^2, arXiv
1611.02779; Wang et al. (2016), Learning to reinforcement learn, arXiv 1611.05763;
Schulman et al. (2017), arXiv 1707.06347.
"""
import warnings
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np

from .. import require
from ..objective import Adam, ClippedRatio, LinearSchedule, Objective
from ..objective.losses import Entropy, Minus, OfActions, Sum, ValueFit
from ..objective.optimizers import clip_norm, require_schedule, schedule_value
from ..rl import counts, discounted, gae, is_rounding, normalised, rollout
from .learner import require_finite
from .slices import cut

RETURNS = dict.fromkeys(("trial", "episode"))
SCHEDULED = {"gamma": 1, "lam": 1, "rate": np.inf, "entropy_weight": np.inf}  # at most
FAR = 100.0  # a memory reads rewards badly if they are so much more or less than 1


def fold_tasks(array):
    """[K, T, B, ...] -> [T, K B, ...]: tasks become rows, each with its own memory."""
    array = np.moveaxis(array, 0, 1)
    return array.reshape(array.shape[:1] + (-1,) + array.shape[3:])


def steps_taken(x, mask):
    """x [T, R, n] with the padding of each row moved to its end, and the number of its
    steps [R]. So no memory reads padding as experience."""
    order = np.argsort(~mask, axis=0, kind="stable")
    return np.take_along_axis(x, order[..., None], 0), mask.sum(0)


@dataclass(frozen=True)
class RL2:
    """A recurrent policy learns to adapt in its memory.

    policy          a RecurrentPolicy, or any policy with a memory that keeps the
                    contract of policy/policies.py
    episodes        of a trial
    trials          B, trials of each task in a batch
    gamma, lam      discount, and the mix of advantages: numbers or schedules
    returns         "trial": returns run across the episodes of a trial; "episode":
                    they are cut where an episode ends
    clip            of the ratio
    epochs          steps on each batch
    rate            of Adam, a number or a schedule
    value_weight    of the squared error of the value, in units of the returns' spread
    entropy_weight  of the entropy bonus, a number or a schedule
    max_norm        the longest gradient, Euclidean
    """

    policy: Any
    episodes: int = 1
    trials: int = 1
    gamma: Any = 1.0
    lam: Any = 0.9
    returns: str = "trial"
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

    @property
    def layout(self):
        return self.policy.layout

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
        """The memory of K B rows after reading the trials of all batches so far, with
        which the policy goes on as one that has lived through them. Trials may end
        early, so the memory of each row is that after its own last step."""
        x, n_steps = steps_taken(
            np.concatenate([fold_tasks(data.x) for data in history]),
            np.concatenate([fold_tasks(data.mask) for data in history]))
        _, cache = self.policy.forward(theta, x)
        return self.policy.memory_after(cache, n_steps)

    def objective(self, data, progress=0.0):
        """The loss of one batch, as a function of theta."""
        now = self.scheduled(progress)
        return now.loss(*now.columns(data))

    def scheduled(self, progress):
        """The learner with numbers in place of its schedules."""
        return replace(self, **{name: schedule_value(getattr(self, name), progress)
                                for name in SCHEDULED})

    def columns(self, data):
        """The arguments of `loss`, each [T, R = K B, ..]. The losses of shards of the
        rows add up to that of the batch."""
        w = fold_tasks(data.mask / counts(data.mask).sum()).astype(data.reward.dtype)
        A, targets, scale = self.advantages(data)
        A = w * normalised(fold_tasks(A), fold_tasks(data.mask), scale)
        of_data = map(fold_tasks, (data.x, data.action, data.log_prob, data.mask))
        return *of_data, w, A, fold_tasks(targets)

    def loss(self, x, action, log_prob, mask, w, A, targets):
        """The loss of rows [T, R, ..], as a function of theta; A holds the weights."""
        surrogate = ClippedRatio(A, log_prob, mask, self.clip)
        return Objective(self.policy, x, Sum((
            (1, Minus(OfActions(self.policy, action, surrogate))),
            (self.value_weight, ValueFit(self.policy, targets, w)),
            (self.entropy_weight, Minus(Entropy(self.policy, w))),
        )))

    def value_and_grad(self, theta, part):
        """Of the loss of a shard at theta."""
        at = self.loss(*part).at(theta)
        return at.value, at.grad

    def advantages(self, data):
        """A and the value's targets, [K, T, B], and the size of the largest return."""
        cut = data.end if self.returns == "episode" else None
        G = discounted(data.reward, self.gamma, cut)
        scale, taken = np.abs(G).max(), G[data.mask]
        mean, std = taken.mean(), taken.std()
        if is_rounding(std, scale):
            std = scale if scale > 0 else scale + 1
        V = np.where(data.mask, mean + std * data.value, 0)
        A = gae(data.reward, V, self.gamma, self.lam, cut)
        return A, (A + V - mean) / std, scale

    def update(self, theta, state, history, data, progress, map=map, shards=1):
        """`epochs` steps on the loss of one batch."""
        now = self.scheduled(progress)
        columns, (K, _, B) = now.columns(data), data.mask.shape
        parts = [[np.ascontiguousarray(column[:, each.start * B:each.stop * B])
                  for column in columns] for each in cut(K, shards)]
        if state is None:
            state = self.optimizer.init(theta)
            self.warn_of_unit(data)
        for _ in range(self.epochs):
            pairs = map(partial(now.value_and_grad, theta), parts)
            loss, grad = (reduce(np.add, column) for column in zip(*pairs))
            require_finite(self.layout, loss=loss, gradient=grad)
            grad, norm = clip_norm(grad, self.max_norm)
            theta, state = self.optimizer.step(theta, grad, state, now.rate)
            require_finite(self.layout, theta=theta)
        return theta, state, {
            "return": float(data.reward.sum(1).mean()) / self.episodes,
            "loss": float(loss), "gradient": norm}

    def warn_of_unit(self, data):
        """Warns if the rewards that the policy sees are far from 1 in size."""
        size = np.sqrt(np.mean(data.reward[data.mask].astype(float) ** 2))
        seen = size / getattr(self.policy, "reward_unit", 1.0)
        if size > 0 and not 1 / FAR < seen < FAR:
            warnings.warn(f"the rewards that the policy sees have a size of about "
                          f"{seen:.0e}, which is far from 1; show them by "
                          f"RecurrentPolicy(.., reward_unit={size:.0e})", stacklevel=4)

    def __post_init__(self):
        require.fields(self, count=("episodes", "trials", "epochs"),
                       positive=("clip", "max_norm"), nonnegative="value_weight",
                       precision="dtype")
        require.choice("returns", self.returns, RETURNS)
        for name in SCHEDULED:
            require_schedule(name, getattr(self, name), SCHEDULED[name])
        require.able(self.policy, "policy", "RecurrentPolicy(..)", "begin", "see",
                     "act", "forward", "vjp")
        if not hasattr(self.policy, "memory_after"):
            raise TypeError(
                f"policy must have a memory, by which alone RL^2 adapts, such as "
                f"RecurrentPolicy(..), got {self.policy!r}")
        if not isinstance(self.optimizer, Adam):
            raise TypeError(f"optimizer must be an Adam(..), got {self.optimizer!r}")
