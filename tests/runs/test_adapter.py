"""Environments with the interface of Gymnasium, as tasks."""
import importlib.util
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, CheckpointError, Gaussian, RecurrentPolicy, MLPPolicy,
                      evaluate, load, meta_train)
from minimeta import from_gymnasium
from minimeta.rl import rollout
from minimeta.runs import spaces as convert
from minimeta.runs.adapter import Moment
from minimeta.tasks import Box, Discrete, Family, GridNavigation, Tasks
from minimeta.testing import check_tasks

spec = importlib.util.spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
worlds = sys.modules["worlds"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worlds)

FAMILY = from_gymnasium(worlds.corridor, horizon=5, episodes=2)
ARMS = MLPPolicy(7, Categorical(2), (4,))


def rng(seed=0):
    return np.random.default_rng(seed)


def told(observation_space, action_space, obs, answer=None, horizon=4):
    """A family of worlds that show and take what they are told to."""
    return from_gymnasium(
        lambda rng: worlds.Told(observation_space, action_space, obs, answer), horizon)


# ---- spaces

BOTH = worlds.Dict(where=worlds.Box(-1.0, 1.0, (2, 2)), door=worlds.Discrete(3))


@pytest.mark.parametrize("space, obs, code", [
    (worlds.Discrete(4), 2, [0, 0, 1, 0]), (worlds.Discrete(3, start=5), np.int64(5), [1, 0, 0]),
    (worlds.MultiDiscrete([2, 3]), np.array([1, 0]), [0, 1, 1, 0, 0]),
    (worlds.MultiDiscrete([2, 3, 4]), np.array([1, 0, 2]), [0, 1, 1, 0, 0, 0, 0, 1, 0]),
    (worlds.Box(-9, 9, (2, 2)), np.array([[1, 2], [3, 4]], np.uint8), [1, 2, 3, 4]),
    (worlds.Box(0, np.inf, ()), 7.5, [7.5]),
    (BOTH, {"door": 1, "where": np.arange(4.0).reshape(2, 2)}, [0, 1, 2, 3, 0, 1, 0])])
def test_an_observation_becomes_a_vector(space, obs, code):
    told_space = convert.translated(space)
    assert told_space.encode(obs).tolist() == code and told_space.width == len(code)


@pytest.mark.parametrize("obs", [{"door": 1}, [1, 2], {"door": 1, "where": 2, "who": 3},
                                 ["door", "where"]])
def test_an_observation_with_other_keys_is_refused_with_those_there_must_be(obs):
    with pytest.raises(ValueError, match=r"obs must be a dict with the keys \['where', 'door'\]"):
        convert.Parts.of(BOTH).encode(obs)


@pytest.mark.parametrize("space, ours, pairs", [
    (worlds.Discrete(3, start=-1), Discrete(3), [(0, -1), (2, 1)]),
    (worlds.MultiDiscrete([2, 3]), Discrete(6), [(0, [0, 0]), (1, [0, 1]), (5, [1, 2])]),
    (worlds.Box([-2.0, 0.0], [2.0, 10.0], (2,)), Box(2),
     [([0, 0], [0, 5]), ([-1, 1], [-2, 10]), ([-7, 9], [-2, 10]), ([.5, -.5], [1, 2.5])]),
    (worlds.Box(0, 8, (1, 2)), Box(2), [([-1, 0], [[0, 4]])]),
    (worlds.Dict(a=worlds.Discrete(2), b=worlds.MultiDiscrete([3])), Discrete(6),
     [(4, {"a": 1, "b": [1]})]),
    (worlds.Dict(a=worlds.Box(0, 2, (1,)), b=worlds.Box(0, 4, ())), Box(2),
     [([1, 0], {"a": [2], "b": 2})])])
def test_an_action_has_the_type_and_range_of_the_environment(space, ours, pairs):
    assert convert.action_space(convert.translated(space)) == ours
    for mine, theirs in pairs:
        given = convert.decode(convert.translated(space), np.array(mine))
        plain = {k: np.asarray(v).tolist() for k, v in given.items()} if isinstance(
            given, dict) else np.asarray(given).tolist()
        assert plain == theirs


