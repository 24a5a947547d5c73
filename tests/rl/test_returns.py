"""Returns and advantages, on cases that can be checked by hand."""
import doctest

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.signal import lfilter

from minimeta.rl import (counts, discounted, gae, is_rounding, normalised, return_scale,
                         returns, step_weights)


def column(*numbers):
    """One episode of one task: [1, T, 1]."""
    return np.array(numbers, float)[None, :, None]


def flat(array):
    return array.ravel().tolist()


def test_three_rewards_of_one_at_discount_a_half_are_worth_1_75():
    assert flat(discounted(column(1, 1, 1), 0.5)) == [1.75, 1.5, 1.0]


def test_nothing_flows_back_past_a_cut():
    cut = column(0, 1, 0).astype(bool)
    assert flat(discounted(column(1, 1, 8), 0.5, cut)) == [1.5, 1.0, 8.0]
    assert flat(gae(column(1, 1, 8), column(2, 4, 6), 0.5, 1.0, cut)) == [-0.5, -3.0, 2.0]


def test_without_a_cut_an_early_step_earns_what_a_later_episode_pays():
    reward, value = column(0, 0, 0, 1), column(0, 0, 0, 0)
    assert gae(reward, value, 1.0, 1.0)[0, 0, 0] == 1
    cut = column(0, 1, 0, 1).astype(bool)
    assert gae(reward, value, 1.0, 1.0, cut)[0, 0, 0] == 0


def test_lambda_zero_gives_temporal_difference_residuals():
    # r_t + gamma V_{t+1} - V_t, and V past the end is 0
    assert flat(gae(column(1, 2, 3), column(4, 5, 6), 0.5, 0.0)) == [-0.5, 0.0, -3.0]


@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 1))
def test_lambda_one_gives_monte_carlo_advantages(seed, gamma):
    reward, value = np.random.default_rng(seed).normal(size=(2, 3, 6, 2))
    expected = discounted(reward, gamma) - value
    assert np.allclose(gae(reward, value, gamma, 1.0), expected, rtol=0, atol=1e-12)


def test_with_exact_values_in_a_deterministic_mdp_all_advantages_are_zero():
    reward = column(1, 0, 2, 5)
    for lam in (0.0, 0.4, 1.0):
        assert np.abs(gae(reward, discounted(reward, 0.9), 0.9, lam)).max() < 1e-15


@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 1), lam=st.floats(0, 1))
def test_advantages_are_the_lambda_weighted_sum_of_residuals(seed, gamma, lam):
    reward, value = np.random.default_rng(seed).normal(size=(2, 2, 5, 3))
    after = np.concatenate([value[:, 1:], np.zeros_like(value[:, :1])], 1)
    delta = reward + gamma * after - value
    slow = sum((gamma * lam) ** j * delta[:, j] for j in range(5))
    assert np.allclose(gae(reward, value, gamma, lam)[:, 0], slow, rtol=0, atol=1e-12)


def test_normalised_advantages_do_not_change_when_rewards_are_scaled_by_ten():
    A, mask = np.random.default_rng(0).normal(size=(2, 7, 3)), np.ones((2, 7, 3))
    mask[1, 4:] = 0
    out = normalised(A, mask)
    assert np.allclose(out, normalised(10 * A, mask), rtol=0, atol=1e-13)
    assert np.allclose(out.sum((1, 2)), 0, atol=1e-12)
    assert np.allclose((out ** 2).sum((1, 2)) / mask.sum((1, 2)), 1, atol=1e-12)
    assert np.all(out[mask == 0] == 0)


def test_what_is_better_than_the_mean_stays_so_by_as_many_deviations():
    A, mask = np.random.default_rng(1).normal(size=(2, 7, 3)), np.ones((2, 7, 3), bool)
    mask[1, 4:, 2] = False
    out = normalised(A, mask)
    for k in range(2):
        taken = A[k][mask[k]]
        assert np.abs(out[k][mask[k]] - (taken - taken.mean()) / taken.std()).max() < 1e-13


def test_normalising_one_task_ignores_the_others():
    A, mask = np.random.default_rng(0).normal(size=(2, 7, 3)), np.ones((2, 7, 3))
    assert np.array_equal(normalised(A, mask)[:1], normalised(A[:1], mask[:1]))


