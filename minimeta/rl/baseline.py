"""A baseline V is the return that was expected from each step. Subtracting V from the
returns G takes away noise from the gradient.

    baseline(data, gamma) -> V [K, T, B]

The gradient of the inner step is E[sum (G - V) score]. Its term E[sum V score] is 0
only if V does not depend on the action, nor on what follows from the action. A fit to
all episodes of a batch breaks this: V follows each return a little (with 1 episode, all
the way), and the gradient loses as much. So each episode's V comes from a fit to the
other episodes of its task. With a single episode there is no other, and V is 0.

A baseline is a pure function of the rollout. It is fitted once, and not again while a
line search tries steps on the same batch.

Letters: K tasks, T steps, B episodes, n inputs, F features.
"""
import numpy as np

from .. import require
from ..objective.dice import clock
from .returns import discounted

RIDGE = 1.0       # steps of evidence that a weight is 0
CONSTANT = 1e-12  # a smaller variance, of features of mean square 1, is rounding


def linear(data, gamma):
    """Ridge regression on features f of the steps, for each episode on the others:

        V = r tau + f w
        r = the mean reward of the others
        w = argmin sum (G - r tau - f w)^2 + RIDGE sum_j var_j w_j^2     sums over the
          = (sum f^T f + RIDGE diag(var))^{-1} sum f^T (G - r tau)       others' steps

    G is the discounted return, and tau is the return of a reward of 1 a step, so where
    episodes are equally long, a constant reward leaves nothing to fit. var_j is the
    variance of feature j, so no scale or offset of an observation changes the fit. V is
    clipped to the range of the others' returns.

    Two episodes of one step that earn 1 and 3: each was expected to earn what the other
    one did, so A = (-2, 2). The mean of both would be 2, and A = (-1, 1): half of the
    gradient is lost, as each return stands in its own baseline.

    >>> from types import SimpleNamespace
    >>> reward, on = np.array([[[1.0, 3.0]]]), np.ones((1, 1, 2), bool)
    >>> x = np.zeros((1, 1, 2, 1))                                     # nothing is seen
    >>> linear(SimpleNamespace(x=x, reward=reward, mask=on, end=on), gamma=1.0)
    array([[[3., 1.]]])

    The cost is B solves of F equations a task. Source: Duan et al. (2016), Benchmarking
    deep reinforcement learning for continuous control, arXiv 1604.06778, section 5 (the
    features of the authors' code).
    """
    gamma, (_, _, B) = require.number("gamma", gamma, 0, 1), data.reward.shape
    if B == 1:
        return none(data, gamma)
    f, tau, reward = features(data), worth(data, gamma), data.reward.astype(float)
    G = discounted(reward, gamma, data.end)
    lowest, highest = others_range(G, data.mask)
    columns = np.stack([tau, G, reward], -1)
    columns = np.concatenate([f, columns], -1) * data.mask[..., None]
    columns = np.moveaxis(columns, 2, 1)                          # [K, B, T, F + 3]
    sums, F = sum_of_others(np.swapaxes(columns, -1, -2) @ columns), f.shape[-1]
    ff, f_tau, f_G, f_reward = np.split(sums[..., :F, :], [F, F + 1, F + 2], -1)
    n = ff[..., :1, :1]                                   # steps, as the first f is 1
    r = f_reward[..., :1, :] / n
    w = np.linalg.solve(ff + penalty(ff, n), f_G - r * f_tau)
    V = r * columns[..., F:F + 1] + columns[..., :F] @ w
    V = np.clip(np.moveaxis(V[..., 0], 1, 2), lowest, highest)
    return (V * data.mask).astype(data.reward.dtype)


def penalty(ff, n):
    """RIDGE diag(var) [.., F, F] from the sums of f^T f over n steps. The penalty of
    the feature 1 is 0. That of any other feature that does not vary is 1, which makes
    its weight 0."""
    mean = ff[..., 0] / n[..., 0]
    var = np.einsum("...ff->...f", ff) / n[..., 0] - mean ** 2
    matrix = np.zeros_like(ff)
    diagonal = np.einsum("...ff->...f", matrix)  # a view
    diagonal[..., 1:] = np.where(var > CONSTANT, RIDGE * var, 1)[..., 1:]
    return matrix


def features(data):
    """1, t, t^2, t^3, x and x^2: [K, T, B, F], with mean square 1 over each task.

    t is the step of the episode. The mean of the first observations, which no action
    has changed, is subtracted from x. If an input has only two values, as one-hot
    inputs do, its square tells nothing new: it is 0 in the tasks where this is so, and
    left out if it is so in all tasks.
    """
    on, x = data.mask[..., None], data.x.astype(float)
    x = np.where(on, x, x[:, :1])
    low, high = over_steps(np.minimum, x), over_steps(np.maximum, x)
    is_two = over_steps(np.logical_and, (x == low) | (x == high))
    x = x - x[:, :1].mean(2, keepdims=True)
    x = x / root_mean_square(x, on)
    t = clock(data.end)[..., None] / data.end.shape[1]
    some = ~is_two.all((0, 1, 2))
    square = np.where(is_two[..., some], 0, x[..., some] ** 2)
    f = np.concatenate([t ** 0, t, t * t, t ** 3, x, square], -1)
    return f / root_mean_square(f, on)


def root_mean_square(f, on):
    """Over the steps of each task: [K, 1, 1, F]; 1 where f is 0."""
    square = over_steps(np.add, f * f * on) / over_steps(np.add, on * 1)
    return np.sqrt(np.where(square > 0, square, 1))


def over_steps(ufunc, f):
    """Reduces f by ufunc over all steps of each task: [K, 1, 1, F]. If F is small, one
    axis after the other is many times faster than both at once."""
    return ufunc.reduce(ufunc.reduce(f, 1), 1)[:, None, None]


def worth(data, gamma):
    """tau [K, T, B]: what a reward of 1 a step is worth from each step to the end of
    the task's longest episode.

    The longest episode sets this end for itself too. If gamma < 1 and episodes end
    early, its own V depends on it in this way alone, by some thousandths of V.
    """
    t = np.where(data.mask, clock(data.end), 0)
    to_go = t.max((1, 2), keepdims=True) - t
    return discounted(np.ones((t.max() + 1, 1)), gamma)[::-1, 0][to_go]


def sum_of_others(parts):
    """For each episode the sum over all others: [K, B, ...]. The episode's own numbers
    are never added: to subtract them again would leave their rounding."""
    sums, before, after = np.empty_like(parts), 0, 0
    for e in range(parts.shape[1]):
        sums[:, e], before = before, before + parts[:, e]
    for e in reversed(range(parts.shape[1])):
        sums[:, e], after = sums[:, e] + after, after + parts[:, e]
    return sums


def others_range(G, mask):
    """For each episode the least and the greatest return in all others: [K, 1, B]."""
    def most(G):
        top = np.where(mask, G, -np.inf).max(1, keepdims=True)     # [K, 1, B]
        ranked = np.sort(top, -1)
        return np.where(top == ranked[..., -1:], ranked[..., -2:-1], ranked[..., -1:])

    return -most(-G), most(G)


def none(data, gamma):
    """No baseline: 0."""
    return np.zeros_like(data.reward)


BASELINES = {"linear": linear, "none": none}


def baseline(name):
    """The baseline of that name."""
    return require.choice("baseline", name, BASELINES)
