"""VariBAD: adaptation is inference. The task is a hidden variable m, the memory keeps a
posterior over m, and the policy acts on this belief.

    q_t = N(mu_t, diag sigma_t^2) = encoder(s_t and all steps before t)     adapts
    (u_t, value_t) = actor(s_t, mu_t, log sigma_t)                          acts
    p_tj = decoder(m_t, transition j),    m_t = mu_t + sigma_t noise_t      explains

    ELBO_t = sum_j log p(r_j | p_tj) - KL(q_t, q_{t-1}),    q_{-1} = N(0, 1)

    loss = RL^2's loss of (u, value) - elbo_weight * mean_t ELBO_t / n

A belief is good if it explains the rewards of the trial, past and to come, so the ELBO
trains encoder and decoder. RL^2's loss trains the actor alone, unless the policy has
through=True. n is the number of transitions j of a trial: elbo_weight does not depend
on its length.

A belief that the ELBO alone trains holds what explains rewards, and little else. That
one of n cells does not pay explains -log(1 - 1 / n) nats, which is 0.05 for n = 20. A
search has to know it, and the ELBO hardly asks for it. There through=True is worth
much: see examples/varibad_gridworld.py.

The noise, and the choice of the transitions that are predicted at step t, are data.
`collect` draws them beside the trials, and so the loss is a function of theta.

Letters: K tasks, T steps, B trials, d numbers of m, S transitions predicted at a step.
Source: Zintgraf et al. (2020), VariBAD, arXiv 1910.08348.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import require
from ..calculus import MLP
from ..objective import Objective
from ..objective.elbo import ELBO, Bernoulli, Normal
from ..objective.losses import Minus, Sum
from ..policy.reparameterised import halves
from ..rl import Rollout, counts
from .evidence import PARTS, TELLS, at, chosen, parts_of, strata, widths
from .explainer import Explainer
from .rl2 import RL2, fold_tasks


@dataclass(frozen=True)
class Trials(Rollout):
    """A rollout, and the luck of the ELBO.

    noise  [K, T, B, d]  N(0, 1)
    draws  [K, T, B, S]  uniform, of the transitions that are predicted
    """

    noise: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class VariBAD(RL2):
    """A policy that acts on a belief learns it by explaining its trials. The fields are
    those of RL2, where policy is a BeliefPolicy, and

    decoder      sizes of the decoder's hidden layers
    shown        those of "obs", "action", "next" (the observation after the step) of a
                 transition that the decoder is shown
    tells        those of "reward", "next" that it predicts. A transition whose next
                 observation is needed is left out where an episode ends
    pays         (low, high) if rewards have these two values: the decoder predicts the
                 probability of the high one. None: it predicts their mean
    std          of what is told about the mean that is predicted
    told         S
    future       True: at step t only the transitions from t on are predicted, and they
                 weigh as much as all n would. So no reward counts again after it was
                 seen, as befits a belief that is held against an exact one
    elbo_weight  of the ELBO. Without through=True each parameter has a gradient of one
                 loss alone, and Adam's steps have no scale: then the weight matters
                 by max_norm only
    kl_weight    of the KL in it
    """

    decoder: tuple = (32,)
    shown: tuple = ("obs", "action")
    tells: tuple = ("reward",)
    pays: Any = None
    std: float = 1.0
    told: int = 10
    future: bool = False
    elbo_weight: float = 1.0
    kl_weight: float = 1.0

    guesses = False  # whether the policy acts on guesses

    @cached_property
    def model(self):
        """The policy with its decoder: theta is (encoder, actor, decoder)."""
        n = self.policy.n_latent + widths(self.policy, self.shown)
        n_out = widths(self.policy, self.tells)
        return Explainer(self.policy, MLP((n, *self.decoder, n_out)))

    @property
    def layout(self):
        return self.model.layout

    def init(self, rng):
        """A random theta [P]."""
        return self.model.init(rng, self.dtype)

    def collect(self, theta, tasks, rng):
        """One batch of Trials."""
        data = super().collect(theta[..., :self.policy.size], tasks, rng)
        lead = data.mask.shape
        noise = rng.standard_normal(lead + (self.policy.n_latent,), theta.dtype)
        return Trials(**vars(data), noise=noise, draws=strata(lead + (self.told,), rng))

    def adapt(self, theta, history):
        return super().adapt(theta[..., :self.policy.size], history)

    def columns(self, data):
        return *super().columns(data), *self.evidence(data)

    def loss(self, *columns):
        """RL^2's loss of rows [T, R, ..], and minus their ELBO beside it."""
        *of_rl2, noise, z, targets, v, w = columns
        rl = super().loss(*of_rl2)
        elbo = ELBO(self.policy.n_latent, targets, v, w, self.likelihood,
                    Normal(self.std))
        loss = Sum(((1, rl.scalar), (self.elbo_weight, Minus(elbo))))
        x = np.concatenate([rl.x, noise, z.reshape(z.shape[:2] + (-1,))], -1)
        return Objective(self.model, x, loss)

    def evidence(self, data):
        """noise, what the decoder is shown z [T, R, S, n], what it has to tell, and the
        weights: the ELBO is a mean over steps, in nats per transition."""
        parts = parts_of(self.policy, data, self.unit(data))
        needs_next = "next" in self.shown + self.tells
        known = data.mask & ~data.end if needs_next else data.mask
        j, N = chosen(known, data.draws, self.future)
        z, targets = (at(np.concatenate([parts[name] for name in names], -1), j)
                      for names in (self.shown, self.tells))
        n = known.sum(1, keepdims=True)
        w = data.mask / counts(data.mask).sum() / n.clip(1)
        v = np.broadcast_to((w * np.where(N > 0, n, 0) / self.told)[..., None], j.shape)
        return [fold_tasks(array).astype(data.reward.dtype)
                for array in (data.noise, z, targets, v, self.kl_weight * w)]

    @property
    def likelihood(self):
        """Of a reward."""
        return Bernoulli() if self.pays else Normal(self.std)

    def unit(self, data):
        """The reward as the decoder tells it: whether it is the high one of two."""
        if self.pays is None:
            return data.reward
        is_high, is_low = (np.isclose(data.reward, r) for r in reversed(self.pays))
        if not (is_high | is_low)[data.mask].all():
            raise ValueError(f"rewards must be one of pays={self.pays}, got "
                             f"{data.reward[data.mask & ~is_high & ~is_low][0]}; use "
                             f"pays=None for rewards of other sizes")
        return is_high

    def predict(self, theta, data, z):
        """What the agent believes: the reward that it expects of M transitions z [M, n]
        (as the decoder is shown them) before each step of its trials, [K, T, B, M]."""
        (policy, decoder), (K, T, B) = self.model.split(theta), data.mask.shape
        y, _ = self.policy.forward(policy, fold_tasks(data.x))
        m, _ = halves(self.model.belief(y))
        z = np.broadcast_to(z.astype(m.dtype), m.shape[:-1] + z.shape)
        p, _ = self.model.decoder.forward(decoder, self.model.shown(m, z))
        mean = self.likelihood.mean(p[..., 0]).reshape(T, K, B, -1).swapaxes(0, 1)
        low, high = self.pays or (0, 1)
        return low + (high - low) * mean

    def __post_init__(self):
        super().__post_init__()
        require.fields(self, count="told", truth="future", positive="std",
                       nonnegative=("elbo_weight", "kl_weight"),
                       sequence=("decoder", "shown", "tells"))
        for name in self.shown:
            require.choice("shown", name, PARTS)
        if self.tells not in TELLS or set(self.tells) & set(self.shown):
            raise ValueError(f"tells must be one of {TELLS} without what is shown, got "
                             f"{self.tells} where {self.shown} is shown")
        if self.pays is not None:
            object.__setattr__(self, "pays", self.two_rewards())
        is_guessing = hasattr(self.policy, "held")
        if not hasattr(self.policy, "n_latent") or is_guessing != self.guesses:
            name = "GuessPolicy" if self.guesses else "BeliefPolicy"
            raise TypeError(f"policy must be one such as {name}(..), got "
                            f"{self.policy!r}")

    def two_rewards(self):
        """pays as (low, high)."""
        pays = [require.number("each of pays", r)
                for r in require.sequence("pays", self.pays)]
        if len(pays) != 2 or not pays[0] < pays[1]:
            raise ValueError(f"pays must be (low, high), the two rewards that there "
                             f"are, or None, got {self.pays}")
        return tuple(pays)