def test_a_stretched_action_has_the_type_of_the_space_and_stays_inside():
    space = worlds.Box(-0.1, 0.1, (3,), np.float32)
    action = convert.decode(convert.translated(space), np.ones(3))
    assert action.dtype == np.float32 and (action <= space.high).all()


def test_whole_numbers_are_stretched_to_the_ends_of_their_type():
    space = convert.translated(worlds.Box(-128, 127, (2,), np.int8))
    assert convert.decode(space, np.array([1.0, -1.0])).tolist() == [127, -128]


def test_a_choice_is_a_plain_number_and_several_are_an_array():
    assert type(convert.decode(convert.translated(worlds.Discrete(3)), 2)) is int
    many = convert.decode(convert.translated(worlds.MultiDiscrete([2, 3])), 4)
    assert isinstance(many, np.ndarray) and many.dtype.kind == "i"


def test_a_stretched_action_stays_inside_where_rounding_would_take_it_out():
    space = worlds.Box(-0.1, 0.3, (2,), np.float64)
    assert -0.1 + (0.3 + 0.1) > 0.3
    assert convert.decode(convert.translated(space), np.ones(2)).tolist() == [0.3, 0.3]


def test_sizes_of_spaces_may_be_plain_numbers_and_lists():
    one, many = worlds.Discrete(3), worlds.MultiDiscrete([2, 3])
    one.n, many.nvec = 3, [2, 3]
    assert convert.translated(one).encode(2).tolist() == [0, 0, 1]
    assert convert.translated(many).encode([1, 1]).tolist() == [0, 1, 0, 1, 0]
    box = worlds.Box(0, 1, (3,))
    box.low, box.high = -2, 2
    assert convert.translated(box).width == 3
    assert convert.decode(convert.translated(box), np.array([0, 1, -1])).tolist() == [0, 2, -2]


class Sub(worlds.Discrete):
    """A space of one's own that is a Discrete."""


def test_a_space_that_inherits_is_what_it_inherits():
    assert convert.action_space(convert.translated(Sub(3))) == Discrete(3)


class Text:
    """A space that is not supported."""


@pytest.mark.parametrize("observed, acted, error, message", [
    (Text(), worlds.Discrete(2), TypeError, "spaces must be Discrete, Box, MultiDiscrete, Dict of"),
    (worlds.Discrete(2), Text(), TypeError, "got .*Text .*; put a wrapper around"),
    (worlds.Discrete(2), worlds.Box(-np.inf, 1, (2,)), ValueError, "an action must have bounds"),
    (worlds.Discrete(2), worlds.Box(0, np.inf, (2,)), ValueError, "an action must have bounds"),
    (worlds.Discrete(2), worlds.Box([0, -np.inf], 1, (2,)), ValueError, "must have bounds"),
    (worlds.Discrete(2), worlds.Box(0, [1, np.inf], (2,)), ValueError, "must have bounds"),
    (worlds.Discrete(2), BOTH, TypeError, "an action must be all of numbers or all of choices")])
def test_a_space_that_is_not_supported_is_refused(observed, acted, error, message):
    with pytest.raises(error, match=message):
        told(observed, acted, 0)


# ---- tasks

def test_a_task_is_made_as_often_as_there_are_episodes_and_is_the_same_each_time():
    tasks = FAMILY.sample(6, rng())
    state, obs = tasks.reset(4, rng(1))
    doors = np.array([[moment.world.env.door for moment in row] for row in state])
    assert (doors == doors[:, :1]).all() and set(doors[:, 0]) == {0, 6}
    assert obs.shape == (6, 4, 7) and (obs == np.eye(7)[3]).all()


