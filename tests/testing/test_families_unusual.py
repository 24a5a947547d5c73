"""check_tasks on families that are right in unusual ways, and on families that do without
what is optional."""
from dataclasses import replace

import numpy as np
import pytest
from coins import Coin, Coins
from unusual_families import Ladder, Lenient, Plain, PlainTasks, if_array

from minimeta.tasks import Box, Discrete
from minimeta.testing import check_tasks
from minimeta.testing import families as laws
from minimeta.testing.luck import EqualLuck
from minimeta.testing.suite import DoesNotApply


# ---- what is optional

def test_a_family_that_inherits_nothing_is_checked_as_well():
    found = check_tasks(Plain())
    assert found.skipped == {
        "separate": "the tasks cannot be sliced; minimeta.tasks.Tasks can",
        "learnable": "the tasks have no oracle()", "simulated": "the tasks have no random()"}


@pytest.mark.parametrize("missing, skipped", [
    ("oracle", {"learnable"}), ("random", {"learnable", "simulated"})])
def test_each_of_the_two_returns_is_optional(missing, skipped):
    class Less(Coins):
        def __getattribute__(self, name):
            if name == missing:
                raise AttributeError(name)
            return super().__getattribute__(name)

    found = check_tasks(replace(Coin(), tasks=Less), skip=("whole",))
    assert set(found.skipped) == skipped | {"whole"}


class NumbersElsewhere(PlainTasks):
    def __init__(self, family, goal):
        super().__init__(family, None)
        self.goals = goal.tolist()

    def __len__(self):
        return len(self.goals)

    def reset(self, B, rng):
        state, _ = super().reset(B, rng)
        return state, state[..., None] + np.array(self.goals)[:, None, None]


def test_a_leak_that_cannot_be_looked_for_is_not_called_absent():
    family = Plain()
    family.sample = lambda K, rng: NumbersElsewhere(family, rng.uniform(-1, 1, K))
    with pytest.raises(DoesNotApply, match="hold no numbers that an observation could tell"):
        laws.silent(family, 0)


# ---- each bad action must be refused

@pytest.mark.parametrize("space, mend, message", [
    (Box(2), lambda action, shape: np.asarray(action), "in a list"),
    (Discrete(3), lambda action, shape: np.asarray(action), "in a list"),
    (Box(2), lambda action, shape: np.resize(action, shape + (2,)) if isinstance(
        action, np.ndarray) else action, "of another shape"),
    (Discrete(3), lambda action, shape: np.resize(action, shape) if isinstance(
        action, np.ndarray) else action, "of another shape"),
    (Box(2), if_array(lambda a: np.where(np.isnan(a), 0, a)), "with NaN"),
    (Box(2), if_array(lambda a: np.where(np.isinf(a), 0, a)), "with inf"),
    (Box(2), if_array(lambda a: a.astype(float)), "as integers"),
    (Discrete(3), if_array(lambda a: np.maximum(a, 0)), "below 0"),
    (Discrete(3), if_array(lambda a: np.minimum(a, 2)), "too large"),
    (Discrete(3), if_array(lambda a: a.astype(int) if a.dtype == float else a), "as floats"),
    (Discrete(3), if_array(lambda a: a.astype(int) if a.dtype == bool else a), "as truths")])
def test_each_kind_of_bad_action_must_be_refused(space, mend, message):
    with pytest.raises(AssertionError, match=f"actions {message}: accepted without a word"):
        laws.guarded(Lenient(space, mend), 0)


# ---- nobody steps what is over

def test_no_law_steps_a_row_that_is_done_or_past_the_horizon():
    assert not check_tasks(Ladder()).skipped


# ---- what is right is not refused

class WritesIntoItsOwnDraws(Coins):
    def move(self, state, action, rng):
        luck = rng.random(state.shape)
        luck[action != self.side[:, None]] *= 9
        luck /= 0.9
        after = state.copy()
        after += 1
        return after, self.look(after), luck < 1, np.zeros(state.shape, bool)

    def random(self):
        return np.full(len(self), 1.5)


