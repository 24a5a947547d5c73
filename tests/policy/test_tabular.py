"""The tabular softmax policy: a row of logits for each state."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import Objective, TabularPolicy
from minimeta.objective.losses import Entropy, OfActions
from minimeta.objective.surrogates import LogLikelihood
from minimeta.testing.laws import complex_step, second, tangent, transpose


def one_hot(states, n):
    return (states[..., None] == np.arange(n)).astype(float)


def problem(seed, K, S, A, T=3, B=2):
    rng = np.random.default_rng(seed)
    policy = TabularPolicy(S, A)
    states = rng.integers(0, S, (K, T, B))
    return policy, rng.normal(size=(K, policy.size)), states, rng


sizes = dict(seed=st.integers(0, 2**31), K=st.integers(2, 3), S=st.integers(2, 5),
             A=st.integers(2, 4))


@given(**sizes)
def test_the_logits_of_a_state_are_its_row_of_theta(seed, K, S, A):
    policy, theta, states, _ = problem(seed, K, S, A)
    u, value = policy.split(policy.forward(theta, one_hot(states, S))[0])
    table = policy.layout.unpack(theta).logits
    assert np.array_equal(u, table[np.arange(K)[:, None, None], states])
    assert not value.any()


@given(**sizes)
def test_its_four_forms_obey_the_laws(seed, K, S, A):
    policy, theta, states, rng = problem(seed, K, S, A)
    x = rng.normal(size=states.shape + (S,))  # any x: the map is linear in it as well
    y, cache = policy.forward(theta, x)
    v, x_dot, y_bar = (rng.normal(size=a.shape) for a in (theta, x, y))
    y_dot, cache_dot = policy.jvp(theta, cache, v, x_dot)
    step = 1e-30j
    assert np.abs(policy.forward(theta + step * v, x + step * x_dot)[0].imag / 1e-30
                  - y_dot).max() < 1e-12
    assert transpose(y_bar, y_dot, policy.vjp(theta, cache, y_bar), (v, x_dot)) < 1e-13
    y_bar_dot = rng.normal(size=y.shape)
    found = policy.vjp_dot(theta, cache, y_bar, v, cache_dot, y_bar_dot)
    _, moved = policy.forward(theta + step * v, x + step * x_dot)
    truth = policy.vjp(theta + step * v, moved, y_bar + step * y_bar_dot)
    for mine, true in zip(found, truth):
        assert np.abs(mine - true.imag / 1e-30).max() < 1e-12


@given(**sizes)
def test_objectives_of_it_have_exact_derivatives(seed, K, S, A):
    policy, theta, states, rng = problem(seed, K, S, A)
    actions = rng.integers(0, A, states.shape)
    weights = rng.normal(size=states.shape)
    for scalar in (OfActions(policy, actions, LogLikelihood(weights)), Entropy(policy, weights)):
        objective = Objective(policy, one_hot(states, S), scalar)
        v = rng.normal(size=theta.shape)
        assert complex_step(lambda t: objective.at(t).value, lambda t: objective.at(t).grad,
                            theta, name=policy.layout.name) < 1e-12
        assert second(lambda t: objective.at(t).grad, lambda t, v: objective.at(t).hvp(v),
                      theta, v) < 1e-12
        assert tangent(lambda t: objective.at(t).y, lambda t, v: objective.at(t).jvp(v),
                       theta, v) < 1e-12


def test_unvisited_states_have_no_gradient():
    policy = TabularPolicy(3, 2)
    x = one_hot(np.zeros((1, 4, 5), int), 3)
    objective = Objective(policy, x, Entropy(policy, np.ones((1, 4, 5))))
    grad = policy.layout.unpack(objective.at(np.ones((1, 6)) * np.arange(6)).grad).logits
    assert grad[0, 0].all() and not grad[0, 1:].any()


@pytest.mark.parametrize("S, A, message", [(0, 2, "n_states must be at least 1, got 0"),
                                           (3, 0, "n_actions must be at least 1, got 0")])
def test_bad_sizes_are_refused_by_name(S, A, message):
    with pytest.raises(ValueError, match=message):
        TabularPolicy(S, A)


def test_logits_begin_near_zero_and_follow_the_scale():
    policy, n = TabularPolicy(100, 80), 8000
    for theta, scale in ((policy.init(np.random.default_rng(0)), 0.1),
                         (policy.net.init(np.random.default_rng(1)), 1.0),
                         (policy.net.init(np.random.default_rng(2), output_scale=3.0), 3.0)):
        assert theta.shape == (n,) and abs(theta.mean()) < 4 * scale / np.sqrt(n)
        assert abs(theta.std() / scale - 1) < 4 / np.sqrt(2 * n)
    assert policy.init(np.random.default_rng(0), np.float32).dtype == np.float32


def test_whole_numbers_of_any_type_are_kept_as_int():
    policy = TabularPolicy(np.uint8(100), np.int16(80))
    assert policy == TabularPolicy(100, 80) and policy.size == 8000
    assert type(policy.n_states) is type(policy.n_actions) is int
