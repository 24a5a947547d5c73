"""RL^2: its loss and gradient, its adaptation, and that it learns."""
from dataclasses import dataclass, replace

import numpy as np
import pytest
from elman import Elman

from minimeta import (GRU, LSTM, RL2, Categorical, Gaussian, MLPPolicy,
                      RecurrentPolicy, meta_train)
from minimeta.meta.rl2 import fold_tasks
from minimeta.rl import gae
from minimeta.tasks import BernoulliBandit, PointNavigation
from minimeta.tasks.bandits import BernoulliTasks

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
    objective = replace(LEARNER, entropy_weight=0.03).objective(data)
    point, v = moved(theta, 0.2), np.random.default_rng(1).normal(size=theta.shape)
    slope = objective.at(point + 1e-30j * v).value.imag / 1e-30
    assert abs(slope - objective.at(point).grad @ v) <= 1e-12 * np.linalg.norm(v) * (
        np.linalg.norm(objective.at(point).grad))


def test_the_hessian_product_of_the_loss_is_the_complex_step_of_its_gradient():
    theta, data = batch()
    objective = replace(LEARNER, entropy_weight=0.03).objective(data)
    point, v = moved(theta, 0.2), np.random.default_rng(1).normal(size=theta.shape)
    hvp = objective.at(point).hvp(v)
    truth = objective.at(point + 1e-30j * v).grad.imag / 1e-30
    assert np.linalg.norm(hvp - truth) <= 1e-12 * np.linalg.norm(truth)


def test_some_ratios_were_clipped_where_these_gradients_were_checked():
    theta, data = batch()
    y, _ = POLICY.forward(moved(theta, 0.2), fold_tasks(data.x))
    l = POLICY.head.log_prob(POLICY.split(y)[0], fold_tasks(data.action))
    rho = np.exp(l - fold_tasks(data.log_prob))
    assert (rho > 1.2).any() and (rho < 0.8).any() and ((0.8 < rho) & (rho < 1.2)).any()


def test_on_the_first_epoch_the_ratio_is_one_and_the_gradient_reinforce_s():
    theta, data = batch()
    learner = RL2(POLICY, dtype=np.float64, value_weight=0.0)
    point = replace(learner, entropy_weight=0.0).objective(data).at(theta)
    u, _ = POLICY.split(point.y)
    G = data.reward[:, ::-1].cumsum(1)[:, ::-1]
    V = G.mean() + G.std() * data.value                     # in units of the batch
    A = fold_tasks(gae(data.reward, V, learner.gamma, learner.lam))
    A = (A - A.mean()) / A.std() / A.size
    l_bar = -POLICY.head.log_prob_vjp(u, fold_tasks(data.action), A)
    reinforce, _ = POLICY.vjp(theta, point.cache, POLICY.join(l_bar, point.y))
    assert np.linalg.norm(point.grad - reinforce) <= 1e-12 * np.linalg.norm(reinforce)


def test_with_lambda_1_the_value_s_targets_are_the_returns_in_units_of_the_batch():
    _, data = batch()
    learner = replace(LEARNER, lam=1.0, gamma=0.9)
    G = np.zeros_like(data.reward)
    for t in reversed(range(4)):
        G[:, t] = data.reward[:, t] + (0.9 * G[:, t + 1] if t < 3 else 0)
    A, targets, scale = learner.advantages(data)
    assert np.abs(targets - (G - G.mean()) / G.std()).max() < 1e-13
    assert np.abs(A - (G - G.mean() - G.std() * data.value)).max() < 1e-13
    assert scale == G.max()


def test_the_loss_as_a_number_has_the_value_s_error_and_minus_the_entropy_bonus():
    theta, data = batch()
    at = replace(LEARNER, entropy_weight=0.03).objective(data).at(theta)
    u, v = POLICY.split(at.y)
    _, targets, _ = LEARNER.advantages(data)
    error = ((v - fold_tasks(targets)) ** 2).mean()
    entropy = POLICY.head.entropy(u).mean()
    assert at.value == pytest.approx(0.5 * error - 0.03 * entropy, rel=1e-12)  # A has mean 0