def test_terminated_is_done_and_the_horizon_is_not():
    tasks = FAMILY.sample(2, rng())
    state, _ = tasks.reset(2, rng(1))
    actions = np.array([[[1, 0], [0, 1]]] * 3 + [[[0, 0], [0, 1]]] * 2)
    dones = []
    for action in actions:
        state, obs, reward, done = tasks.step(state, action, rng())
        dones.append(done.tolist())
    assert dones[2] == [[True, True], [True, True]] and not np.any(dones[:2])
    tasks = replace(FAMILY, horizon=2).sample(1, rng())
    state, _ = tasks.reset(1, rng(1))
    for _ in range(2):
        state, *_, done = tasks.step(state, np.array([[1]]), rng())
        assert not done


@pytest.mark.parametrize("limit, horizon, dones", [
    (2, 4, [False, True]), (2, 2, [False, False]), (9, 2, [False, False])])
def test_truncated_before_the_horizon_ends_the_episode_and_at_the_horizon_is_not_done(
        limit, horizon, dones):
    family = from_gymnasium(lambda rng: worlds.Corridor(0, limit=limit), horizon)
    tasks = family.sample(1, rng())
    state, _ = tasks.reset(1, rng())
    for expected in dones:
        state, _, _, done = tasks.step(state, np.array([[1]]), rng())
        assert done[0, 0] == expected


def test_the_same_seed_gives_the_same_rollout_and_another_seed_another():
    family = from_gymnasium(worlds.noisy, horizon=5)
    theta = ARMS.init(rng(3))
    one, same, other = (rollout(ARMS, theta, family.sample(3, rng(7)), trials=4, episodes=2,
                                rng=rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(getattr(one, name), getattr(same, name))
               for name in ("x", "action", "reward", "end", "mask"))
    assert not np.array_equal(one.reward, other.reward)


def test_only_environments_that_need_it_are_reset():
    tasks, which = FAMILY.sample(3, rng()), rng().random((3, 4)) < 0.5
    before, _ = tasks.reset(4, rng(1))
    before, *_ = tasks.step(before, np.ones((3, 4), int), rng())
    after, obs = tasks.reset_some(before, which, rng(2))
    resets = np.array([[moment.world.env.n_resets for moment in row] for row in after])
    assert np.array_equal(resets, 1 + which)
    assert np.array_equal(obs.argmax(-1), np.where(which, 3, 4))
    assert np.array_equal([[a is b for a, b in zip(*rows)] for rows in zip(before, after)], ~which)


def test_a_rollout_makes_each_environment_once():
    made = []
    family = from_gymnasium(lambda rng: made.append(worlds.corridor(rng)) or made[-1], 5, 3)
    made.clear()
    tasks = family.sample(3, rng())
    data = rollout(ARMS, ARMS.init(rng()), tasks, trials=4, episodes=3, rng=rng(1))
    assert len(made) == 12 and {env.n_resets for env in made} <= {3, 4}
    assert (data.end.sum(1) == 3).all() and not data.mask.all()


def test_every_episode_has_a_seed_of_its_own():
    seeds = []

    class Seeded(worlds.Corridor):
        def reset(self, seed=None):
            seeds.append(seed)
            return super().reset(seed)

    tasks = from_gymnasium(lambda rng: Seeded(0), 4).sample(3, rng())
    state, _ = tasks.reset(70, rng(1))
    tasks.reset_some(state, np.ones((3, 70), bool), rng(2))
    assert len(set(seeds)) == len(seeds) == 420 and {type(seed) for seed in seeds} == {int}


def test_a_family_of_environments_is_told_and_compared_by_what_it_was_made_of():
    for make in (worlds.corridor, worlds.buttons):
        one, other = from_gymnasium(make, 4, 2), from_gymnasium(make, 4, 2)
        assert one == other and hash(one) == hash(other)
        assert repr(one) == f"Environments(make={make!r}, horizon=4, episodes=2)"


def test_no_environment_is_stepped_after_its_end():
    """Corridor asserts it; its episodes have different lengths."""
    data = rollout(ARMS, ARMS.init(rng()), FAMILY.sample(4, rng()), trials=5, episodes=2,
                   rng=rng(1))
    lengths = data.mask.sum(1)
    assert lengths.min() < lengths.max()


def test_an_episode_that_is_over_stays_as_it_is_and_pays_nothing():
    tasks = from_gymnasium(lambda rng: worlds.Corridor(6), 9).sample(1, rng())
    state, _ = tasks.reset(1, rng())
    for t in range(5):
        state, obs, reward, done = tasks.step(state, np.ones((1, 1), int), rng())
        assert done == (t >= 2) and obs.argmax() == min(4 + t, 6)
        assert reward == (-0.1 if t < 2 else 0.9 if t == 2 else 0)


def test_a_moment_can_be_stepped_once():
    tasks = FAMILY.sample(1, rng())
    state, _ = tasks.reset(1, rng())
    tasks.step(state, np.array([[1]]), rng())
    with pytest.raises(ValueError, match="can be stepped once: an environment cannot go back"):
        tasks.step(state, np.array([[1]]), rng())


class Room:
    """GridNavigation(3) with the interface of Gymnasium."""

    observation_space, action_space = worlds.Discrete(9), worlds.Discrete(5)
    moves = [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)]

    def __init__(self, goal):
        self.goal = goal

    def reset(self, seed=None):
        self.at = np.zeros(2, int)
        return 0, {}

    def step(self, action):
        self.at = np.clip(self.at + self.moves[action], 0, 2)
        cell = int(self.at @ [3, 1])
        return cell, 1.0 if cell == self.goal else -0.1, False, False, {}


