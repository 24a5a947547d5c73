"""What gradient learners share: their losses, shards, the trust region, and bad input."""
import tracemalloc
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest
from samples import POLICIES, batch

from minimeta import (EMAML, MAML, SGD, Adam, Gaussian, MLPPolicy, NonFiniteError, ProMP,
                      Reinforce, Reptile, TrustRegion, meta_train)
from minimeta.meta import gradient
from minimeta.meta.adaptation import share
from minimeta.meta.natural import divergence
from minimeta.objective.surrogates import ESTIMATORS, LoadedDice
from minimeta.rl import baseline, discounted
from minimeta.tasks import PointNavigation
from minimeta.testing.laws import complex_step

POLICY = POLICIES["gaussian"]
FLOAT = dict(alpha=0.2, dtype=np.float64)


def problem(learner, K=3, T=4, B=5, seed=0, rounds=None):
    """The trained vector, and batches collected near it."""
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    near = np.broadcast_to(theta[:learner.policy.size], (K, learner.policy.size))
    rounds = learner.rounds if rounds is None else rounds
    *history, data = (batch(learner.policy, near, T, B, rng) for _ in range(rounds + 1))
    return theta, history, data


def slope(learner, theta, history, data):
    """How far the learner's meta-gradient is from the complex step of its loss."""
    problems = learner.problems(theta, history, data)
    return complex_step(lambda t: learner.mean_loss(t, problems)[0],
                        lambda t: learner.meta_gradient(t, history, data)[1], theta,
                        name=learner.layout.name)


LEARNERS = {
    "maml": MAML(POLICY, **FLOAT),
    "maml of two rounds": MAML(POLICY, rounds=2, **FLOAT),
    "maml that learns a rate": MAML(POLICY, rounds=2, learn_alpha=True, **FLOAT),
    "maml that learns one for each step": MAML(
        POLICY, rounds=2, learn_alpha=True, alpha=(0.2, 0.1), dtype=np.float64),
    "meta-sgd": MAML(POLICY, learn_alpha=True, alpha=np.full((1, POLICY.size), 0.1),
                     dtype=np.float64),
    "e-maml": EMAML(POLICY, **FLOAT),
    "e-maml of two rounds, not normalised": EMAML(POLICY, rounds=2, normalise=False,
                                                  alpha=0.05, dtype=np.float64),
    "promp": ProMP(POLICY, **FLOAT),
    "reinforce": Reinforce(POLICY, **FLOAT),
}
every = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)


@every
def test_the_meta_gradient_of_a_learner_is_the_complex_step_of_its_loss(learner):
    assert slope(learner, *problem(learner)) < 1e-12


@pytest.mark.parametrize("inner", [*ESTIMATORS, partial(LoadedDice, lam=0.3)])
@pytest.mark.parametrize("outer", ESTIMATORS)
def test_any_estimator_goes_inside_and_outside_on_the_same_batch(inner, outer):
    learner = MAML(POLICY, inner=inner, outer=outer, **FLOAT)
    assert slope(learner, *problem(learner)) < 1e-12


def test_first_order_is_a_variant_that_one_sees_and_that_fails():
    learner = MAML(POLICY, first_order=True, **FLOAT)
    assert slope(learner, *problem(learner)) > 1e-4


@every
def test_the_result_does_not_depend_on_the_shards(learner, monkeypatch):
    theta, history, data = problem(learner, K=5)
    loss, grad = learner.meta_gradient(theta, history, data)
    phi = learner.adapt(theta, [data])
    assert len(learner.shards(data)) == 1
    monkeypatch.setattr(gradient, "CACHE", 300)
    assert len(learner.shards(data)) in (4, 5)
    other_loss, other_grad = learner.meta_gradient(theta, history, data)
    assert abs(loss - other_loss) < 1e-12
    assert np.linalg.norm(grad - other_grad) < 1e-12 * np.linalg.norm(grad)
    assert np.abs(learner.adapt(theta, [data]) - phi).max() < 1e-13