class FirstArm:
    """A bandit whose first arm always pays, and no other ever."""

    def __getattr__(self, name):
        return getattr(FAMILY, name)

    def sample(self, K, rng):
        return BernoulliTasks(FAMILY, np.tile([1.0, 0.0, 0.0], (K, 1)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_larger_entropy_weight_gives_a_more_random_policy(seed):
    entropies = []
    for weight in (0.0, 1.0):
        learner = RL2(POLICY, entropy_weight=weight)
        theta = meta_train(learner, FirstArm(), iterations=40, tasks=16, seed=seed).theta
        rng = np.random.default_rng(5)
        data = learner.collect(theta, FAMILY.sample(100, rng), rng)
        u, _ = POLICY.split(POLICY.forward(theta, fold_tasks(data.x))[0])
        entropies.append(POLICY.head.entropy(u).mean())
    assert entropies[1] > entropies[0] + 0.2


@dataclass(frozen=True)
class Scaled:
    """A bandit that pays `unit` in place of 1."""

    unit: float
    bandit: BernoulliBandit = FAMILY

    def __getattr__(self, name):
        return getattr(FAMILY, name)

    def sample(self, K, rng):
        return ScaledTasks(self, FAMILY.sample(K, rng))


@dataclass(frozen=True)
class ScaledTasks:
    family: Scaled
    tasks: object

    def __len__(self):
        return len(self.tasks)

    def __getitem__(self, index):
        return ScaledTasks(self.family, self.tasks[index])

    def reset(self, B, rng):
        return self.tasks.reset(B, rng)

    def step(self, state, action, rng):
        state, obs, reward, done = self.tasks.step(state, action, rng)
        return state, obs, self.family.unit * reward, done


def test_rewards_of_any_scale_train_the_same_theta():
    thetas = []
    for unit in (1e-3, 1.0, 1e3):
        learner = RL2(RecurrentPolicy(1, Categorical(3), 5, reward_unit=unit),
                      dtype=np.float64)
        thetas.append(meta_train(learner, Scaled(unit), iterations=10, tasks=16, seed=0).theta)
    for theta in thetas[::2]:
        assert np.abs(theta - thetas[1]).max() < 1e-9


def test_rewards_far_from_the_unit_in_which_they_are_shown_are_told():
    learner = RL2(POLICY, dtype=np.float64)
    with pytest.warns(UserWarning, match=r"about \de\+02, .* reward_unit=\de\+02"):
        meta_train(learner, Scaled(1e3), iterations=2, tasks=4)


def test_a_reward_of_nothing_trains_and_says_nothing():
    result = meta_train(RL2(POLICY), Scaled(0.0), iterations=3, tasks=4)
    assert np.isfinite(result.theta).all() and result.log[-1]["return"] == 0


def test_returns_cut_at_the_ends_of_episodes_do_not_hear_of_later_ones():
    family, rng = PointNavigation(horizon=3, episodes=2), np.random.default_rng(0)
    learner = RL2(RecurrentPolicy(2, Gaussian(2), 5), episodes=2, dtype=np.float64)
    data = learner.collect(learner.init(rng), family.sample(4, rng), rng)
    assert data.mask.all() and (data.end == (np.arange(6) % 3 == 2)[:, None]).all()
    in_parts = data.reward.reshape(4, 2, 3, 1)
    for returns, parts in (("episode", in_parts), ("trial", in_parts.reshape(4, 1, 6, 1))):
        # lam = 1: A + V is the return, whatever the value says
        one = replace(learner, returns=returns, lam=1.0)
        A, targets, scale = one.advantages(data)
        G = parts[:, :, ::-1].cumsum(2)[:, :, ::-1].reshape(4, 6, 1)
        assert np.abs(targets - (G - G.mean()) / G.std()).max() < 1e-12
        assert np.abs(A + G.mean() + G.std() * data.value - G).max() < 1e-12
        assert scale == pytest.approx(np.abs(G).max())


def lived_through(policy, theta, history):
    """The memory of each row [K B, H] after acting through its own steps, one by one,
    and through nothing else."""
    K, _, B = history[0].mask.shape
    rows, rng = [], np.random.default_rng(0)
    for k in range(K):
        for b in range(B):
            memory = policy.begin(theta, 1)
            for data in history:
                for x in data.x[k, data.mask[k, :, b] > 0, b]:
                    _, memory = policy.act(theta, memory, x[None], rng)
            rows.append(memory)
    return [np.concatenate(arrays) for arrays in zip(*rows)]


def difference(memory, other):
    return max(np.abs(a - b).max() for a, b in zip(memory, other, strict=True))


@pytest.mark.parametrize("network", [LSTM, GRU, Elman])
def test_adapting_is_reading_and_ends_in_the_memory_that_acting_had(network):
    learner = RL2(RecurrentPolicy(1, Categorical(3), 5, network), trials=2,
                  dtype=np.float64)
    theta, data = batch(learner)
    memory = learner.adapt(theta, [data])
    assert memory[0].shape == (12, 5)
    assert difference(memory, lived_through(learner.policy, theta, [data])) < 1e-12


@pytest.mark.parametrize("network", [LSTM, GRU])
@pytest.mark.parametrize("batches", [1, 2, 3])
def test_padding_is_not_read_as_experience(network, batches):
    family, rng = PointNavigation(horizon=12, radius=0.2), np.random.default_rng(0)
    learner = RL2(RecurrentPolicy(2, Gaussian(2), 5, network), episodes=family.episodes,
                  trials=4, dtype=np.float64)
    theta, tasks = learner.init(rng), family.sample(5, rng)
    history = [learner.collect(theta, tasks, rng) for _ in range(batches)]
    assert not all(data.mask.all() for data in history)
    memory = learner.adapt(theta, history)
    assert difference(memory, lived_through(learner.policy, theta, history)) < 1e-12
    spoilt = [replace(data, x=np.where(data.mask[..., None], data.x, 9.0))
              for data in history]
    assert difference(memory, learner.adapt(theta, spoilt)) == 0
    _, cache = learner.policy.forward(theta, fold_tasks(history[0].x))
    read_to_the_end = learner.policy.memory_after(cache)
    assert difference(learner.adapt(theta, history[:1]), read_to_the_end) > 1e-3


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


@pytest.mark.parametrize("network, seed", [
    (LSTM, 0), (LSTM, 1), (LSTM, 2), (GRU, 0), (GRU, 1), (Elman, 0)])
def test_a_short_training_learns_to_find_the_better_of_two_arms(network, seed):
    family = BernoulliBandit(arms=2, pulls=6)
    policy = RecurrentPolicy(1, Categorical(2), 12, network)
    learner = RL2(policy, rate=1e-2, gamma=0.8)
    result = meta_train(learner, family, iterations=400, tasks=64, seed=seed)
    early = np.mean([row["return"] for row in result.log[:20]])
    late = np.mean([row["return"] for row in result.log[-50:]])
    # Acting at random earns 3; one standard error of 50 batches of 64 is about 0.025.
    assert early < 3.15 and late > 3.3


class Counter:
    """A policy of one's own that keeps the contract and is no subclass of Policy: it
    borrows all from a recurrent policy, and counts its steps beside the memory."""

    def __init__(self, policy):
        self.policy = policy

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.policy, name)

    def begin(self, theta, n_rows):
        return self.policy.begin(theta, n_rows), 0

    def act(self, theta, memory, x, rng):
        act, inner = self.policy.act(theta, memory[0], x, rng)
        return act, (inner, memory[1] + 1)


def test_any_policy_that_keeps_the_contract_trains():
    family = BernoulliBandit(arms=3, pulls=4)
    mine, ours = (meta_train(RL2(policy), family, iterations=3, tasks=8, seed=0).theta
                  for policy in (Counter(POLICY), POLICY))
    assert np.array_equal(mine, ours)


def test_a_policy_without_a_memory_is_refused():
    words = "policy must have a memory, .* such as RecurrentPolicy.* got MLPPolicy"
    with pytest.raises(TypeError, match=words):
        RL2(MLPPolicy(1, Categorical(3)))


@pytest.mark.parametrize("wrong", [RecurrentPolicy, LSTM(3, 5, 4), None])
def test_a_class_or_a_network_in_place_of_a_policy_is_refused(wrong):
    with pytest.raises(TypeError, match=r"policy must be one such as RecurrentPolicy\(..\), got"):
        RL2(wrong)


def test_it_adapts_within_a_trial_and_not_between_trials():
    assert LEARNER.rounds == 0 and not LEARNER.adapts_between_trials


@pytest.mark.parametrize("wrong, message", [
    ({"gamma": 1.01}, r"gamma must be a finite number in \[0, 1\], got 1.01"),
    ({"lam": -0.1}, r"lam must be a finite number in \[0, 1\], got -0.1"),
    ({"clip": 0}, r"clip must be a finite number in \(0, inf\), got 0"),
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"returns": "episodes"}, "returns must be one of 'trial', 'episode', got 'episodes'"),
    ({"value_weight": -0.1}, r"value_weight must be a finite number in \[0, inf\], got -0.1"),
    ({"rate": -1.0}, "rate must be"), ({"entropy_weight": -1.0}, "entropy_weight must be"),
    ({"episodes": 0}, "episodes must be at least 1"), ({"trials": 0}, "trials must be at least 1"),
    ({"max_norm": 0.0}, r"max_norm must be a finite number in \(0, inf\), got 0.0"),
])
def test_bad_hyper_parameters_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        RL2(POLICY, **wrong)


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="lambda_"):
        RL2(POLICY, lambda_=0.9)
