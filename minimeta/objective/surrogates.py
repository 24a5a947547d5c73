"""A surrogate is what policy-gradient methods climb in place of the expected return J:
a scalar of the log-probabilities l = log pi(a | s) of the actions that were taken.

    value(l)        one number per task [...]
    grad(l)         its gradient in l              [..., T, B]
    hvp(l, l_dot)   its Hessian in l times l_dot   [..., T, B]

    LogLikelihood   sum A l
    Ratio           sum A rho,  rho = exp(l - l_old)
    ClippedRatio    sum min(A rho, A clip(rho, 1 - clip, 1 + clip))
    Dice            sum_t r_t exp(sum_{s <= t} l_s - l_old_s)
    LoadedDice      between Ratio (lam = 0) and Dice (lam = 1)

A surrogate never mentions a weight. Its data are constants: advantages A or rewards r,
the log-probabilities l_old under the policy that sampled, and the mask, a bool array
that is True where a step was taken, or None where every step was. Nothing that stands
at a masked step has any influence. Values are sums over steps and episodes: scale A for
a mean.

At l = l_old all have the policy gradient, E sum_t g_t R_t, as their gradient. They
differ in the Hessian, and a meta-gradient is made of Hessians. That of J is

    H = H1 + H2 + H12 + H12^T                 with, for steps t of an episode,
    H1  = E sum_t g_t g_t^T R_t               g_t = grad log pi(a_t | s_t)
    H2  = E sum_t hess(l_t) R_t               R_t = the sum of rewards from t on
    H12 = E sum_t g_t (grad Q_t)^T            Q_t = E[R_t | s_t, a_t]

    LogLikelihood   H2              A is a constant, which does not see pi change
    Ratio           H1 + H2         nor do the actions after t
    Dice            H, all of it    and the most noise
    LoadedDice      H with lam = 1, H1 + H2 with lam = 0

These hold for J = E sum_t r_t, which has no discount. Of J = E sum_t gamma^t r_t the
gradient is E sum_t gamma^t g_t R_t, where R_t discounts from t on. So the rewards of
Dice must be r_t gamma^t, and the advantages of all others A_t gamma^t (`discounts`).
Without the factor gamma^t the gradient and the Hessian are those of no return.

Letters: ... leading task axes, T steps, B episodes.
Source: Foerster et al. (2018), DiCE, arXiv 1802.05098; Rothfuss et al. (2018), ProMP,
arXiv 1810.06784; Farquhar et al. (2019), Loaded DiCE, arXiv 1909.10549.
"""
from functools import partial

from .. import require
from .dice import Dice, LoadedDice, discounts
from .ratios import ClippedRatio, LogLikelihood, Ratio

__all__ = ["LogLikelihood", "Ratio", "ClippedRatio", "Dice", "LoadedDice", "discounts",
           "ESTIMATORS", "estimator"]

ESTIMATORS = {  # name -> a surrogate of (A, l_old, mask), so that all share one batch
    "log-likelihood": lambda A, l_old, mask=None: LogLikelihood(A, mask),
    "ratio": Ratio,
    "clipped-ratio": ClippedRatio,
    "dice": LoadedDice,  # with lam = 1: Dice, in the form that takes advantages
    "loaded-dice": partial(LoadedDice, lam=0.5),
}


def estimator(name, surrogate):
    """The surrogate of that name, as a function of (A, l_old, mask). Such a function,
    as partial(LoadedDice, lam=0.3), is returned as it is; `name` is the argument's."""
    if callable(surrogate):
        return surrogate
    return require.choice(name, surrogate, ESTIMATORS)
