"""Returns and advantages along time. All arrays are [..., T, B]: time is the last axis
but one.

`cut` [..., T, B] is True where nothing flows back from the next step: at the last step
of an episode. Without it everything does, up to the end of the trial, so that exploring
in one episode earns what the next one pays.

Letters: ... leading task axes, T steps, B episodes, V values.
"""
import numpy as np

from .. import require


def flows(reward, cut):
    """1 where the next step counts, 0 where it is cut off."""
    if cut is None:
        return np.ones_like(reward)
    if cut.shape != reward.shape:
        raise ValueError(f"cut must have the shape of reward, {list(reward.shape)}, "
                         f"got {list(cut.shape)}")
    return 1 - cut.astype(reward.dtype)


def discounted(reward, gamma, cut=None):
    """The discounted sum of the rewards from each step on.

        G_t = r_t + gamma G_{t+1}
    """
    require.number("gamma", gamma, 0, 1)
    require.floating("reward", reward)
    G, flow = np.empty_like(reward), flows(reward, cut)
    following = np.zeros_like(reward[..., 0, :])
    for t in reversed(range(reward.shape[-2])):
        following = reward[..., t, :] + gamma * flow[..., t, :] * following
        G[..., t, :] = following
    return G


def gae(reward, value, gamma, lam, cut=None):
    """Generalised advantage estimates, on the way from TD residuals to Monte-Carlo
    ones.

        delta_t = r_t + gamma V_{t+1} - V_t,      A_t = delta_t + gamma lam A_{t+1}

    lam = 0 gives A_t = delta_t, lam = 1 gives G_t - V_t. The value past the last step
    is 0. A + value are the targets for the value, before any normalisation of A.
    Source: Schulman et al. (2016), High-dimensional continuous control using
    generalized advantage estimation, eq. 16.
    """
    require.number("gamma", gamma, 0, 1)
    require.number("lam", lam, 0, 1)
    if value.shape != reward.shape:
        raise ValueError(f"value must have the shape of reward, {list(reward.shape)}, "
                         f"got {list(value.shape)}")
    following = np.zeros_like(value)
    following[..., :-1, :] = value[..., 1:, :]
    delta = reward + gamma * flows(reward, cut) * following - value
    return discounted(delta, gamma * lam, cut)


def normalised(A, mask):
    """A shifted and scaled to mean 0 and standard deviation 1 over the steps of each
    task; 0 where masked. Does not change when rewards are scaled."""
    n = np.maximum(mask.sum((-2, -1), keepdims=True), 1).astype(A.dtype)
    A = (A - (A * mask).sum((-2, -1), keepdims=True) / n) * mask
    std = np.sqrt((A * A).sum((-2, -1), keepdims=True) / n)
    return A / np.where(std > 0, std, 1)
