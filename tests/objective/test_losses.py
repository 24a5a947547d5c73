"""Scalars of a network's outputs, and objectives: scalar o map, at a point."""
import numpy as np
import pytest

from minimeta import MLP, Categorical, Gaussian, RecurrentPolicy, MLPPolicy, Objective
from minimeta.objective.losses import KL, Entropy, OfActions, SquaredError, Sum, ValueFit
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
    surrogate = ClippedRatio(A, policy.head.log_prob(u_old, actions), 0.3)
    scalars = {
        "actions": OfActions(policy, actions, surrogate),
        "entropy": Entropy(policy, w), "kl": KL(policy, u_old, w),
    }
    if isinstance(policy, RecurrentPolicy):
        scalars["value"] = ValueFit(policy, targets, w)
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
