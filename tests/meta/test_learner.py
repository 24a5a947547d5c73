"""The loop: its order, its randomness, and how it stops."""
import re
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, Gaussian, Layout, RecurrentPolicy, MLPPolicy,
                      NonFiniteError, meta_train)
from minimeta.meta.learner import counted, require_finite, stream
from minimeta.tasks import BernoulliBandit, PointNavigation
from minimeta.trace import CheckpointError, Keeper

FAMILY = BernoulliBandit(arms=3, pulls=4)
LEARNER = RL2(RecurrentPolicy(1, Categorical(3), n_hidden=5))


@dataclass(frozen=True)
class Scribe:
    """A learner that writes down what the loop does with it."""

    calls: list
    rounds = 2

    def init(self, rng):
        return np.zeros(1)

    def collect(self, theta, tasks, rng):
        self.calls.append(("collect", float(theta[0]), len(tasks)))
        return f"data {theta[0]}"

    def adapt(self, theta, history):
        self.calls.append(("adapt", float(theta[0]), tuple(history)))
        return theta + len(history)

    def update(self, theta, state, history, data, progress):
        self.calls.append(("update", float(theta[0]), tuple(history), data, progress))
        return theta + 10, state, {"return": 0.0}


def test_the_loop_collects_adapts_collects_and_meta_trains():
    calls = []
    result = meta_train(Scribe(calls), FAMILY, iterations=2, tasks=7)
    assert calls[:6] == [
        ("collect", 0.0, 7), ("adapt", 0.0, ("data 0.0",)),
        ("collect", 1.0, 7), ("adapt", 0.0, ("data 0.0", "data 1.0")),
        ("collect", 2.0, 7),
        ("update", 0.0, ("data 0.0", "data 1.0"), "data 2.0", 0.0),
    ]
    assert calls[6][1] == 10.0 and calls[-1][-1] == 0.5
    assert result.theta[0] == 20 and len(result.log) == 2


def test_the_same_seed_gives_the_same_theta_and_another_seed_another():
    one, same, other = (
        meta_train(LEARNER, FAMILY, iterations=3, tasks=8, seed=s) for s in (4, 4, 5))
    assert np.array_equal(one.theta, same.theta) and one.log == same.log
    assert not np.array_equal(one.theta, other.theta)


def test_a_result_tells_what_was_trained_and_shards_are_a_part_of_a_run(tmp_path):
    result = meta_train(LEARNER, FAMILY, iterations=1, tasks=4, shards=2, run_dir=tmp_path)
    assert result.learner == LEARNER and result.family == FAMILY
    with pytest.raises(CheckpointError, match="shards: 2 in the folder, 3 now"):
        meta_train(LEARNER, FAMILY, iterations=2, tasks=4, shards=3, run_dir=tmp_path, resume=True)


def test_training_goes_on_from_a_given_theta_and_leaves_it_as_it_was():
    theta = LEARNER.init(np.random.default_rng(9))
    before = theta.copy()
    seen = []
    meta_train(LEARNER, FAMILY, iterations=1, tasks=8, theta=theta,
               callback=lambda iteration, row, theta: seen.append(theta))
    again = meta_train(LEARNER, FAMILY, iterations=1, tasks=8, theta=seen[0], seed=1)
    assert np.array_equal(theta, before) and not np.array_equal(seen[0], theta)
    step = np.abs(seen[0] - theta).max()
    assert 0 < step < 0.05 and np.abs(again.theta - seen[0]).max() < 0.05


@pytest.mark.parametrize("theta, error, message", [
    (np.zeros(3), ValueError, r"theta must have shape \[\d+\], as learner.init .*, got \[3\]"),
    (np.zeros(LEARNER.policy.size, complex), TypeError, "theta must be real, got complex"),
    (np.zeros(LEARNER.policy.size, int), TypeError, "theta must hold floating numbers"),
    (np.full(LEARNER.policy.size, np.nan), ValueError, "theta must be finite")])
def test_a_start_that_does_not_fit_is_refused(theta, error, message):
    with pytest.raises(error, match=message):
        meta_train(LEARNER, FAMILY, iterations=1, tasks=8, theta=theta)


