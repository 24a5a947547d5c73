"""A belief that is a product of normal distributions, one for each transition. So it
does not depend on the order of the transitions.

    z_i = (s_{i-1}, a_{i-1}, r_{i-1}, d_{i-1}, s_i)        what step i - 1 did
    (c_i, k_i) = MLP(z_i)                                  its vote for m
    N(m; 0, 1) prod_i N(m; c_i, 1 / e_i),   e_i = exp(k_i),   i = 1 .. t

A product of normal distributions is normal. Precisions add up, and so do the precisions
times the means:

    e_i = exp(k_i)              g_i = e_i c_i
    E_t = 1 + sum_i e_i         G_t = sum_i g_i
    mu_t = G_t / E_t            l_t = log sigma_t = -log(E_t) / 2

The transpose goes through these lines from the last to the first:

    G_bar = mu_bar / E          E_bar = -(mu mu_bar + l_bar / 2) / E
    g_bar_i = sum_{t >= i} G_bar_t,    e_bar_i = c_i g_bar_i + sum_{t >= i} E_bar_t
    c_bar = e g_bar             k_bar = e e_bar

A sum over the steps so far has as its transpose the sum over the steps from here on.

Letters: ... leading task axes, T steps, B episodes, d numbers of m.
Source: Rakelly et al. (2019), PEARL, arXiv 1903.08254, equation 2.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..calculus import MLP
from ..calculus.mlp import fold_steps, unfold_steps
from .reparameterised import halves

LOG_PRECISION = -2.0  # of a vote before training, about: many votes are needed


def so_far(a):
    """The sum over the steps up to each, [..., T, B, n]."""
    return np.cumsum(a, -3)


def from_here(a):
    """The transpose of so_far."""
    return np.cumsum(a[..., ::-1, :, :], -3)[..., ::-1, :, :]


@dataclass(frozen=True)
class Product:
    """The map x_t -> (mu_t, log sigma_t), x_t = (s_t, a_{t-1}, r_{t-1}, d_{t-1}), with
    a memory of the sums and of the last observation.

    n_obs     length of s
    n_in      length of x
    hidden    sizes of the MLP's hidden layers
    n_latent  d
    """

    n_obs: int
    n_in: int
    hidden: tuple
    n_latent: int

    @cached_property
    def net(self):
        return MLP((self.n_obs + self.n_in, *self.hidden, 2 * self.n_latent))

    @property
    def layout(self):
        return self.net.layout

    @property
    def size(self):
        return self.net.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta; the votes begin with small precisions."""
        theta = self.net.init(rng, dtype, output_scale)
        theta[-self.n_latent:] = LOG_PRECISION
        return theta

    # Acting. The state is E - 1, G, s of the step before, and 1 if there is one.

    def initial_state(self, theta, B):
        d = self.n_latent
        return tuple(np.zeros_like(theta, shape=theta.shape[:-1] + (B, n))
                     for n in (d, d, self.n_obs, 1))

    def step(self, theta, state, x):
        E, G, s, is_begun = state
        votes, _ = self.net.forward(theta, np.concatenate([s, x], -1))
        e, g = (is_begun * a for a in self.weighed(votes))
        E, G = E + e, G + g
        return self.belief(1 + E, G), (E, G, x[..., :self.n_obs], is_begun * 0 + 1)

    def state_after(self, cache, n_steps=None):
        """The state after all steps, or after n_steps [..., B] of each row."""
        _, _, (E, G), x = cache
        s = x[..., :self.n_obs]
        arrays = E - 1, G, s, np.ones_like(s[..., :1])
        if n_steps is None:
            return tuple(a[..., -1, :, :] for a in arrays)
        index = np.asarray(n_steps)[..., None, :, None] - 1
        after = (np.take_along_axis(a, index, -3)[..., 0, :, :] for a in arrays)
        return tuple(np.where(index[..., 0, :, :] < 0, 0, a) for a in after)

    # The four forms, from the empty memory.

    def forward(self, theta, x):
        votes, cache = self.net.forward(theta, self.transitions(x))
        votes = unfold_steps(votes, x.shape[-3])
        c, _ = halves(votes)
        e, g = (self.after_first(a) for a in self.weighed(votes))
        E, G = 1 + so_far(e), so_far(g)
        return self.belief(E, G), (cache, (c, e), (E, G), x)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        cache, (c, e), (E, G), x = cache
        x_dot = np.zeros_like(x) if x_dot is None else x_dot
        votes_dot, cache_dot = self.net.jvp(
            theta, cache, theta_dot, self.transitions(x_dot))
        c_dot, k_dot = halves(unfold_steps(votes_dot, x.shape[-3]))
        e_dot = e * k_dot
        g_dot = e_dot * c + e * c_dot
        E_dot, G_dot = so_far(e_dot), so_far(g_dot)
        mu_dot = (G_dot - G / E * E_dot) / E
        q_dot = np.concatenate([mu_dot, -0.5 * E_dot / E], -1)
        return q_dot, (cache_dot, (c_dot, e_dot), (E_dot, G_dot))

    def vjp(self, theta, cache, q_bar):
        cache, (c, e), (E, G), x = cache
        g_bar, e_bar = self.votes_bar(c, E, G, q_bar)
        votes_bar = np.concatenate([e * g_bar, e * e_bar], -1)
        theta_bar, z_bar = self.net.vjp(theta, cache, fold_steps(votes_bar))
        return theta_bar, self.transitions_vjp(z_bar, x)

    def vjp_dot(self, theta, cache, q_bar, theta_dot, cache_dot, q_bar_dot):
        cache, (c, e), (E, G), x = cache
        cache_dot, (c_dot, e_dot), (E_dot, G_dot) = cache_dot
        mu, mu_dot = G / E, (G_dot - G / E * E_dot) / E
        (mu_bar, l_bar), (mu_bar_dot, l_bar_dot) = halves(q_bar), halves(q_bar_dot)
        G_bar, E_bar = mu_bar / E, -(mu * mu_bar + 0.5 * l_bar) / E
        G_bar_dot = (mu_bar_dot - G_bar * E_dot) / E
        E_bar_dot = -(mu_dot * mu_bar + mu * mu_bar_dot + 0.5 * l_bar_dot
                      + E_bar * E_dot) / E
        g_bar, g_bar_dot = from_here(G_bar), from_here(G_bar_dot)
        e_bar = c * g_bar + from_here(E_bar)
        e_bar_dot = c_dot * g_bar + c * g_bar_dot + from_here(E_bar_dot)
        votes_bar = np.concatenate([e * g_bar, e * e_bar], -1)
        votes_bar_dot = np.concatenate([e_dot * g_bar + e * g_bar_dot,
                                        e_dot * e_bar + e * e_bar_dot], -1)
        theta_bar_dot, z_bar_dot = self.net.vjp_dot(
            theta, cache, fold_steps(votes_bar), theta_dot, cache_dot,
            fold_steps(votes_bar_dot))
        return theta_bar_dot, self.transitions_vjp(z_bar_dot, x)

    # The parts.

    def weighed(self, votes):
        """e and g = e c."""
        c, k = halves(votes)
        e = np.exp(k)
        return e, e * c

    def belief(self, E, G):
        return np.concatenate([G / E, -0.5 * np.log(E)], -1)

    def votes_bar(self, c, E, G, q_bar):
        """g_bar, e_bar."""
        mu_bar, l_bar = halves(q_bar)
        g_bar = from_here(mu_bar / E)
        return g_bar, c * g_bar + from_here(-(G / E * mu_bar + 0.5 * l_bar) / E)

    def after_first(self, a):
        """0 at the first step of a trial, before any transition."""
        is_after = np.arange(a.shape[-3]) > 0
        return np.where(is_after[:, None, None], a, 0)

    def transitions(self, x):
        """z: the observation before, beside x; as rows."""
        before = np.zeros_like(x[..., :self.n_obs])
        before[..., 1:, :, :] = x[..., :-1, :, :self.n_obs]
        return fold_steps(np.concatenate([before, x], -1))

    def transitions_vjp(self, z_bar, x):
        """The transpose of transitions."""
        z_bar = unfold_steps(z_bar, x.shape[-3])
        x_bar = z_bar[..., self.n_obs:].copy()
        x_bar[..., :-1, :, :self.n_obs] += z_bar[..., 1:, :, :self.n_obs]
        return x_bar
