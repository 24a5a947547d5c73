"""The one interface test: every family keeps every law. What the laws themselves notice,
tests/testing/test_families.py shows.

A new family gets a line in FAMILIES and, for its oracle, one in EXPERTS.
"""
import pickle
from dataclasses import dataclass, fields

import numpy as np
import pytest

import minimeta.tasks
from minimeta import Gaussian, MLPPolicy
from minimeta.rl import rollout
from minimeta.tasks import (BernoulliBandit, Box, CartPole, DependentBandit, Discrete,
                            Family, GridNavigation, InformativeBandit, PlanarArm,
                            PointNavigation, RandomMDP, RestlessBandit, Sinusoid, Tasks,
                            TwoStep, value_iteration)
from minimeta.testing import check_tasks, families as laws
from minimeta.testing.task_form import going_on

FAMILIES = [
    BernoulliBandit(5, 10), BernoulliBandit(2, 3),
    *(DependentBandit(kind, 7)
      for kind in ("easy", "medium", "hard", "uniform", "independent")),
    InformativeBandit(), RestlessBandit(20), RestlessBandit(3), TwoStep(4),
    GridNavigation(), GridNavigation(4, 9, 2, walls=((1, 1), (2, 1))),
    GridNavigation(3, 6, sees="row and column"),
    CartPole(horizon=60, substeps=1), CartPole("gravity", 50, 2, substeps=1),
    PlanarArm(horizon=20, substeps=1), PlanarArm("dynamics", horizon=25, substeps=2),
    PointNavigation(), PointNavigation(7, reach=2.0, max_step=0.5, radius=0.3),
    RandomMDP(), RandomMDP(3, 4, 6, 2, noise=0.1),
]
NO_FAMILIES = {"Box", "Discrete", "Family", "Sinusoid"}  # of MDPs


def best_arm(tasks, state, t):
    arms = [np.full_like(state, arm) for arm in range(tasks.family.arms)]
    return np.stack([tasks.mean(state, arm) for arm in arms]).argmax(0)


def to_the_good_state(tasks, state, t):
    return np.broadcast_to(tasks.good[:, None] - 1, state.shape)


def plan(tasks, state, t):
    """The policy of value iteration on the tasks' tables."""
    P, R, _ = tasks.tables()
    policy = value_iteration(P, R, tasks.family.horizon).policy[:, t]
    return np.take_along_axis(policy, state, -1)


def straight(tasks, state, t):
    return np.clip((tasks.goal[:, None] - state) / tasks.family.max_step, -1, 1)


EXPERTS = {
    BernoulliBandit: best_arm, DependentBandit: best_arm, InformativeBandit: best_arm,
    RestlessBandit: best_arm, TwoStep: to_the_good_state,
    GridNavigation: plan, PointNavigation: straight, RandomMDP: plan,
    CartPole: lambda tasks, state, t: tasks.expert(state),
    PlanarArm: lambda tasks, state, t: tasks.expert(state),
}


def expert_return(tasks, episodes, rng):
    """[K, episodes]  of the one who knows the task."""
    first, _ = tasks.reset(episodes, rng)
    state, total, is_on = first, np.zeros(first.shape[:2]), np.ones(first.shape[:2], bool)
    for t in range(tasks.family.horizon):
        action = EXPERTS[type(tasks.family)](tasks, state, t)
        state, _, reward, done = tasks.step(state, action, rng)
        total, is_on = total + is_on * reward, is_on & ~done
        state = going_on(state, done, first)
    return total


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_family_keeps_every_law(family, law):
    for seed in (0, 1):
        assert law(laws.Case(family, seed)) == 0


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_knowing_the_task_earns_what_the_oracle_says(family):
    rng = np.random.default_rng(0)
    tasks = family.sample(300, rng)
    gap = expert_return(tasks, 10, rng) - tasks.oracle()[:, None]
    assert abs(gap.mean()) <= 4 * gap.std() / np.sqrt(gap.size) + 1e-12


def test_no_public_family_is_left_out():
    public = {name for name in minimeta.tasks.__all__
              if hasattr(getattr(minimeta.tasks, name), "sample")} - NO_FAMILIES
    assert public == {type(family).__name__ for family in FAMILIES}


