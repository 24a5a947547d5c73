"""Policies: a network with a head. As maps,  theta, x -> y = (u, value), in the four
forms; as actors, a memory that goes in and comes out.

    MLPPolicy    memoryless: sees the observation   x = s_t
    LSTMPolicy   recurrent: and what just happened  x = (s_t, a_{t-1}, r_{t-1}, d_{t-1})

(and, where the states can be counted, TabularPolicy of tabular.py, memoryless too).

`see` builds x, and so says what an agent may know. For the recurrent policy the last
three are zero at the first step of a trial. At the first step of a later episode of the
same trial they are the last action, the last reward and d = 1 of the episode before:
the memory is carried across episodes, and this is how the agent learns that one has
ended.

`act` takes rows: theta [P] with x [R, n_in] (one theta for all), or theta [K, P] with
x [K, R, n_in] (each task its own).

Letters: K tasks, T steps, B episodes, R rows, P parameters; x [..., T, B, n_in],
y [..., T, B, m].  Source: Duan et al. (2016), RL^2; Wang et al. (2016).
"""
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .. import require
from ..calculus import LSTM, MLP
from ..calculus.maps import down
from .heads import Head, beside


class Act(NamedTuple):
    """What a policy did, one number or row for each row of x."""

    action: np.ndarray
    log_prob: np.ndarray
    value: np.ndarray


def require_head(head):
    if not isinstance(head, Head):
        raise TypeError(f"head must be a distribution over actions, such as "
                        f"Categorical(n) or Gaussian(n), got {head!r}")


class Policy:
    """A network whose outputs are (u without the head's free parameters, values), and
    the free parameters, which are the last of theta: y = (mu, log_std, value), for
    instance."""

    @cached_property
    def layout(self):
        return self.net.layout + self.head.free

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        """A random theta [P]; the last layer is scaled by 0.1, so actions start out
        alike."""
        theta = np.zeros(self.size, dtype)
        theta[:self.net.size] = self.net.init(rng, dtype)
        *_, (_, shape), _ = self.net.layout.shapes
        last = self.net.layout.offsets[-3]
        theta[last:last + shape[0] * shape[1]] *= 0.1
        return theta

    def split(self, y):
        """y [..., m] -> u [..., head.n_in], value [...] (zero for a policy without
        one)."""
        u, rest = y[..., :self.head.n_in], y[..., self.head.n_in:]
        return u, rest[..., 0] if rest.shape[-1] else np.zeros_like(u[..., 0])

    def join(self, u_bar, y, v_bar=None):
        """The transpose of split: u_bar and v_bar (nothing if None) -> y_bar, shaped as
        y."""
        n_values = y.shape[-1] - self.head.n_in
        rest = np.zeros_like(u_bar, shape=y.shape[:-1] + (n_values,))
        if v_bar is not None:
            rest[..., 0] = v_bar
        return np.concatenate([u_bar, rest], -1)

    def attach(self, y, theta):
        """Puts the free parameters, the same for all rows, behind the head's others."""
        n = self.head.n_in - self.head.free.size
        if n == self.head.n_in:
            return y
        free = theta[..., self.net.size:]
        between = (1,) * (y.ndim - theta.ndim)
        free = free.reshape(theta.shape[:-1] + between + free.shape[-1:])
        free = np.broadcast_to(free, y.shape[:-1] + free.shape[-1:])
        return beside([y[..., :n], free, y[..., n:]], theta.ndim - 1)

    def detach(self, y_bar):
        """The transpose of attach: y_bar of the network, and free_bar."""
        n, stop = self.head.n_in - self.head.free.size, self.head.n_in
        rows = y_bar.reshape(y_bar.shape[:-3] + (-1, y_bar.shape[-1]))
        free_bar = down(rows)[..., n:stop]
        if n == stop:
            return y_bar, free_bar
        return np.concatenate([y_bar[..., :n], y_bar[..., stop:]], -1), free_bar

    # The map theta, x -> y, in four forms: the network's, and attach or its transpose.

    def weights(self, theta):
        """The network's part of theta."""
        return theta[..., :self.net.size]

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, m], cache; leading axes as theta's."""
        require.parameters(self.layout, theta)
        require.data("x", x, theta.shape[:-1], (None, None, self.n_in),
                      f"[..., T, B, {self.n_in}]")
        y, cache = self.net.forward(self.weights(theta), self.fold(x))
        return self.attach(self.unfold(y, x.shape[-3]), theta), (x.shape[-3], cache)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        n_steps, cache = cache
        y_dot, cache_dot = self.net.jvp(
            self.weights(theta), cache, self.weights(theta_dot),
            None if x_dot is None else self.fold(x_dot))
        return self.attach(self.unfold(y_dot, n_steps), theta_dot), (n_steps, cache_dot)

    def vjp(self, theta, cache, y_bar):
        n_steps, cache = cache
        y_bar, free_bar = self.detach(y_bar)
        net_bar, x_bar = self.net.vjp(self.weights(theta), cache, self.fold(y_bar))
        return np.concatenate([net_bar, free_bar], -1), self.unfold(x_bar, n_steps)

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (n_steps, cache), (_, cache_dot) = cache, cache_dot
        y_bar, _ = self.detach(y_bar)
        y_bar_dot, free_bar_dot = self.detach(y_bar_dot)
        net_bar_dot, x_bar_dot = self.net.vjp_dot(
            self.weights(theta), cache, self.fold(y_bar),
            self.weights(theta_dot), cache_dot, self.fold(y_bar_dot))
        theta_bar_dot = np.concatenate([net_bar_dot, free_bar_dot], -1)
        return theta_bar_dot, self.unfold(x_bar_dot, n_steps)

    def require_obs(self, obs):
        """What a family shows must be what the policy sees."""
        if obs.shape[-1] != self.obs_size:
            raise ValueError(
                f"observations must have length {self.obs_size} for {self}, got "
                f"{obs.shape[-1]}; use obs_size=family.obs_size")

    def choose(self, y, rng):
        """Samples an action for each row."""
        u, value = self.split(y)
        action = self.head.sample(u, rng)
        return Act(action, self.head.log_prob(u, action), value)


