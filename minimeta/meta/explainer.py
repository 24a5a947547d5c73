"""The explainer is a belief policy with a decoder, which tells from the belief what
transitions of the trial look like. It is a map in four forms, so the ELBO and the loss
of the actions are scalars of one map and share one pass through the encoder.

    y = policy(x),    m = sample of the belief in y by noise,    p_s = decoder(m, z_s)

    the map (x, noise, z_1 .. z_S) -> (u, value, mu, log sigma, p_1 .. p_S)

    vjp:  p_bar -> decoder_bar, m_bar_s, z_bar_s      m_bar = sum_s m_bar_s
          m_bar -> noise_bar, and what is added to the belief's part of y_bar
          y_bar -> policy_bar, x_bar

Letters: ... leading task axes, T steps, B trials, S transitions that are predicted at a
step, n numbers that the decoder is shown of a transition, d numbers of m.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..calculus import MLP
from ..policy.belief_policy import named
from ..policy.reparameterised import (sample, sample_jvp, sample_vjp, sample_vjp_dot)


@dataclass(frozen=True)
class Explainer:
    """A policy whose y ends with its belief (mu, log sigma), then a decoder.

    policy    a BeliefPolicy or a GuessPolicy
    decoder   an MLP of (m, z)

    x, noise and z_1 .. z_S side by side are one array [..., T, B, n_in + d + S n].
    """

    policy: Any
    decoder: MLP

    @cached_property
    def layout(self):
        """The policy's names, then the decoder's."""
        return self.policy.layout + named("decoder", self.decoder.layout)

    @property
    def size(self):
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        return np.concatenate([self.policy.init(rng, dtype),
                               self.decoder.init(rng, dtype)])

    def split(self, theta):
        """theta of the policy, theta of the decoder."""
        return theta[..., :self.policy.size], theta[..., self.policy.size:]

    def forward(self, theta, x):
        (policy, decoder), (x, noise, z) = self.split(theta), self.inputs(x)
        y, cache = self.policy.forward(policy, x)
        m, sample_cache = sample(self.belief(y), noise)
        p, decoder_cache = self.decoder.forward(decoder, self.shown(m, z))
        return self.beside(y, p), (cache, sample_cache, decoder_cache, y, z)

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        (policy, decoder), (policy_dot, decoder_dot) = (
            self.split(theta), self.split(theta_dot))
        cache, sample_cache, decoder_cache, y, z = cache
        if x_dot is None:
            x_dot = np.zeros_like(y, shape=y.shape[:-1] + (self.width(z),))
        x_dot, noise_dot, z_dot = self.inputs(x_dot)
        y_dot, cache_dot = self.policy.jvp(policy, cache, policy_dot, x_dot)
        m_dot, sample_cache_dot = sample_jvp(
            sample_cache, self.belief(y_dot), noise_dot)
        p_dot, decoder_cache_dot = self.decoder.jvp(
            decoder, decoder_cache, decoder_dot, self.shown(m_dot, z_dot))
        return self.beside(y_dot, p_dot), (
            cache_dot, sample_cache_dot, decoder_cache_dot, y_dot, z_dot)

    def vjp(self, theta, cache, y_bar):
        policy, decoder = self.split(theta)
        cache, sample_cache, decoder_cache, y, z = cache
        y_bar, p_bar = self.parts(y_bar, y, z)
        decoder_bar, shown_bar = self.decoder.vjp(decoder, decoder_cache, p_bar)
        m_bar, z_bar = self.shown_vjp(shown_bar, z)
        q_bar, noise_bar = sample_vjp(sample_cache, m_bar)
        policy_bar, x_bar = self.policy.vjp(policy, cache, self.add(y_bar, q_bar))
        return self.packed(policy_bar, decoder_bar, x_bar, noise_bar, z_bar)

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        (policy, decoder), (policy_dot, decoder_dot) = (
            self.split(theta), self.split(theta_dot))
        cache, sample_cache, decoder_cache, y, z = cache
        cache_dot, sample_cache_dot, decoder_cache_dot, _, _ = cache_dot
        (y_bar, p_bar), (y_bar_dot, p_bar_dot) = (
            self.parts(bar, y, z) for bar in (y_bar, y_bar_dot))
        m_bar, _ = self.shown_vjp(
            self.decoder.vjp(decoder, decoder_cache, p_bar)[1], z)
        decoder_bar_dot, shown_bar_dot = self.decoder.vjp_dot(
            decoder, decoder_cache, p_bar, decoder_dot, decoder_cache_dot, p_bar_dot)
        m_bar_dot, z_bar_dot = self.shown_vjp(shown_bar_dot, z)
        q_bar, _ = sample_vjp(sample_cache, m_bar)
        q_bar_dot, noise_bar_dot = sample_vjp_dot(
            sample_cache, m_bar, sample_cache_dot, m_bar_dot)
        policy_bar_dot, x_bar_dot = self.policy.vjp_dot(
            policy, cache, self.add(y_bar, q_bar), policy_dot, cache_dot,
            self.add(y_bar_dot, q_bar_dot))
        return self.packed(policy_bar_dot, decoder_bar_dot, x_bar_dot, noise_bar_dot,
                           z_bar_dot)

    # How the parts of x, y and theta lie side by side, and the transposes of that.

    @property
    def n_shown(self):
        """n, how many numbers the decoder is shown of a transition."""
        return self.decoder.sizes[0] - self.policy.n_latent

    def width(self, z):
        """Numbers in a row of the input."""
        return self.policy.n_in + self.policy.n_latent + z.shape[-2] * z.shape[-1]

    def inputs(self, x):
        """x of the policy, noise [..., T, B, d], z [..., T, B, S, n]."""
        n, d = self.policy.n_in, self.policy.n_latent
        z = x[..., n + d:]
        return x[..., :n], x[..., n:n + d], z.reshape(
            z.shape[:-1] + (-1, self.n_shown))

    def belief(self, y):
        """(mu, log sigma), the last part of the policy's y."""
        return y[..., -2 * self.policy.n_latent:]

    def add(self, y_bar, q_bar):
        """The transpose of belief, added to y_bar."""
        n = y_bar.shape[-1] - q_bar.shape[-1]
        return np.concatenate([y_bar[..., :n], y_bar[..., n:] + q_bar], -1)

    def shown(self, m, z):
        """Each transition beside m, as rows of the decoder."""
        m = np.broadcast_to(m[..., None, :], z.shape[:-1] + m.shape[-1:])
        shown = np.concatenate([m, z], -1)
        return shown.reshape(shown.shape[:-4] + (-1, shown.shape[-1]))

    def shown_vjp(self, shown_bar, z):
        """m_bar, z_bar."""
        shown_bar = shown_bar.reshape(z.shape[:-1] + shown_bar.shape[-1:])
        d = self.policy.n_latent
        return shown_bar[..., :d].sum(-2), shown_bar[..., d:]

    def beside(self, y, p):
        """y of the policy, then what is predicted."""
        return np.concatenate([y, p.reshape(y.shape[:-1] + (-1,))], -1)

    def parts(self, y_bar, y, z):
        """The transpose of beside: y_bar of the policy, p_bar."""
        n = y.shape[-1]
        p_bar = y_bar[..., n:].reshape(y_bar.shape[:-3] + (-1, self.decoder.sizes[-1]))
        return y_bar[..., :n], p_bar

    def packed(self, policy_bar, decoder_bar, x_bar, noise_bar, z_bar):
        """theta_bar and the cotangent of the input."""
        z_bar = z_bar.reshape(noise_bar.shape[:-1] + (-1,))
        return (np.concatenate([policy_bar, decoder_bar], -1),
                np.concatenate([x_bar, noise_bar, z_bar], -1))
