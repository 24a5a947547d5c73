"""ProMP: MAML with ratios, clipped outside, and several steps on a batch.

    phi_k = theta - alpha grad ratio(theta; D_k)
    loss  = mean over tasks of clipped(phi_k; D'_k) + eta KL(pi_old, pi_theta on D_k)

The ratio's Hessian (LVC) has less noise than DiCE's and less bias than the
log-likelihood's. pi_old collected D_k, once: the penalty holds theta where D_k still
tells about theta.

Source: Rothfuss et al. (2018), ProMP, arXiv 1810.06784, section 6.
"""
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from .. import require
from ..objective import ClippedRatio
from ..objective.optimizers import length
from ..rl import step_weights
from .adaptation import share
from .gradient import MetaLoss
from .natural import divergence
from .rollout_learner import ThroughSteps

FURTHEST = 1e3  # an adaptive eta stays within this factor of where it began


@dataclass(frozen=True)
class ProMP(ThroughSteps):
    """Proximal meta-policy search: MAML with clipped ratios and a KL penalty.

    clip        of the outer ratio
    eta         weight of the KL penalty, per nat; where it begins if it is adaptive
    target_kl   nats; None for a fixed eta. eta doubles after a batch that moved theta
                by more than 1.5 target_kl, and halves after one that moved theta by
                less than target_kl / 1.5. It stays within 1000 times of where it began
    epochs      steps on each batch
    """

    inner: Any = field(default="ratio", init=False)
    outer: Any = field(default="clipped-ratio", init=False)
    clip: float = 0.3
    eta: float = 5e-4
    target_kl: Any = None
    epochs: int = 5

    only_descends = True

    def meta_loss(self, theta, inner, outer, kls):
        """outer(phi(theta)) + eta sum_i kl_i(theta_i) of each task, its gradient."""
        adapted = self.adaptation(inner).at(theta)  # theta - alpha grad L(theta; D)
        outer = outer.at(adapted.phi)               # clipped L(phi; D')
        value = outer.value + self.eta * self.moved(adapted, kls)

        def grad():
            path_bar = [self.eta * at.vjp(kl.grad(at.y))
                        for kl, at in zip(kls, adapted.path)]
            return adapted.vjp(outer.grad, path_bar)

        return MetaLoss(value, grad, adapted, outer)

    def moved(self, adapted, kls):
        """KL from the policies that collected, nats, summed over the batches: [K]."""
        return sum(kl.value(at.y) for kl, at in zip(kls, adapted.path))

    def losses(self, theta, history, data):
        """(inner, outer, kls): the divergences from the policies at theta_0, theta_1,
        .. that collected `history`, each a mean over steps."""
        inner, outer = super().losses(theta, history, data)
        path = self.adaptation(inner).at(share(theta, len(data.x))).path
        weights = [step_weights(D.mask, theta.dtype) for D in history]
        kls = [divergence(self.policy, at.y, w) for at, w in zip(path, weights)]
        return inner, outer, kls

    def outer_objective(self, data):
        return self.surrogate_loss(
            data, lambda A, l_old, mask: ClippedRatio(A, l_old, mask, self.clip))

    def update(self, theta, state, history, data, progress, map=map, shards=1):
        """`epochs` steps on one batch, and the next eta."""
        moments, eta = (None, self.eta) if state is None else state
        now, problems = replace(self, eta=eta), self.problems(
            theta, history, data, shards)
        for _ in range(self.epochs):
            loss, grad = now.mean_loss(theta, problems, map)
            theta, moments = self.descend(theta, loss, grad, moments, progress)
        kl = self.mean_moved(theta, problems, map)
        row = self.report(history, data) | {
            "loss": float(loss), "gradient": length(grad), "kl": kl, "eta": eta}
        return theta, (moments, self.next_eta(eta, kl)), row

    def mean_moved(self, theta, problems, map=map):
        """Mean over tasks of how far theta is from the policies that collected."""
        moved = map(partial(self.moved_of, theta), problems)
        return float(np.concatenate(list(moved)).mean())

    def moved_of(self, theta, problem):
        """How far theta is from them, for each task of a shard [k]."""
        inner, _, kls = problem
        return self.moved(self.adaptation(inner).at(share(theta, problem.n)), kls)

    def next_eta(self, eta, kl):
        """eta after a batch that moved theta by kl."""
        if self.target_kl is None or self.target_kl / 1.5 <= kl <= 1.5 * self.target_kl:
            return eta
        eta = 2 * eta if kl > self.target_kl else eta / 2
        return min(max(eta, self.eta / FURTHEST), self.eta * FURTHEST)

    def __post_init__(self):
        super().__post_init__()
        require.number("clip", self.clip, 0, is_open=True)
        require.number("eta", self.eta, 0, is_open=self.target_kl is not None)
        require.count("epochs", self.epochs)
        if self.target_kl is not None:
            require.number("target_kl", self.target_kl, 0, is_open=True)
