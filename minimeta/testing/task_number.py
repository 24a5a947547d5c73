"""Laws on the numbers of a family of tasks: how much the first observation tells, and
how much can be earned. families.py says what each law is about.

Letters: K tasks, n tasks, p columns.
"""
import numpy as np

from .suite import DoesNotApply
from .task_form import arrays, going_on, known

MANY, AGAIN = 400, 10   # tasks, and episodes of each
FEWEST, MOST = 1000, 4000  # tasks, to see what the first observation tells
RARE = 20      # tasks in which a number must differ from its most common value
MARGIN = 0.1   # least gain of knowing the task, as a share of the oracle's return
CHANCE = 0.1   # most that an observation may tell, as a share of a task's variance
ERRORS = 4     # standard errors by which a simulation may be off


# ---- the first observation

def silent(family, seed):
    n = min(max(FEWEST, 8 * family.obs_size), MOST)  # two for each unknown, twice
    rng = np.random.default_rng(seed)
    tasks = family.sample(n, rng)
    obs = tasks.reset(1, rng)[1][:, 0]
    if np.all(obs == obs[0]):
        return "all tasks look the same at first"
    hidden = [a.reshape(n, -1) for a in arrays(tasks) if a.dtype.kind in "fiub"]
    if not hidden:
        raise DoesNotApply("the tasks hold no numbers that an observation could tell")
    told = share_told(obs, np.concatenate(hidden, 1))
    words = f"the first observation tells {told:.0%} of the task"
    assert told <= CHANCE, words
    return words


def share_told(obs, hidden):
    """The largest share of variance of a hidden number that the observation predicts.

    Hidden numbers are replaced by their ranks, so that outliers do not matter. Squares
    stand beside all numbers, so that a distance to a goal is noticed. What one half of
    the tasks shows must hold for the other:

    by pairs     the squared correlation of one observed with one hidden number, if both
                 halves show it: this finds one number that tells among many that do not
    together     1 - (squared error) / (variance) of a ridge regression on all that is
                 seen, fitted to one half, on the other half

    obs [n, p], hidden [n, q].  Returns a number in [0, 1].
    """
    half, x = len(obs) // 2, ranked(obs)
    y = varied(ranked(hidden))
    if not y.size:
        return 0.0
    x = varied(x)
    one, other = correlation(x[:half], y[:half]), correlation(x[half:], y[half:])
    pairs = np.where(one * other > 0, np.minimum(one ** 2, other ** 2), 0)
    obs = standard(obs, half)
    x, y = standard(np.concatenate([obs, obs ** 2], 1), half), standard(y, half)
    told = [pairs.max(initial=0)]
    for ridge in (1e-6 * half, x.shape[1]):
        fit = np.linalg.solve(x[:half].T @ x[:half] + ridge * np.eye(x.shape[1]),
                              x[:half].T @ y[:half])
        rest = ((y[half:] - x[half:] @ fit) ** 2).mean(0) / y[half:].var(0)
        told.append(1 - rest.min())
    return max(told)


def ranked(a):
    """[n, p] -> ranks in [-1, 1] and their squares, [n, 2 p]."""
    ranks = np.empty(a.shape)
    for j, column in enumerate(a.T):
        _, which, n = np.unique(column, return_inverse=True, return_counts=True)
        ranks[:, j] = (2 * n.cumsum() - n)[which] / len(a) - 1
    return np.concatenate([ranks, ranks ** 2], 1)


def varied(a):
    """The columns where at least RARE numbers differ from the most common number."""
    common = [np.unique(column, return_counts=True)[1].max() for column in a.T]
    return a[:, len(a) - np.array(common) >= RARE]


def standard(a, half):
    """Columns with mean 0 and variance 1 in the first half."""
    spread = a[:half].std(0)
    return (a - a[:half].mean(0)) / np.where(spread > 0, spread, 1)


def correlation(x, y):
    """[n, p], [n, q] -> [p, q]."""
    return standard(x, len(x)).T @ standard(y, len(y)) / len(x)


# ---- what can be earned

def uniform_return(tasks, episodes, rng):
    """[K, episodes]  undiscounted return of acting uniformly."""
    first, _ = tasks.reset(episodes, rng)
    state, shape = first, first.shape[:2]
    total, is_on = np.zeros(shape), np.ones(shape, bool)
    for _ in range(tasks.family.horizon):
        action = tasks.family.action.sample(shape, rng)
        state, _, reward, done = tasks.step(state, action, rng)
        total, is_on = total + is_on * reward, is_on & ~done
        state = going_on(state, done, first)
    return total


def learnable(family, seed):
    tasks = family.sample(MANY, np.random.default_rng(seed))
    oracle, random = known(tasks, "oracle"), known(tasks, "random")
    margin = MARGIN * np.abs(oracle).mean()
    earned = f"oracle {oracle.mean():.4g}, random {random.mean():.4g}"
    worse = np.flatnonzero(oracle < random)
    assert not worse.size, (
        f"knowing task {worse[0]} earns {oracle[worse[0]]:.4g}, and acting at random "
        f"earns {random[worse[0]]:.4g}: more in {worse.size} of {MANY} tasks")
    assert (oracle - random).mean() >= margin, f"{earned}: a gain below {margin:.4g}"
    return earned


def simulated(family, seed):
    rng = np.random.default_rng(seed)
    tasks = family.sample(MANY, rng)
    random = known(tasks, "random")
    gap = uniform_return(tasks, AGAIN, rng) - random[:, None]
    rounding = 1e-12 * np.abs(random).max() + 1e-300
    error = gap.mean() / (gap.std() / np.sqrt(gap.size) + rounding)
    off = f"random() is off by {error:.1f} standard errors of {gap.size} episodes"
    assert np.abs(error) <= ERRORS, off
    # By task: the square of the mean gap is, on average, the variance of that mean; or
    # twice that, if random() itself is a simulation of as many episodes.
    excess = gap.mean(1) ** 2 - 2 * gap.var(1, ddof=1) / AGAIN
    error = excess.mean() / (excess.std() / np.sqrt(MANY) + rounding ** 2)
    assert error <= ERRORS, (
        f"random() is right on average, and wrong task by task: the squares of the "
        f"gaps are too large by {error:.1f} standard errors")
    return off
