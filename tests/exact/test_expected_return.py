"""The exact return against enumeration and simulation, its derivatives against laws."""
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minimeta import Categorical, RecurrentPolicy, MLPPolicy, TabularPolicy
from minimeta.exact import all_trajectories, exact_return, value_iteration
from minimeta.exact.expected_return import ExpectedReturn
from minimeta.objective import Objective
from minimeta.objective.losses import OfActions
from minimeta.objective.surrogates import Dice, LogLikelihood
from minimeta.rl import discounted, rollout
from minimeta.tasks import BernoulliBandit, GridNavigation, RandomMDP
from minimeta.testing import (central_difference, complex_step, precision, purity,
                              second, symmetry, taylor_order)

seeds = st.integers(0, 2**31)


def draw(seed, K=3, S=4, A=2, T=5, gamma=0.9):
    """K random MDPs that begin anywhere, as an objective; theta, and two directions."""
    rng = np.random.default_rng(seed)
    tasks = RandomMDP(S, A, T, 1).sample(K, rng)
    objective = exact_return(tasks, gamma=gamma)
    start = rng.dirichlet(np.ones(S), K)
    objective = replace(objective, scalar=replace(objective.scalar, start=start))
    return tasks, objective, *rng.normal(size=(3, K, S * A))


# ---- the derivatives

@settings(max_examples=20)
@given(seed=seeds, K=st.integers(1, 3), S=st.integers(1, 4), A=st.integers(1, 3),
       T=st.integers(1, 6), gamma=st.sampled_from([0.0, 0.7, 1.0]))
def test_gradient_and_hessian_obey_every_law(seed, K, S, A, T, gamma):
    _, J, theta, u, v = draw(seed, K, S, A, T, gamma)
    value, grad = lambda x: J.at(x).value, lambda x: J.at(x).grad
    hvp = lambda x, v: J.at(x).hvp(v)
    name = J.net.layout.name
    if A > 1:  # with one action there is nothing to choose, and both are rounding
        assert complex_step(value, grad, theta, name=name) < 1e-12
        assert second(grad, hvp, theta, v, name=name) < 1e-12
        assert symmetry(hvp, theta, u, v) < 1e-13
    assert purity(lambda x, v: (value(x), grad(x), hvp(x, v)), theta, v) == 0


def test_a_long_episode_in_a_larger_world_obeys_them_too():
    _, J, theta, u, v = draw(0, K=2, S=6, A=3, T=20)
    value, grad = lambda x: J.at(x).value, lambda x: J.at(x).grad
    hvp = lambda x, v: J.at(x).hvp(v)
    assert complex_step(value, grad, theta) < 1e-12
    assert central_difference(value, grad, theta) < 1e-7
    assert second(grad, hvp, theta, v) < 1e-12
    assert symmetry(hvp, theta, u, v) < 1e-13
    assert taylor_order(value, grad, theta, v) > 1.9
    assert taylor_order(value, grad, theta, v, hvp) > 2.7


class NoStateDistribution(ExpectedReturn):
    def visits_dot(self, pi, d, pi_dot):
        return np.zeros_like(d)


class NoLaterValues(ExpectedReturn):
    def values_dot(self, pi, Q, pi_dot):
        return np.zeros_like(Q)


class StateDistributionOfTheOldPolicy(ExpectedReturn):
    def moved(self, d, pi):
        return super().moved(d, np.full_like(pi, 1 / pi.shape[-1]))


class DiscountForgottenBackwards(ExpectedReturn):
    def values_dot(self, pi, Q, pi_dot):
        return ExpectedReturn.values_dot(replace(self, gamma=1.0), pi, Q, pi_dot)


@pytest.mark.parametrize("bug", [NoStateDistribution, NoLaterValues,
                                 StateDistributionOfTheOldPolicy,
                                 DiscountForgottenBackwards])
