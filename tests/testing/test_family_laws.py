"""What each law of check_tasks looks at, one by one."""
import random
from dataclasses import replace

import numpy as np
import pytest
from coins import Coin, Coins
from unusual_families import Ladder, Lenient, Plain, PlainTasks, if_array

from minimeta import require
from minimeta.tasks import Box
from minimeta.testing import check_tasks
from minimeta.testing import families as laws


@pytest.mark.parametrize("change, message", [
    (lambda a: np.where(np.isnan(a), 0, a) if not np.isnan(a).all() else a, "with NaN"),
    (lambda a: np.where(np.isinf(a), 0, a) if not np.isinf(a).all() else a, "with inf")])
def test_one_bad_number_among_good_ones_must_be_refused(change, message):
    with pytest.raises(AssertionError, match=f"actions {message}: accepted without a word"):
        laws.guarded(Lenient(Box(2), if_array(change)), 0)


class Sized(Coin):
    """Takes sizes that `bad` names."""

    bad = ()

    def sample(self, K, rng):
        return super().sample(3 if K in self.bad and not (K is True) else K, rng)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_each_bad_number_of_tasks_must_be_refused(size):
    family = type("Sized", (Sized,), {"bad": (size,)})()
    with pytest.raises(AssertionError, match=f"K = {size}: accepted without a word"):
        laws.guarded(family, 0)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_each_bad_number_of_episodes_must_be_refused(size):
    class Takes(Coins):
        def reset(self, B, rng):
            return super().reset(3 if B == size and type(B) is type(size) else B, rng)

    with pytest.raises(AssertionError, match=f"B = {size}: accepted without a word"):
        laws.guarded(replace(Coin(), tasks=Takes), 0)


def test_a_module_in_place_of_a_generator_must_be_refused():
    class TakesAnything(Coin):
        def sample(self, K, rng):
            return super().sample(K, np.random.default_rng(0) if rng is np.random else rng)

    with pytest.raises(AssertionError, match="np.random as rng: accepted without a word"):
        laws.guarded(TakesAnything(), 0)


def test_the_answer_of_each_law_says_what_was_checked():
    assert laws.shapes(Coin(), 0) == "as promised, K = 7, B = 3, 3 steps"
    assert laws.pure(Coin(), 0) == "3 steps, each taken twice"
    assert laws.whole(Coin(), 0) == "pickled and replayed"
    assert laws.separate(Coin(), 0) == "alone as among others"
    assert laws.untimed(Coin(), 0) == "0 of 21 rows were done by step 3"
    assert laws.guarded(Coin(), 0) == "15 bad arguments refused"
    assert laws.guarded(Lenient(Box(2), lambda a, shape: a), 0) == "14 bad arguments refused"
    assert laws.learnable(Coin(), 0) == "oracle 2.7, random 1.5"
    assert laws.untimed(Ladder(), 0).endswith(" of 21 rows were done by step 3")


class DependsALittle(Coins):
    def oracle(self):
        return np.full(len(self), 2.7 + 1e-7 * self.side.mean())


def test_a_small_dependence_on_other_tasks_is_caught():
    with pytest.raises(AssertionError, match=r"oracle\(\) depends on others"):
        laws.separate(replace(Coin(), tasks=DependsALittle), 0)


@pytest.mark.parametrize("name", ["oracle", "random"])
def test_each_of_the_two_returns_must_be_the_task_s_own(name):
    other = type("Other", (Coins,), {name: lambda self: 2.0 + np.arange(len(self))})
    with pytest.raises(AssertionError, match=rf"{name}\(\) depends on others"):
        laws.separate(replace(Coin(), tasks=other), 0)


@pytest.mark.parametrize("kind", [slice, np.ndarray])
def test_each_kind_of_selection_of_tasks_is_checked(kind):
    class Shifted(Coins):
        def __getitem__(self, index):
            some = super().__getitem__(index)
            flip = (np.arange(len(some)) == len(some) - 1) & isinstance(index, kind)
            return replace(some, side=np.where(flip, 1 - some.side, some.side))

    with pytest.raises(AssertionError, match=r"tasks\["):
        laws.separate(replace(Coin(), tasks=Shifted), 0)


class Late(Coins):
    """Its last step alone pays by the side of the first task."""

    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        return state, obs, np.where(state == 3, self.side[0], reward), done