@pytest.mark.parametrize("family", [FAMILIES[0], *FAMILIES[-4:]], ids=str)
def test_a_family_and_its_tasks_pickle_and_compare(family):
    assert pickle.loads(pickle.dumps(family)) == family and hash(family) == hash(family)
    tasks = pickle.loads(pickle.dumps(family.sample(3, np.random.default_rng(0))))
    assert tasks.family == family


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_task_is_sliced_and_never_indexed(family):
    tasks = family.sample(4, np.random.default_rng(0))
    assert len(tasks[1:3]) == 2 and len(tasks[np.array([3, 3, 0])]) == 3
    for i in (2, np.int64(2)):
        with pytest.raises(TypeError, match=r"tasks are sliced, tasks\[2:3\]"):
            tasks[i]


# ---- what users pass in

@pytest.mark.parametrize("family", [*FAMILIES, Sinusoid()], ids=str)
@pytest.mark.parametrize("rng, shown", [
    (np.random, "module 'numpy.random'"), (7, "got 7"), (None, "got None"),
    (np.random.RandomState(0), "RandomState")], ids=str)
def test_only_a_generator_is_taken_for_a_source_of_luck(family, rng, shown):
    message = f"rng must be a np.random.Generator, .*{shown}.*use np.random.default_rng"
    tasks = family.sample(2, np.random.default_rng(0))
    with pytest.raises(TypeError, match=message):
        family.sample(2, rng)
    if isinstance(family, Sinusoid):
        with pytest.raises(TypeError, match=message):
            tasks.points(2, rng)
        return
    state, _ = tasks.reset(3, np.random.default_rng(0))
    action = family.action.sample((2, 3), np.random.default_rng(0))
    with pytest.raises(TypeError, match=message):
        tasks.reset(3, rng)
    with pytest.raises(TypeError, match=message):
        tasks.step(state, action, rng)
    with pytest.raises(TypeError, match=message):
        family.action.sample((2, 3), rng)


PLAIN = (int, float, str, tuple, type(None))


def numpys(value):
    """The same value in NumPy's types."""
    if isinstance(value, tuple):
        return np.array(value) if value else value
    if isinstance(value, str) or value is None:
        return value
    return np.uint8(value) if isinstance(value, int) else np.float64(value)


@pytest.mark.parametrize("family", [
    *FAMILIES, GridNavigation(4, goals=((3, 3), (0, 2))), Sinusoid()], ids=str)
def test_settings_are_converted_where_they_enter_and_kept_so(family):
    values = {f.name: getattr(family, f.name) for f in fields(family)}
    again = type(family)(**{name: numpys(value) for name, value in values.items()})
    assert again == family and repr(again) == repr(family) and hash(again)
    for name in values:
        value = getattr(again, name)
        assert type(value) in PLAIN
        assert all(type(v) in PLAIN for v in np.ravel(np.array(value, object)))


def test_settings_given_as_lists_are_kept_as_tuples():
    grid = GridNavigation(5, walls=[[1, 1]], goals=[[2, np.uint8(3)], [4, 4]])
    assert grid.walls == ((1, 1),) and grid.goals == ((2, 3), (4, 4)) and hash(grid)
    assert RestlessBandit(9, [0.1, 0.2]).volatilities == (0.1, 0.2)
    assert PlanarArm(lengths=[0.4, 0.3]).lengths == (0.4, 0.3)
    assert Sinusoid(phase=[0, 1]).phase == (0, 1)


def test_a_small_whole_number_does_not_wrap_around():
    tasks = GridNavigation(np.uint8(20), horizon=np.uint8(15)).sample(
        50, np.random.default_rng(0))
    assert tasks.family.obs_size == 400 and tasks.goal.max() > 255
    assert Discrete(np.uint8(200)).n * 2 == 400


# ---- spaces

class Torque(Box):
    """A box by another name."""


@dataclass(frozen=True)
class Lever(Family):
    """Push a lever to a place that nobody tells. It is a family in less than 25 lines."""

    action: Box = Torque(2)

    obs_size, horizon = 1, 3

    def draw(self, K, rng):
        return Levers(self, rng.uniform(-1, 1, (K, 2)))


