"""What an update of a gradient learner keeps, reports and refuses, and what it collects."""
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
import pytest
from samples import POLICIES, batch

from minimeta import (EMAML, MAML, MLP, MLPPolicy, NonFiniteError, ProMP, Reptile,
                      TabularPolicy, TrustRegion)
from minimeta.meta import RegressionMAML, gradient
from minimeta.meta.gradient import GradientLearner
from minimeta.objective.surrogates import ESTIMATORS
from minimeta.tasks import BernoulliBandit, GridNavigation, Sinusoid

POLICY = POLICIES["categorical"]


def problem(learner, K=3, T=4, B=5, mask=None, seed=0):
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    near = np.broadcast_to(theta[:learner.policy.size], (K, learner.policy.size))
    *history, data = (batch(learner.policy, near, T, B, rng, mask)
                      for _ in range(learner.rounds + 1))
    return theta, history, data


def test_the_optimizers_state_goes_from_one_update_to_the_next():
    learner = MAML(POLICY, dtype=np.float64)
    theta, history, data = problem(learner)
    theta, state, _ = learner.update(theta, None, history, data, 0.0)
    _, grad = learner.meta_gradient(theta, history, data)
    by_hand, _ = learner.optimizer.step(theta, grad, state, 1e-3)
    later, _, _ = learner.update(theta, state, history, data, 0.0)
    afresh, _, _ = learner.update(theta, None, history, data, 0.0)
    assert np.array_equal(later, by_hand) and not np.allclose(later, afresh, rtol=0, atol=1e-6)


def test_the_return_before_is_that_of_the_first_batch():
    learner = MAML(POLICY, rounds=3)
    theta, history, data = problem(learner)
    row = learner.report(history, data)
    for name, of in (("before", history[0]), ("return", data)):
        assert row[name] == pytest.approx(of.reward.sum(1).mean(), rel=1e-6)
    assert "before" not in learner.report([], data)


def test_a_batch_holds_trials_of_one_episode_whatever_the_family_says():
    family = GridNavigation(3, 4, episodes=2)
    learner = MAML(TabularPolicy(9, 5), trials=7)
    data = learner.collect(learner.init(np.random.default_rng(0)),
                           family.sample(2, np.random.default_rng(1)), np.random.default_rng(2))
    assert data.reward.shape == (2, 4 * learner.episodes, 7) == (2, 4, 7)


@pytest.mark.parametrize("shared", [True, False])
def test_more_tasks_than_parameters_are_collected_from(shared):
    learner = MAML(TabularPolicy(1, 2), trials=3, learn_alpha=True)
    theta, tasks = learner.init(np.random.default_rng(0)), BernoulliBandit(2, 4).sample(
        5, np.random.default_rng(1))
    theta = theta if shared else np.tile(theta[:2], (5, 1))
    assert learner.collect(theta, tasks, np.random.default_rng(2)).reward.shape == (5, 4, 3)


@pytest.mark.parametrize("options", [{}, {"discount_steps": True}, {"baseline": "none"}])
def test_advantages_have_the_precision_of_the_data_and_are_zero_where_no_step_was_taken(options):
    learner = MAML(POLICY, **options)
    mask = np.arange(4)[:, None] < np.array([4, 2, 1, 3, 4])
    _, _, data = problem(learner, mask=np.broadcast_to(mask, (3, 4, 5)))
    reward = np.where(data.mask, data.reward, 9.0).astype(np.float32)  # 9 after the end
    data = replace(data, reward=reward, x=data.x.astype(np.float32))
    A = learner.advantages(data)
    assert A.dtype == learner.weighted(data).dtype == np.float32
    assert not A[~data.mask].any() and A[data.mask].all()


def test_a_shard_is_one_task_where_no_more_fit(monkeypatch):
    learner = MAML(POLICY)
    _, _, data = problem(learner)
    monkeypatch.setattr(gradient, "CACHE", 1)
    assert learner.shards(data) == [slice(0, 1), slice(1, 2), slice(2, 3)]


@pytest.mark.parametrize("load, slices", [
    (0.5, 1), (1.0, 1), (1.5, 2), (2.5, 4), (3.5, 4), (4.5, 6)])