def test_a_deterministic_task_is_the_same_as_one_of_our_own():
    ours = GridNavigation(3, horizon=6).sample(5, rng(2))
    theirs = from_gymnasium(lambda rng: Room(ours.goal[rng.integers(5)]), 6).sample(5, rng(3))
    state, obs = theirs.reset(4, rng())
    goals = np.array([moment.world.env.goal for moment in state[:, 0]])
    ours = replace(ours, goal=goals)
    mine, seen = ours.reset(4, rng())
    assert np.array_equal(seen, obs)
    for action in rng(4).integers(5, size=(6, 5, 4)):
        mine, *ours_now = ours.step(mine, action, rng())
        state, *theirs_now = theirs.step(state, action, rng())
        assert all(np.array_equal(a, b) for a, b in zip(ours_now, theirs_now, strict=True))


@dataclass(frozen=True)
class Lakes(Family):
    """Frozen lakes as a family of ours, which draws as from_gymnasium does."""

    horizon: int
    episodes: int = 1
    obs_size, action = 9, Discrete(4)

    def draw(self, K, rng):
        maps = [worlds.ice(np.random.default_rng(seed)) for seed in rng.integers(2 ** 63, size=K)]
        return Ice(self, np.array([list("".join(desc)) for desc in maps]))


@dataclass(frozen=True)
class Ice(Tasks):
    family: Lakes
    fields: np.ndarray  # [K, 9]

    def begin(self, B, rng):
        rng.integers(2 ** 31, size=(len(self), B))  # the seeds of environments
        return np.zeros((len(self), B), int), np.broadcast_to(np.eye(9)[0], (len(self), B, 9))

    def move(self, state, action, rng):
        at = np.stack(np.divmod(state, 3), -1) + np.array(worlds.FrozenLake.moves)[action]
        state = at.clip(0, 2) @ [3, 1]
        field = np.take_along_axis(self.fields, state, 1)
        return state, np.eye(9)[state], (field == "G") * 1.0, np.isin(field, ["G", "H"])


def frozen_lake(kind):
    if kind == "ours":
        return lambda rng: worlds.FrozenLake(worlds.ice(rng))
    gymnasium = pytest.importorskip("gymnasium")
    return lambda rng: gymnasium.make("FrozenLake-v1", desc=worlds.ice(rng), is_slippery=False)


@pytest.mark.parametrize("kind", ["ours", "Gymnasium's"])
@pytest.mark.parametrize("learner", [
    MAML(MLPPolicy(9, Categorical(4), (4,)), trials=5, rate=0.02),
    RL2(RecurrentPolicy(9, Categorical(4), 6), episodes=2, trials=3)], ids=["MAML", "RL2"])
