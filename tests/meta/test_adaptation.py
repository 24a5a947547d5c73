"""Adaptation as a map: every estimator, one to three steps, fixed and learned rates."""
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st
from samples import POLICIES, batch, loss, thetas

from minimeta.exact import exact_return
from minimeta.meta.adaptation import Adapted, GradientSteps, Rates, rows
from minimeta.objective.surrogates import ESTIMATORS, Dice
from minimeta.tasks import RandomMDP
from minimeta.testing import (central_difference, complex_step, tangent, tasks,
                                   transpose)

estimators = pytest.mark.parametrize("name", ESTIMATORS)
n_steps = pytest.mark.parametrize("S", [1, 2, 3])
RATES = {
    "one number": lambda S, P: 0.2,
    "one for each step": lambda S, P: 0.1 + 0.1 * np.arange(S),
    "one for each parameter": lambda S, P: np.linspace(0.05, 0.3, P)[None],
    "one for each step and parameter": lambda S, P: np.linspace(0.05, 0.3, S * P).reshape(S, P),
}


def problem(name, S, policy="gaussian", seed=0, K=2, T=3, B=4):
    """theta [K, P], S inner objectives, and an outer one."""
    rng = np.random.default_rng(seed)
    policy = POLICIES[policy]
    theta = thetas(policy, K, rng)
    make = (ESTIMATORS | {"Dice": Dice})[name]
    *inner, outer = (loss(policy, batch(policy, theta, T, B, rng), make)
                     for _ in range(S + 1))
    return policy, theta, tuple(inner), outer


def meta(inner, outer, alpha, first_order=False):
    """The meta-objective on frozen samples, and its meta-gradient."""
    steps = GradientSteps(inner, first_order)

    def value(theta):
        return outer.at(steps.at(theta, alpha).phi).value

    def grad(theta):
        adapted = steps.at(theta, alpha)
        return adapted.vjp(outer.at(adapted.phi).grad)[0]

    return value, grad


@n_steps
@pytest.mark.parametrize("name", [*ESTIMATORS, "Dice"])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_meta_gradient_is_the_complex_step_of_the_whole_meta_objective(name, S, policy):
    net, theta, inner, outer = problem(name, S, policy)
    value, grad = meta(inner, outer, 0.3)
    assert complex_step(value, grad, theta, name=net.layout.name) < 1e-12


@n_steps
@estimators
def test_central_differences_agree(name, S):
    net, theta, inner, outer = problem(name, S)
    value, grad = meta(inner, outer, 0.3)
    assert central_difference(value, grad, theta, name=net.layout.name) < 1e-7


@given(seed=st.integers(0, 2**31), T=st.integers(2, 5), B=st.integers(2, 5),
       alpha=st.sampled_from([0.01, 0.1, 0.5]), name=st.sampled_from(sorted(ESTIMATORS)))
def test_meta_gradients_hold_at_any_size_and_rate(seed, T, B, alpha, name):
    _, theta, inner, outer = problem(name, 2, "categorical", seed, 3, T, B)
    value, grad = meta(inner, outer, alpha)
    assert complex_step(value, grad, theta) < 1e-12


@n_steps
@estimators
@pytest.mark.parametrize("alpha", [1e-1, 1e-2, 1e-3, 1e-4])
def test_first_order_fails_both_laws_down_to_small_rates(name, S, alpha):
    _, theta, inner, outer = problem(name, S)
    value, grad = meta(inner, outer, alpha, first_order=True)
    assert complex_step(value, grad, theta) > 1e-6
    assert central_difference(value, grad, theta) > 1e-6


@n_steps
@pytest.mark.parametrize("rates", RATES)
def test_the_gradient_of_learned_rates_is_their_complex_step(rates, S):
    net, theta, inner, outer = problem("ratio", S)
    alpha = rows(RATES[rates](S, net.size), net.size)
    steps = GradientSteps(inner)

    def value(a):
        return outer.at(steps.at(theta, a.reshape(alpha.shape)).phi).value.sum()

    def grad(a):
        adapted = steps.at(theta, a.reshape(alpha.shape))
        return adapted.vjp(outer.at(adapted.phi).grad)[1].sum(0).ravel()

    assert complex_step(value, grad, alpha.ravel()) < 1e-12
    assert central_difference(value, grad, alpha.ravel()) < 1e-7


@n_steps
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("first_order", [False, True])
def test_jvp_and_vjp_are_transposes(rates, S, first_order):
    net, theta, inner, _ = problem("dice", S)
    adapted = GradientSteps(inner, first_order).at(theta, RATES[rates](S, net.size))
    rng = np.random.default_rng(1)
    v, phi_bar = rng.normal(size=(2,) + theta.shape)
    alpha_dot = rng.normal(size=(len(theta),) + adapted.alpha.shape)
    theta_bar, alpha_bar = adapted.vjp(phi_bar)
    assert transpose(phi_bar, adapted.jvp(v, alpha_dot), (theta_bar, alpha_bar),
                     (v, alpha_dot)) < 1e-13


