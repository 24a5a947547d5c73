"""Scalars of a network's outputs, and objectives: scalar o map, at a point."""
import pickle
import sys
from copy import copy
from dataclasses import fields, replace

import numpy as np
import pytest

from minimeta import MLP, Categorical, Gaussian, RecurrentPolicy, MLPPolicy, Objective
from minimeta.objective import Point
from minimeta.objective.losses import (KL, Entropy, MeanError, Minus, OfActions,
                                       SquaredError, Sum, ValueFit)
from minimeta.objective.surrogates import ClippedRatio
from minimeta.testing import central_difference, complex_step, second, symmetry

POLICIES = [
    MLPPolicy(3, Categorical(4), (5,)), MLPPolicy(3, Gaussian(2), (5,)),
    RecurrentPolicy(2, Categorical(3), 4), RecurrentPolicy(1, Gaussian(2), 4),
]


def case(policy, seed=0, T=4, B=3):
    """theta, x, and every scalar on a batch that another theta has sampled."""
    rng = np.random.default_rng(seed)
    theta, old = rng.normal(size=(2, policy.size)) * 0.5
    x = rng.normal(size=(T, B, policy.n_in))
    u_old, _ = policy.split(policy.forward(old, x)[0])
    actions = policy.head.sample(u_old, rng)
    A, w, targets = rng.normal(size=(3, T, B))
    l_old = policy.head.log_prob(u_old, actions)
    surrogate = ClippedRatio(A, l_old, rng.random((T, B)) < 0.8, 0.3)
    scalars = {
        "actions": OfActions(policy, actions, surrogate),
        "entropy": Entropy(policy, w), "kl": KL(policy, u_old, w),
    }
    if isinstance(policy, RecurrentPolicy):
        scalars["value"] = ValueFit(policy, targets, w)
    if isinstance(policy.head, Gaussian):
        scalars["mean"] = MeanError(policy, actions, w)
    scalars["minus"] = Minus(scalars["actions"])
    scalars["sum"] = Sum(tuple((i - 1.5, s) for i, s in enumerate(scalars.values())))
    return theta, x, scalars, rng


@pytest.mark.parametrize("policy", POLICIES)
def test_every_objective_has_the_gradient_and_hessian_of_its_value(policy):
    theta, x, scalars, rng = case(policy)
    u, v = rng.normal(size=(2, policy.size))
    for scalar in scalars.values():
        at = Objective(policy, x, scalar).at
        value, grad = (lambda t: at(t).value), (lambda t: at(t).grad)
        hvp = lambda t, v: at(t).hvp(v)
        name = policy.layout.name
        assert complex_step(value, grad, theta, name=name) < 1e-12
        assert central_difference(value, grad, theta, name=name) < 1e-7
        assert second(grad, hvp, theta, v, name=name) < 1e-12
        assert symmetry(hvp, theta, u, v) < 1e-13


def test_squared_error_of_a_regression_has_the_gradient_and_hessian_of_its_value():
    net, rng = MLP((2, 5, 3)), np.random.default_rng(0)
    theta, x = rng.normal(size=(4, net.size)), rng.normal(size=(4, 6, 2))
    scalar = SquaredError(rng.normal(size=(4, 6, 3)), rng.random((4, 6)))
    at = Objective(net, x, scalar).at
    assert at(theta).value.shape == (4,)
    assert complex_step(lambda t: at(t).value, lambda t: at(t).grad, theta) < 1e-12
    assert second(lambda t: at(t).grad, lambda t, v: at(t).hvp(v), theta,
                  rng.normal(size=theta.shape)) < 1e-12


