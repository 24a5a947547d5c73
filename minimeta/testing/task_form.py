"""Laws on the form of a family of tasks: shapes and types, purity, and the refusal of
bad arguments. families.py says what each law is about.

Letters: K tasks, B episodes.
"""
import copy
import pickle
import random as standard_random
from dataclasses import fields, is_dataclass

import numpy as np

from .luck import EqualLuck
from .suite import DoesNotApply

K, B, STEPS = 7, 3, 5


class Longer:
    """The family with a longer horizon."""

    def __init__(self, family):
        self.family, self.horizon = family, family.horizon + 1

    def __getattr__(self, name):
        return getattr(self.family, name)


def setting(family, seed, steps=STEPS):
    """K tasks and actions for them, [steps or the horizon, K, B, ..]."""
    rng = np.random.default_rng(seed)
    steps = min(steps, family.horizon)
    return family.sample(K, rng), family.action.sample((steps, K, B), rng)


def play(tasks, actions, rng):
    """Yields (state, obs) of the reset, then (state, obs, reward, done) by step."""
    first, obs = tasks.reset(actions.shape[2], rng)
    yield first, obs
    state = first
    for action in actions:
        state, obs, reward, done = tasks.step(state, action, rng)
        yield state, obs, reward, done
        state = going_on(state, done, first)


def going_on(state, done, first):
    """The state to step from. A row that is done begins again from its first state."""
    if not np.any(done):
        return state
    return np.where(np.reshape(done, np.shape(done) + (1,) * (state.ndim - 2)),
                    first, state)


def same(one, other):
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
               for x, y in zip(one, other, strict=True))


def arrays(tasks):
    """The arrays that make up the tasks, [K, ..]."""
    names = [f.name for f in fields(tasks)] if is_dataclass(tasks) else vars(tasks)
    values = (getattr(tasks, name) for name in names)
    return [value for value in values if isinstance(value, np.ndarray)]


def known(tasks, name):
    """tasks.oracle() or tasks.random(), if there is one."""
    if not hasattr(tasks, name):
        raise DoesNotApply(f"the tasks have no {name}()")
    value = np.asarray(getattr(tasks, name)())
    assert value.shape == (len(tasks),), (
        f"{name}() must be [{len(tasks)}], a number for each task, got "
        f"{list(value.shape)}")
    bad = np.flatnonzero(~np.isfinite(value))
    assert not bad.size, (
        f"{name}() must be finite, got {value[bad[0]]} for task {bad[0]} and "
        f"{bad.size} of {len(value)} tasks in all")
    return value


# ---- laws of form

def shapes(family, seed):
    (tasks, actions), rng = setting(family, seed), np.random.default_rng(seed)

    def expect(name, array, shape, kinds, words):
        assert array.shape == shape and array.dtype.kind in kinds, (
            f"{name} must be {words}, {list(shape)}, got {array.dtype} "
            f"{list(array.shape)}")
        assert np.isfinite(array).all(), f"{name} must be finite"

    assert len(tasks) == K, f"{K} tasks were sampled, but len(tasks) is {len(tasks)}"
    for state, obs, *paid in play(tasks, actions, rng):
        assert state.shape[:2] == (K, B), (
            f"state must be [K, B, ..], got {list(state.shape)}")
        expect("obs", obs, (K, B, family.obs_size), "f", "floats [K, B, obs_size]")
        for reward, done in [paid] if paid else []:
            expect("reward", reward, (K, B), "fiub", "numbers [K, B]")
            expect("done", done, (K, B), "b", "bools [K, B]")
    for name in ("oracle", "random"):
        if hasattr(tasks, name):
            known(tasks, name)
    return f"as promised, K = {K}, B = {B}, {len(actions)} steps"


def pure(family, seed):
    tasks, actions = setting(family, seed)
    assert same(arrays(tasks), arrays(setting(family, seed)[0])), (
        "two calls of sample with one stream give different tasks")
    given, results = arrays(tasks), []  # with copies, to see whether they change

    def twice(verb, *arguments):
        """The result of tasks.verb, taken twice from the same arguments."""
        now = (*given, *(a for a in arguments if isinstance(a, np.ndarray)))
        kept = copy.deepcopy(now)
        for _ in range(2):
            rng = np.random.default_rng((seed, len(results) // 2))
            result = getattr(tasks, verb)(*arguments, rng)
            results.append((result, copy.deepcopy(result)))
            assert same(now, kept), (
                f"{verb} writes to its arguments, or to the arrays of the tasks")
        assert same(results[-2][1], result), (
            f"two calls of {verb} from one state with one stream differ: something is "
            f"hidden")
        return result

    first, _ = twice("reset", B)
    state = first
    for action in actions:
        state, _, _, done = twice("step", state, action)
        state = going_on(state, done, first)
    assert all(same(*pair) for pair in results), "what a step gave is changed later"
    return f"{len(actions)} steps, each taken twice"


def whole(family, seed):
    def state_of_the_world():
        return pickle.dumps((np.random.get_state(), standard_random.getstate()))

    before = state_of_the_world()
    tasks, actions = setting(family, seed)
    copied = pickle.loads(pickle.dumps(tasks))
    seen = [play(t, actions, np.random.default_rng(seed)) for t in (tasks, copied)]
    assert all(map(same, *seen)), "a pickled copy of the tasks does something else"
    assert before == state_of_the_world(), (
        "global random numbers were used: np.random or random")
    return "pickled and replayed"


def separate(family, seed):
    tasks, actions = setting(family, seed)
    if not hasattr(tasks, "__getitem__"):
        raise DoesNotApply("the tasks cannot be sliced; minimeta.tasks.Tasks can")
    some = (slice(0, 1), slice(2, 5), np.array([6, 0, 3]))

    def is_alone_as_among_others(index, by_call):
        every = play(tasks, actions, EqualLuck(seed, by_call))
        few = play(tasks[index], actions[:, index], EqualLuck(seed, by_call))
        return all(same(one, [array[index] for array in other])
                   for one, other in zip(few, every))

    for index in some:
        assert any(is_alone_as_among_others(index, by) for by in (True, False)), (
            f"tasks[{index}] does something else than the same tasks among others")
        for name in ("oracle", "random"):
            if hasattr(tasks, name):
                alone, among = known(tasks[index], name), known(tasks, name)[index]
                assert np.allclose(alone, among, rtol=1e-12), (
                    f"{name}() depends on others")
    return "alone as among others"


def untimed(family, seed):
    tasks, actions = setting(family, seed, family.horizon)
    longer = copy.copy(tasks)
    object.__setattr__(longer, "family", Longer(family))
    ends, later = (
        [step[3:] for step in play(t, actions, np.random.default_rng(seed))]
        for t in (tasks, longer))
    assert all(map(same, ends, later)), (
        "with a longer horizon other steps are done: the horizon is a time limit, at "
        "which the rollout cuts the episode; it must not set done")
    n = np.any(ends[1:], 0).sum()
    return f"{n} of {K * B} rows were done by step {family.horizon}"


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
    calls |= {"np.random as rng": (family.sample, K, np.random)}
    for what, (call, *arguments) in calls.items():
        try:
            call(*arguments)
        except (ValueError, TypeError):
            continue
        except AttributeError:
            if arguments[-1] is np.random:  # it lacks what generators have
                continue
            raise
        raise AssertionError(f"{what}: accepted without a word")
    return f"{len(calls)} bad arguments refused"
