"""The point on the plane: moves, termination, and the two returns that are known."""
import numpy as np
import pytest

from minimeta.tasks import PointNavigation, navigation
from minimeta.tasks.navigation import PointTasks
from minimeta.testing.task_form import going_on
from minimeta.testing.task_number import uniform_return

RNG = np.random.default_rng(0)  # for what draws nothing


def test_a_move_is_a_tenth_of_the_action_clipped_by_coordinate():
    tasks = PointTasks(PointNavigation(), np.array([[0.3, 0.4]]))
    state, obs = tasks.reset(1, RNG)
    assert np.array_equal(obs, np.zeros((1, 1, 2)))
    state, obs, reward, done = tasks.step(state, np.array([[[0.5, -7.0]]]), RNG)
    assert np.allclose(obs, [[[0.05, -0.1]]], rtol=1e-15) and np.array_equal(obs, state)
    assert np.allclose(reward, -np.hypot(0.25, 0.5), rtol=1e-15) and not done.any()


def test_what_is_seen_does_not_share_memory_with_the_state():
    tasks = PointNavigation().sample(2, RNG)
    state, obs = tasks.reset(3, RNG)
    assert not np.shares_memory(state, obs)
    after, obs, _, _ = tasks.step(state, np.ones((2, 3, 2)), RNG)
    assert not np.shares_memory(after, obs) and not np.shares_memory(after, state)


def test_it_is_done_within_the_radius_in_both_coordinates():
    tasks = PointTasks(PointNavigation(), np.array([[0.05, -0.05]]))
    state = np.array([[[0.0591, -0.0591], [0.0591, -0.0601], [0.0, -0.05]]])
    _, _, _, done = tasks.step(state, np.zeros((1, 3, 2)), RNG)
    assert np.array_equal(done, [[True, False, False]])


def test_the_oracle_walks_and_the_last_step_may_be_shorter():
    goal = np.array([[0.25, 0.0], [0.205, 0.1], [0.0, 0.0]])
    tasks = PointTasks(PointNavigation(), goal)
    by_hand = [-(0.15 + 0.05), -(np.hypot(0.105, 0) + 0.005), 0]
    assert np.allclose(tasks.oracle(), by_hand, rtol=1e-12)


def test_an_episode_that_is_done_earns_no_more():
    tasks = PointTasks(PointNavigation(radius=0.25), np.array([[0.5, 0.0]]))
    assert np.allclose(tasks.oracle(), -(0.4 + 0.3 + 0.2), rtol=1e-12)


def test_no_constant_direction_and_no_noisy_expert_earns_more_than_the_oracle():
    rng = np.random.default_rng(0)
    tasks = PointNavigation(30).sample(20, rng)
    best = np.full((20, 50), -np.inf)
    for spread in (0.0, 0.01, 0.1, 0.3):
        first, _ = tasks.reset(50, rng)
        state, total, is_on = first, np.zeros((20, 50)), True
        for _ in range(30):
            expert = np.clip((tasks.goal[:, None] - state) / 0.1, -1, 1)
            noisy = expert + spread * rng.standard_normal(expert.shape)
            state, _, reward, done = tasks.step(state, noisy, rng)
            total, is_on = total + is_on * reward, is_on & ~done
            state = going_on(state, done, first)
        best = np.maximum(best, total)
    assert np.all(best <= tasks.oracle()[:, None] + 1e-12)


def test_the_oracle_averages_minus_one_half():
    oracle = PointNavigation().sample(10_000, np.random.default_rng(0)).oracle()
    cell = (np.arange(100) + 0.5) / 200  # |goal| on a fine grid, both coordinates
    x, y = (a.ravel() for a in np.meshgrid(cell, cell))
    exact = PointTasks(PointNavigation(), np.stack([x, y], -1)).oracle().mean()
    assert abs(oracle.mean() - exact) < 4 * oracle.std() / 100
    assert abs(exact + 0.50) < 0.01


