"""A policy chooses actions: it is a network with a head, a distribution over actions.

    MLPPolicy        memoryless: sees the observation    x = s_t
    TabularPolicy    the same, for states that can be counted (tabular.py)
    RecurrentPolicy  sees also what just happened        x = (s_t, a_{t-1}, r_{t-1},
                     (recurrent_policy.py)                    d_{t-1})

A policy is two things. It is a map,  theta, x -> y = (u, value),  in the four forms,
with `split` and `join` between y and its parts. And it acts, with a memory that goes in
and comes out:

    head, layout, size, init(rng, dtype), is_recurrent
    begin(theta, n_rows)        -> memory           before a trial, one for each row
    see(obs, last, dtype)       -> x                `last` is (action, reward, done) of
                                                    the step before; None at the start
    act(theta, memory, x, rng)  -> Act, memory      one step of all rows
    memory_after(cache, n_steps=None)  -> memory    recurrent policies alone: as acting
                                                    leaves it after the last step of a
                                                    forward pass, or after n_steps of
                                                    each row

`see` builds x, and so says what an agent may know. A recurrent policy sees zeros in
place of (a, r, d) at the first step of a trial. At the first step of a later episode of
the same trial it sees the last action, the last reward and d = 1 of the episode before:
the memory is carried across episodes, and this input tells that one has ended.

`act` takes rows: theta [P] with x [R, n_in] (one theta for all), or theta [K, P] with
x [K, R, n_in] (each task its own).

Letters: K tasks, T steps, B episodes, R rows, P parameters; x [..., T, B, n_in],
y [..., T, B, m].  Source: Duan et al. (2016), RL^2; Wang et al. (2016).
"""
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import require
from ..calculus import MLP
from ..calculus.fast import concatenate_last, sum_rows
from ..calculus.mlp import fold_steps, unfold_steps
from ..calculus.pullback import pullback, served_by
from .heads import Head


class Act(NamedTuple):
    """The result of acting, one number or row for each row of x.

    x   what the policy acted on, if it put something of its own into x, such as a draw
    """

    action: np.ndarray
    log_prob: np.ndarray
    value: np.ndarray
    x: Any = None


class Attached:
    """The pullback of a policy: that of its network, with the head's free parameters
    detached."""

    def __init__(self, policy, theta, cache, y_bar):
        y_bar, self.free_bar = policy.detach(y_bar)
        self.policy, (_, cache) = policy, cache
        self.back = pullback(
            policy.net, policy.weights(theta), cache, policy.fold_steps(y_bar))

    def theta_bar(self):
        return np.concatenate([self.back.theta_bar(), self.free_bar], -1)

    def theta_bar_dot(self, theta_dot, cache_dot, y_bar_dot):
        y_bar_dot, free_bar_dot = self.policy.detach(y_bar_dot)
        (_, cache_dot), weights_dot = cache_dot, self.policy.weights(theta_dot)
        net_bar_dot = self.back.theta_bar_dot(
            weights_dot, cache_dot, self.policy.fold_steps(y_bar_dot))
        return np.concatenate([net_bar_dot, free_bar_dot], -1)