def test_a_task_s_phi_does_not_depend_on_the_other_tasks_of_the_batch():
    learner = MAML(POLICY, **FLOAT)
    theta, (data,), _ = problem(learner)
    together = learner.adapt(theta, [data])
    for k in range(3):
        assert np.abs(learner.adapt(theta, [data[k:k + 1]]) - together[k]).max() < 1e-13


def test_doubling_alpha_doubles_the_way_from_theta_to_phi():
    learner = MAML(POLICY, **FLOAT)
    theta, history, _ = problem(learner)
    one, two = (replace(learner, alpha=a).adapt(theta, history) - theta for a in (0.2, 0.4))
    assert np.abs(one).max() > 1e-3 and np.abs(two - 2 * one).max() < 1e-14


@pytest.mark.parametrize("inner", ESTIMATORS)
def test_when_no_reward_comes_phi_is_theta_to_the_last_bit(inner):
    learner = MAML(POLICY, inner=inner, alpha=0.2)
    theta, (data,), _ = problem(replace(learner, dtype=np.float64))
    nothing = replace(data, reward=np.zeros_like(data.reward))
    assert np.array_equal(learner.adapt(theta, [nothing]), share(theta, 3))


def test_scaling_rewards_by_10_leaves_phi_where_it_was_when_advantages_are_normalised():
    learner = MAML(POLICY, **FLOAT)
    theta, (data,), _ = problem(learner)
    ten = replace(data, reward=10 * data.reward)
    assert np.abs(learner.adapt(theta, [ten]) - learner.adapt(theta, [data])).max() < 1e-12
    plain = replace(learner, normalise=False, alpha=0.01)
    one, more = (plain.adapt(theta, [d]) - theta for d in (data, ten))
    assert np.abs(more - 10 * one).max() < 1e-12


def test_lambda_0_and_1_give_residuals_and_returns_through_the_learner():
    settings = dict(normalise=False, gamma=0.9, dtype=np.float64)
    theta, (data,), _ = problem(MAML(POLICY, **settings))
    V = baseline.linear(data, 0.9)
    after = np.concatenate([V[:, 1:], np.zeros_like(V[:, :1])], 1)
    residuals = MAML(POLICY, lam=0.0, **settings).advantages(data)
    assert np.abs(residuals - (data.reward + 0.9 * after - V)).max() < 1e-13
    returns = MAML(POLICY, lam=1.0, baseline="none", **settings).advantages(data)
    assert np.abs(returns - discounted(data.reward, 0.9, data.end)).max() < 1e-13


def test_each_step_takes_its_own_rate_and_later_steps_the_last():
    learner = MAML(POLICY, alpha=(0.2, 0.1), rounds=2, dtype=np.float64)
    theta, history, data = problem(learner)
    phi = share(theta, 3)
    for batch_i, alpha in zip([*history, data], (0.2, 0.1, 0.1)):
        phi = phi - alpha * learner.inner_objective(batch_i).at(phi).grad
    assert np.abs(learner.adapt(theta, [*history, data]) - phi).max() < 1e-13


def test_a_learned_rate_moves_against_its_own_gradient():
    learner = MAML(POLICY, learn_alpha=True, optimizer="sgd", rate=0.5, **FLOAT)
    theta, history, data = problem(learner)
    assert learner.layout.name(len(theta) - 1) == "alpha[0, 0]" and theta[-1] == 0.2
    new, _, _ = learner.update(theta, None, history, data, 0.0)
    phi = MAML(POLICY, **FLOAT).adapt(theta[:-1], history)
    outer = learner.outer_objective(data).at(phi).grad
    inner = learner.inner_objective(history[0]).at(share(theta[:-1], 3)).grad
    assert new[-1] == pytest.approx(0.2 + 0.5 * (inner * outer).sum(-1).mean(), rel=1e-12)


# ---- the trust region

class Spy(TrustRegion):
    """Keeps what it is given, and stays."""

    def step(self, theta, loss, grad, product, evaluate):
        object.__setattr__(self, "given", (loss, grad, product, evaluate))
        return theta, {"kl": 0.0}