def test_the_last_step_is_checked_like_the_first():
    with pytest.raises(AssertionError, match=r"tasks\["):
        laws.separate(replace(Coin(), tasks=Late), 0)

    class EndsLate(Coins):
        def move(self, state, action, rng):
            state, obs, reward, done = super().move(state, action, rng)
            return state, obs, reward, done | (state == self.family.horizon)

    with pytest.raises(AssertionError, match="the horizon is a time limit"):
        laws.untimed(replace(Coin(), tasks=EndsLate), 0)


@pytest.mark.parametrize("part", [0, 1, 2, 3])
def test_each_part_of_a_step_must_be_the_same_for_a_pickled_copy(part):
    class Forgets(Coins):
        def __reduce__(self):
            return Forgetful, (self.family, self.side)

    class Forgetful(Coins):
        def move(self, state, action, rng):
            step = list(super().move(state, action, rng))
            step[part] = ~step[part] if part == 3 else step[part] + 1
            return tuple(step)

    globals().update(Forgets=Forgets, Forgetful=Forgetful)
    for kind in (Forgets, Forgetful):
        kind.__qualname__ = kind.__name__
    with pytest.raises(AssertionError, match="a pickled copy of the tasks does something else"):
        laws.whole(replace(Coin(), tasks=Forgets), 0)


@pytest.mark.parametrize("steal", ["numpy", "python"])
@pytest.mark.parametrize("when", ["sample", "reset", "step"])
def test_global_luck_is_not_drawn_at_any_time(steal, when):
    def draw():
        np.random.random() if steal == "numpy" else random.random()

    class Family_(Coin):
        def sample(self, K, rng):
            if when == "sample":
                draw()
            return super().sample(K, rng)

    class Steals(Coins):
        def begin(self, B, rng):
            if when == "reset":
                draw()
            return super().begin(B, rng)

        def move(self, state, action, rng):
            if when == "step":
                draw()
            return super().move(state, action, rng)

    globals().update(Family_=Family_, Steals=Steals)
    for kind in (Family_, Steals):
        kind.__qualname__ = kind.__name__
    with pytest.raises(AssertionError,
                       match="global random numbers were used: np.random or random"):
        laws.whole(Family_(tasks=Steals), 0)


class Simulates(Coins):
    """random() is a simulation of as many episodes as the law plays."""

    def random(self):
        rng = np.random.default_rng(int(self.side @ 2 ** (np.arange(len(self)) % 40)))
        p = np.where(rng.random((len(self), 10, 3)) < 0.5, 0.9, 0.1)
        return (rng.random(p.shape) < p).sum(-1).mean(-1)


def test_a_random_return_that_is_a_simulation_itself_is_right():
    for seed in range(8):
        laws.simulated(replace(Coin(), tasks=Simulates), seed)


def test_task_by_task_a_random_return_may_be_off_as_a_simulation_is_and_no_more():
    # The variance of three calls is 0.75, and that of a mean of ten episodes 0.075: of a
    # simulation as long 0.15 is expected. The bound is 0.15 and four standard errors.
    for off, is_right in ((0.24, True), (0.4, False)):
        class Off(Coins):
            def random(self):
                return 1.5 + off * np.where(np.arange(len(self)) % 2, 1, -1)

        for seed in range(3):
            found = check_tasks.report(replace(Coin(), tasks=Off), seed)["simulated"]
            assert ("wrong task by task" in found.detail) != is_right


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_by_how_much_a_random_return_may_be_off_does_not_depend_on_its_size(scale):
    class Scaled(Coins):
        def move(self, state, action, rng):
            state, obs, reward, done = super().move(state, action, rng)
            return state, obs, scale * reward, done

        def random(self):
            return np.full(len(self), 1.5 * scale) + self.off * scale

    for off, is_right in ((0.0, True), (0.15, False), (-0.15, False)):
        family = replace(Coin(), tasks=type("Off", (Scaled,), {"off": off}))
        if is_right:
            assert "standard errors of 4000 episodes" in laws.simulated(family, 0)
            continue
        with pytest.raises(AssertionError, match="is off by"):
            laws.simulated(family, 0)


def test_a_reward_without_luck_is_right_to_rounding():
    class Certain(Coins):
        def move(self, state, action, rng):
            state, obs, _, done = super().move(state, action, rng)
            return state, obs, np.full(state.shape, 0.1), done

        def random(self):
            return np.full(len(self), 0.1 + 0.1 + 0.1) * (1 + 1e-14)

    laws.simulated(replace(Coin(), tasks=Certain), 0)

    class Losses(Certain):
        """-0.1 a call where the side is 1, and else nothing."""

        def move(self, state, action, rng):
            state, obs, reward, done = super().move(state, action, rng)
            return state, obs, -reward * self.side[:, None], done

        def random(self):
            return -0.3 * self.side

    laws.simulated(replace(Coin(), tasks=Losses), 0)

    class Wrong(Certain):
        def random(self):
            return np.full(len(self), 0.3 * (1 + 1e-10))

    with pytest.raises(AssertionError, match="is off by"):
        laws.simulated(replace(Coin(), tasks=Wrong), 0)

    class WrongByTask(Certain):
        def random(self):
            return 0.3 + 1e-8 * np.where(np.arange(len(self)) % 2, 1, -1)

    with pytest.raises(AssertionError, match="wrong task by task"):
        laws.simulated(replace(Coin(), tasks=WrongByTask), 0)


