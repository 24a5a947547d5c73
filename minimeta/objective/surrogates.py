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

A surrogate never mentions a parameter of the policy. Its data are constants: advantages
A or rewards r, the log-probabilities l_old under the policy that sampled, and the mask,
a bool array that is True where a step was taken, or None where every step was. Numbers
where the mask is False have no influence. Values are sums over steps and episodes:
scale A for a mean.

At l = l_old, and with A_t = R_t, the mean gradient of all surrogates is the policy
gradient E sum_t g_t R_t. They differ in the Hessian, and a meta-gradient is made of
Hessians. The Hessian of J is, with sums over the steps t of an episode,

    H   = H1 + H2 + H12 + H12^T
    H1  = E sum_t g_t g_t^T R_t               g_t = grad log pi(a_t | s_t)
    H2  = E sum_t hess(l_t) R_t               R_t = the sum of the rewards from t on
    H12 = E sum_t g_t (grad Q_t)^T            Q_t = E[R_t | s_t, a_t]

    LogLikelihood   H2         It is linear in l, so only the curvature of l is left.
    Ratio           H1 + H2    Each exp(l_t - l_old_t) also has its own square, g g^T.
    Dice            H          exp(w_t) also multiplies an action with those before it,
                               which is H12. It has the most noise.
    LoadedDice      H with lam = 1, H1 + H2 with lam = 0

This is so for J = E sum_t r_t, where gamma is 1. With gamma below 1 the gradient of
J = E sum_t gamma^t r_t is E sum_t gamma^t g_t R_t, where R_t discounts from t on. So
Dice needs the rewards r_t gamma^t, and the others need the advantages A_t gamma^t; then
all of the above holds. `discounts` gives gamma^t. Without this factor the Hessian of
Dice is not exact: in random MDPs with 4 steps it is 1.6 % off at gamma = 0.99, and 17 %
at 0.9.

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
    """The surrogate of that name, as a function of (A, l_old, mask). Such a function of
    your own, as partial(LoadedDice, lam=0.3), is returned as it is.

    name  of the argument, for the message of an error
    """
    if callable(surrogate):
        return surrogate
    return require.choice(name, surrogate, ESTIMATORS)
