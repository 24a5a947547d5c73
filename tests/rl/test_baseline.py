"""The baselines: what they fit, that tasks do not mix, and that padding has no part in it."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta import MAML, TabularPolicy
from minimeta.exact import exact_return
from minimeta.rl import Rollout, discounted, gae, normalised, return_scale, rollout
from minimeta.rl.baseline import (BASELINES, RIDGE, add_penalty, baseline, clock, features,
                                  linear, none, others_range, sum_of_others)
from minimeta.tasks import GridNavigation, RandomMDP


def data(K=3, T=6, B=5, n=2, seed=0, mask=None, scale=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(K, T, B, n))
    mask = np.ones((K, T, B), bool) if mask is None else mask
    end = mask & ~np.concatenate([mask[:, 1:], np.zeros_like(mask[:, :1])], 1)
    reward = scale * rng.normal(size=(K, T, B)) * mask
    zeros = np.zeros((K, T, B))
    return Rollout(x, zeros, reward, zeros, zeros, end, mask)


def ragged():
    mask = np.ones((3, 6, 5), bool)
    mask[0, 4:, 1] = mask[2, 2:, 3] = False
    return mask


def steps(batch):
    return np.where(batch.mask, clock(batch.end), 0)


def with_reward(batch, reward):
    return replace(batch, reward=reward)


def test_each_episode_s_baseline_is_the_ridge_regression_on_the_others():
    batch = data(mask=ragged())
    G, V, f = discounted(batch.reward, 0.9, batch.end), linear(batch, 0.9), features(batch, steps(batch))
    length = batch.mask.sum(1).max()
    tau = (1 - 0.9 ** (length - np.arange(6.0))) / 0.1
    for k in range(3):
        for e in range(5):
            on = batch.mask[k].copy()
            on[:, e] = False
            r, t = batch.reward[k][on].mean(), np.broadcast_to(tau[:, None], on.shape)
            F, y = f[k][on], G[k][on] - r * t[on]
            w = np.linalg.solve(F.T @ F + RIDGE * np.diag(F.var(0)), F.T @ y)
            expected = np.clip(r * tau + f[k, :, e] @ w, G[k][on].min(), G[k][on].max())
            own = batch.mask[k, :, e]
            assert np.abs((V[k, :, e] - expected)[own]).max() < 1e-10


def test_one_step_of_evidence_holds_each_weight_at_zero():
    # Four episodes of one step saw -1, 1, -1, 1. For the first of them, the others earned what
    # they saw, (1, -1, 1), which is 1/3 in the mean, with a variance of 8/9. In the unknowns
    # (w0, w1) the sums are [[3, 1], [1, 3 + 8/9]] w = (0, 8/3), so w = (-1/4, 3/4), where
    # w1 = 1 would be the truth, and V = 1/3 - 1/4 - 3/4.
    x = np.array([-1.0, 1, -1, 1]).reshape(1, 1, 4, 1)
    one = np.ones((1, 1, 4), bool)
    batch = Rollout(x, x[..., 0], np.array([[[9.0, 1, -1, 1]]]), x[..., 0], x[..., 0], one, one)
    assert linear(batch, 0.9)[0, 0, 0] == pytest.approx(-2 / 3, rel=1e-12)


def test_a_variance_of_rounding_counts_as_none():
    # Two steps of (1, f), where f is 0 in the mean.
    for var, penalty in ((2e-12, 2e-12), (1e-12, 1.0), (5e-13, 1.0), (0.0, 1.0)):
        ff = np.array([[2.0, 0.0], [0.0, 2 * var]])
        add_penalty(ff, np.array([[2.0]]))
        assert ff.tolist() == [[2.0, 0.0], [0.0, pytest.approx(2 * var + penalty, rel=1e-9)]]


def test_a_far_reward_that_is_discounted_to_nothing_is_no_trouble():
    batch = data(K=1, T=1200, B=3)
    with np.errstate(under="raise"):
        V = linear(batch, 0.5)
    assert np.isfinite(V).all() and V.any()


@pytest.mark.parametrize("change", ["reward", "action", "later x"])
def test_nothing_that_follows_from_an_action_changes_what_is_subtracted_from_it(change):
    batch, e, t = data(mask=ragged()), 2, 1
    reward, x, rng = batch.reward.copy(), batch.x.copy(), np.random.default_rng(1)
    if change == "reward":
        reward[:, t:, e] = 1e9 * rng.normal(size=(3, 5))
    else:
        x[:, t + 1:, e] = rng.normal(3, 5, (3, 4, 2))
    other = replace(batch, reward=reward, x=x)
    V, V_other = linear(batch, 0.9), linear(other, 0.9)
    assert np.abs((V - V_other)[:, :t + 1, e]).max() < 1e-9
    if change == "reward":
        assert np.array_equal(V[:, :, e], V_other[:, :, e])
        assert np.abs((V - V_other)[:, :, 0]).min() > 1e-6  # but it does change the others'


@pytest.mark.parametrize("gamma, most", [(1.0, 1e-12), (0.99, 0.005), (0.9, 0.005)])
def test_the_length_of_the_longest_episode_moves_its_own_v_by_thousandths(gamma, most):
    longer = np.ones((50, 20, 5), bool)
    longer[:, 15:, 1:] = False
    equal = longer.copy()
    equal[:, 15:] = False
    V, V_longer = (linear(with_reward(batch, (1 + 0.3 * batch.reward) * batch.mask), gamma)
                   for batch in (data(50, 20, 5, mask=mask) for mask in (equal, longer)))
    assert np.abs(V - V_longer)[:, :15, 0].max() < most * np.abs(V[:, :, 0]).max()


def test_a_fit_to_all_episodes_would_follow_each_return():
    batch = data()
    f, G = features(batch, steps(batch))[0].reshape(30, -1), discounted(batch.reward, 0.9, batch.end)[0]
    def fitted(G):
        return (f @ np.linalg.lstsq(f, G.ravel(), rcond=None)[0]).reshape(6, 5)
    changed = G.copy()
    changed[:, 2] += 1
    assert np.abs(fitted(changed) - fitted(G))[:, 2].mean() > 0.1


def test_returns_that_are_linear_in_the_features_are_fitted_where_there_is_evidence():
    for B, most in ((9, 0.3), (900, 0.005)):
        batch = data(K=1, B=B)
        x, t = batch.x[..., 0], np.arange(6)[:, None] / 6
        G = 3 * x - 2 * x * x + t**3 - 0.5
        reward = G - 0.9 * np.concatenate([G[:, 1:], np.zeros_like(G[:, :1])], 1)
        V = linear(with_reward(batch, reward), 0.9)
        inside = (G > np.sort(G.ravel())[2]) & (G < np.sort(G.ravel())[-2])
        assert np.abs(V - G)[inside].max() < most * np.abs(G).max()


def test_with_a_single_episode_there_is_no_baseline():
    assert not linear(data(B=1), 0.9).any()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("dtype, left", [(np.float32, 1e-6), (np.float64, 1e-13)])
def test_a_constant_reward_leaves_rounding_only(gamma, dtype, left):
    batch = data(B=7)
    reward = np.full((3, 6, 7), -0.1, dtype)
    reward[1:] = batch.reward[1:]
    G = discounted(reward, gamma, batch.end)
    A = G - linear(with_reward(batch, reward), gamma)
    assert A.dtype == dtype and np.abs(A[0]).max() < left * np.abs(G[0]).max()
    assert np.abs(A[1:]).max() > 0.1


@pytest.mark.parametrize("scale, offset, most", [
    (300.0, 0.0, 1e-9), (1e-6, 0.0, 1e-9), (1e100, 0.0, 1e-9), (-1000.0, 300.0, 1e-9),
    (1.0, 1e6, 1e-6), (1e-3, 1e3, 1e-6)])
def test_no_scale_or_offset_of_an_observation_changes_the_fit(scale, offset, most):
    batch = data(mask=ragged())
    for x in (batch.x, np.sign(batch.x)):
        plain = replace(batch, x=x)
        other = replace(batch, x=scale * x + offset)
        assert np.abs(linear(plain, 0.9) - linear(other, 0.9)).max() < most


@pytest.mark.parametrize("low, high", [(300, 1000), (1e6, 1e6 + 1), (1e6, 1e6), (0, 0),
                                       (1e-12, 2e-12), (-1e15, 1e15)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whatever_is_observed_the_fit_leaves_hardly_more_than_the_mean_return_does(
        low, high, dtype):
    rng = np.random.default_rng(0)
    batch = data(B=20)
    x = rng.uniform(low, high, (3, 6, 20, 2)).astype(dtype)
    reward = (1 + 0.1 * rng.normal(size=(3, 6, 20))).astype(dtype)
    batch = replace(batch, x=x, reward=reward)
    G = discounted(reward, 0.9, batch.end)
    A = G - linear(batch, 0.9)
    assert (A * A).mean() < 0.02 * (G * G).mean()


def test_the_features_are_powers_of_time_and_inputs_of_mean_square_1_where_a_step_was_taken():
    batch = data(mask=ragged())
    f, t = features(batch, steps(batch)), np.arange(6.0)[:, None]
    for k in range(3):
        on = batch.mask[k]
        x = (batch.x[k] - batch.x[k, 0].mean(0)) * on[..., None]
        x = x / np.sqrt((x[on] ** 2).mean(0))
        columns = [on, on * t, on * t ** 2, on * t ** 3, *x.transpose(2, 0, 1),
                   *(x * x).transpose(2, 0, 1)]
        for i, column in enumerate(columns):
            expected = column / np.sqrt((column[on] ** 2).mean())
            assert np.abs(f[k, ..., i] - expected).max() < 1e-13, i


def test_an_input_of_two_values_has_no_square_in_its_task_and_none_if_it_has_two_in_all():
    batch = data()
    x = batch.x.copy()
    x[..., 0] = x[..., 0] > 0                             # in each task
    x[1, ..., 1] = np.where(x[1, ..., 1] > 0, 7, -3)      # in one
    f = features(replace(batch, x=x), steps(batch))
    assert f.shape == (3, 6, 5, 4 + 2 + 1)                # 1, t, t^2, t^3; x; one square
    assert f[..., 6].all((1, 2)).tolist() == [True, False, True] and not f[1, ..., 6].any()


@pytest.mark.parametrize("axis", [1, 2])
def test_an_input_that_varies_between_episodes_or_in_time_alone_has_its_square(axis):
    batch = data(n=1)
    x = np.broadcast_to(batch.x.take([0], axis), batch.x.shape)
    f = features(replace(batch, x=x), steps(batch))
    assert f.shape[-1] == 6 and f[..., 5].any((1, 2)).all()


@pytest.mark.parametrize("where", [np.s_[:, :, 2], np.s_[:, 3]])
def test_an_episode_or_a_step_that_sees_the_least_and_the_most_alone_has_its_square_too(where):
    batch = data(n=1)
    x = batch.x.copy()
    x[where] = np.where(np.arange(x[where].shape[1]) % 2, 9, -8)[:, None]
    f = features(replace(batch, x=x), steps(batch))
    assert f.shape[-1] == 6 and f[..., 5][where].all()


def test_padding_is_no_third_value():
    batch = data(n=1, mask=ragged())
    x = np.sign(batch.x)
    spoilt = np.where(batch.mask[..., None], x, 7.0)
    f, same = (features(replace(batch, x=each), steps(batch)) for each in (x, spoilt))
    assert f.shape[-1] == 5 and np.array_equal(f, same)


@pytest.mark.parametrize("B", [1, 5])
@pytest.mark.parametrize("gamma", [-0.5, 1.5])
def test_a_discount_outside_0_to_1_is_refused_for_any_number_of_episodes(B, gamma):
    with pytest.raises(ValueError, match=r"gamma must be a finite number in \[0, 1\]"):
        linear(data(B=B), gamma)


def test_rewards_in_float32_are_fitted_in_float64():
    batch = data(B=7)
    short = batch.reward.astype(np.float32)
    V, V_long = (linear(with_reward(batch, r), 0.9) for r in (short, short.astype(float)))
    assert V.dtype == np.float32 and np.array_equal(V, V_long.astype(np.float32))


def test_the_type_of_gamma_does_not_matter_to_the_bit():
    batch = data(mask=ragged())
    assert np.array_equal(linear(batch, np.float32(0.5)), linear(batch, 0.5))
    assert np.array_equal(linear(batch, 1), linear(batch, 1.0))


def test_a_column_given_twice_or_a_mix_of_others_is_no_trouble():
    batch = data(B=40)
    x = np.concatenate([batch.x, batch.x, batch.x.sum(-1, keepdims=True)], -1)
    V, V_twice = linear(batch, 0.9), linear(replace(batch, x=x), 0.9)
    G = discounted(batch.reward, 0.9, batch.end)
    assert np.abs(V - V_twice).max() < 0.1 * np.abs(G).max()


def test_where_an_episode_goes_further_than_the_others_v_stays_in_their_range():
    batch = data()
    x = batch.x.copy()
    x[:, 3:, 2] = 1e4
    G, V = discounted(batch.reward, 0.9, batch.end), linear(replace(batch, x=x), 0.9)
    others = np.delete(G, 2, 2)
    assert (V[:, :, 2] <= others.max((1, 2))[:, None]).all()
    assert (V[:, :, 2] >= others.min((1, 2))[:, None]).all()


def test_sums_and_ranges_over_the_others_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    parts, mask = rng.normal(size=(2, 4, 3)), np.ones((2, 5, 4), bool)
    mask[0, 3:, 1] = False
    G = rng.normal(size=mask.shape)
    low, high = others_range(G, mask)
    for e in range(4):
        rest = [i for i in range(4) if i != e]
        assert np.allclose(sum_of_others(parts)[:, e], parts[:, rest].sum(1), atol=1e-15)
        for k in range(2):
            inside = G[k][:, rest][mask[k][:, rest]]
            assert (low[k, 0, e], high[k, 0, e]) == (inside.min(), inside.max())
    equal = others_range(np.ones((1, 2, 3)), np.ones((1, 2, 3), bool))
    assert (equal[0] == 1).all() and (equal[1] == 1).all()


def inner_gradients(trials, repeats, seed=0, **options):
    """The inner gradient of as many batches of one task, along the exact gradient: 1 in
    the mean if it is unbiased."""
    rng = np.random.default_rng(seed)
    learner = MAML(TabularPolicy(10, 5), trials=trials, gamma=1.0, normalise=False,
                   dtype=np.float64, **options)
    theta, task = rng.normal(size=learner.policy.size), RandomMDP(10, 5, 10).sample(1, rng)
    exact = exact_return(task).at(theta[None]).grad[0]
    thetas = np.broadcast_to(theta, (repeats, len(theta)))
    batches = learner.collect(theta, task[np.zeros(repeats, int)], rng)
    return -learner.inner_objective(batches).at(thetas).grad @ exact / (exact @ exact)


@pytest.mark.parametrize("trials", [1, 2, 3])
def test_the_inner_gradient_is_that_of_the_expected_return_for_any_number_of_trials(trials):
    share = inner_gradients(trials, 6000)
    assert abs(share.mean() - 1) < 3 * share.std() / np.sqrt(len(share))


def test_the_baseline_takes_noise_from_the_inner_gradient():
    for trials, most in ((2, 0.6), (3, 0.6), (8, 0.5)):
        plain = inner_gradients(trials, 1000, baseline="none")
        assert inner_gradients(trials, 1000).var() < most * plain.var()


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 2, 3, 5])
def test_the_inner_gradient_is_unbiased_to_a_percent(trials):
    shares = np.concatenate([inner_gradients(trials, 20000, seed) - 1 for seed in range(8)])
    error = shares.std() / np.sqrt(len(shares))
    assert error < 0.01 and abs(shares.mean()) < 3 * error


@pytest.mark.parametrize("gamma", [0.5, 0.99, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_on_a_grid_the_tasks_that_earn_a_constant_have_no_advantage(dtype, gamma):
    rng, policy = np.random.default_rng(0), TabularPolicy(25, 5)
    data = rollout(policy, policy.init(rng, dtype), GridNavigation(5).sample(100, rng),
                   trials=20, episodes=1, rng=rng)
    is_constant = (data.reward == data.reward[:, :1, :1]).all((1, 2))
    assert 0.1 < is_constant.mean() < 0.3
    A = gae(data.reward, linear(data, gamma), gamma, 1.0, data.end)
    scaled = normalised(A, data.mask, return_scale(data.reward, gamma, data.end))
    assert not scaled[is_constant].any() and scaled[~is_constant].any((1, 2)).all()
    without = normalised(A, data.mask)  # against the size of the noise itself
    assert np.abs(without[is_constant]).max() > 1


def test_a_task_s_baseline_does_not_depend_on_the_other_tasks():
    mask = ragged()
    mask[1, 4:] = False  # all episodes of this task are shorter
    batch = data(mask=mask)
    x = batch.x.copy()
    x[1, ..., 0] = x[1, ..., 0] > 0  # of two values in this task alone
    batch = replace(batch, x=x)
    for k in range(3):
        alone = Rollout(*(getattr(batch, name)[k:k + 1, :4 if k == 1 else 6]
                          for name in batch.__dataclass_fields__))
        V = linear(alone, 0.9)
        assert np.abs(linear(batch, 0.9)[k:k + 1, :V.shape[1]] - V).max() < 1e-12


def test_padding_has_exactly_no_influence_and_is_worth_nothing():
    mask = ragged()
    batch = data(mask=mask)
    x = np.where(mask[..., None], batch.x, 1e6)
    spoilt = Rollout(x, batch.action, batch.reward, batch.log_prob, batch.value, batch.end, mask)
    assert np.array_equal(linear(batch, 0.9), linear(spoilt, 0.9))
    assert not linear(batch, 0.9)[~mask].any()


def test_the_baseline_is_a_pure_function_of_the_batch():
    batch = data()
    for array in (batch.x, batch.reward, batch.end, batch.mask):
        array.flags.writeable = False
    assert np.array_equal(linear(batch, 0.9), linear(batch, 0.9))


def test_the_clock_starts_again_with_each_episode_of_a_trial():
    end = np.array([0, 1, 0, 0, 1, 0], bool)[None, :, None]
    assert clock(end).ravel().tolist() == [0, 1, 0, 1, 2, 0]


def test_one_hot_observations_whose_squares_are_themselves_are_no_trouble():
    batch = data(n=4)
    x = (batch.x == batch.x.max(-1, keepdims=True)).astype(float)
    V = linear(Rollout(x, batch.action, batch.reward, batch.log_prob, batch.value, batch.end,
                       batch.mask), 0.9)
    assert np.isfinite(V).all() and np.abs(V).max() < 20


def test_no_reward_is_expected_to_stay_exactly_none():
    batch = data(scale=0.0)
    assert not linear(batch, 0.9).any() and not none(batch, 0.9).any()


def test_the_baseline_takes_away_variance():
    batch = data(B=40)
    x = batch.x[..., 0]
    batch = Rollout(batch.x, batch.action, batch.reward + 5 * x * x, batch.log_prob, batch.value,
                    batch.end, batch.mask)
    plain, better = (gae(batch.reward, b(batch, 0.5), 0.5, 1.0, batch.end)
                     for b in (none, linear))
    assert better.var() < 0.5 * plain.var()


@pytest.mark.parametrize("name", BASELINES)
def test_normalised_advantages_do_not_change_when_rewards_are_scaled_by_10(name):
    one, ten = data(mask=ragged()), data(mask=ragged(), scale=10.0)
    A, B = (normalised(gae(d.reward, baseline(name)(d, 0.9), 0.9, 1.0, d.end) * d.mask, d.mask)
            for d in (one, ten))
    assert np.abs(A - B).max() < 1e-10
    n = one.mask.sum((1, 2))
    assert np.allclose(A.sum((1, 2)), 0, atol=1e-10)
    assert np.allclose((A * A).sum((1, 2)) / n, 1, atol=1e-10)


def test_float32_stays_float32():
    batch = data()
    batch = Rollout(*(a.astype(np.float32) if a.dtype == float else a for a in (
        getattr(batch, f) for f in batch.__dataclass_fields__)))
    assert linear(batch, 0.9).dtype == none(batch, 0.9).dtype == np.float32


def test_an_unknown_baseline_is_refused_and_the_choices_listed():
    with pytest.raises(ValueError, match="baseline must be one of 'linear', 'none', got 'gae'"):
        baseline("gae")
