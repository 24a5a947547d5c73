"""Random MDPs: what is drawn, and the numbers that are known of them."""
import numpy as np
import pytest

from minimeta.tasks import RandomMDP

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


def test_bad_sizes_are_refused_by_name():
    for name in ("states", "actions", "horizon", "episodes"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            RandomMDP(**{name: 0})
    with pytest.raises(ValueError, match="noise must be a finite number"):
        RandomMDP(noise=-1.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        RandomMDP(gamma=0.9)
