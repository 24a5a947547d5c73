"""Returns and advantages, on cases that can be checked by hand."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta.rl import discounted, gae, normalised


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


def test_normalising_one_task_ignores_the_others():
    A, mask = np.random.default_rng(0).normal(size=(2, 7, 3)), np.ones((2, 7, 3))
    assert np.array_equal(normalised(A, mask)[:1], normalised(A[:1], mask[:1]))


def test_equal_advantages_normalise_to_zero_not_to_nan():
    assert np.array_equal(normalised(np.ones((1, 4, 2)), np.ones((1, 4, 2))), np.zeros((1, 4, 2)))


def test_targets_do_not_depend_on_normalisation_and_inputs_are_left_alone():
    reward, value = np.random.default_rng(0).normal(size=(2, 1, 4, 2))
    kept = reward.copy(), value.copy()
    A = gae(reward, value, 0.9, 0.8)
    targets = A + value
    normalised(A, np.ones_like(A))
    assert np.array_equal(targets, A + value)
    assert np.array_equal(reward, kept[0]) and np.array_equal(value, kept[1])


def test_float32_stays_float32():
    reward = np.ones((1, 4, 2), np.float32)
    assert gae(reward, reward, 0.9, 0.8).dtype == np.float32
    assert normalised(reward, reward).dtype == np.float32


@pytest.mark.parametrize("call, message", [
    (lambda r: discounted(r, 1.5), r"gamma must be a finite number in \[0, 1\], got 1.5"),
    (lambda r: discounted(r, float("nan")), "gamma must be a finite number"),
    (lambda r: gae(r, r, 0.9, -0.1), r"lam must be a finite number in \[0, 1\], got -0.1"),
    (lambda r: gae(r, r[:, 1:], 0.9, 0.5), "value must have the shape of reward"),
    (lambda r: discounted(r, 0.9, r[:, 1:]), "cut must have the shape of reward"),
])
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((1, 4, 2)))
