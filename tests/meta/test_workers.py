"""Executors and shards: the workers change no bit of a result, and what may go wrong with them."""
import multiprocessing
import os
import signal
import warnings
from concurrent.futures import (BrokenExecutor, Future, ProcessPoolExecutor,
                                ThreadPoolExecutor)
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minimeta import (EMAML, MAML, RL2, Categorical, CheckpointError, Gaussian, Imitation,
                      MLPPolicy, NonFiniteError, ProMP, RecurrentPolicy, RegressionMAML,
                      RegressionReptile, Reinforce, Reptile, TrustRegion, compare, evaluate,
                      load, meta_train)
from minimeta.calculus import MLP
from minimeta.meta import gradient, workers
from minimeta.meta.workers import AGAIN, TRIES, Clock, Surroundings, Workers
from minimeta.tasks import BernoulliBandit, GridNavigation, PointNavigation, Sinusoid

BANDIT, CURVE = BernoulliBandit(3, 4), Sinusoid()
PLANE = PointNavigation(horizon=9, radius=0.2)           # some episodes end early
PLANES = replace(PLANE, horizon=5, episodes=2)
GRID = GridNavigation(3, horizon=4, episodes=1)
MOVE, NET = MLPPolicy(2, Gaussian(2), (5,)), MLP((1, 6, 1))
WALK = MLPPolicy(9, Categorical(5), (4,))
RUNS = {
    "RL2": (RL2(RecurrentPolicy(1, Categorical(3), 4), trials=2), BANDIT),
    "RL2 in the plane": (RL2(RecurrentPolicy(2, Gaussian(2), 4), episodes=2), PLANES),
    "MAML": (MAML(MOVE, trials=3), PLANE),
    "MAML, trust region": (MAML(MOVE, trials=3, rounds=2,
                                optimizer=TrustRegion(cg_steps=3)), PLANE),
    "E-MAML": (EMAML(MOVE, trials=3, rounds=2), PLANE),
    "ProMP": (ProMP(MOVE, trials=3, target_kl=1e-9, epochs=2), PLANE),
    "Reptile": (Reptile(MOVE, trials=3, optimizer="adam"), PLANE),
    "Reinforce": (Reinforce(MOVE, trials=3), PLANE),
    "regression, MAML": (RegressionMAML(NET), CURVE),
    "regression, Reptile": (RegressionReptile(NET, steps=2), CURVE),
    "imitation": (Imitation(WALK, tries=2), GRID),
    "imitation, learned loss": (Imitation(WALK, inner="learned"), GRID),
}
MAML_RUN = RUNS["MAML"]
SIZES = dict(iterations=3, tasks=5, seed=3)


def processes(n):
    """A pool that has all its workers. They are forked, so that they know this module."""
    fork = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of other pools
        pool = ProcessPoolExecutor(n, mp_context=fork)
        list(pool.map(abs, range(n)))
    return pool


@contextmanager
def dask_workers():
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not there")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1,
                                  dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            yield client.get_executor(pure=False)


MAKE = {"2 threads": partial(ThreadPoolExecutor, 2), "1 process": partial(processes, 1),
        "2 processes": partial(processes, 2), "4 processes": partial(processes, 4),
        "dask": dask_workers}
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is needed")


@pytest.fixture(scope="module")
def pools():
    """name -> executor, made when first asked for."""
    made = {}

    def pool(name):
        if "process" in name and not hasattr(os, "fork"):
            pytest.skip("os.fork is needed")
        if name not in made:
            made[name] = stack.enter_context(MAKE[name]())
        return made[name]

    with ExitStack() as stack:
        yield pool


@pytest.fixture(scope="module")
def alone():
    """The results of one thread, by the name of the run and its number of shards."""
    known = {}

    def result(name, shards):
        if (name, shards) not in known:
            known[name, shards] = train(name, shards=shards)
        return known[name, shards]

    return result


@pytest.fixture(autouse=True)
def one_task_a_shard(monkeypatch):
    monkeypatch.setattr(gradient, "CACHE", 1)


def train(name, executor=None, **options):
    learner, family = RUNS[name]
    share = None if executor is None else Workers(executor, always=True)
    return meta_train(learner, family, executor=share, **SIZES | options)


def leaves(tree):
    return [leaf for each in tree for leaf in leaves(each)] if isinstance(tree, tuple) else [tree]