@pytest.mark.parametrize("learner", [
    MAML(POLICY, optimizer=Spy(), **FLOAT), MAML(POLICY, optimizer=Spy(), rounds=2, **FLOAT),
    MAML(POLICY, optimizer=Spy(), learn_alpha=True, **FLOAT),
    Reinforce(POLICY, optimizer=Spy(), **FLOAT),
    MAML(POLICIES["categorical"], optimizer=Spy(), **FLOAT)])
def test_the_fisher_product_is_the_hessian_of_the_divergence_of_the_adapted_policies(learner):
    theta, history, data = problem(learner)
    learner.update(theta, None, history, data, 0.0)
    _, _, product, evaluate = learner.optimizer.given
    (losses,), w = learner.problems(theta, history, data), learner.step_weights(data)
    kl = divergence(learner.policy, learner.meta_loss(share(theta, 3), *losses).outer.y, w)

    def gradient_of_kl(theta):
        loss = learner.meta_loss(share(theta, 3), *losses)
        return loss.adapted.vjp(loss.outer.vjp(kl.grad(loss.outer.y))).mean(0)

    v = np.random.default_rng(1).normal(size=theta.shape)
    truth = gradient_of_kl(theta + 1e-30j * v).imag / 1e-30
    assert np.linalg.norm(product(v) - truth) < 1e-12 * np.linalg.norm(truth)
    assert np.abs(gradient_of_kl(theta)).max() < 1e-14  # at theta the divergence is least
    loss, kl = evaluate(theta + 1e-30j * v)
    assert abs(kl) < 1e-14 and abs(loss.real - learner.optimizer.given[0]) < 1e-14


def test_the_loss_that_is_searched_on_is_a_pure_function():
    learner = MAML(POLICY, optimizer=Spy(), **FLOAT)
    theta, history, data = problem(learner)
    learner.update(theta, None, history, data, 0.0)
    evaluate = learner.optimizer.given[3]
    elsewhere = evaluate(theta + 0.1)
    evaluate(theta - 0.3)
    assert evaluate(theta + 0.1) == elsewhere


def test_the_baseline_is_fitted_once_for_each_batch_and_never_in_the_line_search(monkeypatch):
    fits = []

    def counting(data, gamma):
        fits.append(gamma)
        return linear(data, gamma)

    linear = baseline.BASELINES["linear"]
    monkeypatch.setitem(baseline.BASELINES, "linear", counting)
    # A bound so loose that the line search has to try several times.
    learner = MAML(POLICY, optimizer=TrustRegion(max_kl=2.0, shrink=0.9), **FLOAT)
    theta, history, data = problem(learner)
    _, _, row = learner.update(theta, None, history, data, 0.0)
    assert row["line_search"] > 1 and len(fits) == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_trust_region_step_gains_and_reports_what_it_did(seed):
    learner = MAML(POLICY, optimizer=TrustRegion(max_kl=0.02), **FLOAT)
    theta, history, data = problem(learner, seed=seed)
    new, _, row = learner.update(theta, None, history, data, 0.0)
    (losses,), w = learner.problems(theta, history, data), learner.step_weights(data)
    old, moved = (learner.meta_loss(share(t, 3), *losses) for t in (theta, new))
    assert moved.value.mean() < old.value.mean()
    kl = divergence(learner.policy, old.outer.y, w).value(moved.outer.y)
    assert kl.mean() == pytest.approx(row["kl"])
    assert 0 < row["kl"] <= 0.02 and row["accepted"] and row["line_search"] >= 1
    assert 0 <= row["cg_residual"] < 0.5


# ---- what may go wrong

def test_a_batch_that_is_masked_altogether_is_refused():
    learner = MAML(POLICY, **FLOAT)
    theta, (data,), _ = problem(learner)
    mask = data.mask.copy()
    mask[1] = False
    with pytest.raises(ValueError, match="mask must have a step in every task, got none in task 1"):
        learner.adapt(theta, [replace(data, mask=mask)])


def test_a_phi_that_is_not_finite_stops_the_run_and_names_its_block():
    learner = MAML(POLICY, **FLOAT)
    theta, (data,), _ = problem(learner)
    spoilt = replace(data, log_prob=data.log_prob, reward=np.where(
        np.arange(5) == 2, np.nan, data.reward))
    with pytest.raises(NonFiniteError, match=r"phi is not finite at W1\[0, 0\]"):
        learner.adapt(theta, [spoilt])


