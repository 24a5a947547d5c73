"""check_tasks: an honest family keeps every law, and a family that breaks one is caught by
that law."""
import pickle
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from coins import Coin, Coins

from minimeta.testing import check_tasks
from minimeta.testing import families as laws


class FlatObservation(Coins):
    def look(self, state):
        return state.astype(float)


class ShowsNaN(Coins):
    def look(self, state):
        return np.where(state == 2, np.nan, 0.0)[..., None]


class DoneAsNumbers(Coins):
    def move(self, state, action, rng):
        *rest, done = super().move(state, action, rng)
        return *rest, done.astype(int)


class DoneOfAnotherShape(Coins):
    def move(self, state, action, rng):
        *rest, done = super().move(state, action, rng)
        return *rest, ~done[:, 0]


class RewardIsComplex(Coins):
    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        return state, obs, reward + 0j, done


class OracleIsOneNumber(Coins):
    def oracle(self):
        return 2.7


class RandomIsNaNInOneTask(Coins):
    def random(self):
        return np.where(np.arange(len(self)) == 4, np.nan, 1.5)


class WritesToTheState(Coins):
    def move(self, state, action, rng):
        after = super().move(state, action, rng)
        state += 1
        return after


class WritesToTheActionsLater(Coins):
    def move(self, state, action, rng):
        after = super().move(state, action, rng)
        if np.any(state == 2):
            action[:] = 0
        return after


class DrawsFromASecretStream(Coins):
    drawn = count()

    def __init__(self, family, side):
        super().__init__(family, side + 2 * next(self.drawn))


class WearsOut(Coins):
    def move(self, state, action, rng):
        after = super().move(state, action, rng)
        self.side[:] = 1 - self.side
        return after


class CountsCalls(Coins):
    calls = []

    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        self.calls.append(state)
        return state, obs, reward + len(self.calls), done


class CountsCallsAfterTheFirstStep(CountsCalls):
    def move(self, state, action, rng):
        if np.all(state == 0):
            return Coins.move(self, state, action, rng)
        return super().move(state, action, rng)


class RemembersResets(Coins):
    resets = []

    def begin(self, B, rng):
        self.resets.append(B)
        state, obs = super().begin(B, rng)
        return state, obs + len(self.resets)


class UsesOneBuffer(Coins):
    buffer = np.zeros((7, 3, 1))

    def look(self, state):
        self.buffer[...] = state[..., None]
        return self.buffer


class UsesGlobalRandomness(Coins):
    def move(self, state, action, rng):
        np.random.random()
        return super().move(state, action, rng)


class DoesNotPickle(Coins):
    def __reduce__(self):
        raise TypeError("there is a lock in here")


class CentresRewardOverTasks(Coins):
    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        return state, obs, reward - reward.mean(0), done


class OneTaskTakesAfterTheLast(Coins):
    def move(self, state, action, rng):
        state, obs, reward, done = super().move(state, action, rng)
        reward[0] = reward[-1] + 1
        return state, obs, reward, done


class OracleOfTheBatch(Coins):
    def oracle(self):
        return np.full(len(self), 2.7 + 0.01 * self.side.mean())


class DoneAtTheHorizon(Coins):
    def move(self, state, action, rng):
        state, obs, reward, _ = super().move(state, action, rng)
        return state, obs, reward, state >= self.family.horizon


class TakesAnyAction(Coins):
    def check_actions(self, action, shape):
        pass


class TakesAnySize(Coins):
    def reset(self, B, rng):
        return self.begin(abs(int(B)) + 1, rng)


class ShowsTheSide(Coins):
    def look(self, state):
        return (self.side[:, None, None] + 0.1 * state[..., None]).astype(float)


class NothingToLearn(Coins):
    def oracle(self):
        return np.full(len(self), 1.6)


class OneTaskIsBetterLeftAlone(Coins):
    def oracle(self):
        return np.where(np.arange(len(self)) == 11, 1.4, 2.7)


class RandomIsTooLow(Coins):
    def random(self):
        return np.full(len(self), 1.4)


class RandomIsTooHigh(Coins):
    def random(self):
        return np.full(len(self), 1.6)


class RandomIsRightOnAverage(Coins):
    def random(self):
        return 1.5 + np.where(self.side == 1, 0.6, -0.6)


CONTROLS = [
    (FlatObservation, "shapes", r"obs must be floats .*got float64 \[7, 3\]"),
    (ShowsNaN, "shapes", "obs must be finite"),
    (DoneAsNumbers, "shapes", "done must be bools"),
    (DoneOfAnotherShape, "shapes", r"done must be bools .*got bool \[7\]"),
    (RewardIsComplex, "shapes", "reward must be numbers"),
    (OracleIsOneNumber, "shapes", r"oracle\(\) must be \[7\], a number for each task, got \[\]"),
    (RandomIsNaNInOneTask, "shapes", r"random\(\) must be finite, got nan for task 4 and 1 of 7"),
    (WritesToTheState, "pure", "step writes to its arguments"),
    (WritesToTheActionsLater, "pure", "step writes to its arguments"),
    (DrawsFromASecretStream, "pure", "two calls of sample with one stream give different tasks"),
    (WearsOut, "pure", "writes to its arguments, or to the arrays of the tasks"),
    (CountsCalls, "pure", "something is hidden"),
    (CountsCallsAfterTheFirstStep, "pure", "two calls of step .* something is hidden"),
    (RemembersResets, "pure", "two calls of reset .* something is hidden"),
    (UsesOneBuffer, "pure", "what a step gave is changed later"),
    (UsesGlobalRandomness, "whole", "global random numbers"),
    (DoesNotPickle, "whole", "there is a lock in here"),
    (CentresRewardOverTasks, "separate", "something else than the same tasks"),
    (OneTaskTakesAfterTheLast, "separate", r"tasks\[slice\(0, 1"),
    (OracleOfTheBatch, "separate", r"oracle\(\) depends on others"),
    (DoneAtTheHorizon, "untimed", "the horizon is a time limit"),
    (TakesAnyAction, "guarded", "actions .*: accepted without a word"),
    (TakesAnySize, "guarded", "B = 0: accepted without a word"),
    (ShowsTheSide, "silent", "tells 100% of the task"),
    (NothingToLearn, "learnable", "a gain below"),
    (OneTaskIsBetterLeftAlone, "learnable", "knowing task 11 earns 1.4, .* in 1 of 400"),
    (RandomIsTooLow, "simulated", r"is off by \d"),
    (RandomIsTooHigh, "simulated", r"is off by -\d"),
    (RandomIsRightOnAverage, "simulated", "wrong task by task"),
]


