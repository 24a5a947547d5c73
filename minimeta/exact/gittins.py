"""The Gittins index of a Bernoulli arm: the sure income per pull that is worth as much
as the arm.

An arm with p ~ U[0, 1] has shown s successes and f failures, so its next pull earns
m = (s + 1) / (s + f + 2) on average. Against a sure income of nu per pull, pulling it
once and then going on or retiring for good, whichever is better, is ahead by

    Q(s, f; nu) = m - nu + discount (m V(s + 1, f) + (1 - m) V(s, f + 1))
    V(s, f; nu) = max(0, Q(s, f; nu))

and the index is the root of Q in nu. It is optimal to pull the arm of largest index
when rewards are discounted for ever. Q is convex and decreasing in nu, so three values
bound the root on both sides: a chord is above Q between its ends and below it outside.

The triangle of counts is cut off at some depth. V there lies between two values: one of
an agent who pulls for ever or never, one of an agent who is told p. One sweep of the
triangle carries both bounds, for many nu:

    max(0, m - nu) / (1 - discount)  <=  V  <=  E[max(0, p - nu)] / (1 - discount)

Letters: R arms, G incomes nu. A level of the triangle has equally many pulls, a row of
it equally many successes.
Source: Gittins, Glazebrook and Weber (2011), Multi-armed Bandit Allocation Indices; the
retirement form is Whittle (1980), Multi-armed bandits and the Gittins index.
"""
import numpy as np

from .. import require

CLOSEST = 0.9999  # the largest discount: the look-ahead grows as 1 / (1 - discount)
BLOCK = 128  # incomes swept together; more do not fit into the processor's cache
SPREAD = 7  # standard deviations from nu at which p is taken to be off nu for certain


def gittins_index(successes, failures, discount, tolerance=1e-6):
    """The Gittins index of arms that have shown these counts, on top of p ~ U[0, 1].

    posterior of p = Beta(1 + successes, 1 + failures)

    successes, failures  whole numbers, or arrays of them that broadcast together
    discount             of the next reward against this one, in (0, 0.9999]
    tolerance            width of the interval that is certain to hold the index

    Returns the middle of that interval, reward per pull, in the broadcast shape. A
    fresh arm takes 0.03 s at a discount of 0.99, 0.5 s at 0.999, and 6 s at 0.9999.

    A fresh arm pays 1/2 a pull, and it is worth more: whoever sees it fail can leave.
    Pull once, and go on for ever after a success, which makes m = 2/3. At a discount of
    1/2 this earns 1/2 + 1/2 (1/2) (2/3) 2 = 5/6 in 1 + 1/2 (1/2) 2 = 3/2 pulls,
    discounted. So the index is at least 5/9 = 0.5556; to leave later too is a little
    better. After one failure the arm is worth a little more than its mean, 1/3.

    >>> gittins_index([0, 0], [0, 1], discount=0.5).round(4)
    array([0.559 , 0.3758])
    """
    discount, tolerance = _checked(discount, tolerance)
    s, f = np.broadcast_arrays(require_counts("successes", successes),
                               require_counts("failures", failures))
    arms, where = np.unique(np.stack([s.ravel(), f.ravel()]), axis=1,
                            return_inverse=True)
    low, high = _calibrate(*arms, discount, tolerance)
    return ((low + high) / 2)[where.ravel()].reshape(s.shape)[()]


def gittins_table(pulls, discount, tolerance=1e-6):
    """Indices [pulls + 1, pulls + 1] of all arms with successes + failures <= pulls,
    by [successes, failures]; NaN beyond."""
    require.count("pulls", pulls)
    s, f = np.indices((pulls + 1, pulls + 1))
    table = np.full(s.shape, np.nan)
    inside = s + f <= pulls
    table[inside] = gittins_index(s[inside], f[inside], discount, tolerance)
    return table


def _checked(discount, tolerance):
    discount = require.number("discount", discount, 0, 1, is_open=True)
    if discount > CLOSEST:
        raise ValueError(
            f"discount must be at most {CLOSEST}, got {discount}: the look-ahead grows "
            f"as 1 / (1 - discount); for undiscounted pulls use bayes_optimal_bandit"
        )
    return discount, require.number("tolerance", tolerance, 1e-9, 1)


def require_counts(name, value):
    """`value` as an array of integers, if it holds whole numbers of at least 0."""
    value = np.asarray(value)
    if value.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers, got dtype {value.dtype}")
    if (value < 0).any():
        raise ValueError(f"{name} must be at least 0, got {value.min()}")
    return value.astype(np.int64)


