"""What a recurrent policy is given to see of the step before, and what is left out."""
import numpy as np
import pytest

from minimeta import Categorical, RecurrentPolicy
from minimeta.policy import GuessPolicy
from minimeta.rl import rollout
from minimeta.tasks import BernoulliBandit

FAMILY = BernoulliBandit(arms=3, pulls=7)


def run(sees):
    policy = RecurrentPolicy(1, Categorical(3), 5, sees=sees)
    rng = np.random.default_rng(0)
    theta = policy.init(rng)
    return policy, theta, rollout(
        policy, theta, FAMILY.sample(4, rng), trials=2, episodes=1, rng=rng)


def inputs(data):
    """Each input of the step before as it should be from the second step on."""
    before = data.action[:, :-1, :, None] == np.arange(3)
    return {"action": before, "reward": data.reward[:, :-1, :, None],
            "done": data.end[:, :-1, :, None]}


@pytest.mark.parametrize("sees", [
    ("action", "reward", "done"), ("action", "done"), ("reward",), ("done", "action"),
    ()])
def test_the_input_holds_the_named_inputs_of_the_step_before_and_no_others(sees):
    policy, _, data = run(sees)
    expected = [inputs(data)[name] for name in sees]
    assert data.x.shape[-1] == policy.n_in == 1 + sum(e.shape[-1] for e in expected)
    if sees:
        assert np.array_equal(data.x[:, 1:, :, 1:], np.concatenate(expected, -1))
    assert np.all(data.x[:, 0, :, 1:] == 0)


@pytest.mark.parametrize("kind", [RecurrentPolicy, GuessPolicy])
def test_the_reward_is_seen_in_its_unit(kind):
    policy = kind(1, Categorical(3), sees=("reward", "done"), reward_unit=4.0)
    x = policy.see(np.ones((2, 5, 1)), (np.zeros((2, 5), int), np.full((2, 5), 6.0),
                                        np.ones((2, 5), bool)), np.float32)
    assert x.dtype == np.float32 and np.array_equal(x[..., :3], np.broadcast_to([1.0, 1.5, 1.0], (2, 5, 3)))


def test_without_the_reward_input_the_policy_cannot_tell_rewards_apart():
    rng = np.random.default_rng(0)
    obs, action = rng.random((4, 2, 1)), rng.integers(0, 3, (4, 2))
    rewards, end = (np.zeros((4, 2)), np.ones((4, 2))), np.zeros((4, 2), bool)
    for sees, is_blind in ((("action", "done"), True), (("action", "reward"), False)):
        policy = RecurrentPolicy(1, Categorical(3), 5, sees=sees)
        poor, rich = (policy.see(obs, (action, r, end), float) for r in rewards)
        assert np.array_equal(poor, rich) == is_blind


def test_acting_and_the_unroll_agree_with_inputs_left_out():
    policy, theta, data = run(("action",))
    x = np.moveaxis(data.x, 0, 1).reshape(7, 8, policy.n_in)
    u, _ = policy.split(policy.forward(theta, x)[0])
    action = np.moveaxis(data.action, 0, 1).reshape(7, 8)
    stored = np.moveaxis(data.log_prob, 0, 1).reshape(7, 8)
    assert np.abs(policy.head.log_prob(u, action) - stored).max() < 1e-12


def test_an_unknown_input_is_refused_and_the_choices_are_listed():
    message = "sees must be one of 'action', 'reward', 'done', got 'regret'"
    with pytest.raises(ValueError, match=message):
        RecurrentPolicy(1, Categorical(2), 4, sees=("action", "regret"))


def test_a_single_name_where_a_tuple_is_meant_is_refused():
    with pytest.raises(TypeError, match="sees must be a tuple, got 'action'"):
        RecurrentPolicy(1, Categorical(2), 4, sees="action")
