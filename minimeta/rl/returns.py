"""This file turns rewards into returns, what each step earned, and into advantages, how
much more that was than expected.

All arrays are [..., T, B]: time is the last axis but one. `cut` [..., T, B] is True
where nothing flows back from the next step: at the last step of an episode. Without
`cut`, rewards flow back from the end of the trial, so that exploring in one episode
earns what the next episode pays.

The value past the last step of an episode is 0, whether the task ended it (done) or the
horizon did. That is a decision: the horizon is the budget of a task and part of it, so
what would come later is worth nothing. Who wants to bootstrap past a time limit cannot
do so from a Rollout, which keeps no observation after the last step.

The loop over time is written out. scipy.signal.lfilter computes the same sum where
nothing is cut, but it knows no cuts, and its import takes longer than minimeta's.

Letters: ... leading task axes, T steps, B episodes, V values.
"""
import numpy as np

from .. import require


def flows(reward, cut):
    """1 where the next step counts, 0 where it is cut off."""
    if cut is None:
        return np.ones_like(reward)
    require.like("cut", cut, "reward", reward)
    return 1 - cut.astype(reward.dtype)


def discounted(reward, gamma, cut=None):
    """The discounted sum of the rewards from each step on.

        G_t = r_t + gamma G_{t+1}
    """
    gamma = require.number("gamma", gamma, 0, 1)
    require.floating("reward", reward)
    G, flow = np.array(reward), gamma * flows(reward, cut)
    Gs, flows_on = np.moveaxis(G, -2, 0), np.moveaxis(flow, -2, 0)
    with np.errstate(under="ignore"):  # a reward that is discounted to nothing is 0
        for t in reversed(range(len(Gs) - 1)):
            Gs[t] += flows_on[t] * Gs[t + 1]
    return G


def gae(reward, value, gamma, lam, cut=None):
    """Generalised advantage estimates A: how much better a step was than V expected.

    One step estimates it by the TD residual delta, n steps by a sum of n residuals, in
    which all values between the first and the last cancel:

        delta_t = r_t + gamma V_{t+1} - V_t
        A_t^n   = delta_t + gamma delta_{t+1} + .. + gamma^{n-1} delta_{t+n-1}
                = r_t + .. + gamma^{n-1} r_{t+n-1} + gamma^n V_{t+n} - V_t

    A small n trusts V, a large n the rewards. A is the mean of all n >= 1 with weights
    (1 - lam) lam^{n-1}. delta_{t+j} is in all A^n with n > j, and the weights of these
    add up to lam^j. So

        A_t = sum_j (gamma lam)^j delta_{t+j} = delta_t + gamma lam A_{t+1}

        lam = 0    A_t = delta_t        little noise; wrong where V is wrong
        lam = 1    A_t = G_t - V_t      noisy; right in the mean for every V

    The value past the last step is 0. Before any normalisation of A, A + value are the
    targets for the value.

    Three rewards 1, 0, 2 where V expected 2, 1, 1, with gamma = 1/2: the residuals are
    1 + 1/2 - 2, 0 + 1/2 - 1, 2 - 1.

    >>> reward, value = np.array([[1.], [0.], [2.]]), np.array([[2.], [1.], [1.]])
    >>> [gae(reward, value, 0.5, lam)[:, 0].tolist() for lam in (0, 0.5, 1)]
    [[-0.5, -0.5, 1.0], [-0.5625, -0.25, 1.0], [-0.5, 0.0, 1.0]]
    >>> discounted(reward, 0.5)[:, 0].tolist()                # A + value for lam = 1
    [1.5, 1.0, 2.0]

    Source: Schulman et al. (2016), High-dimensional continuous control using
    generalized advantage estimation, eq. 16.
    """
    gamma = require.number("gamma", gamma, 0, 1)
    lam = require.number("lam", lam, 0, 1)
    require.like("value", value, "reward", reward)
    following = np.zeros_like(value)
    following[..., :-1, :] = value[..., 1:, :]
    with np.errstate(under="ignore"):
        delta = reward + gamma * flows(reward, cut) * following - value
    return discounted(delta, gamma * lam, cut)


def normalised(A, mask, scale=None):
    """A shifted and scaled to mean 0 and standard deviation 1 over the steps of each
    task; 0 where mask is False. The result does not change when rewards are scaled.

    A spread that is only rounding becomes 0.

    scale  [..., 1, 1]  the size of the numbers whose difference A is, as return_scale
           gives it; None for the largest |A|
    """
    mask = require.mask("mask", mask)
    n = np.maximum(mask.sum((-2, -1), keepdims=True), 1).astype(A.dtype)
    A = np.where(mask, A, 0)
    unit = np.abs(A).max((-2, -1), keepdims=True)
    unit = np.where(unit > 0, unit, 1)
    with np.errstate(under="ignore"):
        A = A / unit  # so that squares are neither inf nor all 0
        A = np.where(mask, A - A.sum((-2, -1), keepdims=True) / n, 0)
        std = np.sqrt((A * A).sum((-2, -1), keepdims=True) / n)
        is_none = is_rounding(std, 1 if scale is None else scale / unit)
        return np.where(is_none, 0, A / np.where(std > 0, std, 1))


def is_rounding(spread, scale):
    """True where numbers of size `scale` spread no more than by rounding alone.

        spread <= sqrt(eps) scale

    More than half of the digits are lost there. In float32 that is 3e-4 of the scale:
    a sum of T = 1000 rewards is off by T eps = 1e-4 at most, and the fit of a baseline,
    which is made in float64, by less.
    """
    return spread <= np.sqrt(np.finfo(spread.dtype).eps) * scale


def return_scale(reward, gamma, cut=None):
    """The size of each task's discounted returns, before any baseline: the largest |G|,
    [..., 1, 1]."""
    G = discounted(reward, gamma, cut)
    return np.abs(G).max((-2, -1), keepdims=True)


def counts(mask):
    """The number of steps of each task: [..., 1, 1]."""
    n = require.mask("mask", mask).sum((-2, -1), keepdims=True)
    if not n.all():
        task = np.argmin(n)
        raise ValueError(
            f"mask must have a step in every task, got none in task {task}")
    return n


def step_weights(mask, dtype):
    """The weights w of a mean over the steps of each task: [..., T, B]."""
    return (mask / counts(mask)).astype(dtype)
