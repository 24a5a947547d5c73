"""Demonstrations: experts as good as they can be, noise, and what is refused."""
from dataclasses import dataclass

import numpy as np
import pytest

from minimeta import Categorical, Gaussian, MLPPolicy
from minimeta.rl import Demonstration, demonstrate
from minimeta.rl.demonstrations import disturbed
from minimeta.tasks import GridNavigation, PlanarArm, PointNavigation
from minimeta.tasks import value_iteration

GRID, ARM = GridNavigation(4, horizon=9), PlanarArm("dynamics", horizon=7)
GRID_POLICY = MLPPolicy(GRID.obs_size, Categorical(5), (3,))
ARM_POLICY = MLPPolicy(ARM.obs_size, Gaussian(2), (3,))


def shown(family, policy, K=6, B=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    expert = "planner" if family is GRID else "controller"
    tasks = family.sample(K, rng)
    return tasks, demonstrate(expert, policy, tasks, episodes=B, rng=rng, **options)


def play(tasks, action):
    """The total reward [K, B] of actions [K, T, B, ..]."""
    rng = np.random.default_rng(0)
    state, total = tasks.reset(action.shape[2], rng)[0], 0
    for t in range(action.shape[1]):
        state, _, reward, _ = tasks.step(state, action[:, t], rng)
        total = total + reward
    return total


def test_the_planner_earns_what_the_oracle_says():
    tasks, data = shown(GRID, GRID_POLICY)
    assert np.abs(play(tasks, data.action) - tasks.oracle()[:, None]).max() < 1e-12


def test_the_controller_earns_what_the_oracle_says():
    tasks, data = shown(ARM, ARM_POLICY)
    assert np.abs(play(tasks, data.action) - tasks.oracle()[:, None]).max() < 1e-12


def test_each_observation_is_followed_by_the_next():
    for family, policy in ((GRID, GRID_POLICY), (ARM, ARM_POLICY)):
        _, data = shown(family, policy)
        assert np.array_equal(data.after[:, :-1], data.x[:, 1:])
        assert data.x.shape == (6, family.horizon, 2, family.obs_size)
        assert data.mask.all()


def test_equally_good_ways_are_shown_at_random():
    family = GridNavigation(4, horizon=9, goals=((3, 3),))
    rng = np.random.default_rng(0)
    tasks = family.sample(1, rng)
    data = demonstrate("planner", GRID_POLICY, tasks, episodes=400, rng=rng)
    up = (data.action[0, 0] == 1).mean()  # the first step is up or right
    assert set(data.action[0, 0]) == {1, 2} and abs(up - 0.5) < 4 * 0.5 / 20


def test_noise_moves_the_expert_but_the_action_shown_is_the_one_it_meant():
    tasks, data = shown(GRID, GRID_POLICY, B=50, noise=0.5)
    P, R, _ = tasks.tables()
    best = value_iteration(P, R, GRID.horizon)
    state = data.x.argmax(-1)
    k, t = np.arange(6)[:, None, None], np.arange(GRID.horizon)[:, None]
    Q = best.Q[k, t, state]
    meant = np.take_along_axis(Q, data.action[..., None], -1)[..., 0]
    assert np.abs(meant - best.value[k, t, state]).max() < 1e-9
    # Half of the actions are replaced, and a fifth of those by themselves: 40 %, or
    # less where two actions lead to the same cell.
    after = data.after.argmax(-1)
    would = (P[k, state, data.action] * np.arange(P.shape[-1])).sum(-1)
    slips = (after != would).mean()
    assert 0.2 < slips < 0.4


def test_noise_on_torques_is_normal_with_that_deviation():
    meant = np.ones((200, 100, 2))
    played = disturbed(meant, ARM.action, 0.3, np.random.default_rng(0))
    assert abs((played - meant).std() - 0.3) < 0.005
    assert abs((played - meant).mean()) < 0.01


def test_what_follows_the_end_of_an_episode_is_masked():
    family = PointNavigation(horizon=30, reach=0.2)
    rng = np.random.default_rng(0)
    tasks = family.sample(5, rng)

    def straight(tasks):
        return lambda state, t, rng: np.clip(
            (tasks.goal[:, None] - state) / tasks.family.max_step, -1, 1)

    policy = MLPPolicy(2, Gaussian(2), (3,))
    data = demonstrate(straight, policy, tasks, episodes=3, rng=rng)
    steps = np.ceil(np.abs(tasks.goal).max(-1) / 0.1)
    length = data.mask.sum(1)
    assert data.x.shape[1] < 30 and (length.min(-1) == length.max(-1)).all()
    assert (length[:, 0] <= steps).all() and (length[:, 0] >= steps - 1).all()


def test_a_demonstration_is_what_the_policy_would_have_seen():
    @dataclass(frozen=True)
    class SeesRow(MLPPolicy):
        def see(self, obs, last, dtype):
            return obs.reshape(obs.shape[:-1] + (4, 4)).sum(-1).astype(dtype)

    _, data = shown(GRID, SeesRow(4, Categorical(5), (3,)), dtype=np.float32)
    assert data.x.shape[-1] == 4 and data.x.dtype == np.float32
    assert (data.x.sum(-1) == 1).all()


def test_it_slices_by_task():
    _, data = shown(ARM, ARM_POLICY)
    some = data[2:4]
    assert np.array_equal(some.x, data.x[2:4]) and len(some.action) == 2
    assert Demonstration(data.x, data.after, data.mask)[1:].action is None


def parts(**changes):
    x, mask = np.zeros((2, 5, 3, 4)), np.ones((2, 5, 3))
    return {"x": x, "after": x, "mask": mask, "action": mask.astype(int)} | changes


@pytest.mark.parametrize("changes, message", [
    ({"x": np.zeros((5, 3, 4))}, r"x must be \[K, T, B, n\], got \[5, 3, 4\]"),
    ({"after": np.zeros((2, 4, 3, 4))}, "after must have the shape of x"),
    ({"mask": np.ones((2, 5))}, r"mask must be \[K, T, B\] as x is, \[2, 5, 3\], got"),
    ({"action": np.zeros((2, 6, 3), int)}, r"action must be .* got \[2, 6, 3\]"),
    ({"x": np.full((2, 5, 3, 4), np.nan)}, "x must be finite"),
])
def test_a_demonstration_of_another_shape_or_length_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Demonstration(**parts(**changes))


def test_integer_observations_are_refused():
    with pytest.raises(TypeError, match="x must hold floating numbers"):
        Demonstration(**parts(x=np.zeros((2, 5, 3, 4), int)))


def test_an_unknown_expert_and_negative_noise_are_refused():
    tasks, rng = GRID.sample(1, np.random.default_rng(0)), np.random.default_rng(0)
    with pytest.raises(ValueError, match="expert must be one of 'planner', "):
        demonstrate("teacher", GRID_POLICY, tasks, episodes=1, rng=rng)
    with pytest.raises(ValueError, match="noise must be"):
        demonstrate("planner", GRID_POLICY, tasks, episodes=1, rng=rng, noise=-0.1)
