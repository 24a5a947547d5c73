"""The recurrent policy sees what just happened, and has a memory and a value.

    x_t = (s_t, a_{t-1}, r_{t-1}, d_{t-1})        s, the observation; d, done
    (u_t, value_t), memory_t = network(x_t, memory_{t-1})

Letters: K tasks, T steps, B trials, R rows; x [..., T, B, n_in].
Source: Duan et al. (2016), RL^2, arXiv 1611.02779; Wang et al. (2016), arXiv
1611.05763.
"""
from dataclasses import dataclass, field
from typing import Any, Callable

import numpy as np

from .. import require
from ..calculus import LSTM
from .heads import Head
from .policies import Policy, keep, require_head


@dataclass(frozen=True)
class RecurrentPolicy(Policy):
    """A recurrent policy with a value: RL^2's actor-critic.

    obs_size     length of an observation
    head         Categorical(n) or Gaussian(n)
    n_hidden     number of cells
    network      LSTM, GRU, or one of your own: network(n_in, n_hidden, n_out) returns a
                 recurrent map (calculus/recurrent.py has its contract)
    sees         those of "action", "reward", "done" of the step before that the network
                 sees, in this order
    reward_unit  the network sees rewards divided by this: choose it so that they are
                 near 1
    """

    obs_size: int
    head: Head
    n_hidden: int = 48
    network: Callable = field(default=LSTM, repr=False)
    sees: tuple = ("action", "reward", "done")
    reward_unit: float = 1.0
    net: Any = field(init=False)

    is_recurrent = True

    @property
    def widths(self):
        """Length of each number of the step before, as an input."""
        return {"action": self.head.n_code, "reward": 1, "done": 1}

    @property
    def n_in(self):
        """Length of x = (s, a, r, d)."""
        return self.obs_size + sum(self.widths[name] for name in self.sees)

    def begin(self, theta, n_rows):
        """The memory before a trial: the learned initial state of the network."""
        return self.net.initial_state(self.weights(theta), n_rows)

    def see(self, obs, last, dtype):
        """x = (s_t, a_{t-1}, r_{t-1}, d_{t-1}); `last` is None at the start of a
        trial."""
        self.require_obs(obs)
        x = np.zeros(obs.shape[:-1] + (self.n_in,), dtype)
        x[..., :self.obs_size] = obs
        if last is not None and self.sees:
            action, reward, done = last
            seen = {"action": self.head.encode(action), "done": done[..., None],
                    "reward": reward[..., None] / self.reward_unit}
            before = np.concatenate([seen[name] for name in self.sees], -1)
            x[..., self.obs_size:self.obs_size + before.shape[-1]] = before
        return x

    def act(self, theta, memory, x, rng):
        """theta [..., P], x [..., R, n_in] -> Act, memory."""
        y, memory = self.net.step(self.weights(theta), memory, x)
        return self.choose(self.attach(y, theta), rng), memory

    def memory_after(self, cache, n_steps=None):
        """The memory that acting would have after the last step of a forward pass, or
        after n_steps [..., B] steps of each row."""
        _, cache = cache
        return self.net.state_after(cache, n_steps)

    def fold_steps(self, x):
        """x itself: a recurrent network runs through the steps in their order."""
        return x

    def unfold_steps(self, x, n_steps):
        """x itself."""
        return x

    def __post_init__(self):
        require_head(self.head)
        require.fields(self, whole="obs_size", count="n_hidden", sequence="sees",
                       positive="reward_unit")
        for name in self.sees:
            require.choice("sees", name, self.widths)
        n_out = self.head.n_in - self.head.free.size + 1
        net = self.network(self.n_in, self.n_hidden, n_out)
        require.able(net, "network(n_in, n_hidden, n_out)", "LSTM(8, 48, 6)", "step",
                     "initial_state", "forward", "jvp", "vjp", "vjp_dot", "state_after")
        keep(self, net=net)