def broken_by(family, seed=0):
    """The laws that are broken, and the report."""
    with pytest.raises(AssertionError) as caught:
        check_tasks(family, seed)
    report = str(caught.value)
    return list(caught.value.report.failed), report


def test_the_honest_coin_keeps_every_law():
    found = check_tasks(Coin(), seed=5)
    assert list(found.errors) == [law.name for law in laws.LAWS] == [
        "shapes", "pure", "whole", "separate", "untimed", "guarded", "silent", "learnable",
        "simulated"]
    assert not found.broken and not found.skipped
    assert found["silent"].detail == "all tasks look the same at first"
    assert "silent                     1  all tasks look the same at first\n" in str(found)
    assert str(found).splitlines()[0] == "Coin(tasks=None), seed 5"


@pytest.mark.parametrize("bug, law, message", CONTROLS, ids=lambda part: getattr(
    part, "__name__", ""))
def test_a_broken_family_is_caught_by_its_law(bug, law, message):
    family = replace(Coin(), tasks=bug)
    with pytest.raises((AssertionError, TypeError), match=message):
        getattr(laws, law)(family, 0)
    assert law in broken_by(family)[0]


def test_every_law_has_a_control():
    assert {law for _, law, _ in CONTROLS} == {law.name for law in laws.LAWS}


# ---- the report

class Dishonest(ShowsTheSide, NothingToLearn, UsesGlobalRandomness):
    pass


def test_no_law_is_left_out_because_an_earlier_one_is_broken():
    names, report = broken_by(replace(Coin(), tasks=Dishonest), seed=3)
    assert names == ["whole", "silent", "learnable"]
    first, where, subject, head, *rows = report.splitlines()
    assert first == "whole: global random numbers were used: np.random or random"
    assert where == "(seed 3)" and subject.endswith("seed 3")
    assert [row.split()[0] for row in rows] == [law.name for law in laws.LAWS]
    assert rows[2].split("  ")[-2:] == ["BROKEN", first[len("whole: "):]]


class Raises(Coins):
    def move(self, state, action, rng):
        raise KeyError("no such place")


def test_an_error_inside_a_family_is_a_finding_that_says_where():
    names, report = broken_by(replace(Coin(), tasks=Raises))
    assert names[0] == "shapes" and "silent" not in names
    assert "raised KeyError: 'no such place' (test_families.py, line" in report


def test_findings_pickle():
    found = check_tasks(Coin(), skip=("simulated",))
    assert str(pickle.loads(pickle.dumps(found))) == str(found)


def test_laws_are_left_out_by_name():
    family = replace(Coin(), tasks=Dishonest)
    found = check_tasks(family, skip=("whole", "silent", "learnable"))
    assert found.skipped == dict.fromkeys(("whole", "silent", "learnable"), "skip=")
    with pytest.raises(ValueError, match="skip must hold names of laws, .*got .'leaks'"):
        check_tasks(Coin(), skip=("leaks",))
    with pytest.raises(ValueError, match="skip must hold names of laws, .*got 'silent'"):
        check_tasks(Coin(), skip="silent")


def test_a_law_that_is_known_to_fail_must_fail():
    expected = {"silent": "the side is shown on purpose"}
    found = check_tasks(replace(Coin(), tasks=ShowsTheSide), expect_failure=expected)
    assert "known to fail: the side is shown on purpose" in str(found)
    with pytest.raises(AssertionError, match="passed, though known to fail"):
        check_tasks(Coin(), expect_failure=expected)


def test_what_is_no_family_is_refused():
    with pytest.raises(TypeError, match="family must be one such as BernoulliBandit"):
        check_tasks(Coin)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_the_report_counts_the_rows_that_are_done(call):
    class Ends(Coins):
        """The first task ends after a call, and the others do not."""

        def move(self, state, action, rng):
            state, obs, reward, done = super().move(state, action, rng)
            is_first = np.arange(len(self))[:, None] == 0
            return state, obs, reward, done | (state == call) & is_first

    found = check_tasks(replace(Coin(), tasks=Ends), skip=("whole", "separate", "simulated"))
    assert found["untimed"].detail == "3 of 21 rows were done by step 3"
    assert check_tasks(Coin())["untimed"].detail == "0 of 21 rows were done by step 3"
    short = type("Short", (Coin,), {"horizon": call})(tasks=Ends)
    assert laws.untimed(short, 0) == f"3 of 21 rows were done by step {call}"