@dataclass(frozen=True)
class Levers(Tasks):
    family: Lever
    place: np.ndarray  # [K, 2]

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        return state, np.ones((len(self), B, 1))

    def move(self, state, action, rng):
        reward = -((action.clip(-1, 1) - self.place[:, None]) ** 2).sum(-1)
        return state + 1, np.ones(state.shape + (1,)), reward, reward > -0.1


def test_a_family_of_ones_own_without_known_returns_keeps_the_laws_that_can_be_checked():
    found = check_tasks(Lever())
    assert found.skipped == {"learnable": "the tasks have no oracle()",
                             "simulated": "the tasks have no random()"}
    assert Lever().episodes == 1


def test_a_space_of_ones_own_is_the_kind_of_space_that_it_inherits_from():
    policy = MLPPolicy(1, Gaussian(2), (3,))
    tasks = Lever().sample(2, np.random.default_rng(0))
    data = rollout(policy, policy.init(np.random.default_rng(1)), tasks, trials=3,
                   episodes=1, rng=np.random.default_rng(2))
    assert data.action.shape[-1] == 2
    assert Torque(2) != Box(2) and repr(Torque(2)) == "Torque(n=2)"


class Foreign:
    """A space as gymnasium has them."""

    def __init__(self, **attributes):
        self.__dict__ |= attributes

    def __repr__(self):
        return "Foreign()"

    def sample(self, shape, rng):
        return np.zeros((*shape, 2))


@pytest.mark.parametrize("space, remedy", [
    (Foreign(n=np.int64(4)), r"Discrete\(4\)"),
    (Foreign(low=-np.ones(2), high=np.ones(2), shape=(2,)), r"Box\(2\)"),
    (Foreign(nvec=np.array([2, 3])), r"Discrete\(n\) or Box\(n\)"),
    (None, r"Discrete\(n\) or Box\(n\)"), (Box, r"Discrete\(n\) or Box\(n\)")])
def test_a_space_of_another_library_is_refused_with_what_to_use(space, remedy):
    message = rf"action of .* must be a Discrete or a Box of minimeta.tasks.*use {remedy}$"
    with pytest.raises(TypeError, match=message):
        Lever(space).sample(2, np.random.default_rng(0))
    tasks = Levers(Lever(space), np.zeros((2, 2)))
    policy = MLPPolicy(1, Gaussian(2), (3,))
    with pytest.raises(TypeError, match=message):
        rollout(policy, policy.init(np.random.default_rng(1)), tasks, trials=3,
                episodes=1, rng=np.random.default_rng(2))


@pytest.mark.parametrize("n, error", [(0, ValueError), (2.0, TypeError), (True, TypeError)])
def test_the_size_of_a_space_is_a_whole_number(n, error):
    for space in (Discrete, Box):
        with pytest.raises(error, match="n must be"):
            space(n)


def test_a_space_draws_in_any_shape_that_is_a_tuple_or_a_list():
    rng = np.random.default_rng(0)
    for shape in ((3, 4), [3, 4]):
        assert Box(2).sample(shape, rng).shape == (3, 4, 2)
        assert Discrete(5).sample(shape, rng).shape == (3, 4)


@pytest.mark.parametrize("other", [-1, 3])
def test_a_single_action_out_of_range_is_refused(other):
    action = np.array([[0, 2, other]])
    with pytest.raises(ValueError, match=rf"in \[0, 3\), got {action.min()} to {action.max()}"):
        Discrete(3).check(action, (1, 3))
    Discrete(3).check(action[:, :2], (1, 2))
    Discrete(3).check(action[:0], (0, 3))   # of no task


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_rewards_are_floats_and_done_is_a_truth(family):
    rng = np.random.default_rng(0)
    tasks = family.sample(2, rng)
    state, obs = tasks.reset(3, rng)
    _, after, reward, done = tasks.step(state, family.action.sample((2, 3), rng), rng)
    assert obs.dtype == after.dtype == reward.dtype == float and done.dtype == bool
