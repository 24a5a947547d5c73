"""The elementary maps, each in its four forms, against the laws."""
import numpy as np
import pytest
from hypothesis import given

from minimeta.calculus import maps
from minimeta.calculus.maps import ACTIVATIONS
from minimeta.testing import (complex_step, precision, purity, second, tangent, tasks,
                              transpose)
from minimeta.testing.strategies import seeds, sizes


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def affine_case(seed, K, R, n, m):
    """x, W, b, their tangents, and a y_bar with its tangent."""
    inputs = [(K, R, n), (K, n, m), (K, m)]
    return draw(seed, *inputs, *inputs, (K, R, m), (K, R, m))


@given(sizes(4), seeds())
def test_the_tangent_of_affine_is_its_complex_step(shape, seed):
    x, W, b, x_dot, W_dot, b_dot, *_ = affine_case(seed, *shape)
    h = 1e-30j
    true = maps.affine(x + h * x_dot, W + h * W_dot, b + h * b_dot).imag / 1e-30
    claimed = maps.affine_jvp(x, W, x_dot, W_dot, b_dot)
    assert np.linalg.norm(claimed - true) <= 1e-12 * np.linalg.norm(true)


@given(sizes(4), seeds())
def test_the_transpose_of_affine_is_its_transpose(shape, seed):
    x, W, b, x_dot, W_dot, b_dot, y_bar, _ = affine_case(seed, *shape)
    y_dot = maps.affine_jvp(x, W, x_dot, W_dot, b_dot)
    back = maps.affine_vjp(x, W, y_bar)
    assert transpose(y_bar, y_dot, back, (x_dot, W_dot, b_dot)) < 1e-13


@given(sizes(4), seeds())
def test_the_tangent_of_the_transpose_of_affine_is_its_complex_step(shape, seed):
    x, W, _, x_dot, W_dot, _, y_bar, y_bar_dot = affine_case(seed, *shape)
    h = 1e-30j
    true = maps.affine_vjp(x + h * x_dot, W + h * W_dot, y_bar + h * y_bar_dot)
    claimed = maps.affine_vjp_dot(x, W, y_bar, x_dot, W_dot, y_bar_dot)
    for c, t in zip(claimed, true):
        t = t.imag / 1e-30
        assert np.linalg.norm(c - t) <= 1e-12 * np.linalg.norm(t)


@given(sizes(4), seeds())
def test_tasks_do_not_mix_in_affine(shape, seed):
    x, W, b, *_, y_bar, y_bar_dot = affine_case(seed, *shape)
    assert tasks(maps.affine, x, W, b) < 1e-12
    assert tasks(maps.affine_vjp, x, W, y_bar) < 1e-12
    assert purity(maps.affine, x, W, b) == purity(maps.affine_vjp, x, W, y_bar) == 0


def test_the_transpose_of_a_matrix_is_never_conjugated():
    A = np.array([[1 + 2j, 3], [4, 5 - 6j], [7j, 8]])
    assert np.array_equal(maps.transpose(A), A.T) and maps.transpose(A)[0, 2] == 7j


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(seed=seeds(), shape=sizes(3))
def test_an_activation_obeys_every_law_in_its_four_forms(name, seed, shape):
    act, jvp, vjp, vjp_dot = ACTIVATIONS[name]
    x, x_dot, y_bar, y_bar_dot, w = draw(seed, *[shape] * 5)
    y = act(x)
    assert tangent(act, lambda x, x_dot: jvp(act(x), x_dot), x, x_dot) < 1e-12
    assert transpose(y_bar, jvp(y, x_dot), vjp(y, y_bar), x_dot) < 1e-13
    # y_bar + w x moves with x, so both terms of the product rule are seen
    assert second(lambda x: vjp(act(x), y_bar + w * x),
                  lambda x, x_dot: vjp_dot(act(x), y_bar + w * x,
                                           jvp(act(x), x_dot), w * x_dot),
                  x, x_dot) < 1e-12
    assert tasks(vjp_dot, y, y_bar, x_dot, y_bar_dot) == 0
    for form, arguments in ((act, (x,)), (jvp, (y, x_dot)), (vjp, (y, y_bar)),
                            (vjp_dot, (y, y_bar, x_dot, y_bar_dot))):
        assert purity(form, *arguments) == precision(form, *arguments) == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_of_an_activation_is_right_at_every_point(name):
    act, _, vjp, _ = ACTIVATIONS[name]
    x = np.linspace(-4, 4, 81) + 0.003  # off the corner of relu
    assert complex_step(lambda x: act(x).sum(), lambda x: vjp(act(x), np.ones_like(x)),
                        x) < 1e-12


def test_no_activation_overflows():
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    assert np.array_equal(maps.sigmoid(x), [0, 0, 0.5, 1, 1])
    assert np.array_equal(maps.tanh(x), [-1, -1, 0, 1, 1])
    assert np.isfinite(maps.sigmoid(x + 1e-30j)).all()


def test_the_slope_of_relu_is_zero_at_its_corner():
    assert maps.relu_vjp(maps.relu(np.zeros(2)), np.ones(2)).tolist() == [0, 0]


def test_relu_is_the_larger_of_x_and_zero():
    x = np.concatenate([np.linspace(-2, 2, 33), [1e-300, -1e-300, 0.001, 0.999]])
    assert ((0 < x) & (x < 1)).sum() > 5  # where x and a constant such as 1 differ
    assert np.array_equal(maps.relu(x), np.maximum(x, 0))


def test_a_complex_step_from_the_corner_of_relu_does_not_pass():
    # As the derivative there, which is 0; a little to the right the step passes.
    assert maps.relu(np.array([0, 0.5]) + 1e-30j).tolist() == [0, 0.5 + 1e-30j]
