"""Bandits whose arms hang together, that tell, or that change: what is drawn and what
is paid."""
import numpy as np
import pytest

from minimeta.rivals.bandit_agents import BanditAgent, random
from minimeta.tasks import (BernoulliBandit, DependentBandit, InformativeBandit,
                            RestlessBandit)
from minimeta.tasks.bandits import KINDS, pulls_as_text


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind, values", [
    ("easy", {0.1, 0.9}), ("medium", {0.25, 0.75}), ("hard", {0.4, 0.6})])
def test_dependent_arms_add_up_to_one_and_take_both_values_equally_often(kind, values):
    p = DependentBandit(kind, 5).sample(40_000, rng()).p
    assert np.all(np.abs(p.sum(-1) - 1) < 1e-15)
    assert {round(float(v), 12) for v in np.unique(p.round(12))} == values
    assert abs((p[:, 0] > 0.5).mean() - 0.5) < 0.01


def test_uniform_arms_depend_on_each_other_and_independent_ones_do_not():
    p = {kind: DependentBandit(kind, 5).sample(10_000, rng()).p
         for kind in ("uniform", "independent")}
    assert np.all(p["uniform"].sum(-1) == 1)
    assert abs(np.corrcoef(p["independent"].T)[0, 1]) < 0.04
    for values in p.values():
        fifths = np.histogram(values[:, 0], 5, (0, 1))[0] / 10_000
        assert np.abs(fifths - 0.2).max() < 0.02


def test_the_informative_arm_tells_the_target_and_never_pays_more_than_one():
    tasks = InformativeBandit().sample(500, rng())
    target = tasks.p[:, :10].argmax(-1)
    assert set(target) == set(range(10))
    assert np.all(np.sort(tasks.p[:, :10], -1) == [1] * 9 + [5])
    assert np.array_equal(tasks.p[:, 10], (target + 1) / 10)


def test_each_of_the_first_ten_arms_is_the_target_equally_often():
    p = InformativeBandit().sample(20_000, rng()).p
    shares = np.bincount(p[:, :10].argmax(-1), minlength=10) / 20_000
    assert np.all(np.abs(shares - 0.1) < 4.5 * np.sqrt(0.09 / 20_000))


def test_each_volatility_is_drawn_equally_often():
    p = RestlessBandit(3, (0.0, 0.3)).sample(10_000, rng()).p[..., 0]
    assert abs((p[:, 0] == p[:, 2]).mean() - 0.5) < 0.02


def test_arms_of_the_informative_bandit_pay_the_same_every_time():
    tasks = InformativeBandit(pulls=3).sample(6, rng())
    state, _ = tasks.reset(11, rng())
    action = np.broadcast_to(np.arange(11), (6, 11))
    for _ in range(3):
        state, _, reward, done = tasks.step(state, action, rng())
        assert np.array_equal(reward, tasks.p) and not done.any()


def test_a_restless_bandit_follows_its_path_in_every_episode():
    tasks = RestlessBandit(pulls=9, volatilities=(0.3,)).sample(3, rng())
    for _ in range(2):
        state, _ = tasks.reset(40_000, rng(1))
        for t in range(9):
            action = np.full(state.shape, t % 2)
            state, _, reward, _ = tasks.step(state, action, rng(t))
            assert np.abs(reward.mean(-1) - tasks.p[:, t, t % 2]).max() < 0.01


def test_restless_paths_stay_inside_and_move_as_fast_as_their_volatility():
    p = RestlessBandit(50, (0.02, 0.1)).sample(4000, rng()).p
    assert np.abs(np.diff(p[..., 0])).max() < 6 * 0.1   # reflected, it never jumps
    assert p.shape == (4000, 50, 2) and np.all((0 <= p) & (p <= 1))
    assert np.all(np.abs(p.sum(-1) - 1) < 1e-12)
    away = (p[:, :-1, 0] > 0.4) & (p[:, :-1, 0] < 0.6)  # from where it is reflected
    steps = np.where(away, np.diff(p[..., 0], axis=1), np.nan)
    spread = np.sqrt(np.nanmean(steps ** 2))
    assert abs(spread / np.sqrt((0.02 ** 2 + 0.1 ** 2) / 2) - 1) < 0.05
    assert np.abs(np.histogram(p[:, -1, 0], 5, (0, 1))[0] / 4000 - 0.2).max() < 0.03