def assert_same(one, other):
    """To the bit: theta, the optimizer, and the log."""
    assert one.theta.dtype == other.theta.dtype and np.array_equal(one.theta, other.theta)
    assert one.log == other.log and len(one.log) == SIZES["iterations"]
    for a, b in zip(leaves(one.state), leaves(other.state), strict=True):
        assert type(a) is type(b) and np.array_equal(a, b)


# ---- the workers change no bit

@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("executor", MAKE)
@pytest.mark.parametrize("name", RUNS)
def test_a_training_does_not_depend_on_the_executor(name, executor, shards, pools, alone):
    assert_same(train(name, pools(executor), shards=shards), alone(name, shards))


@pytest.mark.parametrize("name", RUNS)
def test_a_training_depends_on_the_shards_it_is_told_to_make(name, alone):
    assert not np.array_equal(alone(name, 3).theta, alone(name, 1).theta)


@pytest.mark.parametrize("executor", [None, "2 threads", "2 processes"])
def test_a_training_goes_on_under_another_executor(executor, tmp_path, pools, alone):
    train("ProMP", pools("2 processes"), shards=3, iterations=1, run_dir=tmp_path)
    then = executor and pools(executor)
    assert_same(train("ProMP", then, shards=3, run_dir=tmp_path, resume=True), alone("ProMP", 3))


def test_other_shards_are_another_run(tmp_path):
    train("MAML", shards=2, iterations=1, run_dir=tmp_path)
    with pytest.raises(CheckpointError, match="shards: 2 in the folder, 1 now"):
        train("MAML", run_dir=tmp_path, resume=True)


@pytest.mark.parametrize("name", ["RL2 in the plane", "MAML", "imitation"])
def test_more_shards_than_tasks_are_as_many_as_there_are_tasks(name, pools, alone):
    assert_same(train(name, pools("2 threads"), shards=9), alone(name, 5))


@pytest.mark.parametrize("executor", ["2 threads", "2 processes", "dask"])
@pytest.mark.parametrize("name", ["RL2 in the plane", "MAML"])
def test_an_evaluation_does_not_depend_on_the_executor(name, executor, pools, alone):
    (learner, family), theta = RUNS[name], alone(name, 1).theta
    one, two, whole = (evaluate(learner, theta, family, tasks=7, seed=1, **options)
                       for options in (dict(shards=3), dict(
                           shards=3, executor=pools(executor)), {}))
    assert np.array_equal(one.returns, two.returns) and one.n == 7
    assert np.array_equal(one.tasks.goal, whole.tasks.goal)      # the tasks are the same
    assert not np.array_equal(one.returns, whole.returns)        # the luck in them is not


def test_a_comparison_does_not_depend_on_the_executor(pools, alone):
    runs = {name: alone(name, 1) for name in ("MAML", "Reinforce")}
    one, two, other = (compare(runs, PLANE, tasks=7, shards=shards, executor=executor)
                       for shards, executor in ((3, None), (3, pools("2 processes")), (1, None)))
    for name in runs:
        assert np.array_equal(one.returns[name], two.returns[name])
        assert not np.array_equal(one.returns[name], other.returns[name])


def test_a_user_s_learner_that_knows_no_map_trains_unshared(pools):
    class Plain(MAML):
        def adapt(self, theta, history):
            return super().adapt(theta, history)

        def update(self, theta, state, history, data, progress):
            return super().update(theta, state, history, data, progress)

    plain = Plain(MOVE, trials=3)  # a local class, which no process could be sent
    result = meta_train(plain, PLANE, executor=Workers(pools("1 process"), always=True), **SIZES)
    assert_same(result, train("MAML"))


# ---- when to share

def ways(seconds, calls, n=2):
    """What a clock chooses, call by call; seconds(i, is_shared) is what call i takes."""
    clock, chosen = Clock(), []
    for i in range(calls):
        chosen.append(clock.next_is_shared(n))
        clock.note(chosen[-1], seconds(i, chosen[-1]))
    return chosen


@pytest.mark.parametrize("shared, alone", [(0.01, 0.02), (0.02, 0.01)])
def test_the_quicker_way_is_kept_and_the_other_tried_from_time_to_time(shared, alone):
    chosen = ways(lambda i, is_shared: shared if is_shared else alone, 2 * AGAIN)
    others = [i for i, way in enumerate(chosen) if way != (shared < alone)]
    assert others[-1] == AGAIN and len(others) == TRIES + 1 and others[TRIES - 1] < 2 * TRIES