class Memoryless(Policy):
    """What a policy that sees the observation alone does; to it all steps are alike."""

    @property
    def n_in(self):
        """Length of x."""
        return self.obs_size

    def begin(self, theta, n_rows):
        """No memory."""

    def see(self, obs, last, dtype):
        """x = s_t."""
        self.require_obs(obs)
        return obs.astype(dtype)

    def act(self, theta, memory, x, rng):
        """theta [..., P], x [..., R, n_in] -> Act, memory."""
        y, _ = self.net.forward(self.weights(theta), x)
        return self.choose(self.attach(y, theta), rng), memory

    def fold(self, x):
        """[..., T, B, n] -> [..., T B, n]: steps are rows."""
        return x.reshape(x.shape[:-3] + (-1, x.shape[-1]))

    def unfold(self, x, n_steps):
        return x.reshape(x.shape[:-2] + (n_steps, -1, x.shape[-1]))


@dataclass(frozen=True)
class MLPPolicy(Memoryless):
    """A memoryless policy.

    obs_size    length of an observation
    head        Categorical(n) or Gaussian(n)
    hidden      sizes of the hidden layers
    activation  "tanh", "sigmoid" or "relu"
    """

    obs_size: int
    head: Head
    hidden: tuple = (64, 64)
    activation: str = "tanh"
    net: MLP = field(init=False, repr=False)

    def __post_init__(self):
        require_head(self.head)
        n_out = self.head.n_in - self.head.free.size
        hidden = require.sequence("hidden", self.hidden)
        net = MLP((self.obs_size, *hidden, n_out), self.activation)
        object.__setattr__(self, "net", net)


@dataclass(frozen=True)
class LSTMPolicy(Policy):
    """A recurrent policy with a value: RL^2's actor-critic.

    obs_size   length of an observation
    head       Categorical(n) or Gaussian(n)
    n_hidden   number of LSTM cells
    sees       which of "action", "reward", "done" of the step before, and in what order
    """

    obs_size: int
    head: Head
    n_hidden: int = 48
    sees: tuple = ("action", "reward", "done")
    net: LSTM = field(init=False, repr=False)

    def __post_init__(self):
        require.count("obs_size", self.obs_size, 0)
        require_head(self.head)
        for name in self.sees:
            require.choice("sees", name, self.widths)
        n_out = self.head.n_in - self.head.free.size + 1
        object.__setattr__(self, "net", LSTM(self.n_in, self.n_hidden, n_out))

    @property
    def widths(self):
        """Length of each part of the step before, as an input."""
        return {"action": self.head.n_code, "reward": 1, "done": 1}

    @property
    def n_in(self):
        """Length of x = (s, a, r, d)."""
        return self.obs_size + sum(self.widths[name] for name in self.sees)

    def begin(self, theta, n_rows):
        """The memory before a trial: the learned initial state of the LSTM."""
        return self.net.initial_state(self.weights(theta), n_rows)

    def see(self, obs, last, dtype):
        """x = (s_t, a_{t-1}, r_{t-1}, d_{t-1}); `last` is None at the start of a
        trial."""
        self.require_obs(obs)
        x = np.zeros(obs.shape[:-1] + (self.n_in,), dtype)
        x[..., :self.obs_size] = obs
        if last is not None and self.sees:
            action, reward, done = last
            parts = {"action": self.head.encode(action), "reward": reward[..., None],
                     "done": done[..., None]}
            before = np.concatenate([parts[name] for name in self.sees], -1)
            x[..., self.obs_size:self.obs_size + before.shape[-1]] = before
        return x

    def act(self, theta, memory, x, rng):
        """theta [..., P], x [..., R, n_in] -> Act, memory."""
        y, memory = self.net.step(self.weights(theta), memory, x)
        return self.choose(self.attach(y, theta), rng), memory

    def fold(self, x):
        """Nothing to fold: to a recurrent policy the order of the steps matters."""
        return x

    def unfold(self, x, n_steps):
        return x