def test_training_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()
    meta_train(LEARNER, FAMILY, iterations=1, tasks=3)
    assert np.array_equal(before, np.random.get_state()[1])


def test_a_result_that_is_complete_is_returned_as_it_is_and_one_with_more_is_refused():
    result = meta_train(LEARNER, FAMILY, iterations=2, tasks=3)
    again = meta_train(LEARNER, FAMILY, iterations=2, tasks=3, resume=result)
    assert np.array_equal(again.theta, result.theta) and again.log == result.log
    with pytest.raises(ValueError, match="iterations must be at least the 2 that are done, got 1"):
        meta_train(LEARNER, FAMILY, iterations=1, tasks=3, resume=result)


def test_a_training_goes_on_from_one_place_alone(tmp_path):
    result = meta_train(LEARNER, FAMILY, iterations=1, tasks=3)
    for more in ({"theta": result.theta}, {"run_dir": tmp_path / "run"}):
        with pytest.raises(ValueError, match="resume must be True where .* leave run_dir and"):
            meta_train(LEARNER, FAMILY, iterations=2, tasks=3, resume=result, **more)
    with pytest.raises(ValueError, match="resume=True needs the run_dir of a training"):
        meta_train(LEARNER, FAMILY, iterations=2, tasks=3, resume=True)
    assert not (tmp_path / "run").exists()


def test_streams_of_different_purposes_and_iterations_differ():
    draws = {stream(0, i, p).random() for i in range(3) for p in ("tasks", "collect")}
    assert len(draws) == 6
    assert stream(0, 2, "tasks").random() == stream(0, 2, "tasks").random()


def test_start_tasks_and_luck_come_from_streams_of_the_seed_and_the_iteration():
    seen = []

    class Watching(Scribe):
        def init(self, rng):
            return rng.random(1)

        def collect(self, theta, tasks, rng):
            seen.append((theta[0], tasks.p, rng.random()))

        def adapt(self, theta, history):
            return theta

        def update(self, theta, state, history, data, progress):
            return theta, state, {}

    meta_train(Watching([]), FAMILY, iterations=2, tasks=7, seed=5)
    start = stream(5, 0, "init").random()
    assert len(seen) == 6
    for i, (theta, p, luck) in enumerate(seen[::3]):
        assert theta == start and luck == stream(5, i, "collect").random()
        assert np.array_equal(p, FAMILY.sample(7, stream(5, i, "tasks")).p)


def test_the_log_counts_all_steps_and_tells_the_entropy_of_the_last_batch():
    batches = []

    class Watched(MAML):
        def update(self, theta, state, history, data, progress):
            batches.append([*history, data])
            return super().update(theta, state, history, data, progress)

    learner, family = Watched(MLPPolicy(2, Gaussian(2), (4,)), trials=3, rounds=2), \
        PointNavigation(horizon=9, radius=0.2)            # some episodes end early
    log, steps = meta_train(learner, family, iterations=3, tasks=4).log, 0
    for row, (*history, last) in zip(log, batches):
        steps += sum(batch.mask.sum() for batch in [*history, last])
        assert row["steps"] == steps and type(row["steps"]) is int
        nats = -last.log_prob[last.mask].mean()
        assert abs(row["entropy"] - nats) < 1e-6 and type(row["entropy"]) is float
    assert steps < 3 * 3 * 4 * 3 * 9


def test_steps_are_counted_from_a_log_that_knows_none_too():
    batch = SimpleNamespace(mask=np.ones((2, 3, 4), bool))
    for log, before in (((), 0), (({"loss": 1.0},), 0), (({"steps": 5}, {"steps": 7}), 7)):
        assert counted(log, {}, [batch, batch]) == {"steps": before + 2 * 24}


def test_a_given_theta_takes_the_precision_of_the_learner():
    theta = LEARNER.init(np.random.default_rng(9)).astype(float)
    one, two = (meta_train(LEARNER, FAMILY, iterations=1, tasks=3, theta=given)
                for given in (theta, theta.astype(np.float32)))
    assert one.theta.dtype == np.float32 and np.array_equal(one.theta, two.theta)