def test_an_executor_that_is_slow_only_at_first_is_used():
    chosen = ways(lambda i, is_shared: 0.01 if not is_shared else 0.7 if i == 0 else 0.005, 50)
    assert all(chosen[2 * TRIES:])


def test_a_way_that_becomes_slow_is_left():
    chosen = ways(lambda i, is_shared: (
        0.01 if not is_shared else 0.005 if i < AGAIN // 2 else 0.03), AGAIN)
    assert all(chosen[2 * TRIES:AGAIN // 2]) and not any(chosen[AGAIN // 2 + TRIES:])


def test_what_trying_loses_is_bounded():
    """100 workers on a cluster: alone, a call takes 60 times as long."""
    def seconds(i, is_shared):
        return 2.0 if is_shared else 120.0

    chosen = ways(seconds, 10000, n=100)
    lost = 118.0 * chosen.count(False)
    assert 0 < lost < 0.04 * sum(map(partial(seconds, 0), chosen)) and all(chosen[:1000])


def test_a_clock_counts_all_seconds_and_those_that_the_other_way_would_have_saved():
    clock = Clock()
    for is_shared, seconds in [(True, 0.5), (False, 0.25), (True, 1.0), (False, 0.75),
                               (True, 0.125), (False, 0.5)]:
        clock.note(is_shared, seconds)
    assert clock.total == 3.125 and clock.calls == 6
    assert clock.lost == (1.0 - 0.25) + (0.75 - 0.5) + (0.5 - 0.125)
    clock.note(True, 2.0)
    assert clock.times == {True: [1.0, 0.125, 2.0], False: [0.25, 0.75, 0.5]}


FEW, LONG, SOON = [0.125] * TRIES, [0.25] * TRIES, 2 * AGAIN - 1


@pytest.mark.parametrize("shared, alone, calls, lost, n, next_is_shared", [
    ([], [], 0, 0.0, 9, True),                    # nothing is known
    (FEW, LONG, SOON, 0.0, 9, True), (LONG, FEW, SOON, 0.0, 9, False),
    (FEW, FEW, SOON, 0.0, 9, False),              # what wins nothing is not shared
    (FEW, LONG, 2 * AGAIN, 0.0, 9, False), (LONG, FEW, 2 * AGAIN, 0.0, 9, True),
    (FEW, LONG[1:], SOON, 0.0, 9, False), (LONG[1:], FEW, SOON, 0.0, 9, True),
    (FEW, LONG[1:] + [9.0], SOON, 0.0, 9, True),  # the shortest of three counts
    (FEW, LONG, 2 * AGAIN, 1.475, 9, False),      # what may be lost is itself allowed
    (FEW, LONG, 2 * AGAIN, 1.375, 9, False),      # 1 + 0.03 * 20 is 0.1 more than that + 0.125
    (FEW, LONG, 2 * AGAIN, 1.5, 9, True),         # and less than this
    ([0.25], [0.5, 0.125], SOON, 0.0, 9, True),   # shared is slower, but tried once alone
    (LONG[:1], [], SOON, 0.0, 6, False), (LONG[:1], [], SOON, 0.0, 8, True)])
def test_the_other_way_is_tried_when_it_is_due_and_costs_little(
        shared, alone, calls, lost, n, next_is_shared):
    clock = Clock()
    clock.times, clock.calls = {True: shared, False: alone}, calls
    clock.total, clock.lost = 20.0, lost
    assert clock.next_is_shared(n) == next_is_shared


class Refuses:
    """An executor that takes nothing."""

    def submit(self, *args):
        raise AssertionError("a single item was shared")


def test_a_single_item_is_never_shared():
    assert Workers(Refuses(), always=True)(abs, [-3]) == [3]
    assert Workers(Refuses())(abs, []) == []


class Counts(ThreadPoolExecutor):
    """An executor that counts what it is given."""

    given = 0

    def submit(self, *args):
        self.given += 1
        return super().submit(*args)


def test_the_first_work_of_a_kind_goes_to_the_executor():
    pool = Counts(1)
    assert Workers(pool)(abs, [-1, -2, -3]) == [1, 2, 3]
    assert pool.given == 3


def test_work_is_timed_by_its_kind():
    share = Workers(ThreadPoolExecutor(1))
    for f in (abs, partial(pow, 2), MAML_RUN[0].losses):
        share(f, []), share(f, [])
    for f in (abs, partial(pow, 2), partial(pow, 3)):
        assert share(f, [1, 2]) == [f(1), f(2)]
    assert {kind: clock.calls for kind, clock in share.clocks.items()} == {"abs": 1, "pow": 2}


def test_a_call_is_timed_from_its_start_to_its_end(monkeypatch):
    now = iter([100.0, 100.25, 200.0, 200.5, 300.0, 304.0])
    monkeypatch.setattr(workers.time, "perf_counter", lambda: next(now))
    pool = Counts(1)
    share = Workers(pool)
    for _ in range(3):
        assert share(abs, [1, -2]) == [1, 2]
    assert share.clocks["abs"].total == 0.25 + 0.5 + 4.0
    assert pool.given == 2 * len(share.clocks["abs"].times[True]) < 6  # the others are done here


def test_what_is_always_shared_needs_no_clock():
    pool = Counts(1)
    share = Workers(pool, always=True)
    for _ in range(3):
        assert share(abs, [1, -2]) == [1, 2]
    assert pool.given == 6 and not share.clocks


def test_always_is_true_or_false():
    with pytest.raises(TypeError, match="always must be True or False, got 'yes'"):
        Workers(ThreadPoolExecutor(1), always="yes")


# ---- a worker works as the caller would

def underflows(_):
    return np.float32(1e-30) ** 2


def warns(_):
    warnings.warn("something is odd")


@pytest.mark.parametrize("executor", ["2 threads", "2 processes"])
def test_settings_of_warnings_and_of_errors_hold_in_workers(executor, pools):
    share = Workers(pools(executor), always=True)
    with np.errstate(under="raise"), pytest.raises(FloatingPointError):
        share(underflows, [1, 2])
    with np.errstate(under="ignore"):
        assert share(underflows, [1, 2]) == [0, 0]
    with pytest.raises(UserWarning, match="something is odd"):
        share(warns, [1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert share(warns, [1, 2]) == [None, None]


def told(filters, process, times=1):
    """The warnings that are shown where a process has shown the same one before."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        warns(0)
        for _ in range(times):
            Surroundings(np.geterr(), filters or list(warnings.filters), process).call(warns, 0)
    return len(shown) - 1


def test_filters_of_warnings_are_put_in_place_in_another_process_alone():
    here, there, filters = os.getpid(), os.getpid() + 1, [("always", None, Warning, None, 0)]
    assert told(filters, there) == 1                # as if nothing had been shown there yet
    assert told(filters, there, 2) == 2
    assert told(filters, here) == told([("ignore", None, Warning, None, 0)], there) == 0
    assert told(None, there, 3) == told(None, here) == 0
    assert told([("error", None, DeprecationWarning, None, 0)], there) == 1


@pytest.mark.parametrize("executor", ["2 threads", "2 processes"])
def test_a_number_that_is_not_finite_stops_the_run_from_a_worker_too(executor, pools):
    learner = MAML(MOVE, alpha=1e38, trials=3)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="iteration 0") as caught:
        meta_train(learner, PLANE, shards=3, executor=Workers(pools(executor), always=True),
                   **SIZES)
    assert len(caught.value.result.log) == 0


# ---- what may go wrong

@dataclass(frozen=True)
class Fragile(MAML):
    """Its worker dies, or the user presses Ctrl-C, once there is a file."""

    path: str = ""
    kills: bool = True

    def collect(self, theta, tasks, rng):
        with suppress(FileNotFoundError):  # one worker alone finds the file
            Path(self.path).unlink()
            os._exit(1) if self.kills else os.kill(os.getpid(), signal.SIGINT)
        return super().collect(theta, tasks, rng)


def fragile(folder, n, **options):
    """A learner that breaks after n iterations, and the callback that sees to it."""
    path = folder / "now"
    return Fragile(MOVE, trials=3, path=str(path), **options), (
        lambda iteration, row, theta: path.touch() if iteration + 1 == n else None)


@needs_fork
def test_a_worker_that_dies_stops_the_run_and_nothing_is_lost(tmp_path):
    learner, callback = fragile(tmp_path, 2)
    train = partial(meta_train, learner, PLANE, shards=2, run_dir=tmp_path / "run", **SIZES)
    with processes(2) as pool, pytest.raises(
            BrokenExecutor, match="a worker died.* resume=True") as caught:
        train(executor=Workers(pool, always=True), callback=callback)
    assert len(caught.value.result.log) == len(load(tmp_path / "run", learner).log) == 2
    assert_same(train(resume=True), meta_train(*MAML_RUN, shards=2, **SIZES))


@pytest.fixture
def ctrl_c():
    """A shell's job in the background ignores Ctrl-C; here Python listens to it again."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_workers_work_returns_the_last_good_result(tmp_path, pools, ctrl_c):
    learner, callback = fragile(tmp_path, 2, kills=False)
    result = meta_train(learner, PLANE, shards=2, callback=callback,
                        executor=Workers(pools("2 threads"), always=True), **SIZES)
    short = meta_train(*MAML_RUN, shards=2, **SIZES | {"iterations": 2})
    assert result.interrupted and np.array_equal(result.theta, short.theta)


class ByHand:
    """An executor whose futures the test fulfils."""

    def __init__(self, *outcomes):
        self.outcomes, self.futures = list(outcomes), []

    def submit(self, *args):
        self.futures.append(Future())
        if self.outcomes:
            self.futures[-1].set_exception(self.outcomes.pop())
        return self.futures[-1]


def test_what_still_waits_is_cancelled_when_a_worker_fails():
    executor = ByHand(ZeroDivisionError("a dead end"))
    with pytest.raises(ZeroDivisionError, match="a dead end"):
        Workers(executor, always=True)(abs, [1, 2, 3])
    assert [future.cancelled() for future in executor.futures] == [False, True, True]


def test_all_items_are_handed_out_before_the_first_result_is_waited_for():
    executor = ByHand()

    class Ready(Future):
        def result(self):
            return len(executor.futures)

    def submit(*args):
        executor.futures.append(Ready())
        return executor.futures[-1]

    executor.submit = submit
    assert Workers(executor, always=True)(abs, [1, 2, 3]) == [3, 3, 3]


@dataclass(frozen=True)
class Kept(BernoulliBandit):
    """A bandit with something that no process can be sent."""

    secret: object = None


@pytest.mark.parametrize("learner, family, culprit", [
    (replace(MAML_RUN[0], inner=lambda A, l_old, mask: workers), PLANE, "<function <lambda>"),
    (RUNS["RL2"][0], Kept(3, 4, secret=open(os.devnull)), "<_io.TextIOWrapper")])
def test_what_does_not_pickle_is_named(learner, family, culprit, pools):
    message = f"{culprit}.* cannot be pickled, .* at the top of a module, or use a ThreadPool"
    with pytest.raises(TypeError, match=message) as caught:
        meta_train(learner, family, shards=2, **SIZES,
                   executor=Workers(pools("2 processes"), always=True))
    assert len(caught.value.result.log) == 0


def test_threads_need_no_pickle(pools):
    from minimeta.objective.surrogates import LogLikelihood
    learner = replace(MAML_RUN[0], inner=lambda A, l_old, mask: LogLikelihood(A, mask))
    result = meta_train(learner, PLANE, executor=Workers(pools("2 threads"), always=True), **SIZES)
    assert_same(result, train("MAML"))


def test_a_mistake_in_a_worker_is_told_as_it_is(pools):
    with pytest.raises(TypeError, match="bad operand"):
        Workers(pools("2 processes"), always=True)(abs, ["a", "b"])
    with pytest.raises(TypeError, match="bad operand"):  # what threads run need not pickle
        Workers(pools("2 threads"), always=True)(lambda x: abs(x), ["a", "b"])


@pytest.mark.parametrize("wrong, error, message", [
    ({"executor": 4}, TypeError, r"executor must be one such as ThreadPoolExecutor\(2\), got 4"),
    ({"executor": ThreadPoolExecutor}, TypeError, "executor must be one such as"),
    ({"shards": 0}, ValueError, "shards must be at least 1, got 0"),
    ({"shards": 2.0}, TypeError, "shards must be a whole number, got 2.0")])
def test_bad_arguments_are_refused_before_anything_is_made(wrong, error, message, tmp_path):
    with pytest.raises(error, match=message):
        meta_train(*MAML_RUN, run_dir=tmp_path / "run", **SIZES | wrong)
    assert not (tmp_path / "run").exists()
    theta = MAML_RUN[0].init(np.random.default_rng(0))
    with pytest.raises(error, match=message):
        evaluate(MAML_RUN[0], theta, PLANE, tasks=3, **wrong)
