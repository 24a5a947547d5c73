"""Episodes as pictures see them: steps of one episode, without those of others."""
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import MAML, RL2, Categorical, Imitation, MLPPolicy, RecurrentPolicy
from minimeta.rl import rollout
from minimeta.runs.episodes import cells, joints, lived, of_episode
from minimeta.tasks import BernoulliBandit, GridNavigation, PlanarArm
from minimeta.trace import Result, adapt

# Task 0 has episodes of 2 and 2 steps; task 1 of 1 and 2, and then nothing. In the second
# trial, which nobody looks at, all is one episode.
END = np.array([[[0, 0], [1, 0], [0, 0], [1, 1]], [[1, 0], [0, 0], [1, 0], [0, 1]]], bool)
MASK = np.ones((2, 4, 2), bool)
MASK[1, 3, 0] = False
T = np.arange(4.0)[:, None]
DATA = SimpleNamespace(
    x=np.broadcast_to(T[..., None], (2, 4, 2, 3)), action=np.broadcast_to(10 * T, (2, 4, 2)),
    end=END, mask=MASK)
FAMILY = SimpleNamespace(obs_size=2)


def test_an_episode_has_its_own_steps_and_nan_where_it_is_shorter_than_another():
    for e, steps in ((0, [[0, 1], [0, np.nan]]), (1, [[2, 3], [1, 2]])):
        obs, action = of_episode(DATA, e, FAMILY)
        expected = np.array(steps)
        assert obs.shape == (2, 2, 2) and obs.dtype == action.dtype == float
        assert np.array_equal(obs, np.stack([expected, expected], -1), equal_nan=True)
        assert np.array_equal(action, 10 * expected, equal_nan=True)


def test_the_steps_of_a_long_episode_stay_in_order():
    steps, mask = np.arange(60.0), np.ones((1, 60, 1), bool)
    end = np.isin(np.arange(60), [14, 54, 59])[None, :, None]
    data = SimpleNamespace(x=steps[None, :, None, None], action=steps[None, :, None], end=end,
                           mask=mask)
    _, action = of_episode(data, 1, FAMILY)
    assert action[0].tolist() == list(range(15, 55))


def test_a_learner_of_more_than_its_policy_shows_an_episode_before_and_one_after_adapting():
    family = GridNavigation(3, horizon=4, episodes=1)
    learner = Imitation(MLPPolicy(9, Categorical(5), (4,)), inner="learned")
    n, tasks = learner.policy.size, family.sample(3, np.random.default_rng(0))
    run = Result(learner.init(np.random.default_rng(1)), (), learner, family)
    phi, rng = adapt(run, tasks, seed=5), np.random.default_rng(5)
    assert phi.shape[1] > n
    for (_, action), theta in zip(lived(run, tasks, seed=5).values(), (run.theta[:n], phi[:, :n])):
        data = rollout(learner.policy, theta, tasks, trials=1, episodes=1, rng=rng)
        assert np.array_equal(action, data.action[..., 0])


def test_the_cell_that_is_seen_is_numbered_in_either_way_of_seeing():
    cell, row, column = np.eye(9)[[0, 5, 7]], np.eye(3)[[0, 1, 2]], np.eye(3)[[0, 2, 1]]
    for sees, obs in (("cell", cell), ("row and column", np.concatenate([row, column], -1))):
        obs = np.stack([obs, np.where(np.arange(3)[:, None] < 2, obs, np.nan)])
        found = cells(GridNavigation(3, sees=sees), obs)
        assert np.array_equal(found, [[0, 5, 7], [0, 5, np.nan]], equal_nan=True)


def test_the_inputs_beyond_what_is_observed_and_other_trials_are_left_out():
    """The third input is not shown by the world, and in the second trial other things happen."""
    data = SimpleNamespace(**vars(DATA) | {
        "x": np.arange(48.0).reshape(2, 4, 2, 3), "action": np.arange(32).reshape(2, 4, 2, 2)})
    obs, action = of_episode(data, 0, FAMILY)
    assert obs.tolist()[0] == [[0, 1], [6, 7]] and obs[1, 0].tolist() == [24, 25]
    assert action.tolist()[0] == [[0, 1], [4, 5]] and np.isnan(action[1, 1]).all()


def test_the_angles_of_an_arm_are_read_off_the_observation():
    family = PlanarArm("payload", horizon=5, substeps=2)
    tasks = family.sample(3, np.random.default_rng(0))
    state, obs = tasks.reset(4, np.random.default_rng(1))
    for _ in range(3):
        action = np.random.default_rng(2).uniform(-1, 1, (3, 4, 2))
        state, obs, *_ = tasks.step(state, action, np.random.default_rng(3))
    found = joints(tasks, obs)
    assert found.shape == (3, 4, 2, 2)
    assert np.allclose(found[:, :, 0], tasks.elbow(state)) and np.allclose(
        found[:, :, 1], tasks.hand(state))


BANDIT = BernoulliBandit(3, 4)


@pytest.mark.parametrize("episodes, titles", [(1, [""]), (2, ["episode 1", "episode 2"])])
def test_a_recurrent_agent_is_shown_in_each_episode_of_a_trial(episodes, titles):
    learner = RL2(RecurrentPolicy(1, Categorical(3), 4), episodes=episodes)
    run = SimpleNamespace(learner=learner, theta=learner.init(np.random.default_rng(0)))
    tasks = BANDIT.sample(5, np.random.default_rng(1))
    found = lived(run, tasks, seed=3)
    data = rollout(learner.policy, run.theta, tasks, trials=1, episodes=episodes,
                   rng=np.random.default_rng(3))
    assert list(found) == titles
    for e, (obs, action) in enumerate(found.values()):
        assert obs.shape == (5, 4, 1) and np.array_equal(action, data.action[:, 4 * e:4 * e + 4, 0])
    other = lived(run, tasks)
    assert not all(np.array_equal(found[t][1], other[t][1]) for t in titles)


def test_an_agent_that_adapts_is_shown_before_and_after():
    learner = MAML(MLPPolicy(1, Categorical(3), ()), trials=60, alpha=1000.0)
    run = SimpleNamespace(learner=learner, theta=learner.init(np.random.default_rng(0)))
    tasks = BANDIT.sample(7, np.random.default_rng(1))
    (before, one), (after, other) = lived(run, tasks, seed=3).items()
    assert (before, after) == ("before adaptation", "after it")
    assert one[1].shape == other[1].shape == (7, 4) and one[0].shape == (7, 4, 1)
    phi, rng = adapt(run, tasks, seed=3), np.random.default_rng(3)
    assert not np.array_equal(phi, adapt(run, tasks))
    for (_, action), theta in ((one, run.theta), (other, phi)):
        data = rollout(learner.policy, theta, tasks, trials=1, episodes=1, rng=rng)
        assert np.array_equal(action, data.action[..., 0])
    changes = [len(set(row)) for row in other[1]]     # a huge step: each task keeps to one arm
    assert np.mean(changes) < 1.5 < np.mean([len(set(row)) for row in one[1]])


def test_the_luck_of_adapting_is_that_of_the_seed(monkeypatch):
    learner = MAML(MLPPolicy(1, Categorical(3), ()), trials=2)
    run = SimpleNamespace(learner=learner, theta=learner.init(np.random.default_rng(0)))
    seeds = []
    monkeypatch.setattr("minimeta.runs.episodes.adapt",
                        lambda *args, seed: seeds.append(seed) or adapt(*args, seed=seed))
    lived(run, BANDIT.sample(2, np.random.default_rng(1)), seed=3)
    assert seeds == [3]