@n_steps
def test_jvp_is_the_tangent_of_phi(S):
    net, theta, inner, _ = problem("loaded-dice", S)
    steps, v = GradientSteps(inner), np.random.default_rng(1).normal(size=theta.shape)
    assert tangent(lambda t: steps.at(t, 0.3).phi,
                   lambda t, v: steps.at(t, 0.3).jvp(v), theta, v) < 1e-12


@dataclass(frozen=True)
class Quadratic:
    """theta^T H theta / 2 + b theta, for each task."""

    H: np.ndarray
    b: np.ndarray

    def at(self, theta):
        return QuadraticPoint(self, theta)


@dataclass(frozen=True)
class QuadraticPoint:
    objective: Quadratic
    theta: np.ndarray

    @property
    def grad(self):
        return self.hvp(self.theta) + self.objective.b

    def hvp(self, v):
        return (self.objective.H @ v[..., None])[..., 0]


@n_steps
def test_a_quadratic_task_gives_the_closed_form(S):
    rng = np.random.default_rng(0)
    H = rng.normal(size=(S, 3, 5, 5))
    H = H + H.swapaxes(-1, -2)
    theta, g = rng.normal(size=(2, 3, 5))
    steps = GradientSteps(tuple(Quadratic(h, rng.normal(size=(3, 5))) for h in H))
    expected = g[..., None]
    for h in H[::-1]:  # (I - alpha H_0) (I - alpha H_1) .. g
        expected = (np.eye(5) - 0.1 * h) @ expected
    theta_bar, _ = steps.at(theta, 0.1).vjp(g)
    assert np.abs(theta_bar - expected[..., 0]).max() < 1e-13
    first, _ = GradientSteps(steps.objectives, first_order=True).at(theta, 0.1).vjp(g)
    assert np.array_equal(first, g)


def test_for_one_step_alpha_bar_is_minus_the_inner_times_the_outer_gradient():
    net, theta, inner, outer = problem("ratio", 1)
    adapted = GradientSteps(inner).at(theta, np.full((1, net.size), 0.1))
    v = outer.at(adapted.phi).grad
    _, alpha_bar = adapted.vjp(v)
    assert np.array_equal(alpha_bar[:, 0], -(inner[0].at(theta).grad * v))
    # Moving the rates along theta's gradient instead is another direction altogether.
    theta_bar, _ = adapted.vjp(v)
    assert np.abs(alpha_bar[:, 0] - theta_bar).max() > 1e-2 * np.abs(theta_bar).max()


def test_doubling_alpha_doubles_the_way_of_one_step():
    _, theta, inner, _ = problem("ratio", 1)
    steps = GradientSteps(inner)
    one, two = (steps.at(theta, a).phi - theta for a in (0.25, 0.5))
    assert np.abs(one).max() > 1e-3 and np.abs(two - 2 * one).max() < 1e-14


def test_rates_follow_their_schedule_at_steps_0_1_2_and_after():
    quadratic = Quadratic(np.zeros((1, 2, 2)), np.ones((1, 2)))
    steps, theta = GradientSteps((quadratic,) * 4), np.zeros((1, 2))
    adapted = steps.at(theta, (0.5, 0.25, 0.125))
    way = np.diff([p.theta[0, 0] for p in adapted.points] + [adapted.phi[0, 0]])
    assert way.tolist() == [-0.5, -0.25, -0.125, -0.125]


@estimators
def test_a_task_adapts_as_it_would_alone(name):
    rng = np.random.default_rng(0)
    net = POLICIES["gaussian"]
    theta = thetas(net, 3, rng)
    data = batch(net, theta, 4, 2, rng)

    def phi(theta, *arrays):
        some = type(data)(*arrays)
        some = some if theta.ndim > 1 else type(data)(*(a[None] for a in arrays))
        inner = loss(net, some, ESTIMATORS[name], some.reward / 8)
        return GradientSteps((inner,)).at(np.atleast_2d(theta), 0.3).phi.reshape(theta.shape)

    fields = [getattr(data, f) for f in data.__dataclass_fields__]
    assert tasks(phi, theta, *fields) < 1e-12


def test_on_policy_ratio_and_log_likelihood_adapt_alike_and_differ_in_the_meta_gradient():
    rng = np.random.default_rng(0)
    net = POLICIES["gaussian"]
    theta = thetas(net, 2, rng)
    data = batch(net, theta, 3, 4, rng)
    u, _ = net.split(net.forward(theta, data.x)[0])
    on_policy = type(data)(data.x, data.action, data.reward,
                           net.head.log_prob(u, data.action), data.value, data.end, data.mask)
    outer = loss(net, batch(net, theta, 3, 4, rng), ESTIMATORS["ratio"])
    phis, grads = [], []
    for name in ("ratio", "log-likelihood"):
        adapted = GradientSteps((loss(net, on_policy, ESTIMATORS[name]),)).at(theta, 0.3)
        phis.append(adapted.phi)
        grads.append(adapted.vjp(outer.at(adapted.phi).grad)[0])
    assert np.abs(phis[0] - phis[1]).max() < 1e-14
    assert np.linalg.norm(grads[0] - grads[1]) > 1e-2 * np.linalg.norm(grads[0])