def test_a_planted_bug_is_caught(bug):
    _, J, theta, u, v = draw(0)
    s = J.scalar
    wrong = replace(J, scalar=bug(s.policy, s.P, s.R, s.start, s.horizon, s.gamma))
    value, grad = lambda x: wrong.at(x).value, lambda x: wrong.at(x).grad
    first = complex_step(value, grad, theta)
    both = max(first, second(grad, lambda x, v: wrong.at(x).hvp(v), theta, v))
    assert both > 1e-3


def test_the_exact_meta_gradient_is_that_of_the_return_after_an_exact_step():
    tasks, _, theta, _, v = draw(1)
    alpha, loss = 0.3, -exact_return(tasks, gamma=0.9)

    def after(theta):
        return loss.at(theta - alpha * loss.at(theta).grad).value

    def meta(theta):
        at = loss.at(theta)
        v = loss.at(theta - alpha * at.grad).grad
        return v - alpha * at.hvp(v)

    assert complex_step(after, meta, theta) < 1e-12
    assert complex_step(after, lambda x: loss.at(
        x - alpha * loss.at(x).grad).grad, theta) > 1e-2  # first-order


def test_any_memoryless_policy_may_stand_below():
    tasks, *_ = draw(2, S=4, A=3)
    rng = np.random.default_rng(0)
    policy = MLPPolicy(4, Categorical(3), (5,))
    theta = np.stack([policy.init(rng) * 2 for _ in range(3)])
    J = exact_return(tasks, gamma=0.9, policy=policy)
    value, grad = lambda x: J.at(x).value, lambda x: J.at(x).grad
    assert complex_step(value, grad, theta) < 1e-12
    v = rng.normal(size=theta.shape)
    assert second(grad, lambda x, v: J.at(x).hvp(v), theta, v) < 1e-12
    u = policy.forward(theta, np.broadcast_to(np.eye(4), (3, 1, 4, 4)))[0]
    table = u.reshape(3, 12)
    assert np.allclose(value(theta), exact_return(tasks, gamma=0.9).at(table).value,
                       rtol=1e-13)


def test_derivatives_in_the_outputs_have_the_shape_of_the_outputs():
    _, J, theta, _, v = draw(2, S=4, A=3)
    y, y_dot = theta.reshape(3, 1, 4, 3), v.reshape(3, 1, 4, 3)
    assert J.scalar.grad(y).shape == J.scalar.hvp(y, y_dot).shape == y.shape


def test_tasks_do_not_mix():
    tasks, _, theta, _, v = draw(3)
    whole = exact_return(tasks).at(theta)
    for k in range(3):
        one = exact_return(tasks[k:k + 1]).at(theta[k:k + 1])
        for a, b in ((one.value, whole.value), (one.grad, whole.grad),
                     (one.hvp(v[k:k + 1]), whole.hvp(v))):
            assert np.allclose(a[0], b[k], rtol=1e-12, atol=1e-14)


def test_any_leading_axes_are_a_loop_over_them():
    rng = np.random.default_rng(0)
    policy, lead = TabularPolicy(4, 3), (2, 3)
    P, start = rng.dirichlet(np.ones(4), lead + (4, 3)), rng.dirichlet(np.ones(4), lead)
    R = rng.normal(size=lead + (4, 3))
    x = np.broadcast_to(np.eye(4), lead + (1, 4, 4))
    theta, v = rng.normal(size=(2, *lead, 12))
    at = Objective(policy, x, ExpectedReturn(policy, P, R, start, 5, 0.9)).at(theta)
    for i in np.ndindex(*lead):
        one = Objective(policy, x[i], ExpectedReturn(policy, P[i], R[i], start[i], 5, 0.9)).at(
            theta[i])
        assert at.value[i] == pytest.approx(one.value, rel=1e-13)
        assert np.allclose(at.grad[i], one.grad, rtol=0, atol=1e-14)
        assert np.allclose(at.hvp(v)[i], one.hvp(v[i]), rtol=0, atol=1e-14)
    assert ExpectedReturn(policy, P, R, start, 5).gamma == 1     # undiscounted, if unsaid


