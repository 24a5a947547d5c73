"""The multi-layer perceptron against every law."""
import numpy as np
import pytest
from hypothesis import given, settings

from minimeta import MLP
from minimeta.testing import check_map, complex_step, second, taylor_order
from minimeta.testing.strategies import mlps


@settings(max_examples=60)
@given(mlps())
def test_a_random_network_obeys_every_law(case):
    check_map(case.net, case.x_shape, seed=case.seed, leads=((), (case.K,)),
              scales=(1.0,))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_a_deep_network_obeys_every_law_with_each_activation(activation):
    check_map(MLP((3, 5, 4, 6, 2), activation), (7, 3), leads=((), (8,), (2, 3)))


def test_a_network_without_hidden_layers_is_affine():
    net, rng = MLP((3, 2)), np.random.default_rng(0)
    theta, x = rng.normal(size=net.size), rng.normal(size=(7, 3))
    W, b = net.layout.unpack(theta)
    assert np.array_equal(net.forward(theta, x)[0], x @ W + b)
    check_map(net, (7, 3))


def test_the_forward_pass_is_the_formula():
    net, rng = MLP((3, 5, 4, 2)), np.random.default_rng(1)
    theta, x = rng.normal(size=net.size), rng.normal(size=(7, 3))
    p = net.layout.unpack(theta)
    y = np.tanh(np.tanh(x @ p.W1 + p.b1) @ p.W2 + p.b2) @ p.W3 + p.b3
    assert np.abs(net.forward(theta, x)[0] - y).max() < 1e-14


def test_every_coordinate_of_the_gradient_and_the_hessian_is_right():
    net, rng = MLP((3, 5, 2)), np.random.default_rng(2)
    theta, x = rng.normal(size=net.size), rng.normal(size=(7, 3))
    target = rng.normal(size=2)

    def value(theta):
        y = net.forward(theta, x)[0]
        return ((y - target) ** 2).sum()

    def grad(theta):
        y, cache = net.forward(theta, x)
        return net.vjp(theta, cache, 2 * (y - target))[0]

    def hvp(theta, v):
        y, cache = net.forward(theta, x)
        y_dot, cache_dot = net.jvp(theta, cache, v)
        return net.vjp_dot(theta, cache, 2 * (y - target), v, cache_dot, 2 * y_dot)[0]

    assert complex_step(value, grad, theta, name=net.layout.name) < 1e-12
    for v in np.eye(net.size):
        assert second(grad, hvp, theta, v, name=net.layout.name) < 1e-12
    v = rng.normal(size=net.size)
    assert 1.8 < taylor_order(value, grad, theta, v) < 2.2
    assert 2.7 < taylor_order(value, grad, theta, v, hvp) < 3.3


def test_float32_stays_float32_and_agrees_with_float64_to_its_precision():
    net, rng = MLP((3, 5, 2)), np.random.default_rng(3)
    theta, x = net.init(rng, np.float32), rng.normal(size=(7, 3)).astype(np.float32)
    y, cache = net.forward(theta, x)
    assert theta.dtype == y.dtype == np.float32
    assert {a.dtype for a in cache} == {np.dtype(np.float32)}
    exact, _ = net.forward(theta.astype(float), x.astype(float))
    assert np.abs(y - exact).max() < 1e-6


def test_initial_weights_have_unit_gain_and_biases_are_zero():
    net = MLP((200, 300, 40))
    p = net.layout.unpack(net.init(np.random.default_rng(4)))
    for W, n in ((p.W1, 200), (p.W2, 300)):
        assert W.std() == pytest.approx(n ** -0.5, rel=0.03)
        assert abs(W.mean()) < 5 * W.std() / W.size ** 0.5
        assert (np.abs(W) < n ** -0.5).mean() == pytest.approx(0.683, abs=0.02)  # as if normal
    assert not p.b1.any() and not p.b2.any()


def test_no_rows_give_no_outputs_and_a_zero_gradient():
    net = MLP((3, 5, 2))
    y, cache = net.forward(net.init(np.random.default_rng(5)), np.zeros((0, 3)))
    theta_bar, x_bar = net.vjp(np.zeros(net.size), cache, y)
    assert y.shape == (0, 2) and x_bar.shape == (0, 3) and not theta_bar.any()


@pytest.mark.parametrize("sizes", [[3, 5, 2], np.array([3, 5, 2]), (np.int32(3), 5, np.int64(2))])
def test_sizes_become_a_tuple_of_ints_so_that_a_network_can_be_hashed(sizes):
    net = MLP(sizes)
    assert net.sizes == (3, 5, 2) and type(net.sizes) is tuple
    assert {type(n) for n in net.sizes} == {int}
    assert net == MLP((3, 5, 2)) and hash(net) == hash(MLP((3, 5, 2)))


def test_a_generator_of_sizes_is_refused_before_it_is_read():
    sizes = (n for n in (3, 5, 2))
    with pytest.raises(TypeError, match="sizes must be a tuple, got <generator"):
        MLP(sizes)
    assert list(sizes) == [3, 5, 2]


@pytest.mark.parametrize("sizes, activation, error, words", [
    ((3,), "tanh", ValueError, r"sizes must be \(n_in, .., n_out\), got \(3,\)"),
    ((3, 0, 2), "tanh", ValueError, "at least 1, got 0"),
    ((3, 5.0, 2), "tanh", TypeError, "whole number, got 5.0"),
    ((3, 2), "swish", ValueError, "'tanh', 'sigmoid', 'relu', got 'swish'"),
    ((3, 2), None, ValueError, "activation must be one of"),
])
def test_a_network_that_cannot_be_is_refused(sizes, activation, error, words):
    with pytest.raises(error, match=words):
        MLP(sizes, activation)


def test_an_unknown_argument_is_refused():
    with pytest.raises(TypeError):
        MLP((3, 2), activations="tanh")