def off_simulation(family, episodes, rng, errors=4):
    """By how much random() is off, of what it may be off, at four goals."""
    r, m = family.reach, family.max_step
    tasks = PointTasks(family, np.array([[0, 0], [r, r], [min(r, m), 0], [-0.3 * m, 0.1 * m]]))
    returns = uniform_return(tasks, episodes, rng)
    error = returns.std(-1) / np.sqrt(episodes)
    grid = 0.003 * np.abs(tasks.random()) + 0.01 * m  # what the docstring says
    return np.abs(returns.mean(-1) - tasks.random()) / (errors * error + grid)


@pytest.mark.parametrize("family", [
    PointNavigation(), PointNavigation(20), PointNavigation(5, reach=2.0, max_step=1.0),
    PointNavigation(1), PointNavigation(radius=0.1), PointNavigation(30, radius=0.2),
    PointNavigation(9, radius=0.001), PointNavigation(9, reach=0.1, radius=0.5)], ids=str)
def test_random_is_what_uniform_walks_earn_at_every_goal(family):
    assert np.all(off_simulation(family, 20_000, np.random.default_rng(0)) < 1)


def test_random_is_what_uniform_walks_earn_whatever_the_settings():
    rng = np.random.default_rng(0)
    for _ in range(40):
        step = 10 ** rng.uniform(-1.5, 0.3)
        family = PointNavigation(int(rng.integers(1, 25)), reach=step * 10 ** rng.uniform(-0.5, 1),
                                 max_step=step, radius=step * 10 ** rng.uniform(-2, 0.5))
        # 160 comparisons: 4 errors would be exceeded by chance in one run of a hundred
        assert np.all(off_simulation(family, 3000, rng, errors=5) < 1), family


@pytest.mark.parametrize("family, most", [
    (PointNavigation(40), 2e-4), (PointNavigation(9, radius=0.06), 2e-3)], ids=str)
def test_a_grid_four_times_finer_changes_the_value_little(family, most, monkeypatch):
    tasks = family.sample(100, np.random.default_rng(0))
    coarse = tasks.random()
    monkeypatch.setattr(navigation, "CELLS", 4 * navigation.CELLS)
    navigation.value_of_a_move.cache_clear()
    fine = tasks.random()
    navigation.value_of_a_move.cache_clear()
    assert np.abs(coarse / fine - 1).max() < most


@pytest.mark.parametrize("m", [
    8, 7.3, 1 / 0.63, 2.0, 5.5, 8.49, 1.02, 0.4, 1.8 ** 0.5, 2.02 ** 0.5, 5.9 ** 0.5])
def test_a_uniform_step_on_cells_has_the_variance_of_one_in_the_plane(m):
    step = navigation.uniform_step(m)
    away = np.arange(len(step)) - len(step) // 2
    assert (step * away ** 2).sum() == pytest.approx(m * m / 3, rel=1e-12)
    assert step.sum() == pytest.approx(1, rel=1e-12) and np.array_equal(step, step[::-1])
    assert len(step) % 2 and len(set(step[1:-1])) == 1 and 0 < step[0] < step[1]


def test_a_goal_at_the_start_within_the_radius_of_any_move_costs_one_distance():
    # E |step| of a uniform step on [-m, m]^2 is m (sqrt 2 + log(1 + sqrt 2)) / 3.
    family = PointNavigation(radius=0.1)
    exact = -0.1 * (np.sqrt(2) + np.log(1 + np.sqrt(2))) / 3
    assert abs(PointTasks(family, np.zeros((1, 2))).random()[0] - exact) < 1e-3


def test_goals_are_uniform_on_the_square():
    goal = PointNavigation(reach=2.0).sample(40_000, np.random.default_rng(0)).goal
    assert np.abs(goal).max() <= 2
    assert np.all(np.abs(goal.mean(0)) < 4 * 2 / np.sqrt(3 * 40_000))
    assert abs((np.abs(goal) < 1).all(-1).mean() - 0.25) < 4 * np.sqrt(0.1875 / 40_000)


@pytest.mark.parametrize("settings, message", [
    (dict(horizon=0), "horizon must be at least 1"),
    (dict(reach=0.0), r"reach must be a finite number in \(0, inf\)"),
    (dict(max_step=-0.1), "max_step must be a finite number"),
    (dict(radius=np.nan), "radius must be a finite number"),
])
def test_bad_settings_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        PointNavigation(**settings)