def test_a_frozen_lake_is_to_a_learner_what_the_same_family_of_ours_is(learner, kind):
    """To the bit: what is learned, the log, and what is then earned on fresh lakes."""
    families = (from_gymnasium(frozen_lake(kind), 6, learner.episodes),
                Lakes(6, learner.episodes))
    runs = [meta_train(learner, family, iterations=3, tasks=4) for family in families]
    assert np.array_equal(runs[0].theta, runs[1].theta) and runs[0].log == runs[1].log
    one, other = (evaluate(learner, run.theta, family, tasks=30).returns
                  for run, family in zip(runs, families))
    assert np.array_equal(one, other) and one.sum() > 0


def test_environments_keep_every_law_but_the_one_that_the_docstring_names():
    check_tasks(from_gymnasium(worlds.corridor, horizon=7), skip=("pure",))
    with pytest.raises(AssertionError, match="pure: .*can be stepped once"):
        check_tasks(from_gymnasium(worlds.corridor, horizon=7))


def test_a_family_pickles_if_make_does():
    again = pickle.loads(pickle.dumps(FAMILY))
    assert again == FAMILY and again.obs_size == 7


# ---- learning

def test_actions_are_stretched_to_the_bounds_of_each_task():
    def make(rng):
        return worlds.Told(FINE, worlds.Box(0.0, float(rng.integers(1, 9)), (1,)), ZERO)

    tasks = from_gymnasium(make, 3).sample(5, rng())
    state, _ = tasks.reset(1, rng())
    tasks.step(state, np.ones((5, 1, 1)), rng())
    worlds_now = [moment.world.env for moment in state[:, 0]]
    most = [env.action_space.high[0] for env in worlds_now]
    assert len(set(most)) > 1 and [env.done[0][0] for env in worlds_now] == most


@pytest.mark.parametrize("learner", [
    MAML(ARMS, trials=8, alpha=0.5, rate=0.02),
    RL2(RecurrentPolicy(7, Categorical(2), 6), episodes=2, trials=4)], ids=["MAML", "RL2"])
def test_learners_train_on_environments_and_their_agents_act_in_them(learner):
    run = meta_train(learner, FAMILY, iterations=2, tasks=3)
    curve = evaluate(learner, run.theta, FAMILY, tasks=4)
    assert curve.returns.shape == (4, 2)
    tasks, env = FAMILY.sample(1, rng(5)), worlds.Corridor(6)
    agent = run.agent(tasks)
    (obs, _), done = env.reset(), False
    reward = 0.0
    for _ in range(20):
        obs, reward, done, _, _ = env.step(agent.act(obs, reward, done))
        if done:
            obs, _ = env.reset()


@pytest.mark.parametrize("learner, make, horizon", [
    (MAML(ARMS, trials=10, alpha=3.0, rate=0.02), worlds.corridor, 5),
    (RL2(RecurrentPolicy(1, Categorical(2), 6), episodes=2, trials=4, rate=0.03),
     worlds.buttons, 2)],
    ids=["MAML", "RL2"])
def test_adaptation_pays_in_environments(learner, make, horizon):
    family = from_gymnasium(make, horizon, learner.episodes)
    run = meta_train(learner, family, iterations=40, tasks=12)
    curve = evaluate(learner, run.theta, family, tasks=100)
    gain = curve.returns[:, -1] - curve.returns[:, 0]
    assert gain.mean() - 2 * gain.std() / 10 > 0.3


def test_a_gaussian_learner_moves_in_a_box():
    space = worlds.Box(-1.0, 1.0, (3,))
    family = told(space, worlds.Box(0.0, 5.0, (2,)), np.array([0.5, 0.0, -0.5]))
    policy = MLPPolicy(3, Gaussian(2), (4,))
    data = rollout(policy, policy.init(rng()), family.sample(2, rng()), trials=3, episodes=1,
                   rng=rng())
    assert data.action.shape == (2, 4, 3, 2) and data.x.shape == (2, 4, 3, 3)


