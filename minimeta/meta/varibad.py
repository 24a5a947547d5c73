"""VariBAD: adaptation is inference. The task is a hidden variable m, the memory keeps a
posterior over m, and the policy acts on this belief.

    q_t = N(mu_t, diag sigma_t^2) = encoder(s_t and all steps before t)     adapts
    (u_t, value_t) = actor(s_t, mu_t, log sigma_t)                          acts
    p_tj = decoder(m_t, transition j),    m_t = mu_t + sigma_t noise_t      explains

    ELBO_t = sum_j log p(r_j | p_tj) - KL(q_t, q_{t-1}),    q_{-1} = N(0, 1)

    loss = RL^2's loss of (u, value) - elbo_weight * mean_t ELBO_t / n

A belief is good if it explains the rewards of the trial, past and to come, so the ELBO
trains encoder and decoder. RL^2's loss trains the actor alone, unless the policy has
through=True. n is the number of transitions j of a trial, so that elbo_weight does not
depend on its length.

noise and the choice of the transitions that are predicted at step t are data, which
`collect` draws beside the trials: the loss is a function of theta.

Letters: K tasks, T steps, B trials, d numbers of m, S transitions predicted at a step.
Source: Zintgraf et al. (2020), VariBAD, arXiv 1910.08348.
"""
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from .. import require
from ..calculus import MLP
from ..objective import Objective
from ..objective.elbo import ELBO, Bernoulli, Normal
from ..objective.losses import Minus, Sum
from ..rl import Rollout, counts
from .explainer import Explainer
from .rl2 import RL2, fold_tasks

PARTS = dict.fromkeys(("obs", "action", "next"))


@dataclass(frozen=True)
class Trials(Rollout):
    """A rollout, with the luck of the ELBO.

    noise  [K, T, B, d]  N(0, 1)
    draws  [K, T, B, S]  uniform in [0, 1), which transitions are predicted
    """

    noise: np.ndarray = None
    draws: np.ndarray = None


@dataclass(frozen=True)
class VariBAD(RL2):
    """A policy that acts on a belief learns it by explaining its trials. The fields are
    those of RL2, where policy is a BeliefPolicy, and

    decoder      sizes of the decoder's hidden layers
    shown        those of "obs", "action", "next" (the observation after the step) of a
                 transition that the decoder is shown. Next ones are not known where an
                 episode ends: these transitions are left out
    pays         (low, high), if rewards have these two values: the decoder predicts the
                 probability of the higher one. None: it predicts their mean
    reward_std   of rewards about this mean
    told         S, how many transitions are predicted at each step
    future       True: only transitions from t on are predicted at step t
    elbo_weight  of the ELBO
    """

    decoder: tuple = (32,)
    shown: tuple = ("obs", "action")
    pays: Any = None
    reward_std: float = 1.0
    told: int = 10
    future: bool = False
    elbo_weight: float = 1.0
    kl_weight: float = 1.0
    chained: bool = True

    @cached_property
    def model(self):
        """The policy with its decoder: theta is (encoder, actor, decoder)."""
        policy = self.policy
        widths = {"action": policy.head.n_code, "obs": policy.obs_size,
                  "next": policy.obs_size}
        n = policy.n_latent + sum(widths[part] for part in self.shown)
        return Explainer(policy, MLP((n, *self.decoder, 1)))

    @property
    def layout(self):
        return self.model.layout

    def init(self, rng):
        return self.model.init(rng, self.dtype)

    def collect(self, theta, tasks, rng):
        """One batch of trials, and the luck of the ELBO."""
        data = super().collect(theta[..., :self.policy.size], tasks, rng)
        lead, S = data.reward.shape, self.told
        noise = rng.standard_normal(lead + (self.policy.n_latent,), theta.dtype)
        draws = (np.arange(S) + rng.random(lead + (S,))) / S
        return Trials(**vars(data), noise=noise, draws=draws)

    def adapt(self, theta, history):
        return super().adapt(theta[..., :self.policy.size], history)

    def objective(self, data, entropy_weight):
        """The loss of one batch, as a function of theta."""
        rl = super().objective(data, entropy_weight)
        z, elbo = self.elbo(data)
        x = np.concatenate([rl.x, fold_tasks(data.noise), z], -1)
        loss = Sum(((1, rl.scalar), (self.elbo_weight, Minus(elbo))))
        return Objective(self.model, x, loss)

    def elbo(self, data):
        """What the decoder is shown at each step, [T, K B, S n], and the ELBO."""
        shown = transitions(self.policy, data, self.shown)
        known = data.mask & ~data.end if "next" in self.shown else data.mask
        j, N = chosen(known, data.draws, self.future)
        w = data.mask / counts(data.mask).sum() / np.maximum(known.sum(1, keepdims=True), 1)
        v = np.broadcast_to((w * N / self.told)[..., None], j.shape)
        z, targets, v, w = (
            fold_tasks(array).astype(data.reward.dtype) for array in (
                at(shown, j), at(self.target(data.reward), j), v, w))
        first = Bernoulli() if self.pays else Normal(self.reward_std)
        return z.reshape(z.shape[:2] + (-1,)), ELBO(
            self.policy.n_latent, targets, v, w * self.kl_weight, first, chained=self.chained)

    def target(self, reward):
        """What the decoder predicts of a reward, [.., 1]."""
        low, high = self.pays or (0, 1)
        return ((reward - low) / (high - low))[..., None]

    def predict(self, theta, y, z):
        """p of transitions z [.., T, B, S, n] from the belief in y, with the mean of m.
        """
        _, decoder = self.model.split(theta)
        m = self.model.belief(y)[..., :self.policy.n_latent]
        p, _ = self.model.decoder.forward(decoder, self.model.shown(m, z))
        first = Bernoulli() if self.pays else Normal(self.reward_std)
        return first.mean(p.reshape(z.shape[:-1]))

    def __post_init__(self):
        super().__post_init__()


def transitions(policy, data, parts):
    """What the decoder is shown of each transition, [K, T, B, n]."""
    obs = data.x[..., :policy.obs_size]
    after = np.concatenate([obs[:, 1:], np.zeros_like(obs[:, :1])], 1)
    seen = {"obs": obs, "action": policy.head.encode(data.action), "next": after}
    return np.concatenate([seen[part] for part in parts], -1)


def chosen(known, draws, future):
    """The transitions j [K, T, B, S] that are predicted at each step, of those that are
    known, and the number N [K, T, B] of those that they are drawn from."""
    before = np.cumsum(known, 1) - known if future else np.zeros(known.shape, int)
    N = known.sum(1, keepdims=True) - before
    order = np.argsort(~known, axis=1, kind="stable")
    rank = before[..., None] + np.floor(draws * N[..., None]).astype(int)
    return at(order[..., None], np.minimum(rank, known.shape[1] - 1))[..., 0], N


def at(array, j):
    """array [K, T, B, n] at the steps j [K, T, B, S] of each trial: [K, T, B, S, n]."""
    K, _, B = array.shape[:3]
    return array[np.arange(K)[:, None, None, None], j, np.arange(B)[:, None]]
