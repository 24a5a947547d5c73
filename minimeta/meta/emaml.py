"""E-MAML: MAML, and theta earns credit for having collected good data.

    phi_k = theta - alpha grad L(theta; D_k)
    loss  = mean over tasks of L(phi_k; D'_k) - credit_k sum_i log pi_{theta_i}(D_ki)

The gradient of the second term is the score-function term of the expected return after
adaptation: theta_i collected D_ki, and D_ki decides where phi_k is. The term's value
means nothing, since log pi is not a loss: do not watch the logged loss of E-MAML, watch
the return.
"""
from dataclasses import dataclass, field

import numpy as np

from ..objective.losses import Minus, OfActions
from ..objective.surrogates import LogLikelihood
from ..rl import counts, discounted, is_rounding, return_scale
from .gradient import MetaLoss
from .rollout_learner import ThroughSteps


@dataclass(frozen=True)
class EMAML(ThroughSteps):
    """MAML, with the credit that theta earns for collecting good data.

        credit_k = unit (R_k(phi_k) - b_k),    coefficient 1

    R_k is the mean discounted return after adaptation. b_k is the mean of R over the
    other tasks of the batch, in which D_k has no part; 0 if there are none.

    With normalise=False, and gamma=1 or discount_steps=True, this is the whole gradient
    of the expected return after adaptation. With normalise=True, `unit` depends on D',
    and so a little on D_k: the mean of the score term is then near that of the whole
    gradient, not equal to it. Another inner estimator than "log-likelihood" would count
    the sampling twice.

    Source: Stadie et al. (2018), arXiv 1803.01118; Rothfuss et al. (2018), arXiv
    1810.06784, formulation I.
    """

    inner: str = field(default="log-likelihood", init=False)

    def meta_loss(self, theta, inner, outer, scores):
        """outer(phi(theta)) + sum_i score_i(theta_i) of each task, and its gradient."""
        adapted = self.adaptation(inner).at(theta)  # theta - alpha grad L(theta; D)
        outer = outer.at(adapted.phi)               # L(phi; D')
        value = outer.value + sum(                  # - credit log pi_{theta_i}(D_i)
            score.value(at.y) for score, at in zip(scores, adapted.path))

        def grad():
            path_bar = [at.vjp(score.grad(at.y))
                        for score, at in zip(scores, adapted.path)]
            return adapted.vjp(outer.grad, path_bar)

        return MetaLoss(value, grad, adapted, outer)

    def knows(self, data):
        """The credit of each task, which depends on all returns of the batch."""
        return (self.credit(data),)

    def losses(self, theta, history, data, credit):
        """(inner, outer, scores): the scores of the batches of `history`."""
        scores = [self.score(D, credit) for D in history]
        return *super().losses(theta, history, data), scores

    def score(self, D, credit):
        """Minus the credited log-probability of a whole batch, a scalar of y."""
        A = np.broadcast_to(credit[:, None, None], D.mask.shape)
        return Minus(OfActions(self.policy, D.action, LogLikelihood(A, D.mask)))

    def credit(self, data):
        """unit (R - b) of each task: [K]."""
        G = discounted(data.reward, self.gamma, data.end)
        R, others = G[:, 0].mean(-1), max(len(G) - 1, 1)
        b = (R.sum() - R) / others
        return self.unit(data) * (R - b)

    def unit(self, data):
        """By how much the outer loss falls if every episode earns one reward more: 1 if
        advantages are not normalised.

        If they are, a loss is minus  sum A / (n std)  for n steps of a task, while the
        return is  sum A / B.  So one reward counts  unit = B / (n std), where std is
        that of all tasks together. The unit is 0 if std is rounding.
        """
        if not self.normalise:
            return data.reward.dtype.type(1)
        A, n = self.advantages(data), counts(data.mask)
        centred = (A - A.sum((-2, -1), keepdims=True) / n) * data.mask
        std = np.sqrt((centred * centred).sum() / n.sum())
        scale = return_scale(data.reward, self.gamma, data.end).max()
        no_spread = is_rounding(std, scale)
        return A.dtype.type(0 if no_spread else A.shape[-1] / (n.mean() * std))
