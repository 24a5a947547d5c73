"""MAML: learn the theta from which a gradient step takes a policy furthest.

    phi_k = theta - alpha grad inner_k(theta)          a step a batch, `rounds` batches
    loss  = mean over tasks of outer_k(phi_k)
    grad  = mean over tasks of (I - alpha H_k) grad outer_k(phi_k)

H_k is the Hessian of the inner objective, and the estimators of a policy gradient
differ in it: see objective/surrogates.py. First-order MAML leaves it out.

    MAML    any estimator inside and outside
    EMAML   the same, and theta earns credit for having collected good data
"""
from dataclasses import dataclass, field, replace

import numpy as np

from .. import require
from ..objective.losses import OfActions
from ..objective.surrogates import LogLikelihood
from ..rl import discounted
from .gradient import RolloutLearner


@dataclass(frozen=True)
class MAML(RolloutLearner):
    """Model-agnostic meta-learning by reinforcement.

    rounds        S, steps of adaptation in training, each on a batch of its own
    first_order   leave out the Hessians
    learn_alpha   train alpha too, in the shape in which it is given: one number, one
                  for each step, or one for each parameter (Meta-SGD)

    Source: Finn et al. (2017), MAML, arXiv 1703.03400, algorithm 3; Li et al. (2017),
    Meta-SGD, arXiv 1707.09835.
    """

    rounds: int = 1
    first_order: bool = False
    learn_alpha: bool = False

    def __post_init__(self):
        super().__post_init__()
        require.count("rounds", self.rounds)


@dataclass(frozen=True)
class EMAML(MAML):
    """MAML, with the credit that theta earns for collecting good data:

        grad += (R_k(phi_k) - b_k) grad sum_i log pi_{theta_i}(D_i),    coefficient 1

    R_k is the mean discounted return after adaptation, b_k that of the other tasks of
    the batch, which D_i has no part in; 0 if there are none. With "log-likelihood"
    inside this is the whole gradient of the expected return after adaptation; other
    estimators count the sampling again.

    Source: Stadie et al. (2018), arXiv 1803.01118; Rothfuss et al. (2018), arXiv
    1810.06784, formulation I.
    """

    inner: str = field(default="log-likelihood", init=False)

    def meta_objectives(self, history, data):
        parts, credit = super().meta_objectives(history, data), self.credit(data)
        return [replace(part, along=tuple(
                    self.sampling(batch[shard], credit[shard]) for batch in history))
                for part, shard in zip(parts, self.shards(data))]

    def credit(self, data):
        """R - b for each task, in the units of the outer objective: [K]."""
        G = discounted(data.reward, self.gamma, data.end)
        R, others = G[:, 0].mean(-1), max(len(G) - 1, 1)
        b = (R.sum() - R) / others
        return self.unit(data) * (R - b)

    def unit(self, data):
        """How much the outer objective makes of one reward of every episode: 1 unless
        advantages are normalised."""
        A = self.advantages(data)
        A_w = self.weighted(A, data.mask)
        part, whole = (A_w * A_w).sum((-2, -1)), (A_w * A).sum((-2, -1))
        return A.shape[-1] * part / np.where(whole > 0, whole, 1)

    def sampling(self, batch, credit):
        """Minus the credited log-probability of a whole batch, a scalar of y."""
        weights = -credit[:, None, None] * batch.mask
        return OfActions(self.policy, batch.action, LogLikelihood(weights))
