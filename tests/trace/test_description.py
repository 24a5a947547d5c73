"""Learners and families as JSON, and back."""
import json
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, Gaussian, LinearSchedule, RecurrentPolicy, MLPPolicy,
                      ProMP, Reptile, TabularPolicy, TrustRegion)
from minimeta.objective import LoadedDice
from minimeta.tasks import BernoulliBandit, DependentBandit, GridNavigation, PlanarArm
from minimeta.trace.description import NotOurs, describe, differences, rebuild

POLICY = MLPPolicy(2, Gaussian(2), (5,))
ALPHA = np.random.default_rng(0).uniform(0.1, 0.2, (1, POLICY.size))
THINGS = [
    RL2(RecurrentPolicy(1, Categorical(3), 4, sees=("reward",)), rate=LinearSchedule(0.3)),
    MAML(POLICY, optimizer=TrustRegion(max_kl=0.02), inner=partial(LoadedDice, lam=0.3)),
    ProMP(POLICY, target_kl=0.01), Reptile(TabularPolicy(4, 3), dtype=np.float64),
    MAML(POLICY, inner=LoadedDice), BernoulliBandit(3, 4), DependentBandit("easy"),
    GridNavigation(4, walls=((1, 1),), goals=((2, 3), (3, 2))), PlanarArm(),
]


@dataclass(frozen=True)
class Mine:
    """A user's own family."""

    size: int = 3


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_what_is_rebuilt_from_json_is_the_same(thing):
    tree = json.loads(json.dumps(describe(thing)))
    again = rebuild(tree)
    assert type(again) is type(thing) and describe(again) == tree
    if not isinstance(getattr(thing, "inner", None), partial):
        assert again == thing


def test_arrays_keep_every_bit():
    again = rebuild(json.loads(json.dumps(describe(MAML(POLICY, alpha=ALPHA)))))
    assert np.array_equal(again.alpha, ALPHA) and again.alpha.dtype == ALPHA.dtype


def test_a_dtype_is_described_by_its_name_whichever_way_it_is_given():
    for given in (np.float32, np.dtype(np.float32)):
        assert describe(given) == {"dtype": "float32"} and rebuild(describe(given)) is np.float32


def test_an_option_that_was_named_is_described_as_it_was_resolved():
    assert describe(MAML(POLICY))["optimizer"]["class"].endswith("Adam")
    assert describe(MAML(POLICY))["optimizer"]["beta1"] == 0.9


def test_numbers_of_numpy_are_described_as_numbers():
    assert not differences(describe(MAML(POLICY, gamma=np.float64(0.5))),
                           describe(MAML(POLICY, gamma=0.5)))


@pytest.mark.parametrize("tree, name", [
    (describe(Mine()), f"{Mine.__module__}.Mine"), (describe(print), "builtins.print"),
    ({"object": "here.There"}, "here.There"), ({"class": "minimeta.meta.maml.Gone"}, "Gone"),
    ({"function": "minimeta.trace.checkpoint.Path"}, "Path"),
    ({"function": "minimeta.nowhere.f"}, "nowhere")])
def test_what_this_package_does_not_define_is_not_rebuilt(tree, name):
    with pytest.raises(NotOurs, match=name):
        rebuild(tree)


def test_an_object_of_another_kind_is_described_by_its_class_alone():
    class Mine:
        """Neither a dataclass nor a function."""

    assert describe(Mine()) == {"object": f"{__name__}.{Mine.__qualname__}"}


def test_each_difference_is_named_with_its_place():
    old = describe({"learner": MAML(POLICY), "family": Mine(3)})
    new = describe({"learner": MAML(POLICY, alpha=0.3), "family": Mine(4), "seed": 1})
    assert differences(old, new) == [
        "learner.alpha: 0.1 in the folder, 0.3 now", "family.size: 3 in the folder, 4 now",
        "seed: nothing in the folder, 1 now"]
    assert not differences(old, old)


def test_a_long_value_is_shown_by_its_beginning():
    for n, told in ((58, "a" * 58), (59, "a" * 56 + "..")):
        [line] = differences({"x": "a" * n}, {})
        assert line == f"x: '{told}{chr(39) * (n == 58)} in the folder, nothing now"
    [line] = differences({"x": {"class": "A", "b": 1}}, {"x": {"function": "f"}, "y": {"b": 2}})[:1]
    assert line == "x.class: 'A' in the folder, nothing now"
    assert differences({"x": 1}, {"x": {"b": 2}}) == ["x: 1 in the folder, other options now"]
    assert differences({"x": 1}, {"x": {"class": "A"}}) == ["x: 1 in the folder, A now"]


def test_nan_is_the_same_as_nan_and_as_nothing_else():
    nan = float("nan")
    assert differences({"a": nan}, {"a": nan}) == []
    for old, new in ((nan, 1.0), (1.0, nan)):
        [line] = differences({"a": old}, {"a": new})
        assert line == f"a: {old!r} in the folder, {new!r} now"