def test_an_error_is_the_distance_from_the_data_squared_and_weighted():
    policy, rng = RecurrentPolicy(2, Gaussian(2), 4), np.random.default_rng(0)
    y, (targets, w) = rng.normal(size=(4, 3, 5)), rng.normal(size=(2, 4, 3))
    actions = rng.normal(size=(4, 3, 2))    # y is (mu, log_std, v)
    square = (y[..., :2] - actions) ** 2
    for scalar, error in ((ValueFit(policy, targets, w), (y[..., 4] - targets) ** 2),
                          (MeanError(policy, actions, w), square.sum(-1)),
                          (SquaredError(actions, w), square.sum(-1))):
        value = scalar.value(y[..., :2] if isinstance(scalar, SquaredError) else y)
        assert value.sum() == pytest.approx((w * error).sum(), rel=1e-13)


def test_a_wrong_curvature_is_caught_and_a_wrong_gradient_too():
    theta, x, scalars, rng = case(POLICIES[0])

    class Straight(OfActions):
        def hvp(self, y, y_dot):
            return 0 * y

    class Short(OfActions):
        def grad(self, y):
            return 0.999 * super().grad(y)

    v = rng.normal(size=theta.shape)
    inner = scalars["actions"]
    for broken in (Straight, Short):
        at = Objective(POLICIES[0], x, broken(*vars(inner).values())).at
        slope = complex_step(lambda t: at(t).value, lambda t: at(t).grad, theta)
        bend = second(lambda t: at(t).grad, lambda t, v: at(t).hvp(v), theta, v)
        assert max(slope, bend) > 1e-4


def test_weights_of_zero_make_a_step_count_for_nothing_at_all():
    policy = POLICIES[2]
    theta, x, _, rng = case(policy)
    w, targets = rng.random((2, 4, 3))
    w[2:, 1] = 0
    changed = targets + 100 * (w == 0)
    one, other = (Objective(policy, x, Sum((
        (1.0, ValueFit(policy, t, w)), (-1.0, Entropy(policy, w))))).at(theta)
        for t in (targets, changed))
    assert one.value == other.value and np.array_equal(one.grad, other.grad)


@pytest.mark.parametrize("policy", POLICIES)
def test_minus_turns_value_gradient_and_hessian_around(policy):
    theta, x, scalars, rng = case(policy)
    v = rng.normal(size=theta.shape)
    objective = Objective(policy, x, scalars["actions"])
    at = objective.at(theta)
    for minus in (-objective, Objective(policy, x, Minus(scalars["actions"]))):
        other = minus.at(theta)
        assert other.value == -at.value and np.array_equal(other.grad, -at.grad)
        assert np.array_equal(other.hvp(v), -at.hvp(v))


