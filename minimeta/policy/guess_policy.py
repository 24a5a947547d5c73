"""The guess policy acts as if it knew its task. When an episode begins it guesses the
hidden variable m, by a draw from its belief, and holds this guess until the end.

    b_t = (mu_t, log sigma_t) = encoder of all transitions before t     blind to order
    m   = mu_t + sigma_t noise        where an episode begins; then held
    (u_t, value_t) = actor(s_t, m)

The actor sees the guess, and not how sure it is. So the policy gathers no information
for its own sake: it learns of its task what acting on guesses happens to show.

A guess is data, once it is drawn. As a map the policy is given its guesses beside x,
and y = (u, value, b) are two maps side by side:

    x = (s, a, r, d, m)  ->  (actor(s, m), encoder(s, a, r, d))

Letters: T steps, B episodes, d numbers of m, R rows.
Source: Rakelly et al. (2019), PEARL, arXiv 1903.08254, section 5.
"""
from dataclasses import dataclass, field

import numpy as np

from .. import require
from ..calculus import MLP
from .belief_policy import EncoderActor
from .heads import Head
from .policies import Policy, keep, require_head
from .product import Product
from .recurrent_policy import RecurrentPolicy
from .reparameterised import sample

HELD = dict.fromkeys(("episode", "step"))


class Guesser(EncoderActor):
    """An EncoderActor whose actor sees a guess, the last part of x, in place of b."""

    @property
    def n_guess(self):
        return self.actor.sizes[0] - self.n_obs

    def read(self, x):
        return x[..., :-self.n_guess]

    def seen(self, x, b):
        return np.concatenate([x[..., :self.n_obs], x[..., -self.n_guess:]], -1)

    seen_dot = seen

    def joined(self, read_bar, s_bar, rest_bar):
        return np.concatenate([super().joined(read_bar, s_bar, rest_bar), rest_bar], -1)


@dataclass(frozen=True)
class GuessPolicy(Policy):
    """A policy that acts on guesses. obs_size, head, sees and reward_unit are those of
    RecurrentPolicy.

    n_latent  d, the length of m
    votes     sizes of the hidden layers of the encoder's MLP, see product.py
    hidden    sizes of the actor's hidden layers
    held      how long a guess is held: an "episode", or a "step", which is Thompson
              sampling in a bandit
    """

    obs_size: int
    head: Head
    sees: tuple = ("action", "reward", "done")
    reward_unit: float = 1.0
    n_latent: int = 5
    votes: tuple = (32,)
    hidden: tuple = (32,)
    held: str = "episode"
    net: Guesser = field(init=False, repr=False)

    is_recurrent = True
    widths, see = RecurrentPolicy.widths, RecurrentPolicy.see
    fold_steps, unfold_steps = RecurrentPolicy.fold_steps, RecurrentPolicy.unfold_steps

    @property
    def n_in(self):
        """Length of x = (s, a, r, d, m)."""
        return self.net.encoder.n_in + self.n_latent

    def begin(self, theta, n_rows):
        """The memory before a trial: the encoder's, the guess, and 1 where a new guess
        is due."""
        return self.due(self.net.initial_state(self.weights(theta), n_rows))

    def due(self, state):
        """The memory with which a new guess is due."""
        nothing = np.zeros_like(state[0])  # as many numbers as m has
        return (*state, nothing, np.ones_like(nothing[..., :1]))

    def act(self, theta, memory, x, rng):
        """theta [..., P], x [..., R, n_in] -> Act, memory. The m in x is not looked at:
        the guess is in the memory, and Act.x is x with this guess in its place."""
        (*state, m, due), net = memory, self.net
        encoder, actor = net.split(self.weights(theta))
        b, state = net.encoder.step(encoder, state, net.read(x))
        noise = rng.standard_normal(m.shape, m.dtype)
        begins = (due > 0) | (x[..., self.done, None] > 0) | (self.held == "step")
        m = np.where(begins, sample(b, noise)[0], m)
        x = np.concatenate([net.read(x), m], -1)
        o, _ = net.actor.forward(actor, net.seen(x, b))
        y = self.attach(np.concatenate([o, b], -1), theta)
        return self.choose(y, rng)._replace(x=x), (*state, m, 0 * due)

    def memory_after(self, cache, n_steps=None):
        """The memory that acting would have after a trial, where a new guess is due."""
        return self.due(self.net.state_after(cache[1], n_steps))

    @property
    def done(self):
        """The place of d in x."""
        before = self.sees[:self.sees.index("done")]
        return self.obs_size + sum(self.widths[name] for name in before)

    def __post_init__(self):
        require_head(self.head)
        require.fields(self, whole="obs_size", count="n_latent", positive="reward_unit",
                       sequence=("sees", "votes", "hidden"))
        require.choice("held", self.held, HELD)
        for name in self.sees:
            require.choice("sees", name, self.widths)
        if "done" not in self.sees:
            raise ValueError(f"sees must have 'done', which tells where an episode "
                             f"begins, got {self.sees}")
        n_in = self.obs_size + sum(self.widths[name] for name in self.sees)
        n_out = self.head.n_in - self.head.free.size + 1
        encoder = Product(self.obs_size, n_in, self.votes, self.n_latent)
        actor = MLP((self.obs_size + self.n_latent, *self.hidden, n_out))
        keep(self, net=Guesser(encoder, actor, self.obs_size),
             votes=encoder.net.sizes[1:-1], hidden=actor.sizes[1:-1])
