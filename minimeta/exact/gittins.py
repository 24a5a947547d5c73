"""The Gittins index of a Bernoulli arm, by calibration against an arm that is known.

An arm has s successes and f failures, its probability the posterior Beta(s + 1, f + 1). Beside
it stands an arm that pays lam for certain. Pulling the known one once means pulling it for ever:

    retire        = lam / (1 - discount)
    V(s, f)       = max(retire, Q(s, f))
    Q(s, f)       = p (1 + discount V(s + 1, f)) + (1 - p) discount V(s, f + 1)
    p             = (s + 1) / (s + f + 2)

The index is the lam at which Q = retire. Pulling the arm with the highest index is optimal for
infinitely many discounted pulls, whatever the number of arms.

Looking ahead stops after `depth` pulls, where V is taken as that of an arm that teaches no more,
max(lam, p) / (1 - discount). What that leaves out is below discount^depth / (1 - discount).

Source: Gittins (1979), Bandit processes and dynamic allocation indices; the calibration is of
Gittins, Glazebrook & Weber (2011), Multi-armed bandit allocation indices, section 8.4.
"""
import numpy as np

from ..calculus import boundary

TOLERANCE = 1e-9  # of what is left out beyond the depth, relative to a reward of 1


def depth_of(discount, tolerance):
    """Pulls to look ahead so that what is left out is below the tolerance."""
    if discount == 0:
        return 1
    return int(np.ceil(np.log(tolerance * (1 - discount)) / np.log(discount)))


def advantage(successes, failures, lam, discount, depth):
    """Q - retire for arms [C] beside known arms lam [C]; the root in lam is the index."""
    retire = (lam / (1 - discount))[:, None]
    gained = np.arange(depth + 1)
    n = (successes + failures)[:, None] + 2
    V = np.maximum(retire, (successes[:, None] + gained + 1) / (n + depth) / (1 - discount))
    for t in reversed(range(depth)):
        p = (successes[:, None] + gained[:t + 1] + 1) / (n + t)
        Q = p * (1 + discount * V[:, 1:t + 2]) + (1 - p) * discount * V[:, :t + 1]
        V = np.maximum(retire, Q)
    return (Q - retire)[:, 0]


def gittins_index(successes, failures, discount):
    """The index of arms seen to succeed and to fail so often, the prior being uniform.

    successes, failures   integers, or arrays of them that broadcast; (0, 0) is Beta(1, 1)
    discount              in [0, 1), of the pulls to come

    Returns the index, reward per pull, of the broadcast shape; accurate to about 1e-9.
    """
    boundary.number("discount", discount, 0, np.nextafter(1, 0))
    successes, failures = np.broadcast_arrays(successes, failures)
    for name, counts in (("successes", successes), ("failures", failures)):
        if counts.dtype.kind not in "iu":
            raise TypeError(f"{name} must hold integers, got dtype {counts.dtype}")
        if counts.size and counts.min() < 0:
            raise ValueError(f"{name} must not be negative, got {counts.min()}")
    s, f = successes.ravel(), failures.ravel()
    depth = depth_of(discount, TOLERANCE)
    low, high = (s + 1) / (s + f + 2), np.ones(len(s))  # the mean, and what is best
    while (high - low).max(initial=0) > TOLERANCE:
        middle = (low + high) / 2
        is_low = advantage(s, f, middle, discount, depth) > 0
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    return ((low + high) / 2).reshape(successes.shape)


def gittins_table(pulls, discount, n_grid=1000, tolerance=1e-5):
    """The indices of all arms of at most `pulls` pulls at once: [pulls + 1, pulls + 1] by
    successes and failures, NaN beyond. Accurate to about 1e-5, which is enough to choose by.

    One dynamic program over all counts for a grid of lam; the root is interpolated.
    """
    boundary.count("pulls", pulls)
    boundary.number("discount", discount, 0, np.nextafter(1, 0))
    lam = np.linspace(0, 1, n_grid)
    retire = lam / (1 - discount)
    last = pulls + depth_of(discount, tolerance)
    table = np.full((pulls + 1, pulls + 1), np.nan)
    mean = (np.arange(last + 1) + 1) / (last + 2)
    V = np.maximum(retire, mean[:, None] / (1 - discount))  # [s, lam] of `last` pulls
    for n in reversed(range(last)):
        p = ((np.arange(n + 1) + 1) / (n + 2))[:, None]
        Q = p * (1 + discount * V[1:n + 2]) + (1 - p) * discount * V[:n + 1]
        if n <= pulls:
            s = np.arange(n + 1)
            table[s, n - s] = crossing(lam, Q - retire)
        V = np.maximum(retire, Q)
    return table


def crossing(lam, gap):
    """Where gap [.., lam], which falls from above 0 to 0 or below, crosses 0."""
    right = np.argmax(gap <= 0, -1)[:, None]
    g0 = np.take_along_axis(gap, right - 1, -1)[:, 0]
    g1 = np.take_along_axis(gap, right, -1)[:, 0]
    left = right[:, 0] - 1
    return lam[left] + (lam[left + 1] - lam[left]) * g0 / (g0 - g1)