def _calibrate(s, f, discount, tolerance):
    """Bounds [R] of the indices, no more than `tolerance` apart: each round looks
    further ahead, at incomes that are closer to each other."""
    low, high = np.zeros(len(s)), np.ones(len(s))
    depth, cells = int(2 / (1 - discount)), 64
    wide = np.arange(len(s))
    while wide.size:
        bounds = low[wide], high[wide]
        nu = _incomes(*bounds, cells)
        for start in range(0, len(nu) - 2, BLOCK - 2):  # any three stand in one block
            block = nu[start:start + BLOCK]
            Q = _ahead(s[wide], f[wide], discount, block, depth)
            bounds = _tighten(*bounds, block, *Q)
        low[wide], high[wide] = bounds
        wide = np.flatnonzero(high - low > tolerance)
        depth, cells = depth + depth // 2, 8 * cells
    return low, high


def _incomes(low, high, cells):
    """Incomes nu to evaluate, sorted, multiples of 1 / cells between 0 and 1: both
    bounds of each arm and their middle, the bounds strictly inside."""
    near = np.round(cells * np.array([low, (low + high) / 2, high]))
    return np.unique(np.clip(near + [[-1], [0], [1]], 1, cells - 1)) / cells


def _tighten(low, high, nu, Q_low, Q_high):
    """Bounds of the roots from bounds of Q [R, G]."""
    last = len(nu) - 1
    i, j = (Q_low > 0).sum(-1) - 1, (Q_high > 0).sum(-1) - 1  # the last before the root
    before, after = _chord(nu, Q_low, i - 1), _chord(nu, Q_low, i + 1)
    low = np.where(i >= 1, np.maximum(low, before), low)
    low = np.where(i + 2 <= last, np.maximum(low, after), low)
    is_inside = (j >= 0) & (j < last)
    high = np.where(is_inside, np.minimum(high, _chord(nu, Q_high, j)), high)
    return low, high


def _chord(nu, Q, k):
    """Root of the chord from income k to k + 1."""
    k = np.clip(k, 0, len(nu) - 2)
    arm = np.arange(len(Q))
    here, there = Q[arm, k], Q[arm, k + 1]
    return nu[k] + (nu[k + 1] - nu[k]) * here / (here - there)


def _ahead(s, f, discount, nu, depth):
    """Bounds of Q, below and above, each [R, G], by one sweep of the triangle of counts
    from `depth` levels beyond the last arm back to the first."""
    s0, n0 = s.min(), s.min() + f.min()
    row, level = s - s0, s + f - n0
    end = level.max() + depth
    rows = s0 + 1 + np.arange(end + 1.0)[:, None, None]
    forever = 1 / (1 - discount)
    Q = forever * ((s + 1) / (s + f + 2))[:, None, None] - forever * nu
    Q = np.repeat(Q, 2, axis=1)  # right in sign where the sweep does not pass
    V = _cut_off(s0, n0 + end, rows, nu) * forever
    swept = end + 1
    for n in reversed(range(end)):
        start, stop = _band(s0, n0 + n, n, nu)
        if stop == swept:  # a success leads out of the band: p is above nu
            V[stop] = forever * (rows[stop] / (n0 + n + 3) - nu)
        ahead = _pull(V[start:stop + 1], rows[start:stop] / (n0 + n + 2), discount, nu)
        if n <= end - depth:
            arm = np.flatnonzero((level == n) & (start <= row) & (row < stop))
            Q[arm] = ahead[row[arm] - start]
        np.maximum(ahead, 0, out=V[start:stop])
        swept = stop
    return Q[:, 0], Q[:, 1]


def _pull(V, m, discount, nu):
    """Q of a level from V of the next level: row s needs rows s and s + 1 of V."""
    Q = V[1:] - V[:-1]
    Q *= m
    Q += V[:-1]
    Q *= discount
    Q += m
    Q -= nu
    return Q


def _band(s0, n, level, nu):
    """The rows [start, stop) of a level whose m is near an income. In other rows p is
    off all incomes for certain: its variance is at most 1 / (4 (n + 3))."""
    near = SPREAD / 2 / np.sqrt(n + 3)
    start = np.ceil((nu[0] - near) * (n + 2) - 1 - s0)
    stop = np.floor((nu[-1] + near) * (n + 2) - s0)
    return [int(row) for row in np.clip([start, stop], 0, level + 1)]


def _cut_off(s0, n, rows, nu):
    """Bounds [rows, 2, G] of (1 - discount) V after n pulls: for p's mean, for p told.

    E[max(0, p - nu)] = sum_{i <= s} P(Binomial(n + 2, nu) <= i) / (n + 2)
    """
    k = np.arange(n + 3)[:, None]
    log_factorial = np.cumsum(np.log(np.maximum(k, 1)), axis=0)
    log_p = (log_factorial[-1] - log_factorial - log_factorial[::-1]
             + k * np.log(nu) + k[::-1] * np.log1p(-nu))
    told = np.exp(log_p).cumsum(0).cumsum(0)[s0:s0 + len(rows)] / (n + 2)
    return np.stack([np.maximum(rows[:, 0] / (n + 2) - nu, 0), told], axis=1)
