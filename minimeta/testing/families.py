"""How to know that a family of tasks keeps its promises. Run it on your own:

    found = check_tasks(MyFamily(..), seed=0)    AssertionError if a law is broken

    shapes       arrays of the promised shapes and types, from sample, reset and step
    pure         arguments are left as they were; the same stream gives the same result
    whole        a pickled copy does the same; global random numbers are left alone
    separate     tasks[i:j], with equal luck, does what the same tasks do among others
    untimed      the horizon is not `done`
    guarded      bad sizes and bad actions are refused
    silent       the first observation predicts the task no better than chance
    learnable    knowing the task earns clearly more than acting at random
    simulated    tasks.random() is what simulation gives

What a family is, minimeta/tasks/family.py says. Each law is a function of (family,
seed) that returns what it found, in words. Letters: K tasks, B episodes.
"""
import pickle
from dataclasses import fields, replace

import numpy as np

K, B, STEPS = 7, 3, 5   # for the laws of form
MANY, AGAIN = 400, 10   # tasks and episodes of each, for the laws of number
MARGIN = 0.1   # least gain of knowing the task, as a share of the oracle's return
CHANCE = 0.1   # most that an observation may tell, as a share of a task's variance
ERRORS = 4     # standard errors by which a simulation may be off


def check_tasks(family, seed=0):
    """Every law on a family; returns {law: what it found}, or raises AssertionError."""
    found = {}
    for law in LAWS:
        try:
            found[law.__name__] = law(family, seed)
        except AssertionError as error:
            raise AssertionError(
                f"{law.__name__}: {error} (family {family}, seed {seed})") from None
    return found


# ---- what the laws are made of

class EqualLuck:
    """A generator that draws the same for all tasks, however many there are: it repeats
    the first row of what NumPy's generator draws."""

    def __init__(self, seed):
        self.seed, self.n_calls = seed, 0

    def __getattr__(self, name):
        def draw(*args, **kwargs):
            self.n_calls += 1
            rng = np.random.default_rng((self.seed, self.n_calls))
            drawn = getattr(rng, name)(*args, **kwargs)
            return np.broadcast_to(drawn[:1], drawn.shape) if np.ndim(drawn) else drawn
        return draw


class Longer:
    """A family with more time."""

    def __init__(self, family):
        self.family, self.horizon = family, family.horizon + 1

    def __getattr__(self, name):
        return getattr(self.family, name)


def setting(family, seed):
    """K tasks and actions for them, [STEPS, K, B, ..]."""
    rng = np.random.default_rng(seed)
    return family.sample(K, rng), family.action.sample((STEPS, K, B), rng)


def play(tasks, actions, rng):
    """(state, obs) of the reset, then (state, obs, reward, done) of each step."""
    seen = [tasks.reset(actions.shape[2], rng)]
    for action in actions:
        seen.append(tasks.step(seen[-1][0], action, rng))
    return seen


def same(one, other):
    return all(np.array_equal(x, y) for a, b in zip(one, other, strict=True)
               for x, y in zip(a, b, strict=True))


def arrays(tasks):
    """The arrays that make up the tasks, [K, ..]."""
    return [getattr(tasks, f.name) for f in fields(tasks) if f.name != "family"]


def uniform_return(tasks, episodes, rng):
    """[K, episodes]  undiscounted return of acting uniformly."""
    state, _ = tasks.reset(episodes, rng)
    total, is_on = np.zeros(state.shape[:2]), np.ones(state.shape[:2], bool)
    for _ in range(tasks.family.horizon):
        action = tasks.family.action.sample(state.shape[:2], rng)
        state, _, reward, done = tasks.step(state, action, rng)
        total, is_on = total + is_on * reward, is_on & ~done
    return total


# ---- laws of form

def shapes(family, seed):
    tasks, actions = setting(family, seed)
    assert len(tasks) == K, f"{K} tasks were sampled, but len(tasks) is {len(tasks)}"
    for state, obs, *paid in play(tasks, actions, np.random.default_rng(seed)):
        assert state.shape[:2] == (K, B), (
            f"state must be [K, B, ..], got {list(state.shape)}")
        assert obs.shape == (K, B, family.obs_size) and obs.dtype == float, (
            f"obs must be floats [K, B, obs_size], got {obs.dtype} {list(obs.shape)}")
        for name, array, dtype in zip(("reward", "done"), paid, (float, bool)):
            assert array.shape == (K, B) and array.dtype == dtype, (
                f"{name} must be {dtype.__name__} [K, B], got {array.dtype} "
                f"{list(array.shape)}")
        assert all(np.isfinite(array).all() for array in (obs, *paid)), "not finite"
    for name in ("oracle", "random"):
        value = getattr(tasks, name)()
        assert value.shape == (K,), f"{name}() must be [K], got {list(value.shape)}"
    return f"as promised, K = {K}, B = {B}, {STEPS} steps"


def pure(family, seed):
    tasks, actions = setting(family, seed)
    for array in arrays(tasks):
        array.flags.writeable = False
    state = tasks.reset(B, np.random.default_rng(seed))[0]
    for t, action in enumerate(actions):
        state.flags.writeable = action.flags.writeable = False
        try:
            one, other = (tasks.step(state, action, np.random.default_rng((seed, t)))
                          for _ in range(2))
        except ValueError as error:
            raise AssertionError(f"step writes to its arguments: {error}") from error
        assert same([one], [other]), (
            "two steps from one state with one stream differ: something is hidden")
        state = one[0]
    return f"{STEPS} steps, each taken twice, from arrays that may only be read"