@pytest.mark.parametrize("number", [float, np.float32, np.float64])
def test_float32_stays_float32(number):
    tasks, _, theta, _, v = draw(4)
    J = exact_return(tasks, gamma=number(0.5), dtype=np.float32)
    assert precision(lambda x, v: (J.at(x).value, J.at(x).grad, J.at(x).hvp(v)),
                     theta, v) == 0


# ---- the value

@settings(max_examples=20)
@given(seed=seeds, S=st.integers(1, 3), A=st.integers(1, 3), T=st.integers(1, 4))
def test_the_return_is_the_sum_over_all_trajectories(seed, S, A, T):
    rng = np.random.default_rng(seed)
    tasks = RandomMDP(S, A, T, 1).sample(2, rng)
    theta = rng.normal(size=(2, S * A))
    data, p = all_trajectories(TabularPolicy(S, A), theta, tasks)
    by_sum = (p * discounted(data.reward, 0.8)[:, 0]).sum(-1)
    assert np.allclose(exact_return(tasks, gamma=0.8).at(theta).value, by_sum,
                       rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("family, policy", [
    (RandomMDP(5, 3, 6, 1), TabularPolicy(5, 3)),
    (GridNavigation(3, 6, 1), TabularPolicy(9, 5)),
    (GridNavigation(3, 6, 1, sees="row and column"), MLPPolicy(6, Categorical(5), (7,))),
], ids=["RandomMDP", "GridNavigation", "GridNavigation by row and column"])
def test_the_return_is_what_rollouts_of_the_policy_earn(family, policy):
    rng = np.random.default_rng(0)
    tasks = family.sample(4, rng)
    theta = 0.5 * rng.normal(size=(4, policy.size))
    data = rollout(policy, theta, tasks, trials=4000, episodes=1, rng=rng)
    returns = discounted(data.reward, 0.9)[:, 0]
    error = returns.std(-1) / np.sqrt(4000)
    exact = exact_return(tasks, gamma=0.9, policy=policy).at(theta).value
    assert np.all(np.abs(returns.mean(-1) - exact) < 4 * error)


@pytest.mark.parametrize("family", [
    RandomMDP(), GridNavigation(), GridNavigation(4, 9, walls=((1, 1), (2, 1)))])
def test_equal_logits_earn_what_the_family_says_of_acting_at_random(family):
    tasks = family.sample(6, np.random.default_rng(0))
    theta = np.zeros((6, family.obs_size * family.action.n))
    assert np.allclose(exact_return(tasks).at(theta).value, tasks.random(), rtol=1e-12)


def test_minus_the_return_is_the_loss():
    tasks, _, theta, _, v = draw(5)
    J, loss = exact_return(tasks).at(theta), (-exact_return(tasks)).at(theta)
    assert np.array_equal(loss.value, -J.value) and np.array_equal(loss.grad, -J.grad)
    assert np.array_equal(loss.hvp(v), -J.hvp(v))


# ---- what estimators should have in the mean

def mean_objective(tasks, theta, surrogate):
    """The mean over all trajectories of OfActions(surrogate(rewards, log_prob))."""
    S, A = tasks.family.states, tasks.family.actions
    data, p = all_trajectories(TabularPolicy(S, A), theta, tasks)
    s = surrogate(data.reward * p[:, None], data.log_prob)
    policy = TabularPolicy(S, A)
    return Objective(policy, data.x, OfActions(policy, data.action, s)).at(theta)


def test_reinforce_has_the_exact_gradient_in_the_mean_and_dice_the_hessian_too():
    rng = np.random.default_rng(0)
    tasks = RandomMDP(3, 2, 3, 1).sample(20, rng)
    theta, v = rng.normal(size=(2, 20, 6))
    exact = exact_return(tasks).at(theta)
    reinforce = mean_objective(tasks, theta,
                               lambda r, l: LogLikelihood(discounted(r, 1.0)))
    dice = mean_objective(tasks, theta, Dice)
    for one, other in ((reinforce.grad, exact.grad), (dice.grad, exact.grad),
                       (dice.hvp(v), exact.hvp(v))):
        assert np.linalg.norm(one - other) < 1e-12 * np.linalg.norm(other)
    gap = np.linalg.norm(reinforce.hvp(v) - exact.hvp(v), axis=-1)
    assert np.all(gap > 0.01 * np.linalg.norm(exact.hvp(v), axis=-1))


# ---- value iteration

def test_value_iteration_finds_the_best_of_all_deterministic_plans():
    rng = np.random.default_rng(0)
    S, A, T = 2, 2, 3
    tasks = RandomMDP(S, A, T, 1).sample(5, rng)
    best = np.full((5, S), -np.inf)
    for plan in product(range(A), repeat=S * T):
        V = np.zeros((5, S))
        for a in np.reshape(plan, (T, S)):
            now = np.arange(S), a
            V = tasks.R[:, now[0], now[1]] + 0.9 * (
                tasks.P[:, now[0], now[1]] @ V[..., None])[..., 0]
        best = np.maximum(best, V)
    assert np.allclose(value_iteration(tasks.P, tasks.R, T, 0.9).value[:, 0], best,
                       rtol=1e-13)


def test_no_policy_earns_more_than_the_plan_and_the_plan_earns_its_value():
    tasks, _, theta, _, _ = draw(6, S=4, A=3)
    plan = value_iteration(*tasks.tables()[:2], 5)
    assert plan.Q.shape == (3, 5, 4, 3) and plan.value.shape == (3, 5, 4)
    assert np.array_equal(plan.value, plan.Q.max(-1))
    assert np.all(plan.value[:, 0, 0] > exact_return(tasks).at(3 * theta).value)
    rng = np.random.default_rng(0)
    state, earned = tasks.reset(20_000, rng)[0], 0
    for t in range(5):
        action = np.take_along_axis(plan.policy[:, t], state, -1)
        state, _, reward, _ = tasks.step(state, action, rng)
        earned = earned + reward
    error = earned.std(-1) / np.sqrt(20_000)
    assert np.all(np.abs(earned.mean(-1) - plan.value[:, 0, 0]) < 4 * error)


# ---- bad input

class NoSight:
    def tables(self):
        return draw(7)[0].tables()


def test_bad_input_is_refused_by_name():
    tasks, J, theta, _, _ = draw(7)
    P, R, _ = tasks.tables()
    with pytest.raises(ValueError, match=r"gamma must be a finite number in \[0, 1\]"):
        exact_return(tasks, gamma=1.5)
    with pytest.raises(TypeError, match="tasks must have tables.*got BernoulliTasks"):
        exact_return(BernoulliBandit(2, 3).sample(2, np.random.default_rng(0)))
    with pytest.raises(TypeError, match="tasks must have tables.. and observe.., .* got NoSight"):
        exact_return(NoSight())
    for policy in (TabularPolicy(3, 2), TabularPolicy(4, 3), 3,
                   RecurrentPolicy(4, Categorical(2))):
        with pytest.raises(ValueError, match="must be memoryless, with 4 inputs"):
            exact_return(tasks, policy=policy)
    with pytest.raises(ValueError, match=r"leading .* got \[2\] and \[3\]"):
        J.at(theta[:2])
    with pytest.raises(ValueError, match=r"P must be \[..., S, A, S\]"):
        value_iteration(P[..., :-1], R, 3)
    with pytest.raises(ValueError, match="P must hold probabilities, .* to 2"):
        value_iteration(2 * P, R, 3)
    with pytest.raises(ValueError, match="R must be finite, got nan"):
        value_iteration(P, R * np.nan, 3)
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        value_iteration(P, R, 0)
