"""Adaptation as a map: every estimator, one to three steps, fixed and learned rates."""
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st
from samples import POLICIES, batch, loss, thetas

from minimeta.exact import exact_return
from minimeta.meta.adaptation import Adapted, GradientSteps, as_rows, require_rates
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
    steps = GradientSteps(inner, alpha, first_order=first_order)

    def value(theta):
        return outer.at(steps.at(theta).phi).value

    def grad(theta):
        adapted = steps.at(theta)
        return adapted.vjp(outer.at(adapted.phi).grad)

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
@pytest.mark.parametrize("alpha", [1e-1, 1e-4])
def test_first_order_fails_both_laws_down_to_small_rates(name, S, alpha):
    _, theta, inner, outer = problem(name, S)
    value, grad = meta(inner, outer, alpha, first_order=True)
    assert complex_step(value, grad, theta, limit=0) > 1e-6         # along random directions
    assert central_difference(value, grad, theta, limit=0) > 1e-6


@n_steps
@pytest.mark.parametrize("rates", RATES)
def test_the_gradient_of_learned_rates_is_their_complex_step(rates, S):
    net, theta, inner, outer = problem("ratio", S)
    alpha = as_rows(RATES[rates](S, net.size))
    steps = GradientSteps(inner, alpha, learn_alpha=True)
    shared = np.broadcast_to(alpha, (len(theta),) + alpha.shape)

    def value(trained):
        return outer.at(steps.at(trained).phi).value

    def grad(trained):
        adapted = steps.at(trained)
        return adapted.vjp(outer.at(adapted.phi).grad)

    trained = steps.join(theta, shared)
    assert complex_step(value, grad, trained) < 1e-12
    assert central_difference(value, grad, trained) < 1e-7


@n_steps
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("first_order", [False, True])
def test_jvp_and_vjp_are_transposes(rates, S, first_order):
    net, theta, inner, _ = problem("dice", S)
    alpha = as_rows(RATES[rates](S, net.size))
    rng, shared = np.random.default_rng(1), np.broadcast_to(alpha, (len(theta),) + alpha.shape)
    for learn_alpha in (False, True):
        steps = GradientSteps(inner, alpha, learn_alpha, first_order)
        trained = steps.join(theta, shared)
        adapted = steps.at(trained)
        v, phi_bar = rng.normal(size=trained.shape), rng.normal(size=theta.shape)
        assert transpose(phi_bar, adapted.jvp(v), adapted.vjp(phi_bar), v) < 1e-13


@n_steps
def test_jvp_is_the_tangent_of_phi(S):
    net, theta, inner, _ = problem("loaded-dice", S)
    steps, v = GradientSteps(inner, 0.3), np.random.default_rng(1).normal(size=theta.shape)
    assert tangent(lambda t: steps.at(t).phi,
                   lambda t, v: steps.at(t).jvp(v), theta, v) < 1e-12


@n_steps
@pytest.mark.parametrize("rates", ["one number", "one for each step and parameter"])
def test_the_last_parameters_may_stay_and_the_laws_hold(rates, S):
    net, theta, inner, outer = problem("ratio", S)
    alpha = as_rows(RATES[rates](S, net.size - 3))
    steps = GradientSteps(inner, alpha, learn_alpha=True, still=3)
    trained = steps.join(theta, np.broadcast_to(alpha, (len(theta),) + alpha.shape))
    assert np.array_equal(steps.at(trained).phi[:, -3:], theta[:, -3:])

    def grad(trained):
        adapted = steps.at(trained)
        return adapted.vjp(outer.at(adapted.phi).grad)

    assert complex_step(lambda t: outer.at(steps.at(t).phi).value, grad, trained) < 1e-12
    v = np.random.default_rng(1).normal(size=trained.shape)
    assert tangent(lambda t: steps.at(t).phi, lambda t, v: steps.at(t).jvp(v),
                   trained, v) < 1e-12


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
    losses = tuple(Quadratic(h, rng.normal(size=(3, 5))) for h in H)
    expected = g[..., None]
    for h in H[::-1]:  # (I - alpha H_0) (I - alpha H_1) .. g
        expected = (np.eye(5) - 0.1 * h) @ expected
    theta_bar = GradientSteps(losses, 0.1).at(theta).vjp(g)
    assert np.abs(theta_bar - expected[..., 0]).max() < 1e-13
    first = GradientSteps(losses, 0.1, first_order=True).at(theta).vjp(g)
    assert np.array_equal(first, g)


