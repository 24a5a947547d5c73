"""Demonstrations: experts as good as they can be, noise, and what is refused."""
from dataclasses import dataclass, replace

import numpy as np
import pytest

from minimeta import Categorical, Gaussian, MLPPolicy, RecurrentPolicy
from minimeta.require import NotFinite
from minimeta.rl import Demonstration, demonstrate
from minimeta.rl.demonstrations import disturbed
from minimeta.tasks import Discrete, GridNavigation, PlanarArm, PointNavigation
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
            assert last is None
            return obs.reshape(obs.shape[:-1] + (4, 4)).sum(-1).astype(dtype)

    _, data = shown(GRID, SeesRow(4, Categorical(5), (3,)), dtype=np.float32)
    assert data.x.shape[-1] == 4 and data.x.dtype == np.float32
    assert (data.x.sum(-1) == 1).all()


def test_what_is_too_small_for_the_dtype_is_shown_as_zero_under_every_setting_of_errors():
    @dataclass(frozen=True)
    class SeesFaintly(MLPPolicy):
        def see(self, obs, last, dtype):
            return (1e-60 * obs).astype(dtype)

    with np.errstate(all="raise"):
        _, data = shown(GRID, SeesFaintly(16, Categorical(5), (3,)), dtype=np.float32)
    assert not data.x.any() and not data.after.any()


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


# ---- slips, ends, dtypes

@pytest.mark.parametrize("noise, low, high", [(0.1, 0.06, 0.10), (1.0, 0.75, 0.85)])
def test_a_discrete_action_slips_with_the_probability_of_the_noise(noise, low, high):
    # A random one of 5 actions is the one that was meant in a fifth of the slips.
    meant = np.full((100, 200), 2)
    played = disturbed(meant, GRID.action, noise, np.random.default_rng(0))
    assert low < (played != meant).mean() < high
    assert set(np.unique(played)) == set(range(5))


def test_without_noise_what_is_meant_is_played():
    meant = np.full((10, 20), 2)
    assert disturbed(meant, GRID.action, 0, None) is meant


@dataclass(frozen=True)
class LeavesAgain:
    """Walks on whatever happens: away from the goal too, after it was reached."""

    tasks: object

    def __call__(self, state, t, rng):
        return np.ones(state.shape[:2] + (2,))


def test_an_expert_that_leaves_the_goal_after_done_does_not_bring_the_episode_back():
    family = PointNavigation(horizon=30, reach=0.9, radius=0.15)
    goal = np.array([[0.3, 0.3], [0.5, 0.5], [-0.5, -0.5]])  # two are passed, one is never met
    tasks = replace(family.sample(3, np.random.default_rng(0)), goal=goal)
    data = demonstrate(LeavesAgain, MLPPolicy(2, Gaussian(2), (3,)), tasks, episodes=2,
                       rng=np.random.default_rng(0))
    assert data.mask.dtype == bool
    assert data.mask.sum(1).tolist() == [[2, 2], [4, 4], [30, 30]]
    for k, n in enumerate((2, 4, 30)):
        assert data.mask[k, :n].all() and not data.mask[k, n:].any()


def test_an_expert_is_never_asked_about_a_state_that_is_over():
    seen = []

    def expert(tasks):
        def act(state, t, rng):
            away = np.abs(state - tasks.goal[:, None])
            seen.append((away < tasks.family.radius).all(-1).any())
            return np.clip(10 * (tasks.goal[:, None] - state), -1, 1)
        return act

    family = PointNavigation(horizon=30, radius=0.1)
    goal = np.array([[0.15, 0.2], [0.5, -0.5], [0.3, 0.0]])
    tasks = replace(family.sample(3, np.random.default_rng(0)), goal=goal)
    data = demonstrate(expert, MLPPolicy(2, Gaussian(2), (3,)), tasks, episodes=4,
                       rng=np.random.default_rng(0))
    assert not data.mask.all() and not any(seen)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_demonstration_has_one_dtype(dtype):
    _, data = shown(ARM, ARM_POLICY, dtype=dtype, noise=np.float64(0.1))
    assert {a.dtype for a in (data.x, data.after, data.action)} == {np.dtype(dtype)}
    wide = Demonstration(data.x, data.after.astype(float), data.mask, data.action.astype(float))
    assert {a.dtype for a in (wide.x, wide.after, wide.action)} == {np.dtype(dtype)}
    assert shown(GRID, GRID_POLICY, dtype=dtype)[1].action.dtype.kind == "i"


@pytest.mark.parametrize("kind", [bool, int, float, np.float32])
def test_a_mask_of_ones_and_zeros_is_kept_as_truths(kind):
    mask = np.ones((2, 5, 3), kind)
    mask[0, 2:] = 0
    kept = Demonstration(**parts(mask=mask)).mask
    assert kept.dtype == bool and np.array_equal(kept, mask.astype(bool))