@pytest.mark.parametrize("task", [0, 2])
def test_nan_in_one_of_several_tasks_is_found(task):
    learner = MAML(POLICY, baseline="none", **FLOAT)
    theta, (data,), _ = problem(learner)
    reward = data.reward.copy()
    reward[task, -1, 0] = np.nan
    with pytest.raises(NonFiniteError, match="phi is not finite"):
        learner.adapt(theta, [replace(data, reward=reward)])


def test_the_log_tells_the_mean_return_of_an_episode_before_and_after():
    learner = MAML(POLICY, **FLOAT)
    theta, history, data = problem(learner)
    row = learner.update(theta, None, history, data, 0.0)[2]
    for name, told in (("before", history[0]), ("return", data)):
        assert row[name] == pytest.approx(told.reward.sum() / (3 * 5), rel=1e-12)


def test_without_a_rate_the_step_is_a_thousandth():
    learner = MAML(POLICY, optimizer=SGD(), **FLOAT)
    theta, history, data = problem(learner)
    _, grad = learner.meta_gradient(theta, history, data)
    new, _, _ = learner.update(theta, None, history, data, 0.0)
    assert np.abs(new - (theta - 1e-3 * grad)).max() < 1e-15


def test_a_gradient_that_is_not_finite_stops_the_run_with_its_iteration():
    class Spoilt(MAML):
        def mean_loss(self, *args):
            loss, grad = super().mean_loss(*args)
            grad[-1] = np.nan
            return loss, grad

    learner = Spoilt(MAML_SMALL.policy, trials=3)
    message = r"iteration 0: gradient is not finite at log_std\[1\]"
    with pytest.raises(NonFiniteError, match=message):
        meta_train(learner, PointNavigation(horizon=4), iterations=2, tasks=2)


MAML_SMALL = MAML(type(POLICY)(2, POLICY.head, (6,)), trials=4)


@pytest.mark.parametrize("learner", [
    MAML_SMALL, replace(MAML_SMALL, optimizer="trust-region", rate=None),
    replace(MAML_SMALL, learn_alpha=True, alpha=(0.1, 0.05), rounds=2)])
def test_the_same_seed_trains_the_same_theta_in_float32(learner):
    family = PointNavigation(horizon=5)
    one, two = (meta_train(learner, family, iterations=2, tasks=3, seed=7) for _ in range(2))
    assert np.array_equal(one.theta, two.theta) and one.theta.dtype == np.float32
    assert {"before", "return", "loss", "gradient"} <= set(one.log[0])


@every
def test_float32_batches_make_float32_gradients(learner):
    learner = replace(learner, dtype=np.float32, rate=None)
    theta, history, data = problem(replace(learner, dtype=np.float64))
    *history, data = (type(data)(*(a.astype(np.float32) if a.dtype == float else a for a in (
        getattr(b, f) for f in b.__dataclass_fields__))) for b in [*history, data])
    loss, grad = learner.meta_gradient(theta.astype(np.float32), history, data)
    assert loss.dtype == grad.dtype == np.float32


def test_an_update_leaves_its_arguments_alone():
    learner = MAML(POLICY, **FLOAT)
    theta, history, data = problem(learner)
    arrays = theta, data.x, data.reward, history[0].x, history[0].reward
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    learner.update(theta, None, history, data, 0.0)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before))