@n_steps
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("learn_alpha", [False, True])
@pytest.mark.parametrize("still", [0, 2])
def test_any_leading_axes_of_theta_give_what_each_theta_gives_alone(
        rates, S, learn_alpha, still):
    rng, P = np.random.default_rng(3), 5
    H, b = rng.normal(size=(S, 2, 3, P, P)), rng.normal(size=(S, 2, 3, P))
    H = H + H.swapaxes(-1, -2)
    alpha = as_rows(RATES[rates](S, P - still))

    def results(index, trained, v, phi_bar, path_bar):
        losses = tuple(Quadratic(H[i][index], b[i][index]) for i in range(S))
        adapted = GradientSteps(losses, alpha, learn_alpha, still=still).at(trained[index])
        return (adapted.phi, adapted.jvp(v[index]), adapted.vjp(phi_bar[index]),
                adapted.vjp(phi_bar[index], path_bar[(slice(None), *index)]))

    theta, phi_bar = rng.normal(size=(2, 2, 3, P))
    n = P + learn_alpha * alpha.size
    trained, v = rng.normal(size=(2, 2, 3, n))
    trained[..., :P] = theta
    path_bar = rng.normal(size=(S, 2, 3, P))
    together = results((), trained, v, phi_bar, path_bar)
    assert [r.shape for r in together] == [(2, 3, P)] * 2 + [(2, 3, n)] * 2
    for index in np.ndindex(2, 3):
        alone = results(index, trained, v, phi_bar, path_bar)
        row = results((index[0], slice(index[1], index[1] + 1)), trained, v, phi_bar, path_bar)
        assert [r.shape for r in alone] == [(P,)] * 2 + [(n,)] * 2
        for all_of_them, one, in_a_row in zip(together, alone, row):
            assert np.abs(one - all_of_them[index]).max() < 1e-13 * np.abs(one).max()
            assert np.abs(one - in_a_row[0]).max() < 1e-13 * np.abs(one).max()


@dataclass(frozen=True)
class Counted:
    """A loss that notes its name each time that it is evaluated."""

    loss: Quadratic
    name: int
    notes: list

    def at(self, theta):
        self.notes.append(self.name)
        return self.loss.at(theta)


@n_steps
@pytest.mark.parametrize("first_order", [False, True])
def test_the_last_loss_is_evaluated_once_and_each_other_once_more_for_a_derivative(
        S, first_order):
    rng, notes = np.random.default_rng(0), []
    H, (theta, v) = rng.normal(size=(3, 5, 5)), rng.normal(size=(2, 3, 5))
    losses = tuple(Counted(Quadratic(H, v), i, notes) for i in range(S))
    adapted = GradientSteps(losses, 0.1, first_order=first_order).at(theta)
    assert notes == list(range(S))
    for use, again in ((adapted.vjp, range(S - 1)[::-1]), (adapted.jvp, range(S - 1))):
        notes.clear()
        use(v)
        assert notes == ([] if first_order else list(again))
    notes.clear()
    assert list(adapted.path)[-1] is adapted.last and notes == list(range(S - 1))