class DrawsWithArrays(Coins):
    def move(self, state, action, rng):
        p = np.where(action == self.side[:, None], 0.9, 0.1)
        return state + 1, self.look(state + 1), rng.binomial(1, p), np.zeros(state.shape, bool)


class DrawsATaskAtATime(Coins):
    def move(self, state, action, rng):
        reward = np.zeros(state.shape)
        for k, b in np.ndindex(state.shape):
            reward[k, b] = rng.random() < (0.9 if action[k, b] == self.side[k] else 0.1)
        return state + 1, self.look(state + 1), reward, np.zeros(state.shape, bool)


class DrawsEpisodesFirst(Coins):
    def move(self, state, action, rng):
        p = np.where(action == self.side[:, None], 0.9, 0.1)
        reward = (rng.uniform(size=state.shape[::-1]).T < p).astype(np.float32)
        return state + 1, self.look(state + 1), reward, np.zeros(state.shape, bool)


class DrawsInOneRowOfNumbers(Coins):
    def move(self, state, action, rng):
        p = np.where(action == self.side[:, None], 0.9, 0.1)
        reward = rng.normal(p.ravel(), 0.1, p.size).reshape(p.shape)
        return state + 1, self.look(state + 1), reward, np.zeros(state.shape, bool)


class SpawnsAGeneratorForEachTask(Coins):
    def move(self, state, action, rng):
        p = np.where(action == self.side[:, None], 0.9, 0.1)
        draws = [child.random(state.shape[1]) for child in rng.spawn(len(state))]
        return state + 1, self.look(state + 1), draws < p, np.zeros(state.shape, bool)


class DrawsUntilItFits(Coins):
    def begin(self, B, rng):
        state, obs = super().begin(B, rng)
        start = rng.normal(size=state.shape)
        while np.any(start > 0):
            start = np.where(start > 0, rng.normal(size=state.shape), start)
        return state, obs + start[..., None]


class PaysTruths(Coins):
    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        return state, obs.astype(np.float32), reward == 1, done

    def look(self, state):
        return super().look(state).astype(np.float32)


@pytest.mark.parametrize("right", [WritesIntoItsOwnDraws, DrawsWithArrays, DrawsATaskAtATime,
                                   DrawsEpisodesFirst, DrawsInOneRowOfNumbers,
                                   SpawnsAGeneratorForEachTask, DrawsUntilItFits, PaysTruths])
def test_a_family_that_is_right_in_another_way_is_not_refused(right):
    for seed in range(3):
        assert not check_tasks(replace(Coin(), tasks=right), seed).skipped


class BreaksAtBadSizes(Coin):
    def sample(self, K, rng):
        K.bit_length()   # which whole numbers have
        return super().sample(K, rng)


def test_a_bad_size_must_be_refused_and_not_break_something():
    with pytest.raises(AssertionError,
                       match="^guarded: raised AttributeError: 'float' object has no"):
        check_tasks(BreaksAtBadSizes())


@pytest.mark.parametrize("draw", [
    lambda rng, K: rng.random((K, 3)), lambda rng, K: rng.choice(5, (K, 3)),
    lambda rng, K: rng.dirichlet(np.ones(3), K), lambda rng, K: rng.integers(9, size=K),
    lambda rng, K: rng.multinomial(9, np.full((K, 3), 1 / 3))])
def test_equal_luck_is_the_same_for_every_task_and_for_any_number_of_them(draw):
    many, few = draw(EqualLuck(0), 50), draw(EqualLuck(0), 2)
    assert np.all(many == many[0]) and np.array_equal(many[:2], few)
    assert any(not np.array_equal(many, draw(EqualLuck(seed), 50)) for seed in range(1, 5))


def test_equal_luck_with_parameters_of_each_task_is_the_same_luck():
    mean = np.arange(4.0)[:, None]
    drawn = EqualLuck(0).normal(mean, 2.0, (4, 3))
    assert np.allclose(drawn - mean, drawn[0, 0], rtol=0, atol=1e-12)


def test_waiting_for_other_luck_than_the_equal_ends():
    rng = EqualLuck(0, by_call=False)
    with pytest.raises(RuntimeError, match="draws with equal luck"):
        while rng.random() >= 0:
            pass