def test_the_sum_is_the_weighted_sum_of_its_terms():
    theta, x, scalars, rng = case(POLICIES[2])
    parts = ("actions", "value", "entropy")
    whole = Sum(tuple(zip((-1, 0.5, -0.02), map(scalars.get, parts))))
    at = [Objective(POLICIES[2], x, s).at(theta) for s in (whole, *map(scalars.get, parts))]
    total, one, two, three = (point.grad for point in at)
    assert np.allclose(total, -one + 0.5 * two - 0.02 * three, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("number", [int, float, np.float64, np.float32])
def test_the_type_of_a_weight_does_not_change_the_precision(number):
    theta, x, scalars, _ = case(POLICIES[0])
    w = np.ones((4, 3), np.float32)
    loss = Sum(((number(2), Entropy(POLICIES[0], w)),))
    at = Objective(POLICIES[0], x.astype(np.float32), loss).at(theta.astype(np.float32))
    assert at.value.dtype == at.grad.dtype == at.hvp(at.grad).dtype == np.float32


@pytest.mark.parametrize("policy", POLICIES)
def test_the_precision_of_the_data_does_not_change_that_of_the_gradient(policy):
    theta, x, scalars, rng = case(policy)   # the scalars hold float64
    theta, x = theta.astype(np.float32), x.astype(np.float32)
    v = rng.normal(size=theta.shape).astype(np.float32)
    for scalar in scalars.values():
        at = Objective(policy, x, scalar).at(theta)
        for out in (at.y_bar, at.grad, at.hvp(v), at.vjp(at.y.astype(float))):
            assert out.dtype == np.float32
        assert at.hvp(v + 1j * v).dtype == np.complex64
        assert np.allclose(at.hvp(1j * v).imag, at.hvp(v), rtol=1e-4, atol=1e-6)


def test_a_loss_of_vanishing_probabilities_has_derivatives_whatever_the_error_settings():
    policy = POLICIES[0]
    theta, x, scalars, rng = case(policy)
    theta, x = 300 * theta.astype(np.float32), x.astype(np.float32)
    l = policy.head.log_prob(policy.forward(theta, x)[0], np.zeros((4, 3), int))
    assert l.min() < -110  # where float32 makes a probability of 0
    with np.errstate(all="raise"):
        for name in ("entropy", "kl"):
            at = Objective(policy, x, scalars[name]).at(theta)
            assert np.isfinite(at.value) and np.isfinite(at.grad).all()
            assert np.isfinite(at.hvp(theta)).all() and np.isfinite(at.vjp(at.y_bar)).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_every_scalar_pickles_and_is_replaced_field_by_field(policy):
    theta, x, scalars, _ = case(policy)
    for scalar in scalars.values():
        first = Objective(policy, x, scalar).at(theta).grad
        for other in (pickle.loads(pickle.dumps(scalar)), copy(scalar), replace(scalar)):
            same = Objective(policy, x, other).at(theta).grad
            assert np.allclose(same, first, rtol=1e-12, atol=1e-14)  # memory may lie anew


def frames_between(outer, inner_name):
    """How many calls lie between a function that is called here and `inner_name`."""
    depths = []

    def trace(frame, event, arg):
        if event == "call" and frame.f_code.co_name == inner_name and not depths:
            names = []
            while frame:
                names.append(frame.f_code.co_name)
                frame = frame.f_back
            depths.append(names[1:names.index("frames_between")])

    before = sys.getprofile()
    sys.setprofile(trace)
    try:
        outer()
    finally:
        sys.setprofile(before)
    return depths[0]


def test_from_a_points_gradient_to_the_vjp_of_a_map_are_two_calls():
    theta, x, scalars, _ = case(POLICIES[0])

    class Mine(type(POLICIES[0])):
        def vjp(self, *at):
            return super().vjp(*at)

    policy = Mine(*(getattr(POLICIES[0], f.name) for f in fields(POLICIES[0]) if f.init))
    point = Objective(policy, x, scalars["actions"]).at(theta)
    assert frames_between(lambda: point.grad, "vjp")[:-1] == ["theta_bar", "grad"]
    assert frames_between(lambda: point.hvp(theta), "vjp_dot")[:-1] == ["theta_bar_dot", "hvp"]


def test_a_point_keeps_y_bar_and_what_follows_from_it_alone():
    theta, x, scalars, _ = case(POLICIES[0])
    calls = []

    class Counting(OfActions):
        def grad(self, y):
            calls.append(1)
            return super().grad(y)

    scalar = scalars["actions"]
    point = Objective(POLICIES[0], x, Counting(*vars(scalar).values())).at(theta)
    first = point.grad
    assert np.array_equal(first, point.grad) and len(calls) == 1
    assert set(vars(point)) == {"net", "scalar", "theta", "y", "cache", "y_bar", "back"}
    again = pickle.loads(pickle.dumps(Objective(POLICIES[0], x, scalar).at(theta)))
    assert np.array_equal(again.grad, first)


def test_what_is_kept_is_found_in_the_class_with_its_docstring():
    assert Point.y_bar.__doc__ == "The gradient of the scalar in y."


def test_value_grad_and_hvp_share_one_forward_pass():
    calls = []

    class Counting(MLP):
        def forward(self, theta, x):
            calls.append(1)
            return super().forward(theta, x)

    net, rng = Counting((2, 3, 1)), np.random.default_rng(0)
    point = Objective(net, rng.normal(size=(5, 2)), SquaredError(
        np.zeros((5, 1)), np.ones(5))).at(rng.normal(size=net.size))
    point.value, point.grad, point.hvp(point.grad), point.grad
    assert len(calls) == 1
