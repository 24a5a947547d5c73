"""What an update of RL^2 keeps, reports, warns of and stops at."""
import warnings
from dataclasses import replace

import numpy as np
import pytest

from minimeta import RL2, SGD, Categorical, Gaussian, NonFiniteError, RecurrentPolicy
from minimeta.meta.rl2 import fold_tasks, steps_taken
from minimeta.objective.optimizers import clip_norm
from minimeta.tasks import BernoulliBandit, PointNavigation

POLICY = RecurrentPolicy(1, Categorical(3), n_hidden=5)
LEARNER = RL2(POLICY, trials=3, dtype=np.float64)
EARLY = RL2(RecurrentPolicy(2, Gaussian(2), 5), episodes=2, trials=4, dtype=np.float64)


def batch(learner=LEARNER, pulls=4, K=5, seed=0):
    rng = np.random.default_rng(seed)
    family = BernoulliBandit(3, pulls) if learner.episodes == 1 else PointNavigation(
        horizon=8, radius=0.25, max_step=0.3, episodes=2)
    theta = learner.init(rng)
    return theta, learner.collect(theta, family.sample(K, rng), rng)


def test_an_epoch_is_one_clipped_step_of_the_optimizer_from_where_it_was():
    theta, data = batch()
    learner = replace(LEARNER, epochs=1, max_norm=0.01)
    state = kept = learner.optimizer.init(theta)
    for progress in (0.0, 0.5):
        weight, rate = 0.02 * (1 - progress), 6e-3 * (1 - progress)
        grad = replace(learner, entropy_weight=weight).objective(data).at(theta).grad
        clipped, norm = clip_norm(grad, 0.01)
        by_hand, state = learner.optimizer.step(theta, clipped, state, rate)
        theta, kept, row = learner.update(theta, kept, [], data, progress)
        assert np.array_equal(theta, by_hand) and row["gradient"] == norm > 0.01


def test_two_epochs_are_two_updates_of_one_and_the_first_begins_without_moments():
    theta, data = batch()
    one, two = replace(LEARNER, epochs=1), replace(LEARNER, epochs=2)
    first, state, _ = one.update(theta, None, [], data, 0.2)
    second, _, row = one.update(first, state, [], data, 0.2)
    both, _, row_of_both = two.update(theta, None, [], data, 0.2)
    assert np.array_equal(second, both) and row == row_of_both


@pytest.mark.parametrize("shards", [2, 3, 9])
def test_shards_of_tasks_add_up_to_the_whole_batch(shards):
    theta, data = batch(EARLY)
    whole, _, row = EARLY.update(theta, None, [], data, 0.0)
    parts, _, of_parts = EARLY.update(theta, None, [], data, 0.0, shards=shards)
    assert np.abs(parts - whole).max() < 1e-10 < np.abs(parts - theta).max()
    assert of_parts["loss"] == pytest.approx(row["loss"], rel=1e-10)
    assert of_parts["gradient"] == pytest.approx(row["gradient"], rel=1e-9)


def test_the_log_holds_plain_numbers_and_the_mean_return_of_an_episode():
    theta, data = batch(EARLY)
    _, _, row = EARLY.update(theta, None, [], data, 0.0)
    assert {type(value) for value in row.values()} == {float}
    assert row["return"] == pytest.approx(data.reward.sum(1).mean() / 2, rel=1e-12)


def test_what_follows_the_end_of_a_trial_has_no_influence_on_the_loss():
    theta, data = batch(EARLY)
    assert not data.mask.all()
    other = replace(data, **{name: np.where(
        data.mask.reshape(data.mask.shape + (1,) * (getattr(data, name).ndim - 3)),
        getattr(data, name), 0.7) for name in ("x", "action", "value", "log_prob")})
    for one, same in zip(EARLY.advantages(data), EARLY.advantages(other)):
        assert np.array_equal(np.where(data.mask, one, 0), np.where(data.mask, same, 0)) or \
            np.shape(one) == ()
    at, again = (EARLY.objective(each).at(theta) for each in (data, other))
    assert at.value == pytest.approx(again.value, rel=1e-13)
    assert np.abs(at.grad - again.grad).max() < 1e-13
    taken = replace(data, mask=np.ones_like(data.mask))
    assert abs(EARLY.objective(taken).at(theta).value - at.value) > 1e-6


@pytest.mark.parametrize("reward, unit", [(7.0, 7.0), (-7.0, 7.0), (0.25, 0.25), (0.0, 1.0)])
def test_where_all_returns_are_equal_their_size_is_the_unit_of_the_value(reward, unit):
    _, data = batch(pulls=1)
    data = replace(data, reward=np.full_like(data.reward, reward))
    A, targets, scale = replace(LEARNER, lam=1.0).advantages(data)
    assert scale == abs(reward) and np.abs(targets).max() < 1e-15
    assert np.abs(A + unit * data.value).max() < 1e-12