def test_for_one_step_alpha_bar_is_minus_the_inner_times_the_outer_gradient():
    net, theta, inner, outer = problem("ratio", 1)
    steps = GradientSteps(inner, np.full((1, net.size), 0.1), learn_alpha=True)
    adapted = steps.at(steps.join(theta, np.full((2, 1, net.size), 0.1)))
    v = outer.at(adapted.phi).grad
    theta_bar, alpha_bar = np.split(adapted.vjp(v), 2, -1)
    assert np.array_equal(alpha_bar, -(inner[0].at(theta).grad * v))
    # Moving the rates along theta's gradient instead is another direction altogether.
    assert np.abs(alpha_bar - theta_bar).max() > 1e-2 * np.abs(theta_bar).max()


def test_doubling_alpha_doubles_the_way_of_one_step():
    _, theta, inner, _ = problem("ratio", 1)
    one, two = (GradientSteps(inner, a).at(theta).phi - theta for a in (0.25, 0.5))
    assert np.abs(one).max() > 1e-3 and np.abs(two - 2 * one).max() < 1e-14


def test_rates_follow_their_schedule_at_steps_0_1_2_and_after():
    quadratic = Quadratic(np.zeros((1, 2, 2)), np.ones((1, 2)))
    adapted = GradientSteps((quadratic,) * 4, (0.5, 0.25, 0.125)).at(np.zeros((1, 2)))
    way = np.diff([p.theta[0, 0] for p in adapted.path] + [adapted.phi[0, 0]])
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
        return GradientSteps((inner,), 0.3).at(np.atleast_2d(theta)).phi.reshape(theta.shape)

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
        adapted = GradientSteps((loss(net, on_policy, ESTIMATORS[name]),), 0.3).at(theta)
        phis.append(adapted.phi)
        grads.append(adapted.vjp(outer.at(adapted.phi).grad))
    assert np.abs(phis[0] - phis[1]).max() < 1e-14
    assert np.linalg.norm(grads[0] - grads[1]) > 1e-2 * np.linalg.norm(grads[0])


@n_steps
def test_exact_returns_adapt_by_the_same_code(S):
    rng = np.random.default_rng(0)
    mdps = RandomMDP(states=4, actions=3, horizon=5, episodes=1).sample(2, rng)
    objective = -exact_return(mdps, gamma=0.9)
    theta = rng.normal(size=(2, 12))
    value, grad = meta((objective,) * S, objective, 0.2)
    assert complex_step(value, grad, theta) < 1e-12
    _, first_order = meta((objective,) * S, objective, 0.2, first_order=True)
    assert complex_step(value, first_order, theta) > 1e-3


def test_what_depends_on_the_path_adds_to_the_meta_gradient():
    _, theta, inner, outer = problem("ratio", 2)
    steps, extra = GradientSteps(inner, 0.3), inner[1]

    def value(theta):
        adapted = steps.at(theta)
        return outer.at(adapted.phi).value + sum(extra.at(p.theta).value for p in adapted.path)

    def grad(theta):
        adapted = steps.at(theta)
        path_bar = [extra.at(p.theta).grad for p in adapted.path]
        return adapted.vjp(outer.at(adapted.phi).grad, path_bar)

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
        one, two = (GradientSteps((loss(net, d, ESTIMATORS[name]),), 0.3).at(theta)
                    for d in (data, spoilt))
        assert np.array_equal(one.phi, two.phi)
        # The Hessian too: x of the masked steps differs, and nothing else does.
        assert np.array_equal(one.vjp(outer.at(one.phi).grad),
                              two.vjp(outer.at(two.phi).grad))


def test_float32_stays_float32():
    net, theta, inner, outer = problem("ratio", 1)
    data = batch(net, theta, 3, 4, np.random.default_rng(0))
    data = type(data)(*(a.astype(np.float32) if a.dtype == float else a for a in (
        getattr(data, f) for f in data.__dataclass_fields__)))
    for alpha in (1, 0.1, np.float64(0.1), np.array([0.1]), (0.1, 0.2)):
        adapted = GradientSteps((loss(net, data, ESTIMATORS["ratio"]),), alpha).at(
            theta.astype(np.float32))
        assert adapted.phi.dtype == adapted.vjp(adapted.phi).dtype == np.float32