def test_tasks_that_fill_the_cache_are_cut_into_an_even_number_of_slices(monkeypatch, load, slices):
    learner = MAML(POLICY)
    _, _, data = problem(learner, K=10)
    numbers = 10 * 4 * 5 * isqrt(POLICY.size)          # of a layer's outputs
    monkeypatch.setattr(gradient, "CACHE", numbers / load)
    assert len(learner.shards(data)) == slices
    assert len(learner.shards(data, 5)) == max(slices, 5)


@dataclass(frozen=True)
class NoGradient(MLPPolicy):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return theta_bar * np.nan, x_bar


@dataclass(frozen=True)
class Lost(TrustRegion):
    def step(self, theta, *rest):
        return theta * np.nan, {}


@pytest.mark.parametrize("policy, optimizer, name", [
    (NoGradient(2, POLICY.head, (4,)), TrustRegion(), "gradient"), (POLICY, Lost(), "theta")])
def test_a_trust_region_stops_at_a_gradient_or_theta_that_is_not_finite(policy, optimizer, name):
    learner = MAML(policy, optimizer=optimizer, dtype=np.float64)
    theta, _, data = problem(learner)
    with pytest.raises(NonFiniteError, match=name), np.errstate(all="ignore"):
        learner.update(theta, None, [], data, 0.0)


def test_a_step_that_leaves_the_range_of_its_precision_stops_the_run():
    learner = MAML(POLICY, optimizer="sgd", rate=1e39)
    theta, history, data = problem(learner)
    with pytest.raises(NonFiniteError, match="theta"), np.errstate(all="ignore"):
        learner.update(theta, None, history, data, 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_learned_rate_has_a_gradient_in_the_precision_of_theta(dtype):
    learner = MAML(POLICY, learn_alpha=True, dtype=dtype)
    theta, history, data = problem(learner)
    history = [replace(D, **{name: getattr(D, name).astype(dtype) for name in (
        "x", "reward", "log_prob", "value")}) for D in history]
    steps = learner.adaptation(learner.inner_losses(history))
    theta = np.tile(theta, (3, 1))
    assert steps.at(theta).vjp(theta[:, :-1]).dtype == dtype


@dataclass(frozen=True)
class NoLoss(MAML):
    def meta_loss(self, *arguments):
        loss = super().meta_loss(*arguments)
        return loss._replace(value=loss.value * np.nan)


@pytest.mark.parametrize("optimizer", ["adam", "trust-region"])
def test_a_loss_that_is_not_finite_stops_the_run_although_its_gradient_is(optimizer):
    learner = NoLoss(POLICY, optimizer=optimizer)
    theta, history, data = problem(learner)
    with pytest.raises(NonFiniteError, match="loss"):
        learner.update(theta, None, history, data, 0.0)


def test_a_learner_that_says_nothing_else_adapts_once_by_one_step_to_trials_of_one_episode():
    learner = GradientLearner(POLICY)
    assert (learner.rounds, learner.steps, learner.episodes) == (1, 1, 1)
    assert learner.adapts_between_trials
    assert not (learner.first_order or learner.learn_alpha or learner.only_descends)


def test_losses_of_an_adaptation_may_be_a_list():
    learner = MAML(POLICY)
    _, history, _ = problem(learner)
    losses = [learner.inner_objective(batch) for batch in history]
    steps = learner.adaptation(losses)
    assert steps.losses == tuple(losses)
    adapted = steps.at(np.tile(learner.init(np.random.default_rng(0)), (3, 1)))
    assert type(adapted.grads) is tuple and len(adapted.grads) == 1


@pytest.mark.parametrize("learner, name, fixed", [
    (EMAML, "inner", "log-likelihood"), (Reptile, "outer", "log-likelihood"),
    (ProMP, "inner", "ratio"), (ProMP, "outer", "clipped-ratio")])
def test_an_estimator_that_the_algorithm_fixes_is_no_option(learner, name, fixed):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        learner(POLICY, **{name: fixed})
    assert getattr(learner(POLICY), name) == fixed and fixed in ESTIMATORS


def test_the_adaptive_weight_of_the_penalty_is_the_one_that_the_loss_has():
    learner = ProMP(POLICY, target_kl=0.1, eta=1e-3, epochs=2, dtype=np.float64)
    theta, history, data = problem(learner)
    _, (moments, _), _ = learner.update(theta, None, history, data, 0.0)
    for eta in (1e-3, 10.0):
        adapted, _, row = learner.update(theta, (moments, eta), history, data, 0.0)
        fixed, _, _ = replace(learner, eta=eta, target_kl=None).update(
            theta, (moments, eta), history, data, 0.0)
        assert np.array_equal(adapted, fixed) and row["eta"] == eta
    small, _, _ = learner.update(theta, (moments, 1e-3), history, data, 0.0)
    assert not np.allclose(adapted, small, rtol=0, atol=1e-6)


def test_the_meta_loss_of_promp_holds_the_adaptation_and_the_outer_loss_at_phi():
    learner = ProMP(POLICY, dtype=np.float64)
    theta, history, data = problem(learner)
    (inner, outer, kls), = learner.problems(theta, history, data)
    loss = learner.meta_loss(np.tile(theta, (3, 1)), inner, outer, kls)
    phi = learner.adapt(theta, history)
    assert np.array_equal(loss.adapted.phi, phi) and np.array_equal(loss.outer.theta, phi)


@pytest.mark.parametrize("learner", [MAML, ProMP, Reptile])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "trust-region"])
def test_the_numbers_of_the_log_are_plain(learner, optimizer):
    if optimizer == "trust-region" and learner.only_descends:
        return
    learner = learner(POLICY, optimizer=optimizer)
    row = learner.update(*[(theta, None, history, data, 0.0)
                           for theta, history, data in [problem(learner)]][0])[2]
    assert {type(value) for value in row.values()} <= {float, int, bool, str}


