"""ProMP: MAML with ratios, clipped outside, and several steps on a batch.

    phi_k = theta - alpha grad ratio_k(theta)
    loss  = mean over tasks of clipped_k(phi_k) + eta KL(pi_old, pi_theta on D_k)

The ratio's Hessian (LVC) has less noise than DiCE's and less bias than the
log-likelihood's. The penalty holds theta where D_k, which was collected once, still
tells about it.

Source: Rothfuss et al. (2018), ProMP, arXiv 1810.06784, section 6.
"""
from dataclasses import dataclass, field, replace
from typing import Any

from .. import require
from ..objective import ClippedRatio
from ..objective.losses import KL, Sum
from .gradient import step_weights
from .learner import require_finite
from .maml import MAML
from .objective import mean, mean_gradient, share


@dataclass(frozen=True)
class ProMP(MAML):
    """Proximal meta-policy search.

    clip        of the outer ratio
    eta         weight of the KL penalty, per nat; where it begins if it is adaptive
    target_kl   nats; None for a fixed eta. After a batch that moved theta by more than
                1.5 target_kl eta doubles, by less than target_kl / 1.5 it halves
    epochs      steps on each batch
    """

    inner: Any = field(default="ratio", init=False)
    outer: Any = field(default="clipped-ratio", init=False)
    clip: float = 0.3
    eta: float = 5e-4
    target_kl: Any = None
    epochs: int = 5

    only_descends = True

    def __post_init__(self):
        super().__post_init__()
        require.number("clip", self.clip, 0, is_open=True)
        require.number("eta", self.eta, 0)
        require.count("epochs", self.epochs)
        if self.target_kl is not None:
            require.number("target_kl", self.target_kl, 0, is_open=True)

    def outer_objective(self, data):
        return self.surrogate_loss(
            data, lambda A, l_old, mask: ClippedRatio(A, l_old, mask, self.clip))

    def update(self, theta, state, history, data, progress):
        """`epochs` steps on one batch."""
        moments, eta = (None, self.eta) if state is None else state
        parts = self.meta_objectives(history, data)
        parts = self.penalised(parts, theta, history, data, eta)
        for _ in range(self.epochs):
            loss, grad = mean_gradient(parts, theta)
            require_finite(self.layout, loss=loss, gradient=grad)
            theta, moments = self.descend(theta, grad, moments, progress)
            require_finite(self.layout, theta=theta)
        kl = self.moved(parts, theta)
        row = self.report(history, data) | {"loss": float(loss), "kl": kl, "eta": eta}
        return theta, (moments, self.next_eta(eta, kl)), row

    def penalised(self, parts, theta, history, data, eta):
        """The same losses, plus eta KL from the policies at theta, on each batch."""
        return [
            replace(part, along=tuple(
                Sum(((eta, KL(self.policy, self.policy.split(point.y)[0],
                              step_weights(batch.mask[shard], point.y.dtype))),))
                for batch, point in zip(history, self.path(part, theta))))
            for part, shard in zip(parts, self.shards(data))]

    def path(self, part, theta):
        """The points theta_0, theta_1 .. of the steps."""
        theta, alpha = self.rates.at(share(theta, len(part.outer.x)))
        return part.steps.at(theta, alpha).points

    def moved(self, parts, theta):
        """Mean KL from the policies that collected, nats, summed over rounds."""
        return float(mean([
            sum(penalty.terms[0][1].value(point.y)
                for penalty, point in zip(part.along, self.path(part, theta)))
            for part in parts]))

    def next_eta(self, eta, kl):
        if self.target_kl is None or self.target_kl / 1.5 <= kl <= 1.5 * self.target_kl:
            return eta
        return 2 * eta if kl > self.target_kl else eta / 2
