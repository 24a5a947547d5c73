"""The belief policy keeps what it believes about its task apart from what it does. The
belief is a normal distribution over a hidden variable m, which stands for the task.

    q_t = N(mu_t, diag sigma_t^2),    b_t = (mu_t, log sigma_t)
    b_t, memory_t  = encoder(x_t, memory_{t-1})        x_t = (s_t, a, r, d of t - 1)
    (u_t, value_t) = actor(s_t, b_t)

The encoder is a recurrent map, the actor an MLP. As a map, the policy shows its belief
beside what the actor says:

    y = (o, b),    o = (u, value) = actor(s, stop(b))

stop(b) is b, taken as data. So an objective of u and value trains the actor alone, and
the encoder is left to an objective of the belief (elbo.py). With through=True there is
no stop:

    y_bar = (o_bar, b_bar)
    actor_bar, s_bar, seen_bar = actor_vjp(o_bar)
    encoder_bar, x_bar = encoder_vjp(b_bar)              with stop
                         encoder_vjp(b_bar + seen_bar)   without

stop(b) is the real part of b: then a complex step in theta passes where the derivative
does, and is stopped where the derivative is.

Letters: T steps, B episodes, d numbers of m; x [..., T, B, n_in].
Source: Zintgraf et al. (2020), VariBAD, arXiv 1910.08348, section 3.
"""
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Callable

import numpy as np

from .. import require
from ..calculus import GRU, MLP, Layout
from ..calculus.mlp import fold_steps, unfold_steps
from .policies import keep
from .recurrent_policy import RecurrentPolicy


def named(prefix, layout):
    """The layout with names that begin with the prefix."""
    return Layout(**{f"{prefix}_{name}": shape for name, shape in layout.shapes})


@dataclass(frozen=True)
class EncoderActor:
    """The map x_t -> (actor(s_t, seen of b_t), b_t) of an encoder x_t -> b_t.

    encoder   a recurrent map with the outputs b
    actor     an MLP of s and what it sees of b
    n_obs     length of s, the first part of x
    through   True: derivatives flow from the actor to the encoder
    """

    encoder: Any
    actor: MLP
    n_obs: int
    through: bool = False

    @cached_property
    def layout(self):
        """The encoder's names, then the actor's."""
        return named("encoder", self.encoder.layout) + named("actor", self.actor.layout)

    @property
    def size(self):
        return self.layout.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta; output_scale is the actor's alone."""
        return np.concatenate([self.encoder.init(rng, dtype),
                               self.actor.init(rng, dtype, output_scale)])

    def split(self, theta):
        """theta of the encoder, theta of the actor."""
        return theta[..., :self.encoder.size], theta[..., self.encoder.size:]

    # What each of them sees of x and b. stop is the real part: see above.

    def read(self, x):
        """What the encoder sees."""
        return x

    def seen(self, x, b):
        """What the actor sees."""
        return np.concatenate([x[..., :self.n_obs], b if self.through else b.real], -1)

    def seen_dot(self, x_dot, b_dot):
        """The tangent of seen."""
        return self.seen(x_dot, b_dot if self.through else 0 * b_dot)

    def joined(self, read_bar, s_bar, rest_bar):
        """x_bar, of the cotangents of what both see; rest_bar is that of b."""
        n = self.n_obs
        return np.concatenate([read_bar[..., :n] + s_bar, read_bar[..., n:]], -1)

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

    def forward(self, theta, x):
        """x [..., T, B, n_in] -> y [..., T, B, m], cache; leading axes as theta's."""
        encoder, actor = self.split(theta)
        b, cache = self.encoder.forward(encoder, self.read(x))
        o, actor_cache = self.actor.forward(actor, fold_steps(self.seen(x, b)))
        y = np.concatenate([unfold_steps(o, x.shape[-3]), b], -1)
        return y, (cache, actor_cache, x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        (encoder, actor), (encoder_dot, actor_dot) = (
            self.split(theta), self.split(theta_dot))
        cache, actor_cache, x = cache
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        b_dot, cache_dot = self.encoder.jvp(
            encoder, cache, encoder_dot, self.read(x_dot))
        o_dot, actor_cache_dot = self.actor.jvp(
            actor, actor_cache, actor_dot, fold_steps(self.seen_dot(x_dot, b_dot)))
        y_dot = np.concatenate([unfold_steps(o_dot, x.shape[-3]), b_dot], -1)
        return y_dot, (cache_dot, actor_cache_dot)

    def vjp(self, theta, cache, y_bar):
        (encoder, actor), (cache, actor_cache, _) = self.split(theta), cache
        o_bar, b_bar = self.parts(y_bar)
        actor_bar, seen_bar = self.actor.vjp(actor, actor_cache, fold_steps(o_bar))
        s_bar, rest_bar = self.halves(seen_bar, y_bar)
        b_bar = b_bar + rest_bar if self.through else b_bar
        encoder_bar, read_bar = self.encoder.vjp(encoder, cache, b_bar)
        return (np.concatenate([encoder_bar, actor_bar], -1),
                self.joined(read_bar, s_bar, rest_bar))

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (encoder, actor), (encoder_dot, actor_dot) = (
            self.split(theta), self.split(theta_dot))
        (cache, actor_cache, _), (cache_dot, actor_cache_dot) = cache, cache_dot
        (o_bar, b_bar), (o_bar_dot, b_bar_dot) = (
            self.parts(y_bar), self.parts(y_bar_dot))
        actor_bar_dot, seen_bar_dot = self.actor.vjp_dot(
            actor, actor_cache, fold_steps(o_bar), actor_dot, actor_cache_dot,
            fold_steps(o_bar_dot))
        s_bar_dot, rest_bar_dot = self.halves(seen_bar_dot, y_bar)
        if self.through:
            _, seen_bar = self.actor.vjp(actor, actor_cache, fold_steps(o_bar))
            b_bar = b_bar + self.halves(seen_bar, y_bar)[1]
            b_bar_dot = b_bar_dot + rest_bar_dot
        encoder_bar_dot, read_bar_dot = self.encoder.vjp_dot(
            encoder, cache, b_bar, encoder_dot, cache_dot, b_bar_dot)
        return (np.concatenate([encoder_bar_dot, actor_bar_dot], -1),
                self.joined(read_bar_dot, s_bar_dot, rest_bar_dot))

    def parts(self, y):
        """o and b of y."""
        n = self.actor.sizes[-1]
        return y[..., :n], y[..., n:]

    def halves(self, seen, like):
        """s and the rest of what the actor sees, given as rows."""
        seen = unfold_steps(seen, like.shape[-3])
        return seen[..., :self.n_obs], seen[..., self.n_obs:]


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
        super().__post_init__()
        require.fields(self, count="n_latent", truth="through", sequence="hidden")
        n_out, n_seen = self.net.n_out, self.obs_size + 2 * self.n_latent
        encoder = self.network(self.n_in, self.n_hidden, 2 * self.n_latent)
        actor = MLP((n_seen, *self.hidden, n_out))
        keep(self, net=EncoderActor(encoder, actor, self.obs_size, self.through),
             hidden=actor.sizes[1:-1])
