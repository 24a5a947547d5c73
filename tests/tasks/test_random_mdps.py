"""Random MDPs: what is drawn, and the numbers that are known of them."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta.tasks import RandomMDP, value_iteration
from minimeta.tasks.random_mdp import draw_index

K = 5_000


@pytest.fixture(scope="module")
def tasks():
    return RandomMDP().sample(K, np.random.default_rng(0))


def test_knowing_the_mdp_earns_21_8_an_episode_and_chance_10(tasks):
    oracle, random = tasks.oracle(), tasks.random()
    assert abs(oracle.mean() - 21.81) < 4 * oracle.std() / np.sqrt(K) + 0.01
    assert abs(random.mean() - 10) < 4 * random.std() / np.sqrt(K)


def test_transitions_are_flat_dirichlet(tasks):
    P = tasks.P[:, 3, 2]                       # independent over tasks
    assert np.allclose(P.sum(-1), 1) and P.min() > 0
    assert np.all(np.abs(P.mean(0) - 0.1) < 4 * P.std(0) / np.sqrt(K))
    tail = (P > 0.2).mean(0)                   # P(p > x) = (1 - x)^(S - 1)
    assert np.all(np.abs(tail - 0.8 ** 9) < 4 * np.sqrt(0.8 ** 9 / K))


def test_mean_rewards_are_normal_about_one(tasks):
    R = tasks.R.ravel()
    assert abs(R.mean() - 1) < 4 / np.sqrt(R.size)
    assert abs(R.var() - 1) < 4 * np.sqrt(2 / R.size)
    assert abs((R > 2).mean() - 0.158655) < 4 * np.sqrt(0.16 / R.size)


def test_steps_follow_the_tables():
    rng = np.random.default_rng(0)
    tasks = RandomMDP(3, 2, 4, 1, noise=0.5).sample(2, rng)
    state, action = np.full((2, 50_000), 1), np.ones((2, 50_000), int)
    after, obs, reward, done = tasks.step(state, action, rng)
    often = (after[..., None] == np.arange(3)).mean(1)
    p = tasks.P[:, 1, 1]
    assert np.all(np.abs(often - p) < 4 * np.sqrt(p * (1 - p) / 50_000))
    assert np.all(np.abs(reward.mean(1) - tasks.R[:, 1, 1]) < 4 * 0.5 / np.sqrt(50_000))
    assert np.all(np.abs(reward.std(1) / 0.5 - 1) < 4 / np.sqrt(2 * 50_000))
    assert np.array_equal(obs.argmax(-1), after) and np.all(obs.sum(-1) == 1)
    assert not done.any()


def test_without_noise_rewards_are_their_means():
    rng = np.random.default_rng(0)
    tasks = RandomMDP(3, 2, 4, 1, noise=0.0).sample(5, rng)
    state, _ = tasks.reset(2, rng)
    _, _, reward, _ = tasks.step(state, np.ones((5, 2), int), rng)
    assert np.array_equal(reward, np.repeat(tasks.R[:, 0, 1:], 2, 1))


def test_a_state_of_probability_zero_is_never_drawn():
    rng = np.random.default_rng(0)
    p = np.array([[0.0, 0.3, 0.0, 0.7, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [1.0, 0, 0, 0, 0]])
    drawn = draw_index(np.broadcast_to(p, (100_000, 3, 5)), rng)
    assert [set(np.unique(column)) for column in drawn.T] == [{1, 3}, {2}, {0}]
    assert abs((drawn[:, 0] == 1).mean() - 0.3) < 4 * np.sqrt(0.21 / 100_000)


class Extreme:
    """The luck that is most likely to go wrong: the ends of [0, 1)."""

    def __init__(self, u):
        self.u = u

    def random(self, shape):
        return np.full(shape, self.u)


@pytest.mark.parametrize("u, first, last", [(0.0, 1, 1), (np.nextafter(1, 0), 98, 98)])
def test_neither_rounding_nor_the_ends_of_luck_lead_where_nothing_leads(u, first, last):
    rng = np.random.default_rng(0)
    p = rng.standard_exponential((20_000, 100))
    p[:, 0] = p[:, -1] = 0
    p /= p.sum(-1, keepdims=True)
    assert set(p.cumsum(-1)[:, -1]) > {1.0}  # sums are off 1 on both sides
    drawn = draw_index(p, Extreme(u))
    assert drawn.min() == first and drawn.max() == last


def test_a_world_where_some_states_cannot_be_reached_never_reaches_them():
    rng = np.random.default_rng(0)
    tasks = RandomMDP(4, 2, 5).sample(30, rng)
    P = np.where(np.arange(4) == 2, 0, tasks.P)
    tasks = replace(tasks, P=P / P.sum(-1, keepdims=True))
    state, _ = tasks.reset(2000, rng)
    for _ in range(5):
        state, _, _, _ = tasks.step(state, rng.integers(2, size=state.shape), rng)
        assert not np.any(state == 2)


def test_bad_sizes_are_refused_by_name():
    for name in ("states", "actions", "horizon", "episodes"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            RandomMDP(**{name: 0})
    with pytest.raises(ValueError, match="noise must be a finite number"):
        RandomMDP(noise=-1.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        RandomMDP(gamma=0.9)


@pytest.mark.parametrize("P, R", [(np.ones(3), np.ones(3)), (np.ones((2, 2)), np.ones((2, 2)))])
def test_tables_of_other_shapes_are_refused(P, R):
    with pytest.raises(ValueError, match=r"P must be \[..., S, A, S\] and R \[..., S, A\], got"):
        value_iteration(P, R, 4)


@pytest.mark.parametrize("row", [(1.5, -0.5), (0.4, 0.5), (0.6, 0.5), (0.5, 0.500005)])
def test_what_is_below_0_or_has_another_sum_than_1_is_no_probability(row):
    P = np.full((2, 3, 2), 0.5)
    P[1, 2] = row
    with pytest.raises(ValueError, match="P must hold probabilities, with sum 1"):
        value_iteration(P, np.ones((2, 3)), 4)


def test_one_mdp_alone_is_planned_as_among_others():
    tasks = RandomMDP(4, 3, 5).sample(2, np.random.default_rng(0))
    P, R, _ = tasks.tables()
    P = P * (1 + 5e-7)   # a sum of 1 but for rounding
    for one, many in zip(value_iteration(P[1], R[1], 5), value_iteration(P, R, 5)):
        assert np.allclose(one, many[1], rtol=1e-12)


@pytest.mark.parametrize("gamma", [-0.1, 1.1])
def test_a_discount_lies_between_0_and_1(gamma):
    P, R, _ = RandomMDP(4, 3, 5).sample(2, np.random.default_rng(0)).tables()
    with pytest.raises(ValueError, match="gamma must be a finite number in .0, 1."):
        value_iteration(P, R, 5, gamma)
