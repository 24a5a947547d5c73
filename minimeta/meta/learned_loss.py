"""A loss that is learned, to imitate demonstrations that show states but no actions.

    loss(theta, psi) = mean over steps of |c|^2,    c = judge(psi; s, s', u),
    u = policy(theta; s)

The judge, an MLP, sees a step from s to s' and what the policy would do in s. The inner
step descends the loss in theta and leaves psi. The outer loss trains both: psi learns a
loss whose descent is imitation.

The meta-gradient needs nothing new. Let zeta = (theta, psi). The judged policy
is one more map of zeta in four forms, and the adaptation is a gradient step on zeta
that leaves psi as it is: its rate is alpha for theta and 0 for psi. With H the Hessian
of the loss in zeta, the step's vjp is

    zeta_bar = phi_bar - H (alpha phi_bar),    alpha phi_bar = (alpha theta_bar, 0)

    theta_bar - H_theta,theta (alpha theta_bar)    as in MAML
    psi_bar   - H_psi,theta   (alpha theta_bar)    the mixed derivatives, by which psi
                                                   learns what a good step is

Letters: ... leading task axes, T steps, B episodes, R = T B rows, n inputs, m outputs.
Source: Finn et al. (2017), One-shot visual imitation learning via meta-learning, arXiv
1709.04905, section 4.2 ("learning to imitate without expert actions").
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..calculus import MLP, Layout


@dataclass(frozen=True)
class Judged:
    """The map zeta, (s, s') -> c in four forms: a policy, then its judge.

        u = policy(theta; s),    z = (s, s', u),    c = judge(psi; z)

        vjp:  c_bar -> psi_bar, z_bar = (s_bar, s'_bar, u_bar)     through the judge
              u_bar -> theta_bar, and what u adds to s_bar         through the policy

    policy  memoryless
    judge   an MLP on rows of z

    (s, s') is [..., T, B, 2 n], c is [..., R, m].
    """

    policy: Any
    judge: MLP

    @classmethod
    def of(cls, policy, hidden, n_out):
        """A judge with hidden layers of these sizes; () makes it linear."""
        n = 2 * policy.obs_size + policy.head.n_in
        return cls(policy, MLP((n, *hidden, n_out)))

    @cached_property
    def layout(self):
        """The policy's names, then the judge's."""
        return self.policy.layout + Layout(
            **{f"judge_{name}": shape for name, shape in self.judge.layout.shapes})

    @property
    def size(self):
        return self.layout.size

    def init(self, rng, dtype=np.float64):
        """A random zeta."""
        theta, psi = self.policy.init(rng, dtype), self.judge.init(rng, dtype)
        return np.concatenate([theta, psi])

    def split(self, zeta):
        """theta and psi."""
        return zeta[..., :self.policy.size], zeta[..., self.policy.size:]

    def seen(self, x, u):
        """z, the input of the judge, [..., R, 2 n + n_in]."""
        return self.policy.fold_steps(np.concatenate([x, u], -1))

    def seen_bar(self, z_bar, n_steps):
        """The transpose of seen: x_bar, u_bar."""
        z_bar, n = self.policy.unfold_steps(z_bar, n_steps), 2 * self.policy.obs_size
        return z_bar[..., :n], z_bar[..., n:]

    def only_s(self, s_bar):
        """x_bar with s_bar for s, and 0 for s'."""
        return np.concatenate([s_bar, np.zeros_like(s_bar)], -1)

    def forward(self, zeta, x):
        theta, psi = self.split(zeta)
        y, cache = self.policy.forward(theta, x[..., :self.policy.obs_size])
        u, _ = self.policy.split(y)
        c, judge_cache = self.judge.forward(psi, self.seen(x, u))
        return c, (y, cache, judge_cache)

    def jvp(self, zeta, cache, zeta_dot, x_dot=None):
        (theta, psi), (theta_dot, psi_dot) = self.split(zeta), self.split(zeta_dot)
        y, cache, judge_cache = cache
        if x_dot is None:
            x_dot = np.zeros_like(y, shape=y.shape[:-1] + (2 * self.policy.obs_size,))
        y_dot, cache_dot = self.policy.jvp(
            theta, cache, theta_dot, x_dot[..., :self.policy.obs_size])
        u_dot, _ = self.policy.split(y_dot)
        c_dot, judge_cache_dot = self.judge.jvp(
            psi, judge_cache, psi_dot, self.seen(x_dot, u_dot))
        return c_dot, (y_dot, cache_dot, judge_cache_dot)

    def vjp(self, zeta, cache, c_bar):
        (theta, psi), (y, cache, judge_cache) = self.split(zeta), cache
        psi_bar, z_bar = self.judge.vjp(psi, judge_cache, c_bar)
        x_bar, u_bar = self.seen_bar(z_bar, y.shape[-3])
        theta_bar, s_bar = self.policy.vjp(theta, cache, self.policy.join(u_bar, y))
        return np.concatenate([theta_bar, psi_bar], -1), x_bar + self.only_s(s_bar)

    def vjp_dot(self, zeta, cache, c_bar, zeta_dot, cache_dot, c_bar_dot):
        (theta, psi), (theta_dot, psi_dot) = self.split(zeta), self.split(zeta_dot)
        (y, cache, judge_cache), (_, cache_dot, judge_cache_dot) = cache, cache_dot
        _, z_bar = self.judge.vjp(psi, judge_cache, c_bar)
        psi_bar_dot, z_bar_dot = self.judge.vjp_dot(
            psi, judge_cache, c_bar, psi_dot, judge_cache_dot, c_bar_dot)
        (_, u_bar), (x_bar_dot, u_bar_dot) = (
            self.seen_bar(z, y.shape[-3]) for z in (z_bar, z_bar_dot))
        theta_bar_dot, s_bar_dot = self.policy.vjp_dot(
            theta, cache, self.policy.join(u_bar, y), theta_dot, cache_dot,
            self.policy.join(u_bar_dot, y))
        return (np.concatenate([theta_bar_dot, psi_bar_dot], -1),
                x_bar_dot + self.only_s(s_bar_dot))


@dataclass(frozen=True)
class Unjudged:
    """The policy alone, as a map of zeta that does not depend on psi."""

    judged: Judged

    @property
    def layout(self):
        return self.judged.layout

    @property
    def size(self):
        return self.layout.size

    def theta(self, zeta):
        return self.judged.split(zeta)[0]

    def zeta(self, theta):
        """The transpose of theta."""
        psi = np.zeros_like(theta, shape=theta.shape[:-1] + (self.judged.judge.size,))
        return np.concatenate([theta, psi], -1)

    def forward(self, zeta, x):
        return self.judged.policy.forward(self.theta(zeta), x)

    def jvp(self, zeta, cache, zeta_dot, x_dot=None):
        policy = self.judged.policy
        return policy.jvp(self.theta(zeta), cache, self.theta(zeta_dot), x_dot)

    def vjp(self, zeta, cache, y_bar):
        theta_bar, x_bar = self.judged.policy.vjp(self.theta(zeta), cache, y_bar)
        return self.zeta(theta_bar), x_bar

    def vjp_dot(self, zeta, cache, y_bar, zeta_dot, cache_dot, y_bar_dot):
        theta_bar_dot, x_bar_dot = self.judged.policy.vjp_dot(
            self.theta(zeta), cache, y_bar, self.theta(zeta_dot), cache_dot, y_bar_dot)
        return self.zeta(theta_bar_dot), x_bar_dot