def test_a_run_in_environments_is_loaded_with_their_family(tmp_path):
    learner = MAML(ARMS, trials=2)
    run = meta_train(learner, FAMILY, iterations=1, tasks=2, run_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"worlds.corridor, which minimeta does not define; "
                                              r"use load\(run_dir, family=\.\."):
        load(tmp_path)
    assert np.array_equal(load(tmp_path, family=FAMILY).theta, run.theta)


# ---- mistakes

FINE, BINARY = worlds.Box(-1, 1, (2,)), worlds.Discrete(2)
ZERO = np.zeros(2)


@pytest.mark.parametrize("make, error, message", [
    (lambda rng: None, TypeError, "make must give an environment with reset, step, obs.* got None"),
    (lambda rng: worlds.Corridor, TypeError, "must give an environment, not a class"),
    (lambda: worlds.Corridor(0), TypeError, "must be a function of rng .*too many positional"),
    ("FrozenLake-v1", TypeError, "make must be a function of rng that gives an environment")])
def test_a_make_that_gives_something_else_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        from_gymnasium(make, horizon=3)


@pytest.mark.parametrize("horizon, episodes, message", [
    (0, 1, "horizon must be at least 1"), (3, 0, "episodes must be at least 1")])
def test_sizes_are_refused_by_name(horizon, episodes, message):
    with pytest.raises(ValueError, match=message):
        from_gymnasium(worlds.corridor, horizon, episodes)


@pytest.mark.parametrize("obs, answer, error, message", [
    (np.array([0.0, np.nan]), None, ValueError, "obs must be finite, got nan"),
    (np.zeros(3), None, ValueError, r"obs must have shape \[2\], as its space says, got \[3\]"),
    (ZERO, (ZERO, np.nan, False, False, {}), ValueError, "reward must be a finite .* got nan"),
    (ZERO, (ZERO, 0.0, False, {}), TypeError, "step of .* must return 5 values, as in Gymnasium"),
    (ZERO, [ZERO, 0.0, False, False, {}], TypeError, "step of .* must return 5 values"),
    (ZERO, (np.zeros((1, 2)), 0.0, False, False, {}), ValueError, r"got \[1, 2\]"),
    (ZERO, (ZERO, None, False, False, {}), TypeError, "reward must be a number, got None"),
    (ZERO, (ZERO, "1", False, False, {}), TypeError, "reward must be a number, got '1'"),
    (ZERO, (ZERO, ZERO, False, False, {}), TypeError, "reward must be a number, got array"),
    ("wet", None, TypeError, r"obs must be numbers of shape \[2\], got 'wet'")])
def test_an_answer_that_an_environment_must_not_give_is_named(obs, answer, error, message):
    tasks = told(FINE, BINARY, obs, answer).sample(1, rng())
    with pytest.raises(error, match=message):
        state, _ = tasks.reset(1, rng())
        tasks.step(state, np.array([[1]]), rng())


@pytest.mark.parametrize("obs", [7, -1, 2.0, [1, 2]])
def test_a_number_outside_its_space_is_named(obs):
    tasks = told(worlds.Discrete(7), BINARY, obs).sample(1, rng())
    with pytest.raises(ValueError, match=r"obs must be whole numbers of shape \[\] below \[7\]"):
        tasks.reset(1, rng())


def test_one_environment_for_all_is_refused():
    env = worlds.Corridor(0)
    with pytest.raises(ValueError, match="make must give a new environment at each call, got 1"):
        from_gymnasium(lambda rng: env, 3).sample(2, rng()).reset(3, rng())


def test_tasks_with_other_spaces_are_refused():
    def make(rng):
        n = int(rng.integers(2, 9))
        return worlds.Told(worlds.Discrete(n), BINARY, 0)

    with pytest.raises(ValueError, match="all tasks must have spaces of one size"):
        from_gymnasium(make, 3).sample(9, rng()).reset(1, rng())


# ---- Gymnasium itself