def whole(family, seed):
    (tasks, actions), before = setting(family, seed), np.random.get_state()
    copy = pickle.loads(pickle.dumps(tasks))
    one, other = (play(t, actions, np.random.default_rng(seed)) for t in (tasks, copy))
    assert same(one, other), "a pickled copy of the tasks does something else"
    after = np.random.get_state()
    assert np.array_equal(before[1], after[1]) and before[2:] == after[2:], (
        "NumPy's global random numbers were used")
    return "pickled and replayed"


def separate(family, seed):
    tasks, actions = setting(family, seed)
    every = play(tasks, actions, EqualLuck(seed))
    for some in (slice(0, 1), slice(2, 5), np.array([6, 0, 3])):
        few = play(tasks[some], actions[:, some], EqualLuck(seed))
        assert same(few, [[array[some] for array in step] for step in every]), (
            f"tasks[{some}] does something else than the same tasks among others")
        for name in ("oracle", "random"):
            alone, among = getattr(tasks[some], name)(), getattr(tasks, name)()[some]
            assert np.allclose(alone, among, rtol=1e-12), f"{name}() depends on others"
    return "alone as among others"


def untimed(family, seed):
    rng = np.random.default_rng(seed)
    tasks = family.sample(K, rng)
    actions = family.action.sample((family.horizon, K, B), rng)
    longer = replace(tasks, family=Longer(family))
    ends, later = ([step[3] for step in play(t, actions, EqualLuck(seed))[1:]]
                   for t in (tasks, longer))
    assert np.array_equal(ends, later), (
        "with a longer horizon other steps are done: the horizon is a time limit, and "
        "the one who plays cuts the episode there")
    return f"{np.any(ends, 0).sum()} of {K * B} episodes done by step {family.horizon}"


def guarded(family, seed):
    tasks, actions = setting(family, seed)
    rng, action = np.random.default_rng(seed), actions[0]
    state, _ = tasks.reset(B, rng)
    bad = {"of another shape": action[:, :-1], "in a list": action.tolist()}
    if action.dtype.kind == "i":
        n = family.action.n
        bad |= {"below 0": action - n, "too large": action + n,
                "as floats": action.astype(float), "as truths": action > 0}
    else:
        bad |= {"with NaN": np.where(action == action.max(), np.nan, action),
                "with inf": np.where(action == action.max(), np.inf, action),
                "as integers": np.zeros(action.shape, int)}
    calls = {f"actions {what}": (tasks.step, state, values, rng)
             for what, values in bad.items()}
    for size in (0, -1, 1.5, True):
        calls |= {f"K = {size}": (family.sample, size, rng), f"B = {size}":
                  (tasks.reset, size, rng)}
    for what, (call, *arguments) in calls.items():
        try:
            call(*arguments)
        except (ValueError, TypeError):
            continue
        raise AssertionError(f"{what}: accepted without a word")
    return f"{len(calls)} bad arguments refused"


# ---- laws of number

def silent(family, seed):
    """Held-out R^2 of a linear regression of the task on the first observation and its
    squares; 0 at once if all tasks look the same at first."""
    rng = np.random.default_rng(seed)
    tasks = family.sample(MANY, rng)
    obs = tasks.reset(1, rng)[1][:, 0]
    if np.all(obs == obs[0]):
        return "all tasks look the same at first"
    x = np.concatenate([obs, obs * obs, np.ones((MANY, 1))], 1)
    y = np.concatenate([a.reshape(MANY, -1) for a in arrays(tasks)], 1).astype(float)
    y = y[:, y.std(0) > 0]
    half = MANY // 2
    fit = np.linalg.lstsq(x[:half], y[:half], rcond=None)[0]
    rest = ((y[half:] - x[half:] @ fit) ** 2).mean(0) / y[half:].var(0)
    told = 1 - rest.min(initial=1)
    assert told <= CHANCE, f"the first observation tells {told:.0%} of the task"
    return f"the first observation tells {max(told, 0):.0%} of the task"


def learnable(family, seed):
    tasks = family.sample(MANY, np.random.default_rng(seed))
    oracle, random = tasks.oracle(), tasks.random()
    margin = MARGIN * np.abs(oracle).mean()
    earned = f"oracle {oracle.mean():.4g}, random {random.mean():.4g}"
    assert np.all(oracle >= random), "there is a task that random acting does better on"
    assert (oracle - random).mean() >= margin, f"{earned}: a gain below {margin:.4g}"
    return earned


def simulated(family, seed):
    rng = np.random.default_rng(seed)
    tasks = family.sample(MANY, rng)
    gap = uniform_return(tasks, AGAIN, rng) - tasks.random()[:, None]
    error = gap.mean() / (gap.std() / np.sqrt(gap.size))
    off = f"random() is off by {error:.1f} standard errors of {gap.size} episodes"
    assert np.abs(error) <= ERRORS, off
    return off


LAWS = (shapes, pure, whole, separate, untimed, guarded, silent, learnable, simulated)
