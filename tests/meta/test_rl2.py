"""RL^2: its loss and gradient, its adaptation, and that it learns."""
import numpy as np
import pytest

from minimeta import RL2, Categorical, RecurrentPolicy, meta_train
from minimeta.meta.rl2 import fold_tasks
from minimeta.rl import gae
from minimeta.tasks import BernoulliBandit

FAMILY = BernoulliBandit(arms=3, pulls=4)
POLICY = RecurrentPolicy(FAMILY.obs_size, Categorical(3), n_hidden=5)
LEARNER = RL2(POLICY, dtype=np.float64)


def batch(learner=LEARNER, K=6, seed=0):
    rng = np.random.default_rng(seed)
    theta = learner.init(rng)
    return theta, learner.collect(theta, FAMILY.sample(K, rng), rng)


def moved(theta, scale=0.05):
    """Somewhere else, so that ratios differ from 1 and some of them are clipped."""
    return theta + scale * np.random.default_rng(9).normal(size=theta.shape)


def test_the_gradient_of_the_loss_is_its_complex_step():
    theta, data = batch()
    objective = LEARNER.objective(data, entropy_weight=0.03)
    point, v = moved(theta, 0.2), np.random.default_rng(1).normal(size=theta.shape)
    slope = objective.at(point + 1e-30j * v).value.imag / 1e-30
    assert abs(slope - objective.at(point).grad @ v) <= 1e-12 * np.linalg.norm(v) * (
        np.linalg.norm(objective.at(point).grad))


def test_the_hessian_product_of_the_loss_is_the_complex_step_of_its_gradient():
    theta, data = batch()
    objective = LEARNER.objective(data, entropy_weight=0.03)
    point, v = moved(theta, 0.2), np.random.default_rng(1).normal(size=theta.shape)
    hvp = objective.at(point).hvp(v)
    truth = objective.at(point + 1e-30j * v).grad.imag / 1e-30
    assert np.linalg.norm(hvp - truth) <= 1e-12 * np.linalg.norm(truth)


def test_some_ratios_were_clipped_where_these_gradients_were_checked():
    theta, data = batch()
    l = POLICY.head.log_prob(
        POLICY.split(POLICY.forward(moved(theta, 0.2), fold_tasks(data.x))[0])[0], fold_tasks(data.action))
    rho = np.exp(l - fold_tasks(data.log_prob))
    assert (rho > 1.2).any() and (rho < 0.8).any() and ((0.8 < rho) & (rho < 1.2)).any()


def test_on_the_first_epoch_the_ratio_is_one_and_the_gradient_reinforce_s():
    theta, data = batch()
    learner = RL2(POLICY, dtype=np.float64, value_weight=0.0)
    point = learner.objective(data, entropy_weight=0.0).at(theta)
    u, _ = POLICY.split(point.y)
    A = fold_tasks(gae(data.reward, data.value, learner.gamma, learner.lam))
    A = (A - A.mean()) / A.std() / A.size
    l_bar = -POLICY.head.log_prob_vjp(u, fold_tasks(data.action), A)
    reinforce, _ = POLICY.vjp(theta, point.cache, POLICY.join(l_bar, point.y))
    assert np.linalg.norm(point.grad - reinforce) <= 1e-12 * np.linalg.norm(reinforce)


def test_adapting_is_reading_and_ends_in_the_memory_that_acting_had():
    theta, data = batch()
    memory = LEARNER.adapt(theta, [data])
    h, c = POLICY.begin(theta, 6)
    for x in fold_tasks(data.x):
        _, (h, c) = POLICY.net.step(theta, (h, c), x)
    assert np.abs(memory[0] - h).max() < 1e-12 and np.abs(memory[1] - c).max() < 1e-12


def test_advantages_cross_the_episodes_of_a_trial():
    theta, data = batch()
    A = gae(data.reward, data.value, 1.0, 1.0)
    whole = data.reward[:, ::-1].cumsum(1)[:, ::-1] - data.value
    assert np.abs(A - whole).max() < 1e-12


def test_an_update_leaves_its_arguments_alone():
    theta, data = batch()
    kept = theta.copy()
    theta.flags.writeable = False
    LEARNER.update(theta, None, [], data, progress=0.0)
    assert np.array_equal(theta, kept)


def test_rates_follow_their_schedule_to_zero():
    theta, data = batch()
    one, _, _ = RL2(POLICY, rate=1e-2, dtype=np.float64).update(theta, None, [], data, 0.9)
    same, _, _ = RL2(POLICY, dtype=np.float64).update(theta, None, [], data, 1.0)
    assert np.abs(one - theta).max() > 1e-3 and np.array_equal(same, theta)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_short_training_learns_to_find_the_better_of_two_arms(seed):
    family = BernoulliBandit(arms=2, pulls=6)
    learner = RL2(RecurrentPolicy(1, Categorical(2), 12), rate=1e-2, gamma=0.8)
    result = meta_train(learner, family, iterations=400, tasks=64, seed=seed)
    early = np.mean([row["return"] for row in result.log[:20]])
    late = np.mean([row["return"] for row in result.log[-50:]])
    # Acting at random earns 3; one standard error of 50 batches of 64 is about 0.025.
    assert early < 3.15 and late > 3.3


@pytest.mark.parametrize("wrong, message", [
    ({"gamma": 1.01}, r"gamma must be a finite number in \[0, 1\], got 1.01"),
    ({"lam": -0.1}, r"lam must be a finite number in \[0, 1\], got -0.1"),
    ({"clip": 0}, r"clip must be a finite number in \(0, inf\), got 0"),
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"max_norm": -1.0}, "max_norm must be"),
])
def test_bad_hyper_parameters_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        RL2(POLICY, **wrong)


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="lambda_"):
        RL2(POLICY, lambda_=0.9)