def test_the_entropy_is_summed_in_double_precision():
    batch = SimpleNamespace(log_prob=np.full((5, 40, 50), 0.1, np.float32),
                            mask=np.ones((5, 40, 50), bool))
    assert abs(counted((), {}, [batch])["entropy"] + float(np.float32(0.1))) < 1e-12


def test_a_probability_that_vanishes_stops_no_training():
    class Small(Scribe):
        def update(self, theta, state, history, data, progress):
            return theta + np.exp(-1000 * np.ones(1)), state, {}

    with np.errstate(under="raise"):
        assert meta_train(Small([]), FAMILY, iterations=1, tasks=2).theta == 0
        with pytest.raises(FloatingPointError):
            np.exp(-1000 * np.ones(1))


def test_a_learner_of_one_s_own_is_handed_the_map_and_the_shards_that_it_takes():
    handed = []

    class Takes(Scribe):
        def adapt(self, theta, history, *, shards):
            handed.append(shards)
            return super().adapt(theta, history) * np.ones((7, 1))

        def update(self, *args, map, shards):
            handed.append((map, shards))
            return super().update(*args)

        def collect(self, theta, tasks, rng):
            return np.zeros((len(tasks), 1))

    meta_train(Takes([]), FAMILY, iterations=1, tasks=7, shards=3)
    assert handed == [3, 3, (map, 3)]


def test_a_learner_that_never_adapts_needs_no_adapt():
    learner = SimpleNamespace(rounds=0, **{name: getattr(Scribe([]), name)
                                           for name in ("init", "collect", "update")})
    assert meta_train(learner, FAMILY, iterations=1, tasks=7).theta == 10


def test_ctrl_c_returns_what_was_learned_so_far_untorn():
    kept = {}

    def callback(iteration, row, theta):
        kept[iteration] = theta.copy()
        if iteration == 2:
            raise KeyboardInterrupt

    result = meta_train(LEARNER, FAMILY, iterations=9, tasks=8, callback=callback)
    assert result.interrupted and len(result.log) == 3
    assert np.array_equal(result.theta, kept[2])


def test_ctrl_c_inside_an_update_leaves_the_iteration_before():
    @dataclass(frozen=True)
    class Interrupted(RL2):
        def update(self, theta, state, history, data, progress):
            new = super().update(theta, state, history, data, progress)
            if progress >= 0.5:
                raise KeyboardInterrupt
            return new

    result = meta_train(Interrupted(LEARNER.policy), FAMILY, iterations=4, tasks=8)
    whole = meta_train(LEARNER, FAMILY, iterations=4, tasks=8,
                       callback=lambda i, row, theta: thetas.append(theta))
    assert result.interrupted and len(result.log) == 2 and not whole.interrupted
    assert np.array_equal(result.theta, thetas[1])


thetas = []


def test_a_number_that_is_no_longer_finite_stops_the_run_and_keeps_what_was_learned():
    learner = RL2(LEARNER.policy, rate=1e38)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError) as caught:
        meta_train(learner, FAMILY, iterations=5, tasks=8)
    assert re.match("iteration [0-9]+: .* is not finite", str(caught.value))
    assert np.isfinite(caught.value.result.theta).all()


@dataclass(frozen=True)
class Odd(RL2):
    """Tells a number of its own in the log."""

    told: float = np.nan

    def update(self, *args, **options):
        theta, state, row = super().update(*args, **options)
        return theta, state, row | {"odd": self.told, "note": "a word"}


def test_a_number_in_the_log_that_is_not_finite_stops_the_run_by_name():
    with pytest.raises(NonFiniteError, match="iteration 0: odd is not finite"):
        meta_train(Odd(LEARNER.policy), FAMILY, iterations=2, tasks=4)
    log = meta_train(Odd(LEARNER.policy, told=0.5), FAMILY, iterations=2, tasks=4).log
    assert log[1]["odd"] == 0.5 and log[1]["note"] == "a word"
    assert abs(log[0]["entropy"] - np.log(3)) < 0.2       # of three arms, hardly told apart


