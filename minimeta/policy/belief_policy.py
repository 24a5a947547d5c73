"""The belief policy keeps a belief about its task apart from what it does with it. The
belief is a normal distribution over a hidden variable m that stands for the task.

    q_t = N(mu_t, diag sigma_t^2),    (mu_t, log sigma_t), memory_t
                                          = encoder(x_t, memory_{t-1})
    (u_t, value_t) = actor(s_t, mu_t, log sigma_t)

The encoder is a recurrent map of x_t = (s_t, a_{t-1}, r_{t-1}, d_{t-1}), and the actor
is an MLP. The map of the policy shows its belief beside what the actor says:

    y_t = (u_t, value_t, mu_t, log sigma_t)

With through=False the actor takes the belief as data. Then an objective of u and value
trains the actor alone, and leaves the encoder to an objective of the belief (elbo.py).
Let b be the belief, and stop(b) = b with the derivative 0:

    y = (actor(s, stop(b)), b)
    y_dot = (actor_jvp(s_dot, 0), b_dot)                   b_dot = encoder_jvp
    s_bar, stop_bar = actor_vjp(o_bar),  b_bar = b_bar     stop_bar is dropped

With through=True stop is left out, and stop_bar is added to b_bar.

Letters: T steps, B episodes, d numbers of m; x [..., T, B, n_in].
Source: Zintgraf et al. (2020), VariBAD, arXiv 1910.08348, section 3.
"""
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Callable

import numpy as np

from .. import require
from ..calculus import GRU, MLP, Layout
from .policies import keep, require_head
from .recurrent_policy import RecurrentPolicy


def named(prefix, layout):
    """The layout with names that begin with the prefix."""
    return Layout(**{f"{prefix}_{name}": shape for name, shape in layout.shapes})