def test_gymnasium_s_own_environments_are_tasks():
    gymnasium = pytest.importorskip("gymnasium")

    def lake(rng):
        desc = ["SFF", "FFF", "FFG"] if rng.random() < 0.5 else ["SFG", "FFF", "FFF"]
        return gymnasium.make("FrozenLake-v1", desc=desc, is_slippery=False)

    def pole(rng):
        env = gymnasium.make("CartPole-v1")
        env.unwrapped.length = rng.uniform(0.3, 1.0)
        return env

    for make, n, learner in ((lake, 9, MAML(MLPPolicy(9, Categorical(4), (4,)), trials=3)),
                             (pole, 4, RL2(RecurrentPolicy(4, Categorical(2), 4), episodes=2))):
        family = from_gymnasium(make, horizon=8, episodes=learner.episodes)
        assert family.obs_size == n
        run = meta_train(learner, family, iterations=2, tasks=2)
        curve = evaluate(learner, run.theta, family, tasks=3)
        assert np.isfinite(curve.returns).all()
        env = make(rng(0))
        obs, _ = env.reset(seed=0)
        obs, *_ = env.step(run.agent(family.sample(1, rng(1))).act(obs))


def test_two_moments_are_equal_if_an_agent_cannot_tell_them_apart():
    obs = np.array([1.0, 2.0])
    one = Moment("a world", 3, obs, 0.5, False)
    assert one == Moment("another", 3, obs.copy(), 0.5, False, is_over=True)
    for other in (Moment("a world", 4, obs, 0.5), Moment("a world", 3, obs + 1, 0.5),
                  Moment("a world", 3, obs, 0.6), Moment("a world", 3, obs, 0.5, True)):
        assert one != other
    assert "a world" not in repr(one)


# ---- what two moments have in common

def test_moments_are_equal_if_an_agent_cannot_tell_them_apart():
    one = Moment(None, 3, np.ones(2), 0.5, True, True)
    assert one == Moment("another world", 3, np.ones(2), 0.5, True, False)
    for other in (replace(one, t=4), replace(one, obs=np.zeros(2)), replace(one, obs=np.ones(3)),
                  replace(one, reward=0.4), replace(one, done=False)):
        assert one != other


@pytest.mark.parametrize("terminated, truncated, done", [
    (0, 1, True), (1, 0, True), (0, 0, False), (np.bool_(False), np.bool_(True), True)])
def test_flags_may_be_numbers_and_done_is_a_truth(terminated, truncated, done):
    family = told(worlds.Discrete(2), worlds.Discrete(2), 0, (0, 1, terminated, truncated, {}))
    tasks = family.sample(2, rng())
    state, _ = tasks.reset(1, rng())
    _, _, reward, found = tasks.step(state, np.zeros((2, 1), int), rng())
    assert found.dtype == bool and (found == done).all() and (reward == 1).all()
    assert reward.dtype == float


@pytest.mark.parametrize("space, code", [
    (worlds.Discrete(3, start=5), [4, 8]),
    (worlds.MultiDiscrete([2, 3]), [[0, 3], [2, 0], [-1, 0]])])
def test_a_number_just_outside_of_its_range_is_refused(space, code):
    for number in code:
        with pytest.raises(ValueError, match="obs must be whole numbers of shape .* below"):
            convert.translated(space).encode(np.array(number))
    for odd in (2.0, [1], "a"):
        with pytest.raises(ValueError, match="obs must be whole numbers"):
            convert.translated(worlds.Discrete(3)).encode(odd)


def test_choices_that_do_not_begin_at_0_are_shown_and_given_from_their_beginning():
    space = worlds.MultiDiscrete([2, 3])
    space.start = np.array([5, -1])
    ours = convert.translated(space)
    assert ours.encode(np.array([6, -1])).tolist() == [0, 1, 1, 0, 0]
    assert convert.decode(ours, 5).tolist() == [6, 1] and convert.decode(ours, 1).tolist() == [5, 0]
    with pytest.raises(ValueError, match=r"from \[5, -1\] on, got"):
        ours.encode(np.array([1, 0]))