@pytest.mark.parametrize("alpha", [0, -0.1, np.nan, np.inf, (0.1, 0.0)])
def test_rates_that_are_not_positive_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha must be positive numbers, got"):
        require_rates(alpha, 5)


def test_rates_of_no_possible_shape_are_refused():
    with pytest.raises(ValueError, match=r"alpha must be a number, a sequence \[S\]"):
        require_rates(np.ones((1, 4)), 5)
    with pytest.raises(ValueError, match="alpha must be"):
        require_rates((), 5)


@pytest.mark.parametrize("alpha", ["0.1", "big", ("0.1", "0.2"), None, True, 0.1 + 0j])
def test_rates_that_are_no_numbers_are_refused(alpha):
    with pytest.raises(TypeError, match="alpha must be a number or an array of them, got"):
        require_rates(alpha, 5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 5), (1, 4), (2, 6), (1, 0), (0, 5), (0,)])
def test_rates_of_three_axes_or_for_another_number_of_parameters_are_refused(shape):
    table = [*shape, 1] if len(shape) == 1 else list(shape)
    with pytest.raises(ValueError) as caught:
        require_rates(np.ones(shape), 5)
    assert "[S, 5]" in str(caught.value) and f"got shape {table}" in str(caught.value)


@pytest.mark.parametrize("alpha, table", [
    (0.5, [[0.5]]), (1, [[1.0]]), (np.float64(0.5), [[0.5]]), (np.array(2), [[2.0]]),
    ((0.5, 1), [[0.5], [1.0]]), (np.full((2, 1), 0.5), [[0.5], [0.5]]),
    (np.full((1, 3), 0.5), [[0.5] * 3])])
def test_rates_of_every_kind_become_a_table_of_floats(alpha, table):
    rates = require_rates(alpha, 3)
    assert rates.dtype == float and rates.tolist() == table


@pytest.mark.parametrize("shape", [(), (2,), (1, 3), (2, 3)])
def test_rates_keep_the_dtype_in_which_they_are_given(shape):
    for dtype in (np.float32, np.float64):
        assert require_rates(np.full(shape, 0.1, dtype), 3).dtype == dtype


# ---- wrong on purpose

class ForwardsInTheVjp(Adapted):
    def vjp(self, v):
        for point in self.path:
            v = v - self.alpha[0] * point.hvp(v)
        return v


class LastStepOnly(Adapted):
    def vjp(self, v):
        return v - self.alpha[0] * self.last.hvp(v)


class RateOutside(Adapted):
    """alpha H v in place of H (alpha v): right for one number, wrong for one each."""

    def vjp(self, v):
        for point in reversed(list(self.path)):
            v = v - self.alpha[0] * point.hvp(v)
        return v


class WrongSign(Adapted):
    def vjp(self, v):
        for point in reversed(list(self.path)):
            v = v + point.hvp(self.alpha[0] * v)
        return v


class AThousandthOff(Adapted):
    def vjp(self, v):
        for point in reversed(list(self.path)):
            v = v - 1.001 * point.hvp(self.alpha[0] * v)
        return v


@pytest.mark.parametrize("bug", [ForwardsInTheVjp, LastStepOnly, RateOutside, WrongSign,
                                 AThousandthOff])
def test_a_planted_bug_is_caught(bug):
    net, theta, inner, outer = problem("ratio", 2)
    alpha = np.linspace(0.05, 0.3, net.size)[None]
    value, _ = meta(inner, outer, alpha)

    def grad(theta):
        adapted = GradientSteps(inner, alpha).at(theta)
        wrong = bug(**vars(adapted))
        return wrong.vjp(outer.at(adapted.phi).grad)

    assert complex_step(value, grad, theta) > 1e-7