def test_numbers_that_are_not_finite_stop_an_update():
    theta, data = batch()
    lost = replace(data, reward=data.reward * np.nan)
    with pytest.raises(NonFiniteError, match="loss"), np.errstate(all="ignore"):
        LEARNER.update(theta, None, [], lost, 0.0)
    with pytest.raises(NonFiniteError, match="theta"), np.errstate(all="ignore"):
        replace(LEARNER, rate=1e39).update(theta.astype(np.float32), None, [], data, 0.0)


class NoGradient(RecurrentPolicy):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return theta_bar * np.nan, x_bar


def test_a_gradient_that_is_not_finite_stops_an_update_although_the_loss_is():
    learner = RL2(NoGradient(1, Categorical(3), 5), trials=3, dtype=np.float64)
    theta, data = batch(learner)
    with pytest.raises(NonFiniteError, match="gradient"):
        learner.update(theta, None, [], data, 0.0)


@pytest.mark.parametrize("size, unit, far", [
    (100, 1, True), (100.2, 1, True), (99.8, 1, False), (1 / 100.2, 1, True), (1 / 99.8, 1, False),
    (0, 1, False), (1000, 11, False), (1000, 9, True), (-101, 1, True)])
def test_rewards_a_hundred_times_from_1_as_the_policy_sees_them_are_told_once(size, unit, far):
    learner = RL2(RecurrentPolicy(1, Categorical(3), 5, reward_unit=unit), trials=3)
    theta, data = batch(learner)
    data = replace(data, reward=np.full_like(data.reward, size))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        theta, state, _ = learner.update(theta, None, [], data, 0.0)
        learner.update(theta, state, [], data, 0.0)
    assert len(told) == far


def test_the_size_of_rewards_is_told_where_their_squares_are_no_numbers_of_float32():
    learner = RL2(RecurrentPolicy(1, Categorical(3), 5), trials=3)
    data = batch(learner)[1]
    data = replace(data, reward=np.full(data.reward.shape, 1e30, np.float32))
    with pytest.warns(UserWarning, match=r"about 1e\+30, .* reward_unit=1e\+30"):
        learner.warn_of_unit(data)


class NoUnit:
    """A policy of one's own that shows rewards as they are and has no word for it."""

    def __getattr__(self, name):
        if name == "reward_unit" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(POLICY, name)


@pytest.mark.parametrize("size, far", [(100.2, True), (99.8, False)])
def test_a_policy_without_a_unit_sees_rewards_in_units_of_one(size, far):
    learner = replace(LEARNER, policy=NoUnit())
    _, data = batch()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        learner.warn_of_unit(replace(data, reward=np.full_like(data.reward, size)))
    assert len(told) == far


def test_nothing_is_expected_after_the_last_step_of_a_trial():
    _, data = batch(EARLY)
    is_last = data.mask.copy()
    is_last[:, :-1] &= ~data.mask[:, 1:]
    G = data.reward[:, ::-1].cumsum(1)[:, ::-1][data.mask]
    for lam in (0.0, 0.9, 1.0):
        A, targets, _ = replace(EARLY, lam=lam).advantages(data)
        V = G.mean() + G.std() * data.value
        assert np.abs(A - (data.reward - V))[is_last].max() < 1e-12
        assert np.abs(targets - (data.reward - G.mean()) / G.std())[is_last].max() < 1e-12
    assert not data.mask[:, -1].all()


def test_the_size_of_rewards_is_that_of_the_steps_that_were_taken():
    theta, data = batch(EARLY)
    data = replace(data, reward=np.where(data.mask, 1.0, 1e9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EARLY.warn_of_unit(data)


def test_a_loss_in_float32_stays_in_float32():
    learner = replace(EARLY, dtype=np.float32)
    theta, data = batch(learner)
    at = replace(learner, entropy_weight=0.03).objective(data).at(theta)
    assert at.value.dtype == at.grad.dtype == np.float32
    for part in learner.advantages(data):
        assert part.dtype == np.float32


def test_a_family_of_other_trials_is_refused():
    family, rng = PointNavigation(horizon=3, episodes=3), np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"family's trials, 3, got 2; use RL2\(.., episodes=3\)"):
        EARLY.collect(EARLY.init(rng), family.sample(2, rng), rng)


def test_tasks_become_rows_and_padding_moves_to_the_end_in_order():
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    folded = fold_tasks(array)
    assert folded.shape == (3, 8, 5) and np.array_equal(folded[1, 6], array[1, 1, 2])
    x, mask = np.arange(8.0).reshape(4, 2, 1), np.array([[1, 0], [0, 0], [1, 1], [0, 1]], bool)
    moved, n_steps = steps_taken(x, mask)
    assert n_steps.tolist() == [2, 2]
    assert moved[:, 0, 0].tolist()[:2] == [0, 4] and moved[:, 1, 0].tolist()[:2] == [5, 7]


@pytest.mark.parametrize("wrong, message", [
    ({"optimizer": SGD()}, r"optimizer must be an Adam\(..\), got SGD"),
    ({"dtype": np.float16}, "dtype must be np.float32 or np.float64")])
def test_what_is_of_another_kind_is_refused_by_name(wrong, message):
    with pytest.raises(TypeError, match=message):
        replace(LEARNER, **wrong)