def test_a_gradient_with_nan_names_its_block():
    @dataclass(frozen=True)
    class Broken(RL2):
        def columns(self, data):
            *columns, targets = super().columns(data)
            targets[0, 0] = np.nan           # of the value
            return *columns, targets

    with pytest.raises(NonFiniteError, match=r"iteration 0: .* is not finite"):
        meta_train(Broken(LEARNER.policy), FAMILY, iterations=2, tasks=8)


def test_what_is_not_finite_names_the_block_of_the_largest_share_and_its_first_number():
    layout, phi = Layout(a=(2,), W=(3, 2), b=(1,), none=(0,), c=(4,)), np.zeros((2, 13))
    require_finite(layout, phi=phi, loss=np.float64(3.0))
    phi[0, [0, 4, 6]], phi[1, [5, 7]] = np.nan, np.inf        # 1 of 2 in a, 4 of 6 in W
    with pytest.raises(NonFiniteError, match=re.escape(
            "phi is not finite at W[1, 0] (4 of the 6 there)")):
        require_finite(layout, phi=phi)
    phi[1, 8] = -np.inf                                       # 1 of 1 in b
    with pytest.raises(NonFiniteError, match=re.escape("at b[0] (1 of the 1 there)")):
        require_finite(layout, phi=phi)
    with pytest.raises(NonFiniteError, match="loss is not finite; smaller rates"):
        require_finite(layout, loss=np.float64(np.nan))
    with pytest.raises(NonFiniteError, match=re.escape("at c[1] (3 of the 4 there)")):
        require_finite(Layout(a=(2,), c=(4,)), phi=np.array([0.0] * 3 + [np.nan] * 3))


def test_the_time_of_each_phase_is_counted_as_soon_as_it_is_over(monkeypatch):
    calls = []
    monkeypatch.setattr(Keeper, "lap", lambda keeper, phase: calls.append((f"{phase} is over",)))
    meta_train(Scribe(calls), FAMILY, iterations=1, tasks=2)
    phases = ["collect", "adapt", "collect", "adapt", "collect", "update"]
    assert [name for name, *_ in calls] == [
        name for phase in phases for name in (phase, f"{phase} is over")]


def test_a_callback_is_told_the_row_of_its_iteration():
    rows = []
    log = meta_train(LEARNER, FAMILY, iterations=3, tasks=2,
                     callback=lambda iteration, row, theta: rows.append((iteration, row))).log
    assert [i for i, _ in rows] == [0, 1, 2]
    assert all(row == log[i] for i, row in rows) and rows[0][1] != rows[2][1]


@pytest.mark.parametrize("wrong, error, message", [
    ({"iterations": 0}, ValueError, "iterations must be at least 1, got 0"),
    ({"tasks": 2.5}, TypeError, "tasks must be a whole number, got 2.5"),
    ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ({"shard": 3}, TypeError, "shard"),
])
def test_bad_arguments_are_refused_by_name(wrong, error, message):
    with pytest.raises(error, match=message):
        meta_train(LEARNER, FAMILY, **({"iterations": 1, "tasks": 2} | wrong))


def test_whatever_is_raised_in_training_brings_what_was_learned_before():
    class Breaks(MAML):
        def update(self, theta, state, history, data, progress):
            if progress == 0.5:
                raise ZeroDivisionError("a dead end")
            return super().update(theta, state, history, data, progress)

    learner = Breaks(MLPPolicy(2, Gaussian(2), (4,)), trials=3)
    family = PointNavigation(horizon=4)
    with pytest.raises(ZeroDivisionError, match="a dead end") as caught:
        meta_train(learner, family, iterations=4, tasks=2, seed=3)
    seen = []
    with pytest.raises(ZeroDivisionError):
        meta_train(learner, family, iterations=4, tasks=2, seed=3,
                   callback=lambda iteration, row, theta: seen.append(theta))
    assert len(caught.value.result.log) == 2
    assert np.array_equal(caught.value.result.theta, seen[-1])
