"""The two-step task: where actions lead, what is paid, and what the next episode sees."""
import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy
from minimeta.rl import rollout
from minimeta.tasks import TwoStep
from minimeta.tasks.two_step import episodes_as_text

TASKS = TwoStep(4).sample(3000, np.random.default_rng(0))


def play(action, B=40, seed=1):
    """One episode with one action throughout -> (state led to, reward), each [K, B]."""
    rng = np.random.default_rng(seed)
    state, obs = TASKS.reset(B, rng)
    assert np.all(obs == [1, 0, 0])
    action = np.full(state.shape, action)
    led, obs, reward, done = TASKS.step(state, action, rng)
    assert np.all(reward == 0) and not done.any()
    assert np.array_equal(obs, led[..., None] == np.arange(3))
    _, _, reward, done = TASKS.step(led, action, rng)
    assert done.all()
    return led, reward


@pytest.mark.parametrize("action", [0, 1])
def test_an_action_leads_to_its_own_state_three_times_in_four(action):
    led, _ = play(action)
    assert set(np.unique(led)) == {1, 2}
    assert abs((led == 1 + action).mean() - 0.75) < 0.006


def test_the_good_state_pays_nine_times_in_ten_and_the_other_once():
    led, reward = play(0)
    is_good = led == TASKS.good[:, None]
    assert abs(reward[is_good].mean() - 0.9) < 0.006
    assert abs(reward[~is_good].mean() - 0.1) < 0.006


def test_what_is_done_in_the_second_state_does_not_matter():
    state = np.full((3000, 5), 2)
    results = [TASKS.step(state, np.full(state.shape, a), np.random.default_rng(3))
               for a in (0, 1)]
    for one, other in zip(*results):
        assert np.array_equal(one, other)


def test_knowing_the_good_state_earns_seven_tenths_and_chance_a_half():
    assert np.all(np.abs(TASKS.oracle() - 0.7) < 1e-15)
    assert np.all(TASKS.random() == 0.5)
    rewards = np.stack([play(a)[1] for a in (0, 1)])
    assert abs(rewards.mean() - 0.5) < 0.005
    best = np.where(TASKS.good[:, None] == 1, rewards[0], rewards[1])
    assert abs(best.mean() - 0.7) < 0.005


def test_at_the_next_choice_the_agent_sees_the_reward_of_the_episode_and_that_it_ended():
    policy, rng = RecurrentPolicy(3, Categorical(2), 4), np.random.default_rng(0)
    data = rollout(policy, policy.init(rng), TASKS[:50], trials=2, episodes=4, rng=rng)
    assert data.x.shape[1] == 8 and data.mask.all()
    choices = data.x[:, 2::2]
    assert np.all(choices[..., :3] == [1, 0, 0]) and np.all(choices[..., -1] == 1)
    assert np.array_equal(choices[..., -2], data.reward[:, 1:-1:2])
    assert np.all(data.x[:, 1::2, :, -2:] == 0)


def test_a_trial_can_be_seen_as_text():
    obs = np.eye(3)[[0, 2, 0, 1]]
    text = episodes_as_text(obs, np.array([1, 0, 1, 1]), np.array([0, 1, 0, 0]))
    assert text.splitlines() == ["action   1 1", "led to S 3 2", "paid     1 0"]
    obs, action = np.eye(3)[[0, 1, 0, 1, 0, 2]], np.array([0, 1, 1, 0, 0, 1])
    assert episodes_as_text(obs, action, np.array([0, 1, 0, 0, 0, 1])).splitlines() == [
        "action   0 1 0", "led to S 2 2 3", "paid     1 0 1"]


def test_an_episode_is_a_choice_and_its_outcome():
    assert TwoStep(4).horizon == 2


@pytest.mark.parametrize("episodes, error", [(0, ValueError), ("ten", TypeError)])
def test_a_wrong_number_of_episodes_is_refused_by_name(episodes, error):
    with pytest.raises(error, match="episodes must be"):
        TwoStep(episodes)


def test_either_outcome_is_the_good_one_half_of_the_time():
    good = TwoStep(4).sample(3000, np.random.default_rng(0)).good
    assert set(good) == {1, 2}
    assert abs((good == 1).mean() - 0.5) < 4 * 0.5 / 3000 ** 0.5