def test_actions_may_be_a_list():
    data = Demonstration(**parts(action=np.ones((2, 5, 3), int).tolist()))
    assert isinstance(data.action, np.ndarray) and data.action.dtype.kind == "i"


def test_another_kind_of_randomness_is_refused_with_the_remedy():
    tasks = GRID.sample(1, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"use np.random.default_rng\(seed\)"):
        demonstrate("planner", GRID_POLICY, tasks, episodes=1, rng=0)


def test_one_demonstration_is_not_a_list_of_them():
    _, data = shown(GRID, GRID_POLICY)
    with pytest.raises(TypeError, match=r"a Demonstration is one batch; .* write \[data\]"):
        zip(*data)


# ---- tasks that check nothing themselves

@dataclass(frozen=True)
class Ladder:
    """K ladders of 1, 2 .. K rungs. The state is (rung, step), the observation is 10 more than
    the rung. From step `bad` on the observation is not a number."""

    K: int = 3
    bad: int = 99
    horizon = 4
    obs_size = 1
    action = Discrete(2)
    family = property(lambda self: self)

    def __len__(self):
        return self.K

    def seen(self, state):
        rung, t = np.moveaxis(state, -1, 0)
        return np.where(t >= self.bad, np.nan, 10.0 + rung)[..., None]

    def reset(self, B, rng):
        state = np.zeros((self.K, B, 2), int)
        return state, self.seen(state)

    def step(self, state, action, rng):
        top = 1 + np.arange(self.K)[:, None]
        assert (state[..., 0] < top).all(), "who stands on the last rung was asked to climb"
        after = state + np.stack([action, np.ones_like(action)], -1)
        return after, self.seen(after), 0.0 * action, after[..., 0] == top


LADDER_POLICY = MLPPolicy(1, Categorical(2), (3,))


def climbed(tasks=Ladder(), policy=LADDER_POLICY, **changed):
    def expert(tasks):
        return lambda state, t, rng: 1 + 0 * state[..., 0]

    options = {"episodes": 2, "rng": np.random.default_rng(0)} | changed
    return demonstrate(expert, policy, tasks, **options)


def test_an_episode_that_is_over_waits_in_its_first_state_for_the_others():
    data = climbed()
    on = np.arange(3) <= np.arange(3)[:, None]                # ladder k takes k + 1 steps
    assert np.array_equal(data.mask, np.repeat(on[..., None], 2, -1))
    assert np.array_equal(data.x[..., 0], np.where(data.mask, 10 + np.arange(3)[:, None], 10))
    assert np.array_equal(data.after, data.x + 1)


@pytest.mark.parametrize("bad, task", [(0, 0), (1, 0), (3, 2)])  # ladders 0 and 1 are over by 3
def test_an_observation_that_is_not_finite_is_told_with_its_step(bad, task):
    message = rf"obs must be finite, got nan at index \({task}, 0, 0\) of step {bad} of Ladder"
    with pytest.raises(NotFinite, match=message):
        climbed(Ladder(K=4, bad=bad))


@pytest.mark.parametrize("error, options, message", [
    (ValueError, {"episodes": 0}, "episodes must be at least 1, got 0"),
    (TypeError, {"episodes": 1.5}, "episodes must be a whole number, got 1.5"),
    (TypeError, {"rng": 0}, r"rng must be .*; use np.random.default_rng\(seed\)"),
    (ValueError, {"noise": 1.01}, r"noise must be a finite number in \[0, 1\], got 1.01"),
    (ValueError, {"policy": MLPPolicy(1, Categorical(3), (3,))}, r"must have the head .*n=2\)"),
    (TypeError, {"tasks": MLPPolicy(1, Categorical(2))}, "tasks must have reset and step, "),
    (TypeError, {"policy": "mlp"}, "policy must be memoryless, as MLPPolicy is, got 'mlp'"),
    (TypeError, {"policy": RecurrentPolicy(1, Categorical(2), 3)}, "policy must be memoryless, "),
])
def test_what_is_passed_in_is_refused_by_name(error, options, message):
    with pytest.raises(error, match=message):
        climbed(**options)


def test_noise_on_a_continuous_action_may_be_larger_than_one():
    _, data = shown(ARM, ARM_POLICY, noise=1.5)
    assert np.isfinite(data.x).all() and np.ptp(data.x, axis=2).max() > 0


@pytest.mark.parametrize("expert, needs, tasks", [
    ("planner", "tables", ARM.sample(2, np.random.default_rng(0))),
    ("controller", "expert", GRID.sample(2, np.random.default_rng(0)))])
def test_an_expert_that_needs_more_than_the_tasks_have_says_what(expert, needs, tasks):
    policy = ARM_POLICY if tasks.family is ARM else GRID_POLICY
    with pytest.raises(TypeError, match=rf"the {expert} needs tasks with {needs}\(\), which"):
        demonstrate(expert, policy, tasks, episodes=1, rng=np.random.default_rng(0))