class Policy:
    """A network with a head. The network gives u without the head's free parameters,
    and a value if it has one. The free parameters are the last of theta. For a Gaussian
    head with a value, y = (mu, log_std, value)."""

    @cached_property
    def layout(self):
        return self.net.layout + self.head.free

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        """A random theta [P]. The network's outputs are small at first (the weights of
        its last layer are scaled by 0.1), so that actions start out alike."""
        free = np.zeros(self.head.free.size, dtype)
        return np.concatenate([self.net.init(rng, dtype, output_scale=0.1), free])

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
            rest[..., :1] = v_bar[..., None]
        return np.concatenate([u_bar, rest], -1)

    def attach(self, y, theta):
        """Puts the free parameters, the same for all rows, after the other parameters
        of the head: y of the network -> y of the policy."""
        n = self.head.n_in - self.head.free.size
        if n == self.head.n_in:
            return y
        free = theta[..., self.net.size:]
        between = (1,) * (y.ndim - theta.ndim)
        free = free.reshape(theta.shape[:-1] + between + free.shape[-1:])
        free = np.broadcast_to(free, y.shape[:-1] + free.shape[-1:])
        return concatenate_last([y[..., :n], free, y[..., n:]], theta.ndim - 1)

    def detach(self, y_bar):
        """The transpose of attach: y_bar of the policy -> y_bar of the network, and
        free_bar."""
        n, stop = self.head.n_in - self.head.free.size, self.head.n_in
        free_bar = sum_rows(fold_steps(y_bar))[..., n:stop]
        if n == stop:
            return y_bar, free_bar
        return np.concatenate([y_bar[..., :n], y_bar[..., stop:]], -1), free_bar

    # The map theta, x -> y, in four forms: the network's form, then attach; or detach,
    # then the network's form.

    def weights(self, theta):
        """The network's part of theta."""
        return theta[..., :self.net.size]

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, m], cache; leading axes as theta's."""
        require.parameters(self.layout, theta)
        require.shaped("x", x, theta.shape[:-1], (None, None, self.n_in),
                       f"[..., T, B, {self.n_in}]")
        n_steps = x.shape[-3]
        y, cache = self.net.forward(self.weights(theta), self.fold_steps(x))
        return self.attach(self.unfold_steps(y, n_steps), theta), (n_steps, cache)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        n_steps, cache = cache
        y_dot, cache_dot = self.net.jvp(
            self.weights(theta), cache, self.weights(theta_dot),
            None if x_dot is None else self.fold_steps(x_dot))
        y_dot = self.attach(self.unfold_steps(y_dot, n_steps), theta_dot)
        return y_dot, (n_steps, cache_dot)

    @served_by(Attached)
    def vjp(self, theta, cache, y_bar):
        n_steps, cache = cache
        y_bar, free_bar = self.detach(y_bar)
        net_bar, x_bar = self.net.vjp(
            self.weights(theta), cache, self.fold_steps(y_bar))
        theta_bar = np.concatenate([net_bar, free_bar], -1)
        return theta_bar, self.unfold_steps(x_bar, n_steps)

    @served_by(Attached)
    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (n_steps, cache), (_, cache_dot) = cache, cache_dot
        y_bar, _ = self.detach(y_bar)
        y_bar_dot, free_bar_dot = self.detach(y_bar_dot)
        net_bar_dot, x_bar_dot = self.net.vjp_dot(
            self.weights(theta), cache, self.fold_steps(y_bar),
            self.weights(theta_dot), cache_dot, self.fold_steps(y_bar_dot))
        theta_bar_dot = np.concatenate([net_bar_dot, free_bar_dot], -1)
        return theta_bar_dot, self.unfold_steps(x_bar_dot, n_steps)

    def require_obs(self, obs):
        """Raises ValueError if the policy does not see what the family shows."""
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
    """A policy that sees the observation alone. All steps are alike to it, so steps
    become rows."""

    is_recurrent = False

    @property
    def n_in(self):
        """Length of x."""
        return self.obs_size

    def begin(self, theta, n_rows):
        """Returns None: there is no memory."""

    def see(self, obs, last, dtype):
        """x = s_t."""
        self.require_obs(obs)
        return obs.astype(dtype)

    def act(self, theta, memory, x, rng):
        """theta [..., P], x [..., R, n_in] -> Act, memory."""
        net, weights = self.net, self.weights(theta)
        y = net.step(weights, x) if hasattr(net, "step") else net.forward(weights, x)[0]
        return self.choose(self.attach(y, theta), rng), memory

    fold_steps, unfold_steps = staticmethod(fold_steps), staticmethod(unfold_steps)


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
        keep(self, obs_size=net.sizes[0], hidden=net.sizes[1:-1], net=net)


def require_head(head):
    """Raises TypeError if `head` is not a Head."""
    if not isinstance(head, Head):
        raise TypeError(f"head must be a distribution over actions, such as "
                        f"Categorical(n) or Gaussian(n), got {head!r}")


def keep(policy, **values):
    """Sets fields of a frozen dataclass that is being made."""
    for name, value in values.items():
        object.__setattr__(policy, name, value)
