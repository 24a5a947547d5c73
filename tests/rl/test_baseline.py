"""The baselines: what they fit, that tasks do not mix, and that padding has no part in it."""
import numpy as np
import pytest

from minimeta.rl import Rollout, discounted, gae, normalised
from minimeta.rl.baseline import BASELINES, baseline, clock, features, linear, none


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


def test_the_linear_baseline_is_the_least_squares_fit_of_each_task():
    batch = data(mask=ragged())
    G, V, f = discounted(batch.reward, 0.9, batch.end), linear(batch, 0.9), features(batch)
    for k in range(3):
        on = batch.mask[k]
        w, *_ = np.linalg.lstsq(f[k][on], G[k][on], rcond=None)
        assert np.abs(V[k][on] - f[k][on] @ w).max() < 1e-3
        residual, best = G[k][on] - V[k][on], G[k][on] - f[k][on] @ w
        assert (residual**2).sum() < (1 + 1e-6) * (best**2).sum()  # all that the ridge costs


def test_returns_that_are_linear_in_the_features_are_fitted_exactly():
    batch = data(B=9)
    x, t = batch.x[..., 0], np.arange(6)[:, None] / 6
    G = 3 * x - 2 * x * x + t**3 - 0.5
    reward = G - 0.9 * np.concatenate([G[:, 1:], np.zeros_like(G[:, :1])], 1)
    fitted = linear(Rollout(batch.x, batch.action, reward, batch.log_prob, batch.value,
                            batch.end, batch.mask), 0.9)
    assert np.abs(fitted - G).max() < 1e-4


def test_a_task_s_baseline_does_not_depend_on_the_other_tasks():
    batch = data()
    assert np.abs(linear(batch, 0.9)[1:2] - linear(batch[1:2], 0.9)).max() < 1e-12


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