@n_steps
def test_exact_returns_adapt_by_the_same_code(S):
    rng = np.random.default_rng(0)
    mdps = RandomMDP(states=4, actions=3, horizon=5, episodes=1).sample(2, rng)
    objective = exact_return(mdps, gamma=0.9, weight=-1.0)
    theta = rng.normal(size=(2, 12))
    value, grad = meta((objective,) * S, objective, 0.2)
    assert complex_step(value, grad, theta) < 1e-12
    _, first_order = meta((objective,) * S, objective, 0.2, first_order=True)
    assert complex_step(value, first_order, theta) > 1e-3


def test_what_depends_on_the_way_adds_to_the_meta_gradient():
    _, theta, inner, outer = problem("ratio", 2)
    steps, along = GradientSteps(inner), inner[1]

    def value(theta):
        adapted = steps.at(theta, 0.3)
        return outer.at(adapted.phi).value + sum(along.at(p.theta).value for p in adapted.points)

    def grad(theta):
        adapted = steps.at(theta, 0.3)
        bars = [along.at(p.theta).grad for p in adapted.points]
        return adapted.vjp(outer.at(adapted.phi).grad, bars)[0]

    assert complex_step(value, grad, theta) < 1e-12


def test_a_masked_step_has_exactly_no_influence_on_phi_and_the_meta_gradient():
    rng = np.random.default_rng(0)
    net = POLICIES["gaussian"]
    mask = np.ones((2, 5, 3), bool)
    mask[0, 3:, 1] = mask[1, 2:, 2] = False
    theta = thetas(net, 2, rng)
    data = batch(net, theta, 5, 3, rng, mask)
    outer = loss(net, batch(net, theta, 5, 3, rng), ESTIMATORS["ratio"])
    x, action = data.x.copy(), data.action.copy()
    x[~mask], action[~mask] = 50.0, -3.0
    spoilt = type(data)(x, action, data.reward, data.log_prob, data.value, data.end, mask)
    for name in ESTIMATORS:
        one, two = (GradientSteps((loss(net, d, ESTIMATORS[name]),)).at(theta, 0.3)
                    for d in (data, spoilt))
        assert np.array_equal(one.phi, two.phi)
        # The Hessian too: x of the masked steps differs, and nothing else does.
        assert np.array_equal(one.vjp(outer.at(one.phi).grad)[0],
                              two.vjp(outer.at(two.phi).grad)[0])


def test_float32_stays_float32():
    net, theta, inner, outer = problem("ratio", 1)
    data = batch(net, theta, 3, 4, np.random.default_rng(0))
    data = type(data)(*(a.astype(np.float32) if a.dtype == float else a for a in (
        getattr(data, f) for f in data.__dataclass_fields__)))
    adapted = GradientSteps((loss(net, data, ESTIMATORS["ratio"]),)).at(
        theta.astype(np.float32), np.array([0.1]))
    theta_bar, alpha_bar = adapted.vjp(adapted.phi)
    assert {adapted.phi.dtype, theta_bar.dtype, alpha_bar.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize("alpha", [0, -0.1, np.nan, np.inf, (0.1, 0.0)])
def test_rates_that_are_not_positive_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha must be positive numbers, got"):
        Rates.of(alpha, 5, False)


def test_rates_of_no_possible_shape_are_refused():
    with pytest.raises(ValueError, match=r"alpha must be a number, a sequence \[S\]"):
        Rates.of(np.ones((1, 4)), 5, False)
    with pytest.raises(ValueError, match="alpha must be"):
        Rates.of((), 5, False)


# ---- wrong on purpose

class ForwardsInTheVjp(Adapted):
    def vjp(self, v):
        for point in self.points:
            v = v - self.alpha[0] * point.hvp(v)
        return v, None


class LastStepOnly(Adapted):
    def vjp(self, v):
        return v - self.alpha[0] * self.last.hvp(v), None


class RateOutside(Adapted):
    """alpha H v in place of H (alpha v): right for one number, wrong for one each."""

    def vjp(self, v):
        for point in reversed(list(self.points)):
            v = v - self.alpha[0] * point.hvp(v)
        return v, None


class WrongSign(Adapted):
    def vjp(self, v):
        for point in reversed(list(self.points)):
            v = v + point.hvp(self.alpha[0] * v)
        return v, None


class AThousandthOff(Adapted):
    def vjp(self, v):
        for point in reversed(list(self.points)):
            v = v - 1.001 * point.hvp(self.alpha[0] * v)
        return v, None


@pytest.mark.parametrize("bug", [ForwardsInTheVjp, LastStepOnly, RateOutside, WrongSign,
                                 AThousandthOff])
def test_a_planted_bug_is_caught(bug):
    net, theta, inner, outer = problem("ratio", 2)
    alpha = np.linspace(0.05, 0.3, net.size)[None]
    value, _ = meta(inner, outer, alpha)

    def grad(theta):
        adapted = GradientSteps(inner).at(theta, alpha)
        wrong = bug(**vars(adapted))
        return wrong.vjp(outer.at(adapted.phi).grad)[0]

    assert complex_step(value, grad, theta) > 1e-7