@pytest.mark.parametrize("name", ["gamma", "lam"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_discount_and_a_mix_outside_0_to_1_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a finite number in"):
        MAML(POLICY, **{name: value})


def test_what_is_no_map_in_four_forms_is_no_policy():
    with pytest.raises(TypeError, match="policy must be a policy, such as MLPPolicy"):
        MAML(MLPPolicy)
    with pytest.raises(TypeError, match="policy must be a policy, such as MLPPolicy"):
        MAML(POLICY.head)
    with pytest.raises(TypeError, match="policy must be a policy, such as MLPPolicy"):
        MAML(POLICY.net)


def test_a_learned_rate_has_a_row_for_each_step_of_each_round_at_most():
    net = MLP((1, 4, 1))
    learner = RegressionMAML(net, steps=3, alpha=(0.1, 0.2, 0.3), learn_alpha=True)
    assert learner.init(np.random.default_rng(0)).shape == (net.size + 3,)
    with pytest.raises(ValueError, match="each of the 3 steps if it is learned, got 4"):
        replace(learner, alpha=(0.1, 0.2, 0.3, 0.4))


def test_a_single_batch_of_points_in_place_of_a_list_is_refused_too():
    learner, family = RegressionMAML(MLP((1, 4, 1))), Sinusoid()
    rng = np.random.default_rng(0)
    theta = learner.init(rng)
    points = learner.collect(theta, family.sample(3, rng), rng)
    with pytest.raises(TypeError, match="history must be a list of batches, got a single"):
        learner.adapt(theta, points)


@pytest.mark.parametrize("edge, past", [(0.25 * 1.5, 1.01), (0.25 / 1.5, 0.99)])
def test_a_penalty_whose_batch_moved_theta_just_as_far_as_allowed_stays(edge, past):
    learner = ProMP(POLICY, target_kl=0.25, eta=1e-3)
    assert learner.next_eta(1e-3, edge) == 1e-3 != learner.next_eta(1e-3, edge * past)


@pytest.mark.parametrize("verb", ["update", "meta_gradient", "adapt"])
def test_batches_of_other_tasks_are_refused(verb):
    learner = MAML(POLICY, rounds=2)
    theta, history, data = problem(learner)
    arguments = {"update": (theta, None, [history[0], history[1][:2]], data, 0.0),
                 "meta_gradient": (theta, history, data[:2]),
                 "adapt": (theta, [history[0][:2], history[1]])}
    with pytest.raises(ValueError, match="history must hold batches of the same tasks"):
        getattr(learner, verb)(*arguments[verb])
