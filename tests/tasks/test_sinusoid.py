"""Sine curves: what is drawn, and that it is pure."""
import pickle
from math import pi

import numpy as np
import pytest

from minimeta.tasks import Sinusoid


def test_points_lie_on_curves_within_the_published_intervals():
    rng = np.random.default_rng(0)
    tasks = Sinusoid().sample(5000, rng)
    x, y = tasks.points(7, rng)
    assert x.shape == y.shape == (5000, 7, 1) and x.dtype == y.dtype == float
    for values, low, high in (
            (tasks.amplitude, 0.1, 5), (tasks.phase, 0, pi), (x, -5, 5)):
        width, n = high - low, values.size
        assert low <= values.min() and values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < 4 * width / np.sqrt(12 * n)
    A, phase = tasks.amplitude[3], tasks.phase[3]
    assert np.allclose(y[3, :, 0], A * np.sin(x[3, :, 0] - phase), rtol=1e-13)


def test_tasks_slice_pickle_and_leave_global_randomness_alone():
    before = np.random.get_state()[1].copy()
    tasks = Sinusoid().sample(6, np.random.default_rng(0))
    x, y = tasks.points(4, np.random.default_rng(1))
    assert len(tasks[2:5]) == 3 and np.array_equal(tasks[2:5].curve(x[2:5]), y[2:5])
    again = pickle.loads(pickle.dumps(tasks)).points(4, np.random.default_rng(1))
    assert np.array_equal(again[0], x) and np.array_equal(again[1], y)
    assert np.array_equal(before, np.random.get_state()[1])


def test_the_inputs_tell_nothing_of_the_curve():
    rng = np.random.default_rng(0)
    tasks = Sinusoid().sample(5000, rng)
    x, _ = tasks.points(1, rng)
    for hidden in (tasks.amplitude, tasks.phase):
        assert abs(np.corrcoef(hidden, x[:, 0, 0])[0, 1]) < 4 / np.sqrt(5000)


@pytest.mark.parametrize("settings, message", [
    (dict(amplitude=(2.0, 1.0)), r"amplitude must be \(low, high\), got \(2.0, 1.0\)"),
    (dict(phase=(0.0,)), r"phase must be \(low, high\)"),
    (dict(x=(0.0, np.inf)), "an end of x must be a finite number"),
])
def test_bad_intervals_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        Sinusoid(**settings)


def test_bad_sizes_are_refused_by_name():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="K must be at least 1, got 0"):
        Sinusoid().sample(0, rng)
    with pytest.raises(ValueError, match="R must be at least 1, got 0"):
        Sinusoid().sample(2, rng).points(0, rng)


def test_an_interval_may_be_one_number_and_must_be_a_pair():
    tasks = Sinusoid(amplitude=(2.0, 2.0)).sample(5, np.random.default_rng(0))
    assert (tasks.amplitude == 2).all()
    with pytest.raises(TypeError, match="x must be a tuple, got 5"):
        Sinusoid(x=5)
    with pytest.raises(TypeError, match="an end of phase must be a number, got 'a'"):
        Sinusoid(phase=("a", 1))


def test_randomness_comes_from_a_generator_alone():
    for draw in (lambda rng: Sinusoid().sample(2, rng),
                 lambda rng: Sinusoid().sample(2, np.random.default_rng(0)).points(3, rng)):
        with pytest.raises(TypeError, match="rng must be a np.random.Generator, got 0"):
            draw(0)
