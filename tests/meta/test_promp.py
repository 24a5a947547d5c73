"""ProMP: its penalty, its several steps on a batch, and the adaptive weight."""
from dataclasses import replace

import numpy as np
import pytest
from samples import POLICIES, batch

from minimeta import MAML, SGD, Gaussian, MLPPolicy, ProMP, meta_train
from minimeta.meta.objective import mean_gradient, share
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


def penalised(learner, theta, history, data, eta):
    return learner.penalised(learner.meta_objectives(history, data), theta, history, data, eta)


def test_the_penalised_gradient_is_the_complex_step_of_the_penalised_loss():
    theta, history, data = problem()
    parts = penalised(LEARNER, theta, history, data, 0.3)
    away = theta + 0.1 * np.random.default_rng(1).normal(size=theta.shape)
    for at in (theta, away):
        assert complex_step(lambda t: mean_gradient(parts, t)[0],
                            lambda t: mean_gradient(parts, t)[1], at) < 1e-12


def test_the_penalty_is_eta_times_the_divergence_of_the_policies_that_collected():
    theta, history, data = problem()
    away = theta + 0.1
    plain = mean_gradient(LEARNER.meta_objectives(history, data), away)[0]
    parts = penalised(LEARNER, theta, history, data, 0.3)
    kls, (old, new) = 0, (theta, away)
    for i in range(2):
        points = [LEARNER.adaptation(history).at(share(t, 3), 0.2).point(i) for t in (old, new)]
        u_old, u = (POLICY.split(point.y)[0] for point in points)
        kls = kls + POLICY.head.kl(u_old, u).mean()
    assert mean_gradient(parts, away)[0] == pytest.approx(plain + 0.3 * kls, rel=1e-12)
    assert LEARNER.moved(parts, away) == pytest.approx(kls, rel=1e-12)
    assert abs(LEARNER.moved(parts, theta)) < 1e-15


def test_at_first_the_penalty_has_no_gradient_and_the_outer_ratio_that_of_maml():
    theta, history, data = problem()
    on_policy = replace(data, log_prob=log_probs_after(theta, history, data))
    grad = mean_gradient(penalised(LEARNER, theta, history, on_policy, 0.3), theta)[1]
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


@pytest.mark.parametrize("kl, expected", [(0.004, 0.5), (0.008, 1.0), (0.012, 1.0), (0.02, 2.0)])
def test_an_adaptive_weight_doubles_above_1_5_targets_and_halves_below_a_1_5th(kl, expected):
    assert replace(LEARNER, target_kl=0.01).next_eta(1.0, kl) == expected
    assert LEARNER.next_eta(1.0, kl) == 1.0


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