@dataclass(frozen=True)
class Believer:
    """The map x_t -> (actor(s_t, b_t), b_t) of an encoder x_t -> b_t.

    encoder   a recurrent map with the outputs b
    actor     an MLP of (s, b); s is the first part of x
    through   True: derivatives flow from the actor to the encoder
    """

    encoder: Any
    actor: MLP
    through: bool

    @cached_property
    def layout(self):
        """The encoder's names, then the actor's."""
        return named("encoder", self.encoder.layout) + named("actor", self.actor.layout)

    @property
    def size(self):
        return self.layout.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        return np.concatenate([net.init(rng, dtype, output_scale)
                               for net in (self.encoder, self.actor)])

    def split(self, theta):
        """theta of the encoder, theta of the actor."""
        return theta[..., :self.encoder.size], theta[..., self.encoder.size:]

    @property
    def n_obs(self):
        """Length of s."""
        return self.actor.sizes[0] - self.encoder.n_out

    # Acting, with the memory of the encoder.

    def initial_state(self, theta, B):
        return self.encoder.initial_state(self.split(theta)[0], B)

    def step(self, theta, state, x):
        """One step: state, x [..., B, n_in] -> y [..., B, m], state."""
        encoder, actor = self.split(theta)
        b, state = self.encoder.step(encoder, state, x)
        o, _ = self.actor.forward(actor, self.seen(x, b))
        return np.concatenate([o, b], -1), state

    def state_after(self, cache, n_steps=None):
        return self.encoder.state_after(cache[0], n_steps)

    # The four forms.

    def seen(self, x, b):
        """(s, b), all that the actor sees."""
        return np.concatenate([x[..., :self.n_obs], b], -1)

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, m], cache; leading axes as theta's."""
        encoder, actor = self.split(theta)
        b, cache = self.encoder.forward(encoder, x)
        o, actor_cache = self.actor.forward(actor, rows(self.seen(x, b)))
        return np.concatenate([steps(o, b), b], -1), (cache, actor_cache, b)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        (encoder, actor), (encoder_dot, actor_dot) = (
            self.split(theta), self.split(theta_dot))
        cache, actor_cache, b = cache
        b_dot, cache_dot = self.encoder.jvp(encoder, cache, encoder_dot, x_dot)
        if x_dot is None:
            x_dot = np.zeros_like(b_dot, shape=b.shape[:-1] + (self.n_obs,))
        seen_dot = self.seen(x_dot, b_dot if self.through else 0 * b_dot)
        o_dot, actor_cache_dot = self.actor.jvp(
            actor, actor_cache, actor_dot, rows(seen_dot))
        y_dot = np.concatenate([steps(o_dot, b), b_dot], -1)
        return y_dot, (cache_dot, actor_cache_dot, b_dot)

    def vjp(self, theta, cache, y_bar):
        (encoder, actor), (cache, actor_cache, _) = self.split(theta), cache
        o_bar, b_bar = self.parts(y_bar)
        actor_bar, seen_bar = self.actor.vjp(actor, actor_cache, rows(o_bar))
        return self.joined(steps(seen_bar, y_bar), b_bar, actor_bar, lambda b_bar:
                           self.encoder.vjp(encoder, cache, b_bar))

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (encoder, actor), (encoder_dot, actor_dot) = (
            self.split(theta), self.split(theta_dot))
        (cache, actor_cache, _), (cache_dot, actor_cache_dot, _) = cache, cache_dot
        (o_bar, b_bar), (o_bar_dot, b_bar_dot) = (
            self.parts(y_bar), self.parts(y_bar_dot))
        if self.through:
            _, seen_bar = self.actor.vjp(actor, actor_cache, rows(o_bar))
            b_bar = b_bar + steps(seen_bar, y_bar)[..., self.n_obs:]
        actor_bar_dot, seen_bar_dot = self.actor.vjp_dot(
            actor, actor_cache, rows(o_bar), actor_dot, actor_cache_dot,
            rows(o_bar_dot))
        return self.joined(
            steps(seen_bar_dot, y_bar), b_bar_dot, actor_bar_dot, lambda b_bar_dot:
            self.encoder.vjp_dot(encoder, cache, b_bar, encoder_dot, cache_dot,
                                 b_bar_dot))

    def parts(self, y):
        """o and b of y."""
        n = y.shape[-1] - self.encoder.n_out
        return y[..., :n], y[..., n:]

    def joined(self, seen_bar, b_bar, actor_bar, encode):
        """theta_bar and x_bar, where `encode` is the encoder's vjp of b_bar."""
        s_bar, stop_bar = seen_bar[..., :self.n_obs], seen_bar[..., self.n_obs:]
        encoder_bar, x_bar = encode(b_bar + stop_bar if self.through else b_bar)
        x_bar = np.concatenate([x_bar[..., :self.n_obs] + s_bar,
                                x_bar[..., self.n_obs:]], -1)
        return np.concatenate([encoder_bar, actor_bar], -1), x_bar


def rows(x):
    """[..., T, B, n] -> [..., T B, n]: the actor has no memory, so steps are rows."""
    return x.reshape(x.shape[:-3] + (-1, x.shape[-1]))


def steps(rows, like):
    """The inverse of rows, with the axes T and B of `like`."""
    return rows.reshape(like.shape[:-1] + rows.shape[-1:])


@dataclass(frozen=True)
class BeliefPolicy(RecurrentPolicy):
    """A recurrent policy that acts on a belief. It has the fields of RecurrentPolicy,
    where n_hidden and network are the encoder's, and

    n_latent   d, the length of m
    hidden     sizes of the actor's hidden layers
    through    True: an objective of the actions trains the encoder too
    """

    network: Callable = field(default=GRU, repr=False)
    n_latent: int = 5
    hidden: tuple = (32,)
    through: bool = False

    def __post_init__(self):
        require_head(self.head)
        super().__post_init__()
        require.fields(self, count="n_latent", truth="through", sequence="hidden")
        n_out = self.head.n_in - self.head.free.size + 1
        encoder = self.network(self.n_in, self.n_hidden, 2 * self.n_latent)
        actor = MLP((self.obs_size + 2 * self.n_latent, *self.hidden, n_out))
        keep(self, net=Believer(encoder, actor, self.through), hidden=actor.sizes[1:-1])
