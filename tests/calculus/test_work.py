"""How much work a derivative is: products of matrices, arrays above 1 MiB, and Python calls at
fixed sizes. None of these depends on a clock, so a loss of speed is seen on any machine."""
import gc
import sys

import numpy as np
import pytest

from minimeta import LSTM, MLP, Categorical, MLPPolicy
from minimeta.calculus import fast_lstm
from minimeta.objective import Objective
from minimeta.objective.losses import SquaredError
from minimeta.rl import rollout
from minimeta.rl.baseline import linear
from minimeta.tasks import GridNavigation

MIB = 2**20


class Counted(np.ndarray):
    """An array whose ufuncs are counted, and those of all that is computed from it."""

    products = large = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **named):
        plain = [np.asarray(a) if isinstance(a, Counted) else a for a in inputs]
        if out is not None:
            named["out"] = tuple(np.asarray(a) for a in out)
        result = getattr(ufunc, method)(*plain, **named)
        Counted.products += ufunc is np.matmul
        if out is not None:
            return out[0]
        Counted.large += getattr(result, "nbytes", 0) > MIB
        return result.view(Counted) if isinstance(result, np.ndarray) else result


def counts(work, *arrays):
    """The products and the large results of work(*arrays)."""
    Counted.products = Counted.large = 0
    work(*(array.view(Counted) for array in arrays))
    return Counted.products, Counted.large


def n_calls(work):
    """The number of calls of Python functions in work()."""
    calls = []

    def trace(frame, event, arg):
        if event == "call":
            calls.append(frame.f_code.co_name)

    work()
    before = sys.getprofile()
    gc.disable()    # what is collected meanwhile may call functions too
    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return len(calls)


def mlp(R):
    """A network of three layers, 3 tasks of R rows; the largest layer has 64 units."""
    net, rng = MLP((4, 64, 60, 2)), np.random.default_rng(0)
    theta = np.broadcast_to(net.init(rng, np.float32), (3, net.size))
    x, v = rng.normal(size=(3, R, 4)).astype(np.float32), np.array(theta)
    loss = SquaredError(np.zeros((3, R, 2), np.float32), np.ones((3, R), np.float32))
    return Objective(net, x, loss), theta, v


def test_a_gradient_has_two_products_for_each_of_the_forward_pass_but_no_x_bar():
    objective, theta, _ = mlp(2000)
    forward, large = counts(objective.at, theta)
    assert (forward, large) == (3, 4)       # x W + b and tanh, of two large layers
    point = objective.at(theta.view(Counted))
    grad, large = counts(lambda: point.grad)
    # a_bar W' of layers 3 and 2, y' a_bar of three, and the sum of the rows of two (the
    # third is not counted, since y_bar is a plain array)
    assert grad == 2 + 3 + 2
    assert large <= 10


def test_a_hessian_vector_product_does_not_repeat_the_backward_pass():
    objective, theta, v = mlp(2000)
    point = objective.at(theta.view(Counted))
    point.grad
    hvp, large = counts(point.hvp, v)
    # jvp: two products a layer, but one in the first, where x_dot is 0. The tangent of
    # the backward pass: the same, two more in layers 3 and 2, two sums of rows
    assert hvp == 5 + 5 + 4 + 2
    assert large <= 25


def test_a_subclass_with_its_own_vjp_is_asked_for_it():
    class Mine(MLP):
        def vjp(self, theta, cache, y_bar):
            theta_bar, x_bar = super().vjp(theta, cache, y_bar)
            return 2 * theta_bar, x_bar

    objective, theta, _ = mlp(3)
    mine = Objective(Mine(objective.net.sizes), objective.x, objective.scalar)
    assert np.array_equal(mine.at(theta).grad, 2 * objective.net.vjp(
        theta, objective.at(theta).cache, objective.at(theta).y_bar)[0])


@pytest.mark.parametrize("T", [3, 8])
def test_a_step_of_the_lstm_has_ten_products_in_its_four_forms(T, monkeypatch):
    net, rng = LSTM(3, 5, 2), np.random.default_rng(0)
    theta, x = net.init(rng), rng.normal(size=(T, 4, 3))
    y_bar = rng.normal(size=(T, 4, 2))
    products, matmul = [], np.matmul
    monkeypatch.setattr(fast_lstm, "matmul", lambda *a: products.append(1) or matmul(*a))
    _, cache = net.forward(theta, x)
    assert len(products) == T
    net.vjp(theta, cache, y_bar)
    assert len(products) == 3 * T
    _, cache_dot = net.jvp(theta, cache, theta)
    assert len(products) == 5 * T
    net.vjp_dot(theta, cache, y_bar, theta, cache_dot, y_bar)
    assert len(products) == 10 * T


def test_python_calls_do_not_grow():
    objective, theta, v = mlp(5)
    assert n_calls(lambda: objective.at(theta)) < 50
    point = objective.at(theta)
    assert n_calls(lambda: point.grad) < 28
    assert n_calls(lambda: point.hvp(v)) < 100


def acted(horizon):
    family, rng = GridNavigation(4, horizon, 1), np.random.default_rng(0)
    policy = MLPPolicy(family.obs_size, Categorical(5), (6,))
    theta, tasks = policy.init(rng, np.float32), family.sample(3, rng)
    return lambda: rollout(policy, theta, tasks, trials=2, episodes=1, rng=rng)


def test_python_calls_of_a_step_of_acting_do_not_grow():
    assert n_calls(acted(20)) - n_calls(acted(10)) < 10 * 100


def test_python_calls_of_the_baseline_do_not_depend_on_the_number_of_episodes():
    family, rng = GridNavigation(4, 9, 1), np.random.default_rng(0)
    policy = MLPPolicy(family.obs_size, Categorical(5), (6,))
    theta, tasks = policy.init(rng), family.sample(3, rng)
    few, many = (rollout(policy, theta, tasks, trials=B, episodes=1, rng=rng) for B in (3, 30))
    assert n_calls(lambda: linear(few, 0.9)) == n_calls(lambda: linear(many, 0.9)) < 250