@pytest.mark.parametrize("kind, wrong, error, message", [
    (MAML, {"alpha": 0.0}, ValueError, "alpha must be positive numbers, got"),
    (MAML, {"alpha": -0.1}, ValueError, "alpha must be positive numbers, got"),
    (MAML, {"rounds": 0}, ValueError, "rounds must be at least 1, got 0"),
    (MAML, {"trials": 0}, ValueError, "trials must be at least 1, got 0"),
    (MAML, {"inner": "e-maml"}, ValueError, "inner must be one of 'log-likelihood', 'ratio'"),
    (MAML, {"outer": "lvc"}, ValueError, "outer must be one of .* got 'lvc'"),
    (MAML, {"optimizer": "trpo"}, ValueError,
     "optimizer must be one of 'adam', 'sgd', 'trust-region', got 'trpo'"),
    (MAML, {"optimizer": 3}, ValueError, "optimizer must be one of .* got 3"),
    (MAML, {"optimizer": "trust-region", "rate": 0.1}, ValueError,
     "a trust region takes no rate, got 0.1; .*max_kl"),
    (MAML, {"baseline": "gae"}, ValueError, "baseline must be one of 'linear', 'none'"),
    (MAML, {"gamma": 1.5}, ValueError, r"gamma must be a finite number in \[0, 1\], got 1.5"),
    (MAML, {"lam": -1}, ValueError, "lam must be"),
    (MAML, {"lambda_": 0.9}, TypeError, "lambda_"),
    (EMAML, {"inner": "dice"}, TypeError, "inner"),
    (ProMP, {"outer": "ratio"}, TypeError, "outer"),
    (ProMP, {"optimizer": "trust-region"}, ValueError, "must be 'adam' or 'sgd' for ProMP"),
    (ProMP, {"clip": 0.0}, ValueError, r"clip must be a finite number in \(0, inf\)"),
    (ProMP, {"eta": -1.0}, ValueError, "eta must be"),
    (ProMP, {"target_kl": 0.0}, ValueError, "target_kl must be"),
    (ProMP, {"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
    (Reptile, {"optimizer": TrustRegion()}, ValueError, "must be 'adam' or 'sgd' for Reptile"),
    (Reptile, {"rounds": 0}, ValueError, "rounds must be at least 1, got 0"),
    (Reinforce, {"learn_alpha": True}, TypeError, "learn_alpha"),
])
def test_bad_settings_are_refused_by_name(kind, wrong, error, message):
    with pytest.raises(error, match=message):
        kind(POLICY, **wrong)


@every
def test_a_learner_can_be_replaced_field_by_field(learner):
    for field in fields(learner):
        if field.init:
            assert replace(learner, **{field.name: getattr(learner, field.name)}) == learner
    if not learner.only_descends:
        assert replace(learner, optimizer="trust-region").optimizer == TrustRegion()
        back = replace(replace(learner, optimizer="trust-region"), optimizer="adam", rate=0.1)
        assert back.rate == 0.1 and back.optimizer == Adam()


def test_a_single_batch_in_place_of_a_list_is_refused_with_what_to_write():
    learner = MAML(POLICY, **FLOAT)
    theta, (data,), _ = problem(learner)
    with pytest.raises(TypeError, match=r"history must be a list of batches, .* use \[batch\]"):
        learner.adapt(theta, data)


def test_optimizers_go_by_name_or_as_objects():
    assert MAML(POLICY, optimizer="sgd").optimizer == SGD()
    assert MAML(POLICY).optimizer == Adam() and MAML(POLICY).rate is None
    assert MAML(POLICY, optimizer="trust-region").rate is None


# ---- memory

WIDE = MLPPolicy(4, Gaussian(2), hidden=(100, 100))


def peak(learner, K, seed=0):
    """Most bytes that a meta-gradient of K tasks of 500 rows holds at once."""
    theta, history, data = problem(learner, K=K, T=50, B=10, seed=seed)
    tracemalloc.start()
    learner.meta_gradient(theta, history, data)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_grows_by_one_parameter_vector_per_task_and_inner_step():
    K, three, seven = 6, *(MAML(WIDE, rounds=S, **FLOAT) for S in (3, 7))
    vectors, activations = K * WIDE.size * 8, K * 500 * 200 * 8
    growth = (peak(seven, K) - peak(three, K)) / 4
    assert 0.9 * vectors < growth < 1.3 * vectors < 0.2 * activations


def test_memory_grows_by_a_few_parameter_vectors_per_task_once_a_shard_is_full(monkeypatch):
    monkeypatch.setattr(gradient, "CACHE", 1)      # one task a shard
    learner = MAML(WIDE, **FLOAT)
    growth = (peak(learner, 10) - peak(learner, 4)) / 6
    assert growth < 4 * WIDE.size * 8 < 0.5 * 500 * 200 * 8
