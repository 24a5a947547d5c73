"""Regular reinforcement learning as the loop with no adaptation, and Reptile."""
from dataclasses import replace

import numpy as np
import pytest
from samples import POLICIES, batch

from minimeta import (MAML, Gaussian, MLPPolicy, Reinforce, Reptile, TabularPolicy, evaluate,
                      meta_train)
from minimeta.exact import exact_return
from minimeta.meta.adaptation import share
from minimeta.rl import rollout
from minimeta.tasks import PointNavigation, RandomMDP

POLICY = POLICIES["gaussian"]


def problem(learner, rounds, seed=0):
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    near = share(theta, 3)
    *history, data = (batch(POLICY, near, 4, 5, rng) for _ in range(rounds + 1))
    return theta, history, data


def test_the_gradient_is_the_mean_over_tasks_of_advantage_times_score():
    learner = Reinforce(POLICY, dtype=np.float64)
    theta, _, data = problem(learner, 0)
    _, grad = learner.meta_gradient(theta, [], data)
    A = learner.weighted(data)
    y, cache = POLICY.forward(share(theta, 3), data.x)
    u, _ = POLICY.split(y)
    score = POLICY.join(POLICY.head.log_prob_vjp(u, data.action, A), y)
    expected = -POLICY.vjp(share(theta, 3), cache, score)[0].mean(0)
    assert np.linalg.norm(grad - expected) < 1e-13 * np.linalg.norm(expected)


@pytest.mark.parametrize("kind", [Reinforce, MAML])
def test_advantages_have_mean_0_and_spread_1_in_each_task_and_keep_their_order(kind):
    learner = kind(POLICY, dtype=np.float64)
    _, _, data = problem(learner, 0)
    A, n = learner.advantages(data).reshape(3, -1), data.mask[0].size
    by_hand = (A - A.mean(1)[:, None]) / A.std(1)[:, None] / n
    assert np.abs(learner.weighted(data).reshape(3, -1) - by_hand).max() < 1e-12
    plain = replace(learner, normalise=False).weighted(data)
    assert np.abs(plain.reshape(3, -1) - A / data.mask.shape[2]).max() < 1e-12


def test_in_the_mean_it_is_the_exact_gradient_of_the_return():
    rng = np.random.default_rng(0)
    mdps = RandomMDP(states=3, actions=2, horizon=4, episodes=1).sample(1, rng)
    policy = TabularPolicy(3, 2)
    theta = rng.normal(size=6)
    exact = exact_return(mdps).at(theta[None]).grad[0]
    learner = Reinforce(policy, trials=500, gamma=1.0, normalise=False, dtype=np.float64,
                        baseline="none")
    grads = []
    for _ in range(40):
        data = rollout(policy, theta, mdps, trials=500, episodes=1, rng=rng)
        grads.append(-learner.meta_gradient(theta, [], data)[1])
    error = np.std(grads, 0, ddof=1) / np.sqrt(len(grads))
    assert np.all(np.abs(np.mean(grads, 0) - exact) < 4.5 * error)
    assert np.linalg.norm(error) < 0.2 * np.linalg.norm(exact)


def test_a_pretrained_policy_adapts_by_the_same_steps_as_maml():
    rng = np.random.default_rng(0)
    theta, history, data = problem(MAML(POLICY, dtype=np.float64), 1)
    settings = dict(alpha=(0.2, 0.1), dtype=np.float64)
    one, other = (kind(POLICY, **settings).adapt(theta, [*history, data])
                  for kind in (MAML, Reinforce))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("optimizer", ["adam", "trust-region"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns_one_task(optimizer, seed):
    family = PointNavigation(horizon=8, max_step=0.2, reach=1e-6)
    rate = 2e-2 if optimizer == "adam" else None
    learner = Reinforce(MLPPolicy(2, Gaussian(2), (8,)), optimizer=optimizer, rate=rate,
                        gamma=0.9)
    log = meta_train(learner, family, iterations=30, tasks=1, seed=seed).log
    early, late = (np.mean([row["return"] for row in rows]) for rows in (log[:3], log[-3:]))
    assert late > early + 0.5 and "before" not in log[0]


def test_its_curve_begins_with_no_experience():
    learner = Reinforce(MLPPolicy(2, Gaussian(2), (4,)), trials=3)
    theta = learner.init(np.random.default_rng(0))
    assert evaluate(learner, theta, PointNavigation(horizon=3), tasks=2).returns.shape == (2, 1)
    curve = evaluate(learner, theta, PointNavigation(horizon=3), tasks=2, rounds=3)
    assert curve.returns.shape == (2, 4)


def test_reptile_moves_theta_by_rate_times_the_mean_way_to_phi():
    learner = Reptile(POLICY, rate=0.25, alpha=0.2, rounds=2, dtype=np.float64)
    theta, history, data = problem(learner, 2)
    new, _, row = learner.update(theta, None, history, data, 0.0)
    phi = learner.adapt(theta, [*history, data])
    assert np.abs(new - theta - 0.25 * (phi.mean(0) - theta)).max() < 1e-15
    assert row["loss"] == pytest.approx(0.5 * ((theta - phi) ** 2).sum(-1).mean(), rel=1e-12)


def test_with_one_step_reptile_is_training_on_all_tasks_at_once():
    theta, _, data = problem(Reinforce(POLICY, dtype=np.float64), 0)
    joint = Reinforce(POLICY, dtype=np.float64).meta_gradient(theta, [], data)[1]
    reptile = Reptile(POLICY, alpha=0.2, dtype=np.float64)
    towards = reptile.meta_loss(share(theta, 3), (), reptile.outer_objective(data)).grad()
    assert np.abs(towards.mean(0) - 0.2 * joint).max() < 1e-15


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_reptile_learns(seed):
    learner = Reptile(MLPPolicy(2, Gaussian(2), (16,)), alpha=0.3, rate=1.0, gamma=0.95)
    family = PointNavigation(horizon=8, max_step=0.2)
    log = meta_train(learner, family, iterations=40, tasks=10, seed=seed).log
    early, late = (np.mean([row["return"] for row in rows]) for rows in (log[:5], log[-5:]))
    assert late > early + 0.3