@pytest.mark.parametrize("value", [1, 0.1, -0.3, 1e30, 1e-30, 0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_advantages_normalise_to_zero(value, dtype):
    A, mask = np.full((2, 10, 7), value, dtype), np.ones((2, 10, 7), bool)
    mask[1, 4:, 2:] = False
    for scale in (None, 1.0, np.full((2, 1, 1), max(abs(value), 1e-30), dtype)):
        out = normalised(A, mask, scale)
        assert out.dtype == dtype and not out.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_spread_of_rounding_is_none_and_a_spread_that_is_not_is_kept(dtype):
    rng, eps = np.random.default_rng(0), np.finfo(dtype).eps
    G = 7 + rng.normal(size=(3, 40, 5)).astype(dtype)
    mask, scale = np.ones(G.shape, bool), return_scale(G, 0.0)
    noise = (100 * eps * rng.normal(size=G.shape)).astype(dtype)  # of a sum of 100 rewards
    assert not normalised(noise, mask, scale).any()
    little = (100 * np.sqrt(eps) * rng.normal(size=G.shape)).astype(dtype)
    assert abs(normalised(little, mask, scale).std() - 1) < 1e-3
    assert abs(normalised(noise, mask).std() - 1) < 1e-3  # who does not know the scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share, is_kept", [(1.2, True), (0.8, False)])
def test_who_does_not_know_the_scale_takes_the_largest_advantage_for_it(dtype, share, is_kept):
    # Half of the steps are 2 d above the others: the spread is d.
    d = dtype(share * np.sqrt(np.finfo(dtype).eps))
    A = np.where(np.arange(8) % 2, dtype(1) + 2 * d, dtype(1)).reshape(1, 2, 4)
    for size in (dtype(1), dtype(2 ** -9)):
        assert normalised(size * A, np.ones(A.shape, bool)).any() == is_kept


def test_rounding_is_told_task_by_task():
    A = np.random.default_rng(0).normal(size=(3, 6, 4)) * np.array([1, 1e-12, 1])[:, None, None]
    out = normalised(A, np.ones(A.shape, bool), np.array([1.0, 1.0, 1e-3])[:, None, None])
    assert out.any((1, 2)).tolist() == [True, False, True]
    assert is_rounding(np.float32(1e-4), 1.0) and not is_rounding(np.float64(1e-4), 1.0)
    assert is_rounding(np.float64(0), 0.0)  # nothing is none


@pytest.mark.parametrize("size", [1e-30, 1e-15, 1e-3, 1e3, 1e15, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rewards_of_every_size_normalise_to_the_same(size, dtype):
    A = np.random.default_rng(0).normal(size=(2, 7, 3)).astype(dtype)
    mask = np.ones(A.shape, bool)
    with np.errstate(all="raise"):
        scaled = normalised((A * dtype(size)), mask, np.abs(A).max() * dtype(size))
    assert np.abs(scaled - normalised(A, mask)).max() < 20 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [None, 5.0])
def test_a_task_with_no_step_or_with_one_normalises_to_zero(dtype, scale):
    A = 3 + np.random.default_rng(0).normal(size=(3, 7, 4)).astype(dtype)
    mask = np.ones(A.shape, bool)
    mask[0] = mask[1] = False
    mask[1, 2, 3] = True
    with np.errstate(all="raise"):
        out = normalised(A, mask, scale)
    assert out.dtype == dtype and not out[:2].any()
    assert np.array_equal(out[2:], normalised(A[2:], mask[2:], scale)) and out[2].all()


def test_masked_advantages_have_no_influence():
    A, mask = np.random.default_rng(0).normal(size=(2, 7, 3)), np.ones((2, 7, 3), bool)
    mask[0, 5:, 1] = mask[1, 2:, 0] = False
    spoilt = np.where(mask, A, 1e300)
    assert np.array_equal(normalised(A, mask), normalised(spoilt, mask))
    assert np.array_equal(normalised(A, mask), normalised(A, mask.astype(float)))


def test_the_scale_is_the_largest_return_before_the_baseline():
    reward = np.array([[[1.0, 0], [1, -9], [1, 0]], [[0, 0], [0, 0], [0, 0]]])
    assert return_scale(reward, 0.5).ravel().tolist() == [9, 0]
    assert return_scale(reward, 1.0)[0] == 9 and return_scale(reward[..., :1], 1.0)[0] == 3


def test_counts_and_weights_of_steps():
    mask = np.ones((2, 3, 4), bool)
    mask[1, 1:, 2] = False
    assert counts(mask).ravel().tolist() == [12, 10] and counts(mask).shape == (2, 1, 1)
    w = step_weights(mask, np.float32)
    assert w.dtype == np.float32 and np.allclose(w.sum((1, 2)), 1) and not w[~mask].any()
    with pytest.raises(ValueError, match="mask must have a step in every task, got none in task 1"):
        counts(np.stack([mask[0], ~mask[0]]))
    with pytest.raises(ValueError, match="mask must hold 1 or True"):
        step_weights(mask * 0.5, float)


def test_the_worked_numbers_of_the_docstrings_are_right():
    failed, tried = doctest.testmod(returns)
    assert (failed, tried) == (0, 3)


@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_advantages_are_the_weighted_mean_of_those_of_n_steps(lam):
    rng, gamma, T = np.random.default_rng(0), 0.9, 6
    reward, value = rng.normal(size=(2, T)), np.zeros((2, T + 400))
    value[:, :T] = rng.normal(size=(2, T))
    paid = np.concatenate([reward, np.zeros((2, 400))], -1)

    def n_steps(n):  # of the first step
        return paid[:, :n] @ gamma ** np.arange(n) + gamma ** n * value[:, n] - value[:, 0]

    expected = sum((1 - lam) * lam ** (n - 1) * n_steps(n) for n in range(1, 400))
    A = gae(reward[..., None], value[:, :T, None], gamma, lam)[:, 0, 0]
    assert np.abs(A - (n_steps(T) if lam == 1 else expected)).max() < 1e-12


@given(seed=st.integers(0, 2**31), gamma=st.floats(0, 1))
def test_returns_without_cuts_are_a_linear_filter_run_backwards(seed, gamma):
    reward = np.random.default_rng(seed).normal(size=(2, 9, 3))
    filtered = lfilter([1], [1, -gamma], reward[:, ::-1], axis=1)[:, ::-1]
    assert np.abs(discounted(reward, gamma) - filtered).max() < 1e-12


@pytest.mark.parametrize("lead", [(), (2,), (2, 4)])
def test_any_number_of_task_axes_is_a_loop_over_tasks(lead):
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(2, *lead, 6, 3))
    cut, mask = rng.random((2, *lead, 6, 3)) < 0.4
    mask[..., 0, :] = True
    for index in np.ndindex(*lead):
        one = [array[index] for array in (reward, value, cut, mask)]
        assert np.array_equal(discounted(reward, 0.9, cut)[index], discounted(one[0], 0.9, one[2]))
        assert np.array_equal(gae(reward, value, 0.9, 0.8, cut)[index],
                              gae(*one[:2], 0.9, 0.8, one[2]))
        assert np.array_equal(normalised(reward, mask)[index], normalised(one[0], one[3]))
        assert np.array_equal(step_weights(mask, float)[index], step_weights(one[3], float))


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_the_type_of_gamma_and_lambda_does_not_matter_to_the_bit(kind):
    rng = np.random.default_rng(0)
    reward, value = rng.normal(size=(2, 2, 5, 3)).astype(np.float32)
    cut = np.zeros(reward.shape, bool)
    cut[:, 2] = True
    for gamma, lam in ((0.5, 0.75), (1, 0)):
        plain = gae(reward, value, gamma, lam, cut)
        other = gae(reward, value, kind(gamma), kind(lam), cut)
        assert plain.dtype == other.dtype == np.float32 and np.array_equal(plain, other)
        assert np.array_equal(discounted(reward, gamma), discounted(reward, kind(gamma)))


def test_what_is_discounted_to_nothing_is_zero_under_every_setting():
    reward = np.zeros((1, 400, 1), np.float32)
    reward[:, -1] = 1
    with np.errstate(all="raise"):
        assert discounted(reward, 0.5)[0, 0, 0] == 0
        assert np.isfinite(gae(reward * np.float32(1e-30), reward, 1e-20, 0.5)).all()
        assert np.isfinite(gae(reward, reward * np.float32(1e-30), 1e-20, 0.5)).all()
        far_apart = np.array([[[1e30], [-1e30], [1e-30]]], np.float32)
        assert normalised(far_apart, np.ones((1, 3, 1), bool))[0, 2, 0] == 0


def test_targets_do_not_depend_on_normalisation_and_inputs_are_left_alone():
    reward, value = np.random.default_rng(0).normal(size=(2, 1, 4, 2))
    kept = reward.copy(), value.copy()
    A = gae(reward, value, 0.9, 0.8)
    targets = A + value
    normalised(A, np.ones(A.shape, bool))
    assert np.array_equal(targets, A + value)
    assert np.array_equal(reward, kept[0]) and np.array_equal(value, kept[1])


def test_float32_stays_float32():
    reward = np.ones((1, 4, 2), np.float32)
    assert gae(reward, reward, 0.9, 0.8).dtype == np.float32
    assert normalised(reward, np.ones(reward.shape, bool)).dtype == np.float32


@pytest.mark.parametrize("gamma", [2, -0.5])
@pytest.mark.parametrize("lam", [0, 0.25])
def test_advantages_refuse_a_discount_whose_product_with_lambda_would_do(gamma, lam):
    r = np.ones((1, 4, 2))
    with pytest.raises(ValueError, match=rf"gamma must be a finite number in .*, got {gamma}"):
        gae(r, r, gamma, lam)


@pytest.mark.parametrize("call, message", [
    (lambda r: discounted(r, 1.5), r"gamma must be a finite number in \[0, 1\], got 1.5"),
    (lambda r: discounted(r, float("nan")), "gamma must be a finite number"),
    (lambda r: gae(r, r, 0.9, -0.1), r"lam must be a finite number in \[0, 1\], got -0.1"),
    (lambda r: gae(r, r[:, 1:], 0.9, 0.5), "value must have the shape of reward"),
    (lambda r: discounted(r, 0.9, r[:, 1:]), "cut must have the shape of reward"),
    (lambda r: normalised(r, 0.5 * r), "mask must hold 1 or True"),
])
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((1, 4, 2)))


def test_whole_numbers_as_rewards_are_refused_since_their_returns_are_none():
    with pytest.raises(TypeError, match="reward must hold floating numbers"):
        discounted(np.ones((1, 4, 2), int), 0.5)
