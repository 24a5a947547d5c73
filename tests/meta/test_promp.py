"""ProMP: its penalty, its several steps on a batch, and the adaptive weight."""
from dataclasses import replace

import numpy as np
import pytest
from samples import POLICIES, batch

from minimeta import MAML, SGD, Gaussian, MLPPolicy, ProMP, meta_train
from minimeta.meta.adaptation import share
from minimeta.tasks import PointNavigation
from minimeta.testing.laws import complex_step

POLICY = POLICIES["gaussian"]
LEARNER = ProMP(POLICY, alpha=0.2, dtype=np.float64, rounds=2, eta=0.3)


def problem(seed=0, K=3, T=4, B=5):
    rng = np.random.default_rng(seed)
    theta = LEARNER.init(rng)
    near = np.broadcast_to(theta, (K, POLICY.size))
    *history, data = (batch(POLICY, near, T, B, rng) for _ in range(3))
    return theta, history, data


def test_the_penalised_gradient_is_the_complex_step_of_the_penalised_loss():
    theta, history, data = problem()
    problems = LEARNER.problems(theta, history, data)
    away = theta + 0.1 * np.random.default_rng(1).normal(size=theta.shape)
    for start in (theta, away):
        assert complex_step(lambda t: LEARNER.mean_loss(t, problems)[0],
                            lambda t: LEARNER.mean_loss(t, problems)[1], start) < 1e-12


def test_the_penalty_is_eta_times_the_divergence_of_the_policies_that_collected():
    theta, history, data = problem()
    away = theta + 0.1
    problems, kls = LEARNER.problems(theta, history, data), 0
    plain = replace(LEARNER, eta=0.0).mean_loss(away, problems)[0]
    adaptation = LEARNER.adaptation(LEARNER.inner_losses(history))
    for old, new in zip(*(adaptation.at(share(t, 3)).path for t in (theta, away))):
        u_old, u = (POLICY.split(point.y)[0] for point in (old, new))
        kls = kls + POLICY.head.kl(u_old, u).mean()
    assert LEARNER.mean_loss(away, problems)[0] == pytest.approx(plain + 0.3 * kls, rel=1e-12)
    assert LEARNER.mean_moved(away, problems) == pytest.approx(kls, rel=1e-12)
    assert abs(LEARNER.mean_moved(theta, problems)) < 1e-15


def test_at_first_the_penalty_has_no_gradient_and_the_outer_ratio_that_of_maml():
    theta, history, data = problem()
    on_policy = replace(data, log_prob=log_probs_after(theta, history, data))
    grad = LEARNER.meta_gradient(theta, history, on_policy)[1]
    maml = MAML(POLICY, alpha=0.2, dtype=np.float64, rounds=2, inner="ratio", outer="ratio")
    expected = maml.meta_gradient(theta, history, on_policy)[1]
    assert np.linalg.norm(grad - expected) < 1e-12 * np.linalg.norm(expected)


def log_probs_after(theta, history, data):
    u, _ = POLICY.split(POLICY.forward(LEARNER.adapt(theta, history), data.x)[0])
    return POLICY.head.log_prob(u, data.action)


def test_it_takes_several_steps_on_a_batch_and_the_penalty_holds_it_back():
    theta, history, data = problem()
    descend = dict(optimizer=SGD(), rate=0.2)
    one, _, _ = replace(LEARNER, epochs=1, **descend).update(theta, None, history, data, 0.0)
    five, _, free = replace(LEARNER, eta=0.0, **descend).update(theta, None, history, data, 0.0)
    _, _, held = replace(LEARNER, eta=1.0, **descend).update(theta, None, history, data, 0.0)
    assert np.linalg.norm(five - theta) > 2 * np.linalg.norm(one - theta)
    assert held["kl"] < 0.8 * free["kl"]


@pytest.mark.parametrize("kl, expected", [
    (0.0066, 0.5), (0.0067, 1.0), (0.0149, 1.0), (0.0151, 2.0)])
def test_an_adaptive_weight_doubles_above_1_5_targets_and_halves_below_a_1_5th(kl, expected):
    assert replace(LEARNER, target_kl=0.01).next_eta(1.0, kl) == expected
    assert LEARNER.next_eta(1.0, kl) == 1.0


def test_an_adaptive_weight_stays_alive_and_within_a_factor_of_1000():
    learner, up, down = replace(LEARNER, target_kl=0.01, eta=1e-3), 1e-3, 1e-3
    for _ in range(100):
        up, down = learner.next_eta(up, 1.0), learner.next_eta(down, 0.0)
    assert up == pytest.approx(1.0) and down == pytest.approx(1e-6)
    assert learner.next_eta(down, 1.0) == 2 * down and learner.next_eta(up, 0.0) == up / 2


def test_a_weight_of_zero_could_never_adapt_and_is_refused():
    with pytest.raises(ValueError, match=r"eta must be a finite number in \(0"):
        replace(LEARNER, target_kl=0.01, eta=0.0)


def test_the_adaptive_weight_and_the_moments_are_kept_between_iterations():
    learner = ProMP(MLPPolicy(2, Gaussian(2), (6,)), trials=4, target_kl=1e-9, eta=1e-3)
    log = meta_train(learner, PointNavigation(horizon=5), iterations=3, tasks=3).log
    assert [row["eta"] for row in log] == [1e-3, 2e-3, 4e-3]


def test_an_update_leaves_its_arguments_alone():
    theta, history, data = problem()
    kept = theta.copy()
    theta.flags.writeable = False
    LEARNER.update(theta, None, history, data, 0.0)
    assert np.array_equal(theta, kept)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns(seed):
    learner = ProMP(MLPPolicy(2, Gaussian(2), (16,)), alpha=0.3, rate=5e-3, gamma=0.95)
    family = PointNavigation(horizon=8, max_step=0.2)
    log = meta_train(learner, family, iterations=30, tasks=10, seed=seed).log
    early, late = (np.mean([row["return"] for row in rows]) for rows in (log[:5], log[-5:]))
    assert late > early + 0.5
