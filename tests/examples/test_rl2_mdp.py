"""RL^2 in random worlds: what is seen, and quickly, that it improves; slowly, more."""
import runpy
from pathlib import Path

import numpy as np
import pytest

from minimeta import RL2, meta_train
from minimeta.rl import rollout
from minimeta.tasks import RandomMDP

EXAMPLES = Path(__file__).parents[2] / "examples"
example = runpy.run_path(str(EXAMPLES / "rl2_mdp.py"))
main, TracedWorld = example["main"], example["TracedWorld"]


def test_the_worlds_are_those_of_the_family_and_the_small_ones_lead_nowhere_else():
    plain = RandomMDP().sample(7, np.random.default_rng(3))
    whole = TracedWorld().sample(7, np.random.default_rng(3))
    assert np.array_equal(plain.R, whole.R)
    assert np.allclose(plain.P, whole.P, rtol=1e-12)
    few = TracedWorld(reachable=3).sample(7, np.random.default_rng(3))
    assert np.allclose(few.P.sum(-1), 1)
    assert np.all((few.P > 0).any((1, 2)).sum(-1) == 3)
    assert np.all(few.P[:, 0, 0, 0] > 0)


def test_the_reward_is_seen_in_the_cell_of_the_state_and_action_that_it_followed():
    world = TracedWorld(horizon=4, episodes=2)
    policy = example["TablePolicy"](world.obs_size, example["Categorical"](5), 3)
    rng = np.random.default_rng(0)
    tasks = world.sample(6, rng)
    data = rollout(policy, policy.init(rng), tasks, trials=1, episodes=2, rng=rng)
    x, reward, action = data.x[:, :, 0], data.reward[:, :, 0], data.action[:, :, 0]
    state, table = x[..., :10].argmax(-1), x[..., -50:].reshape(6, 8, 10, 5)
    for k in range(6):
        for t in range(8):
            expected = np.zeros((10, 5))
            if t % 4:  # at the start of an episode nothing is known of the state before
                expected[state[k, t - 1], action[k, t - 1]] = reward[k, t - 1]
            assert np.array_equal(table[k, t], expected)
            assert x[k, t, 25] == (reward[k, t - 1] if t else 0)


def test_a_short_training_learns_a_world_of_one_state():
    policy = example["TablePolicy"](20, example["Categorical"](5), example["HIDDEN"])
    learner = RL2(policy, episodes=10, gamma=0.8, lam=0.3, rate=example["RATE"])
    result = meta_train(learner, TracedWorld(reachable=1), iterations=20, tasks=64)
    assert np.mean([row["return"] for row in result.log[-4:]]) > 12  # chance: 10


def test_all_players_meet_the_same_worlds_and_earn_no_more_than_is_possible():
    results = main(scale=0.001, worlds=100)
    for name, curve in results.items():
        if name not in ("random", "ceiling"):
            assert curve.returns.shape == (100, 10)
            assert curve.returns.sum(1).mean() < results["ceiling"]
    greedy = results["greedy, prior mean 1"]
    assert greedy.returns.sum(1).mean() > results["random"] + 20


@pytest.mark.slow
def test_a_seventh_of_the_training_is_enough_to_learn_from_episode_to_episode():
    results = main(scale=0.15, worlds=2000)
    returns = results["RL^2"].returns
    assert returns.sum(1).mean() > 115
    assert returns[:, -1].mean() > returns[:, 0].mean() + 1