def test_in_some_tasks_nothing_may_be_gained():
    class OneIsIdle(Coins):
        def oracle(self):
            return np.where(np.arange(len(self)) == 11, 1.5, 2.7)

    laws.learnable(replace(Coin(), tasks=OneIsIdle), 0)


def test_a_generator_that_lacks_what_is_asked_of_it_is_refused_by_that():
    class Asks(Coin):
        def sample(self, K, rng):
            require.count("K", K)
            return Coins(self, rng.integers(2, size=K))

    laws.guarded(Asks(), 0)

    class Breaks(Coins):
        def reset(self, B, rng):
            return super().reset(B, rng) if B == 3 else self.missing

    with pytest.raises(AttributeError, match="missing"):
        laws.guarded(replace(Coin(), tasks=Breaks), 0)


def test_a_tenth_of_what_can_be_earned_is_gained_by_knowing_the_task():
    for gain, is_right in ((0.11, True), (0.09, False)):
        for sign in (1, -1):
            oracle = sign * 2.0
            tasks = type("Gains", (Coins,), {
                "oracle": lambda self: np.full(len(self), oracle),
                "random": lambda self: np.full(len(self), oracle - 2 * gain)})
            family = replace(Coin(), tasks=tasks)
            if is_right:
                laws.learnable(family, 0)
            else:
                with pytest.raises(AssertionError, match="a gain below 0.2"):
                    laws.learnable(family, 0)


def test_what_is_shown_and_paid_may_depend_on_the_horizon():
    class TellsTheTime(Coins):
        def look(self, state):
            return state[..., None] / self.family.horizon

        def move(self, state, action, rng):
            state, obs, reward, done = super().move(state, action, rng)
            return state, obs, reward / self.family.horizon, done

    assert laws.untimed(replace(Coin(), tasks=TellsTheTime), 0)


def test_a_state_must_be_one_of_each_episode():
    class OneState(Coins):
        def begin(self, B, rng):
            state, obs = super().begin(B, rng)
            return state[:, :1], obs

        def move(self, state, action, rng):
            full = np.broadcast_to(state, action.shape)
            after, *rest = super().move(full, action, rng)
            return after[:, :1], *rest

    with pytest.raises(AssertionError, match=r"state must be \[K, B, ..\], got \[7, 1\]"):
        laws.shapes(replace(Coin(), tasks=OneState), 0)


@pytest.mark.parametrize("width, n", [(3, 1000), (126, 1008), (300, 2400), (600, 4000)])
def test_more_tasks_are_drawn_where_an_observation_has_more_numbers(width, n):
    class Wide(Coin):
        obs_size = width

        def sample(self, K, rng):
            raise KeyError(K)

    with pytest.raises(KeyError, match=str(n)):
        laws.silent(Wide(), 0)


def test_rows_that_were_done_are_counted():
    class OneSideEnds(Coins):
        def move(self, state, action, rng):
            state, obs, reward, _ = super().move(state, action, rng)
            return state, obs, reward, (state == 2) & (self.side[:, None] == 1)

    tasks = Coin().sample(7, np.random.default_rng(0))
    n = 3 * int(tasks.side.sum())
    assert 0 < n < 21
    assert laws.untimed(replace(Coin(), tasks=OneSideEnds),
                        0) == f"{n} of 21 rows were done by step 3"


@pytest.mark.parametrize("shown", [0, 1])
def test_a_leak_of_any_array_of_a_task_is_found(shown):
    class Two(PlainTasks):
        def __init__(self, family, goal):
            super().__init__(family, goal)
            self.other = np.random.default_rng(1).random(len(goal))

        def reset(self, B, rng):
            state, obs = super().reset(B, rng)
            return state, obs + (self.goal, self.other)[shown][:, None, None]

    family = Plain()
    family.sample = lambda K, rng: Two(family, rng.uniform(-1, 1, K))
    with pytest.raises(AssertionError, match="tells .*% of the task"):
        laws.silent(family, 0)
