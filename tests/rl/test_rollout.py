"""The rollout, and each clause of what a recurrent agent sees at the boundaries of a trial."""
from dataclasses import dataclass

import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy, MLPPolicy
from minimeta.rl import rollout
from minimeta.tasks import BernoulliBandit, Discrete
from minimeta.tasks.family import Tasks


@dataclass(frozen=True)
class Corridor:
    """A player walks right (action 1) or stays (0); the episode is done at cell `length`.
    Reward is 10 + the cell it stands on before the step, so each step is recognisable."""

    length: int = 3
    horizon: int = 5
    obs_size = 1
    episodes = 3
    action = Discrete(2)

    def sample(self, K, rng):
        return Corridors(self, np.zeros(K))


@dataclass(frozen=True)
class Corridors(Tasks):
    family: Corridor
    nothing: np.ndarray

    def reset(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, state[..., None].astype(float)

    def step(self, state, action, rng):
        self.check_actions(action, state.shape)
        after = state + action
        return after, after[..., None].astype(float), 10.0 + state, after == self.family.length


POLICY = RecurrentPolicy(1, Categorical(2), 4)


def run(episodes=3, K=4, trials=6, seed=0, policy=POLICY, dtype=np.float64):
    rng = np.random.default_rng(seed)
    theta = policy.init(rng, dtype)
    tasks = Corridor().sample(K, rng)
    return theta, rollout(policy, theta, tasks, trials=trials, episodes=episodes, rng=rng)


def test_at_the_first_step_of_a_trial_action_reward_and_done_are_zero():
    _, data = run()
    assert np.all(data.x[:, 0, :, 1:] == 0)


def test_the_input_at_a_step_is_the_last_action_reward_and_done_across_resets():
    _, data = run()
    n, is_on = data.x.shape[1], data.mask
    for t in range(1, n):
        on = is_on[:, t]
        x = data.x[:, t][on]
        before = data.action[:, t - 1][on]
        assert np.array_equal(x[:, 1:3], before[:, None] == np.arange(2))
        assert np.array_equal(x[:, 3], data.reward[:, t - 1][on])
        assert np.array_equal(x[:, 4], data.end[:, t - 1][on])


def test_a_later_episode_begins_with_a_fresh_observation_and_d_equal_to_one():
    _, data = run()
    begins = np.zeros_like(data.mask)
    begins[:, 1:] = data.end[:, :-1] & data.mask[:, 1:]
    assert begins.sum() == 4 * 6 * 2
    assert np.all(data.x[begins][:, 0] == 0)      # the corridor's first cell again
    assert np.all(data.x[begins][:, -1] == 1)     # d
    assert np.all(data.x[begins][:, -2] >= 10)    # the last reward of the episode before
    assert np.all(data.x[begins][:, 1:3].sum(-1) == 1)  # and its last action


def test_the_hidden_state_is_carried_across_episodes_and_reset_between_trials():
    theta, data = run()
    x = np.moveaxis(data.x, 0, 1).reshape(data.x.shape[1], -1, data.x.shape[-1])
    y, _ = POLICY.forward(theta, x)               # one unroll over the whole trial
    u, value = POLICY.split(y)
    action = np.moveaxis(data.action, 0, 1).reshape(u.shape[:-1])
    mask = np.moveaxis(data.mask, 0, 1).reshape(u.shape[:-1])
    stored = np.moveaxis(data.log_prob, 0, 1).reshape(u.shape[:-1])
    again = Categorical(2).log_prob(u, action)
    assert np.abs((again - stored)[mask]).max() < 1e-12   # the ratio is 1 at first
    stored_value = np.moveaxis(data.value, 0, 1).reshape(u.shape[:-1])
    assert np.abs((value - stored_value)[mask]).max() < 1e-12


def test_a_reset_hidden_state_would_not_give_the_stored_log_probabilities():
    theta, data = run()
    start = int(np.argmax(data.end[0, :, 0])) + 1        # the second episode of one trial
    x = data.x[0, start:start + 2, :1]
    u, _ = POLICY.split(POLICY.forward(theta, x)[0])
    again = Categorical(2).log_prob(u, data.action[0, start:start + 2, :1])
    assert np.abs(again[:, 0] - data.log_prob[0, start:start + 2, 0]).max() > 1e-6


def test_the_horizon_ends_an_episode_though_the_task_is_not_done():
    family = Corridor(length=100, horizon=4)
    rng = np.random.default_rng(0)
    data = rollout(POLICY, POLICY.init(rng), family.sample(2, rng), trials=3, episodes=2, rng=rng)
    assert data.x.shape[1] == 8
    assert np.array_equal(np.flatnonzero(data.end[0, :, 0]), [3, 7])


def test_padding_after_a_trial_is_zero_and_masked():
    _, data = run()
    off = ~data.mask
    assert off.any()
    for array in (data.reward, data.log_prob, data.value, data.end):
        assert np.all(array[off] == 0)
    assert np.all(data.end.sum(1) == 3)
    last = data.mask.shape[1] - 1 - np.argmax(data.mask[:, ::-1], 1)
    assert np.all(np.take_along_axis(data.end, last[:, None], 1))


def test_returns_of_episodes_add_up_to_the_trial():
    _, data = run()
    by_episode = data.episode_returns(3)
    assert by_episode.shape == (4, 3, 6)
    assert np.allclose(by_episode.sum(1), data.reward.sum(1), rtol=1e-14)
    t = int(np.argmax(data.end[0, :, 0])) + 1
    assert by_episode[0, 0, 0] == data.reward[0, :t, 0].sum()


@pytest.mark.parametrize("policy", [POLICY, MLPPolicy(1, Categorical(2), (3,))])
def test_one_theta_for_each_task_does_what_each_would_alone_on_average(policy):
    rng = np.random.default_rng(0)
    thetas = np.stack([policy.init(rng) * 3 for _ in range(3)])
    tasks = Corridor().sample(3, rng)
    data = rollout(policy, thetas, tasks, trials=5, episodes=1, rng=rng)
    for k in range(3):
        u, _ = policy.split(policy.forward(thetas[k], data.x[k])[0])
        again = Categorical(2).log_prob(u, data.action[k])
        assert np.abs((again - data.log_prob[k])[data.mask[k]]).max() < 1e-12


def test_equal_thetas_for_all_tasks_are_the_same_as_one_shared():
    rng = np.random.default_rng(0)
    theta, tasks = POLICY.init(rng), Corridor().sample(3, rng)
    one, many = (rollout(POLICY, t, tasks, trials=2, episodes=2, rng=np.random.default_rng(5))
                 for t in (theta, np.broadcast_to(theta, (3, len(theta)))))
    assert np.array_equal(one.action, many.action)
    assert np.abs(one.log_prob - many.log_prob).max() < 1e-12


def test_the_same_stream_gives_the_same_rollout_and_leaves_global_randomness_alone():
    before = np.random.get_state()[1].copy()
    (_, one), (_, two) = run(seed=3), run(seed=3)
    assert np.array_equal(one.x, two.x) and np.array_equal(one.log_prob, two.log_prob)
    assert np.array_equal(before, np.random.get_state()[1])


def test_float32_parameters_make_float32_data():
    _, data = run(dtype=np.float32)
    assert {a.dtype for a in (data.x, data.reward, data.log_prob, data.value)} == {
        np.dtype(np.float32)}


def test_bad_sizes_are_refused_by_name():
    rng = np.random.default_rng(0)
    theta, tasks = POLICY.init(rng), BernoulliBandit(2, 3).sample(4, rng)
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        rollout(POLICY, theta, tasks, trials=0, episodes=1, rng=rng)
    with pytest.raises(TypeError, match="episodes must be a whole number, got 1.5"):
        rollout(POLICY, theta, tasks, trials=1, episodes=1.5, rng=rng)
    with pytest.raises(ValueError, match=r"theta must be \[P\] or \[4, P\], got \[3, "):
        rollout(POLICY, np.stack([theta] * 3), tasks, trials=1, episodes=1, rng=rng)
