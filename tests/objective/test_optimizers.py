"""Optimizers on flat vectors, against their equations."""
import numpy as np
import pytest

from minimeta import SGD, Adam, LinearSchedule
from minimeta import require
from minimeta.objective.optimizers import (clip_norm, length, require_schedule,
                                           schedule_value)

GRADS = np.random.default_rng(0).normal(size=(5, 3)) * [1e-3, 1.0, 1e3]


def test_sgd_steps_against_the_gradient():
    theta, _ = SGD().step(np.array([1.0, 2.0]), np.array([10.0, -10.0]), (), 0.1)
    assert theta.tolist() == [0.0, 3.0]


def test_adam_follows_its_equations_coordinate_by_coordinate():
    adam, theta = Adam(), np.zeros(3)
    state = adam.init(theta)
    for grad in GRADS:
        theta, state = adam.step(theta, grad, state, 0.01)
    for i in range(3):
        x = m = v = 0.0
        for t, g in enumerate(GRADS[:, i], 1):
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g * g
            x -= 0.01 * (m / (1 - 0.9 ** t)) / ((v / (1 - 0.999 ** t)) ** 0.5 + 1e-8)
        assert abs(theta[i] - x) < 1e-14


def test_the_first_step_of_adam_has_the_length_of_the_rate_whatever_the_scale():
    adam, theta = Adam(), np.zeros(3)
    stepped, _ = adam.step(theta, GRADS[0], adam.init(theta), 0.01)
    assert np.allclose(np.abs(stepped), 0.01, rtol=1e-3)


def test_a_step_changes_neither_theta_nor_the_state_it_was_given():
    adam, theta = Adam(), np.ones(3)
    state = adam.init(theta)
    adam.step(theta, GRADS[0], state, 0.1)
    assert np.all(theta == 1) and np.all(state.m == 0) and state.t == 0


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
def test_float32_stays_float32(optimizer):
    theta = np.ones(3, np.float32)
    stepped, state = optimizer.step(theta, theta, optimizer.init(theta), 0.1)
    assert stepped.dtype == np.float32
    assert all(getattr(s, "dtype", np.float32) == np.float32 for s in state[:2])


def test_long_gradients_are_shortened_and_short_ones_left_alone():
    grad = np.array([3.0, 4.0])
    clipped, norm = clip_norm(grad, 1.0)
    assert norm == 5.0 and np.allclose(clipped, [0.6, 0.8], rtol=1e-15)
    same, _ = clip_norm(grad, 5.0)
    assert same is grad


@pytest.mark.parametrize("size", [1e-30, 1e20])
def test_the_length_of_float32_is_right_where_its_squares_are_not_numbers(size):
    v = np.array([3 * size, -4 * size], np.float32)
    with np.errstate(all="raise"):
        assert length(v) == pytest.approx(5 * size, rel=1e-6)
        clipped, norm = clip_norm(v, size)
    assert norm == length(v) and length(clipped) == pytest.approx(size, rel=1e-6)
    assert clipped.dtype == np.float32


@pytest.mark.parametrize("dtype, tiny", [(np.float32, 1e-30), (np.float64, 1e-200)])
def test_a_small_number_beside_large_ones_vanishes_whatever_the_error_settings(dtype, tiny):
    v = np.array([3 / tiny, 4 / tiny, tiny], dtype) if dtype == np.float32 else np.array([3, tiny])
    with np.errstate(all="raise"):
        clipped, norm = clip_norm(v, 1e-9)
    assert type(norm) is type(length(v)) is float and length(clipped) == pytest.approx(1e-9)
    assert clipped.dtype == dtype


def test_a_gradient_without_a_length_is_not_clipped_but_left_to_be_found():
    grad = np.array([np.nan, 1.0])
    clipped, norm = clip_norm(grad, 1.0)
    assert clipped is grad and np.isnan(norm)


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
@pytest.mark.parametrize("size", [1e-45, 1e-25, 1e-15, 1e15])
def test_a_gradient_of_any_size_is_taken_in_float32_whatever_the_error_settings(optimizer, size):
    theta = np.array([0.5, -0.25, 0.125], np.float32)
    grad = np.array([size, -size, 0], np.float32)
    state = optimizer.init(theta)
    with np.errstate(all="raise"):
        for _ in range(20):
            theta, state = optimizer.step(theta, grad, state, 1e-3)
    assert np.isfinite(theta).all() and theta.dtype == np.float32
    assert theta[0] <= 0.5 and theta[1] >= -0.25 and theta[2] == 0.125


def test_adam_says_so_where_a_square_is_too_large_for_float32():
    theta = np.ones(2, np.float32)
    with np.errstate(all="raise"), pytest.raises(require.NotFinite, match="mean square"):
        Adam().step(theta, np.array([1, 1e25], np.float32), Adam().init(theta), 0.1)


def test_the_defaults_of_adam_are_those_of_its_authors():
    assert vars(Adam()) == {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


@pytest.mark.parametrize("rate, schedule", [(1, LinearSchedule(2, 0)), (0.5, LinearSchedule(1.0))])
def test_a_schedule_of_ones_own_needs_a_method_value_alone(rate, schedule):
    class Half:
        def value(self, progress):
            return 2 * rate * (1 - progress)

    for own in (Half(), schedule):
        require_schedule("rate", own)
        assert schedule_value(own, 0.5) == rate


@pytest.mark.parametrize("schedule", [-0.1, LinearSchedule(1.0, -0.1), LinearSchedule(-0.1, 1.0),
                                      LinearSchedule(-0.1, -0.2)])
def test_a_rate_below_zero_at_either_end_is_refused(schedule):
    with pytest.raises(ValueError, match=r"rate must be a finite number in \[0, inf\], got -0.1"):
        require_schedule("rate", schedule)


@pytest.mark.parametrize("stop", [0.0, 2.0])
def test_a_rate_may_begin_and_end_at_zero(stop):
    require_schedule("rate", LinearSchedule(0.0, stop))


@pytest.mark.parametrize("wrong, message", [
    ({"start": "fast"}, "start must be a number, got 'fast'"),
    ({"start": 1.0, "stop": np.nan}, "stop must be a finite number in .*, got nan")])
def test_a_schedule_of_no_numbers_is_refused_by_name(wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        LinearSchedule(**wrong)


def test_a_schedule_runs_from_start_to_stop():
    assert [schedule_value(LinearSchedule(3.0, 1.0), p) for p in (0.0, 0.5, 1.0)] == [3.0, 2.0, 1.0]
    assert schedule_value(0.7, 0.3) == 0.7


@pytest.mark.parametrize("wrong", [{"beta1": 1.0}, {"beta2": 1}, {"beta2": -0.1}, {"epsilon": 0.0}])
def test_bad_settings_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        Adam(**wrong)


def test_adam_may_remember_nothing_or_nearly_everything():
    for beta in (0, 1 - 1e-9):
        assert Adam(beta1=beta, beta2=beta).beta2 == beta
