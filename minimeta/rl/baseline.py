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
    reward = data.reward.astype(float)
    G, t = discounted(reward, gamma, data.end), np.where(data.mask, clock(data.end), 0)
    f = episodes(features(data, t))                               # [K, B, T, F]
    columns = episodes(np.stack([worth(t, gamma), G, reward], -1))   # [K, B, T, 3]
    f_transpose = np.swapaxes(f, -1, -2)
    ff = sum_of_others(f_transpose @ f)
    f_tau, f_G, f_reward = np.split(sum_of_others(f_transpose @ columns), 3, -1)
    n = ff[..., :1, :1]                                   # steps, as the first f is 1
    r = f_reward[..., :1, :] / n
    add_penalty(ff, n)
    w = np.linalg.solve(ff, f_G - r * f_tau)
    V = np.moveaxis((r * columns[..., :1] + f @ w)[..., 0], 1, 2)
    V = np.clip(V, *others_range(G, data.mask))
    return (V * data.mask).astype(data.reward.dtype)


def episodes(columns):
    """[K, T, B, F] -> [K, B, T, F], a view."""
    return np.moveaxis(columns, 2, 1)


def add_penalty(ff, n):
    """Adds RIDGE diag(var) to ff [.., F, F], the sums of f^T f over n steps, in place.
    The penalty of the feature 1 is 0. That of any other feature that does not vary is
    1, which makes its weight 0."""
    diagonal = np.einsum("...ff->...f", ff)  # a view
    mean = ff[..., 1:, 0] / n[..., 0]
    var = diagonal[..., 1:] / n[..., 0] - mean ** 2
    diagonal[..., 1:] += np.where(var > CONSTANT, RIDGE * var, 1)


def features(data, t):
    """1, t, t^2, t^3, x and x^2: [K, T, B, F], with mean square 1 over each task and 0
    where no step was taken.

    t [K, T, B] is the step of the episode. The mean of the first observations, which no
    action has changed, is subtracted from x. If an input has only two values, as
    one-hot inputs do, its square tells nothing new: it is 0 in the tasks where this is
    so, and left out if it is so in all tasks.

    In memory the steps of an episode come last, and so all sums over steps are fast.
    """
    on = np.array(np.swapaxes(data.mask, 1, 2)[:, None], float, order="C")
    x = np.array(data.x.transpose(0, 3, 2, 1), float, order="C")     # [K, n, B, T]
    first = x[..., :1].copy()
    np.copyto(x, first, where=on == 0)
    low, high = x.min((2, 3), keepdims=True), x.max((2, 3), keepdims=True)
    is_two = ((x == low) | (x == high)).all((2, 3), keepdims=True)
    x = (x - first.mean(2, keepdims=True)) * on
    x /= root_mean_square(x, on)
    t = np.swapaxes(t, 1, 2)[:, None] / t.shape[1]
    some = ~is_two.all((0, 2, 3))
    square = np.where(is_two[:, some], 0, x[:, some] ** 2)
    f = np.concatenate([on, t, t * t, t * t * t, x, square], 1)
    f /= root_mean_square(f, on)
    return f.transpose(0, 3, 2, 1)


def root_mean_square(f, on):
    """Of f [K, F, B, T] over the steps of each task: [K, F, 1, 1]; 1 where f is 0."""
    f = f.reshape(f.shape[:2] + (-1,))
    square = np.einsum("kfi,kfi->kf", f, f)[..., None, None]
    square /= on.sum((2, 3), keepdims=True)
    return np.sqrt(np.where(square > 0, square, 1))


def worth(t, gamma):
    """tau [K, T, B]: what a reward of 1 a step is worth from each step to the end of
    the task's longest episode.

    The longest episode sets this end for itself too. If gamma < 1 and episodes end
    early, its own V depends on it in this way alone, by some thousandths of V.
    """
    to_go = t.max((1, 2), keepdims=True) - t
    with np.errstate(under="ignore"):
        return np.cumsum(gamma ** np.arange(t.shape[1]))[to_go]


def sum_of_others(parts):
    """For each episode the sum over all others: [K, B, ...]. The episode's own numbers
    count 0 times: to add and subtract them would leave their rounding."""
    K, B = parts.shape[:2]
    return ((1 - np.eye(B)) @ parts.reshape(K, B, -1)).reshape(parts.shape)


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
