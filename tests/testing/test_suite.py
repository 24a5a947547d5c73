"""A suite runs every law whatever became of the others, and its report cannot be fooled."""
import copy
import pickle
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import MLP, Layout
from minimeta.testing import (Error, LawBroken, Suite, check_map, compare, complex_step,
                              parametrize_with_checks, precision, purity)
from minimeta.testing.map_laws import LAWS
from minimeta.testing.map_probe import MapProbe
from minimeta.testing.nests import CouldNotLook, leaves, rebuild
from minimeta.testing.suite import DoesNotApply, Law

CASE = SimpleNamespace(context="seed 7")


def raises(case):
    raise KeyError("no such gate")


def does_not_apply(case):
    raise DoesNotApply("there is one step only")


def could_not_look(case):
    yield Error("", 0.0, "")
    raise CouldNotLook("a closed box")


LAWS_OF_ALL_KINDS = (
    Law("right", lambda case: Error("", 0.0, "fine")),
    Law("first wrong", lambda case: Error("", 1e-3, "a little off"), 1e-6),
    Law("second wrong", lambda case: [Error("", 0.5, "far off"), Error("", 0.1, "less")], 1e-6),
    Law("raises", raises), Law("silent", lambda case: None), Law("empty", lambda case: []),
    Law("closed", could_not_look), Law("other", does_not_apply))


def suite(**options):
    return Suite("a subject", LAWS_OF_ALL_KINDS, lambda: [CASE, CASE], **options)


def test_all_laws_are_reported_and_the_first_broken_one_is_the_headline():
    report = suite().run()
    assert list(report.failed) == ["first wrong", "second wrong", "raises", "silent", "empty",
                                   "closed"]
    assert set(report.counts.values()) == {2} and report.skipped == {
        "other": "there is one step only"}
    with pytest.raises(LawBroken, match="^first wrong: relative error 1.0e-03") as failure:
        report.settle()
    assert "seed 7" in str(failure.value) and failure.value.report is report


def test_a_law_that_could_not_look_fails_with_the_reason():
    report = suite().run()
    for law, reason in (("raises", "raised KeyError: 'no such gate' (test_suite.py, line "),
                        ("silent", "could not look: nothing was compared"),
                        ("empty", "could not look: nothing was compared"),
                        ("closed", "could not look: a closed box")):
        assert report[law] == np.inf and reason in str(report[law])


def test_laws_are_skipped_by_name_with_a_reason_or_without():
    broken = ("second wrong", "raises", "silent", "empty", "closed")
    with pytest.raises(LawBroken, match="^first wrong"):
        suite(skip=broken).run().settle()
    reasons = {law: "no time" for law in ("first wrong", *broken)}
    report = suite(skip=reasons).run().settle()
    assert report.counts == {"right": 2} and "skipped: no time" in str(report)


def test_what_is_known_to_fail_must_fail():
    broken = ("second wrong", "raises", "silent", "empty", "closed")
    report = suite(skip=broken, expect_failure={"first wrong": "rounding"}).run().settle()
    assert "known to fail: rounding" in str(report) and not report.failed
    with pytest.raises(LawBroken, match=r"\['right'\] passed, though known to fail"):
        suite(skip=broken, expect_failure={"first wrong": "", "right": "a mistake"}
              ).run().settle()