FAMILIES = [DependentBandit(kind, 7) for kind in KINDS] + [
    InformativeBandit(6), RestlessBandit(8), BernoulliBandit(3, 4)]


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_knowing_and_chance_earn_what_the_family_says(family):
    tasks = family.sample(5, rng())
    state, _ = tasks.reset(6000, rng(1))
    knowing, chance = np.zeros((2, 5))
    for t in range(family.horizon):
        arms = np.stack([tasks.mean(np.full((5, 1), t), np.full((5, 1), a))[:, 0]
                         for a in range(family.arms)], -1)
        best = np.broadcast_to(arms.argmax(-1)[:, None], state.shape)
        knowing += tasks.step(state, best, rng(2 * t))[2].mean(-1)
        anything = rng(2 * t).integers(family.arms, size=state.shape)
        state, _, reward, _ = tasks.step(state, anything, rng(2 * t + 1))
        chance += reward.mean(-1)
    assert np.abs(knowing - tasks.oracle()).max() < 0.15
    assert np.abs(chance - tasks.random()).max() < 0.3


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_the_regret_of_acting_at_random_is_the_gap_between_knowing_and_chance(family):
    tasks = family.sample(4, rng())
    action = rng(1).integers(family.arms, size=(4, family.pulls, 3000))
    regret = tasks.regret(action)
    assert regret.shape == action.shape and np.all(regret >= 0)
    assert np.abs(regret.sum(1).mean(-1) - (tasks.oracle() - tasks.random())).max() < 0.2


def test_pulling_the_best_arm_throughout_has_no_regret():
    tasks = DependentBandit("uniform", 6).sample(9, rng())
    best = np.broadcast_to(tasks.p.argmax(-1)[:, None, None], (9, 6, 2))
    assert np.abs(tasks.regret(best)).max() == 0
    gap = np.abs(np.diff(tasks.p))[:, :, None]
    assert np.abs(tasks.regret(1 - best) - gap).max() < 1e-12


def test_classical_agents_play_them_in_the_same_rollout():
    tasks = DependentBandit("easy", 7).sample(5000, rng())
    data = BanditAgent(2, random).collect(None, tasks, rng(1))
    assert abs(tasks.regret(data.action).sum(1).mean() - 7 * 0.4) < 0.1


def test_a_trial_can_be_seen_as_text():
    text = pulls_as_text(np.array([0, 2, 2]), np.array([0.0, 1.0, 0.0]), arms=3)
    assert text == "arm  1  0\narm  2  \narm  3   10"
    wide = pulls_as_text(np.array([1, 0]), np.array([0.7, 5.0]), arms=2).splitlines()
    assert wide == ["arm  1        5", "arm  2  0.7"]


@pytest.mark.parametrize("make, error, message", [
    (lambda: DependentBandit("simple", 5), ValueError,
     "kind must be one of 'easy', 'medium', 'hard', 'uniform', 'independent', got"),
    (lambda: DependentBandit(3, 5), ValueError, "kind must be one of .*, got 3"),
    (lambda: DependentBandit("easy", 0), ValueError, "pulls must be at least 1, got 0"),
    (lambda: InformativeBandit(2.5), TypeError, "pulls must be a whole number, got"),
    (lambda: RestlessBandit(5, ()), ValueError, "number of volatilities must be"),
    (lambda: RestlessBandit(5, (-0.1,)), ValueError, "volatility must be .*, got -0.1"),
    (lambda: DependentBandit("easy", 5).sample(0, rng()), ValueError, "K must be"),
])
def test_bad_input_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("action, error", [
    (np.full((2, 3), 11), ValueError), (np.full((2, 3), 0.5), TypeError),
    (np.zeros((2, 4), int), ValueError)])
def test_actions_of_another_range_type_or_shape_are_refused(action, error):
    tasks = InformativeBandit().sample(2, rng())
    state, _ = tasks.reset(3, rng())
    with pytest.raises(error, match="action must"):
        tasks.step(state, action, rng())


@pytest.mark.parametrize("family", [BernoulliBandit(3, 4), RestlessBandit(8)], ids=str)
def test_the_share_of_the_pulls_that_are_left_is_seen(family):
    tasks, n = family.sample(2, rng()), family.horizon
    state, obs = tasks.reset(5, rng())
    for t in range(n):
        assert obs.shape == (2, 5, 1) and np.allclose(obs, 1 - t / n, rtol=1e-15)
        state, obs, *_ = tasks.step(state, np.zeros((2, 5), int), rng())
    assert not obs.any()