def test_a_better_hint_is_asked_for_what_is_broken_and_for_nothing_else():
    laws = (Law("off", lambda case: Error("", 0.5, "far", "a guess"), 0.4),
            Law("at its gate", lambda case: Error("", 0.5, "near", "a guess"), 0.5),
            Law("unknown", lambda case: Error("", np.inf, "far", "a guess")))
    words = {"off": "a term is missing", "at its gate": "no"}
    report = Suite("it", laws, lambda: [CASE], explain=lambda case, law: words.get(law)).run()
    assert [report[law.name].hint for law in laws] == ["a term is missing", "a guess", "a guess"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_a_law_that_applies_in_some_cases_is_not_skipped(order):
    def odd(case):
        if case.size % 2 == 0:
            raise DoesNotApply("the size is even")
        return Error("", 0.0, "fine")

    cases = [SimpleNamespace(size=size, context="") for size in order]
    report = Suite("it", (Law("odd", odd),), lambda: cases).run()
    assert report.skipped == {} and report.counts == report.declared == {"odd": 2}


def test_the_worst_case_of_a_law_is_the_one_that_is_explained():
    cases = [SimpleNamespace(size=size, context=f"case {size}") for size in (0.1, 0.5, 0.2)]
    law = Law("off", lambda case: Error("", case.size, "far"))
    report = Suite("it", (law,), lambda: cases, explain=lambda case, law: case.context).run()
    assert report["off"].hint == report["off"].context == "case 0.5"
    assert [error.hint for error in report.errors["off"]] == ["", "case 0.5", ""]


def test_a_suite_in_which_nothing_ran_fails():
    with pytest.raises(LawBroken, match="no law was run"):
        suite(skip=[law.name for law in LAWS_OF_ALL_KINDS]).run().settle()


@pytest.mark.parametrize("option", [{"skip": ("speed",)}, {"skip": "right"},
                                    {"expect_failure": {"speed": ""}}])
def test_an_unknown_law_is_refused_with_those_there_are(option):
    with pytest.raises(ValueError, match="must hold names of laws, of .'right'"):
        suite(**option).run()


# ---- errors and reports travel

def test_errors_and_reports_pickle_and_copy():
    theta = np.arange(1.0, 4.0)
    error = complex_step(lambda t: (t ** 2).sum(), lambda t: t, theta)
    error.context = "seed 3"
    report = check_map.report(MLP((3, 4, 2)), (5, 3))
    for travel in (lambda it: pickle.loads(pickle.dumps(it)), copy.copy, copy.deepcopy,
                   lambda it: pickle.loads(pickle.dumps(it, 0))):
        there = travel(error)
        assert there == error and str(there) == str(error) and there.context == "seed 3"
        assert there.law == "complex step" and there.hint == "claimed is 1/2 of true, throughout"
        assert str(travel(report)) == str(report)
    try:
        suite().run().settle()
    except LawBroken as failure:
        there = pickle.loads(pickle.dumps(failure))
        assert str(there) == str(failure) and str(there.report) == str(failure.report)


def test_compare_takes_the_larger_norm_of_negative_numbers_too():
    assert compare("law", [0.0, 0.0], [-1.0, -1.0]) == 1
    assert compare("law", [-1.0, -1.0], [0.0, 0.0]) == 1


# ---- nests

@dataclass(frozen=True)
class Box:
    inside: np.ndarray
    label: str = "box"
    found: dict = field(default_factory=dict)


class Slots:
    __slots__ = ("inside",)


def test_objects_are_opened_and_rebuilt_and_the_old_ones_stay():
    box = Box(np.ones(2), found={"a": [np.zeros(3)]})
    plain = SimpleNamespace(a=np.ones(2), b=None)
    double = rebuild(lambda a: 2 * a, (box, plain))
    assert double[0].inside.tolist() == [2, 2] and box.inside.tolist() == [1, 1]
    assert double[1].a.tolist() == [2, 2] and plain.a.tolist() == [1, 1]
    assert [leaf.size for leaf in leaves((box, plain))] == [2, 3, 2]


@pytest.mark.parametrize("closed", [lambda x: x, iter([1]), {1, 2}, Slots()])
def test_what_cannot_be_opened_is_said_and_does_not_pass(closed):
    for law in (purity, precision):
        error = law(lambda x: (x, closed), np.ones(2))
        assert error == np.inf and "could not look: a" in str(error)


def test_a_function_that_returns_no_number_does_not_pass():
    for law in (purity, precision):
        assert "returned no number" in str(law(lambda x: None, np.ones(2)))


def test_whole_numbers_stay_whole_numbers():
    def pick(u, a):
        assert a.dtype.kind == "i"
        return np.take_along_axis(u, a[:, None], 1)[:, 0]

    assert precision(pick, np.ones((3, 4)), np.array([0, 3, 1])) == 0


# ---- maps: holes that mutants found

class OneHotOnly(MLP):
    """Refuses rows that are not one-hot."""

    def forward(self, theta, x):
        if not np.isin(x.real, (0, 1)).all():
            raise ValueError("rows must be one-hot")
        return super().forward(theta, x)


def test_inputs_that_are_given_are_the_inputs_that_are_used():
    probe = MapProbe(OneHotOnly((3, 4, 2)), np.eye(3)[[0, 2]], (), 1.0, 0, 0)
    assert probe.x.tolist() == np.eye(3)[[0, 2]].tolist()
    report = check_map.report(OneHotOnly((3, 4, 2)), np.eye(3)[[0, 2]], skip=["central difference"])
    assert "one-hot" not in str(report["complex step"])
    with pytest.raises(ValueError, match="one-hot"):
        check_map(OneHotOnly((3, 4, 2)), (5, 3))


def test_the_probe_of_maps_knows_its_own_derivatives():
    class Identity:
        size, layout = 2, Layout(nothing=(2,))

        def forward(self, theta, x):
            return x + 0 * theta[..., :1, None], x

        def jvp(self, theta, cache, theta_dot, x_dot=None):
            return x_dot, x_dot

        def vjp(self, theta, cache, y_bar):
            return np.zeros_like(y_bar, shape=theta.shape), y_bar

        def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
            return np.zeros_like(y_bar_dot, shape=theta.shape), y_bar_dot

    for scale in (1.0, 1e3):
        probe = MapProbe(Identity(), scale * np.ones((4, 3)), (), 1.0, 0, 0)
        assert complex_step(probe.value, probe.grad, probe.z) < 1e-14
        true = probe.grad(probe.z + 1e-30j * probe.v).imag / 1e-30
        assert compare("", probe.hvp(probe.z, probe.v), true) < 1e-14


def test_the_gates_are_those_that_were_measured():
    assert {law.name: law.gate for law in LAWS} == {
        "purity": 0, "tangent": 1e-12, "complex step": 1e-12, "central difference": 1e-7,
        "transpose": 1e-13, "second": 1e-12, "symmetry": 1e-13, "tasks": 1e-12,
        "memory": 1e-12, "precision": 0}


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_large_weights_raise_no_alarm(activation):
    for seed in range(5):
        check_map(MLP((3, 9, 8, 2), activation), (7, 3), seed=seed, scales=(3.0, 10.0))


def test_a_map_that_stops_complex_numbers_can_be_judged_by_differences():
    class Absolute(MLP):
        def forward(self, theta, x):
            y, cache = super().forward(theta, x)
            return np.real(y), cache

    with pytest.raises(LawBroken, match="^tangent.*not complex-safe"):
        check_map(Absolute((3, 4, 2)), (5, 3))
    report = check_map(Absolute((3, 4, 2)), (5, 3), complex_safe=False)
    assert report.skipped == {"complex step": "complex_safe=False"} and report.counts["tangent"]


@parametrize_with_checks(check_map, (MLP((3, 4, 2)), (5, 3)), (MLP((2, 3), "relu"), (4, 2)), seed=3)
def test_a_pytest_file_has_one_test_for_each_law(check):
    assert len(check().counts) == 1


def test_the_tests_of_a_pytest_file_take_the_options_of_the_check():
    options = dict(skip={"symmetry": "no time"}, leads=((3,),))
    cases = {case.id.partition(": ")[2]: case.values[0] for case in parametrize_with_checks(
        check_map, (MLP((3, 4, 2)), (5, 3)), **options).args[1]}
    with pytest.raises(pytest.skip.Exception, match="no time"):
        cases["symmetry"]()
    report = cases["transpose"]()
    assert report.counts == {"transpose": 2} and "theta [3, 26]" in report["transpose"].context
