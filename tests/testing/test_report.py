"""Errors are numbers that speak; a report counts, and too few checks fail."""
from collections import namedtuple

import numpy as np
import pytest

from minimeta.testing import Error, LawBroken, Report, compare
from minimeta.testing.nests import leaves, rebuild
from minimeta.testing.report import inner


def test_an_error_is_relative_to_the_larger_norm():
    assert compare("law", np.array([3.0, 4.0]), np.array([0.0, 0.0])) == 1
    assert compare("law", np.array([0.0, 0.0]), np.array([3.0, 4.0])) == 1
    assert compare("law", np.array([1.0, 0.0]), np.array([2.0, 0.0])) == 0.5


def test_an_error_is_a_float_that_prints_as_its_message():
    error = compare("tangent", np.array([[1.0, 5.0]]), np.array([[1.0, 2.0]]))
    assert isinstance(error, float) and f"{error:.1f}" == "0.6"
    assert str(error) == repr(error)
    assert str(error).startswith(
        "tangent: relative error 5.9e-01, worst at index [0, 1]: claimed 5, true 2")


@pytest.mark.parametrize("claimed, true", [
    ([1.0, np.nan], [1.0, 2.0]), ([1.0, np.inf], [1.0, np.inf]),
    ([1.0, 2.0], [1.0, np.nan]), ([1.0], [1.0, 2.0]), ([[1.0, 2.0]], [1.0, 2.0])])
def test_what_cannot_be_compared_is_infinitely_wrong(claimed, true):
    assert compare("law", claimed, true) == np.inf


def test_nothing_and_zeros_agree():
    assert compare("law", np.zeros(0), np.zeros(0)) == compare("law", 0.0, 0.0) == 0


def report(errors, declared=2):
    made = Report("a subject", {"law": 1e-3}, {"law": declared})
    for number in errors:
        made.add(Error("law", number, "in a detail"), "seed 7")
    return made


def test_a_report_that_passes_has_counts_and_the_worst_errors():
    passed = report([1e-5, 1e-4]).settle()
    assert passed.counts == {"law": 2} and passed["law"] == 1e-4 and not passed.failed
    assert [row.split() for row in str(passed).splitlines()[1:]] == [
        ["law", "checks", "worst", "error", "gate"], ["law", "2", "1.0e-04", "1e-03"]]


def test_a_report_that_fails_shows_the_worst_with_its_context():
    with pytest.raises(AssertionError) as failure:
        report([1e-5, 0.5]).settle()
    text = str(failure.value)
    assert "law: relative error 5.0e-01, in a detail" in text
    assert "seed 7" in text and "a subject" in text and "BROKEN" in text


def test_fewer_or_more_checks_than_declared_are_a_failure():
    with pytest.raises(AssertionError, match="made {'law': 1}, declared {'law': 2}"):
        report([1e-5]).settle()
    with pytest.raises(AssertionError, match="made {'law': 3}, declared {'law': 2}"):
        report([1e-5] * 3).settle()


def test_a_nest_is_rebuilt_as_it_was():
    Blocks = namedtuple("Blocks", "a b")
    nest = (np.ones(2), [np.zeros(3), 7], {"k": Blocks(np.ones(1), None)}, "text")
    doubled = rebuild(lambda a: 2 * a, nest)
    assert doubled[1][1] == 7 and doubled[3] == "text" and doubled[2]["k"].b is None
    assert isinstance(doubled[2]["k"], Blocks) and doubled[2]["k"].a.tolist() == [2]
    assert [leaf.tolist() for leaf in leaves(nest)] == [[1, 1], [0, 0, 0], 7, [1]]


# ---- what an error says

def test_only_a_number_between_0_and_infinity_is_printed_as_a_relative_error():
    for number, says in ((0.0, "law: fine"), (np.inf, "law: fine"), (1e-3, "law: relative error "
                         "1.0e-03, fine"), (5.0, "law: relative error 5.0e+00, fine")):
        assert str(Error("law", number, "fine")) == says
    assert str(Error("law", 0.0, "off", "a sign?")) == "law: off; a sign?"


def test_what_agrees_to_a_billionth_gets_no_hint():
    """The second number is three times the true one, and small beside the first."""
    for size, has in ((3e-10, False), (1e-9, True)):
        error = compare("law", [1.0, 3 * size], [1.0, size])
        assert error.hint == has * "claimed is 3 times true, here"
        assert float(error) == pytest.approx(2 * size)
        one, three = ([1.0, 1.0], [1.0, -1.0 + 2 * size]), ([1.0, 1.0], [1.0, -1.0 + 6 * size])
        sides = inner("law", one, three)
        assert bool(sides.hint) == has and float(sides) == pytest.approx(2 * size, rel=1e-5)


@pytest.mark.parametrize("claimed, true, index, number", [
    ([1.0, np.nan, 9.0], [1.0, 2.0, 3.0], 1, np.inf),
    ([1.0, 2.0, 0.0], [9.0, 2.0, np.inf], 2, np.inf),
    ([1.0, 2.0, 3.0], [2.0, 2.0, -1.0], 2, 4 / 14 ** 0.5 * (17 / 16) ** 0.5),
    ([True, False, True], [True, True, True], 1, (1 / 3) ** 0.5)])
def test_the_worst_place_is_where_the_gap_is_largest_or_a_number_is_not_finite(
        claimed, true, index, number):
    error = compare("law", np.array(claimed), np.array(true))
    assert f"worst at index [{index}]: claimed {claimed[index] * 1.0:.10g}" in error.detail.replace(
        "True", "1").replace("False", "0")
    assert error == pytest.approx(number, rel=1e-12)


def test_the_sides_of_a_pairing_are_relative_to_the_larger_product_of_norms():
    a, b, c = np.array([3.0, 4.0]), np.array([1.0, 0.0]), np.array([[2.0], [0.0]])
    error = inner("law", (a, b), (c, b))
    assert error == pytest.approx(1 / 5, rel=1e-15) and error.detail == "the sides are 3 and 2"
    error = inner("law", (b, b), ((c, 7.0), (c, 0.0)))       # 1 and 4; norms 1 and sqrt(53) 2
    assert error == pytest.approx(3 / (53 ** 0.5 * 2), rel=1e-15)
    assert error.hint == "the second is 4 times the first"
    assert inner("law", (0 * a, b), (0 * b, a)) == 0
    assert inner("law", (0 * a, b), (b, b)).hint == ""
    assert inner("law", (a, np.array([np.inf, 1])), (a, b)) == np.inf
    error = inner("law", (a, b), (a[:1], b))
    assert error == np.inf and error.detail == "the sides pair 2 with 2 and 1 with 2 numbers"


# ---- what a report says

def full_report():
    made = Report("a subject",
                  {"exact": 0.0, "fine": 1e-3, "off": 1e-6, "known": 1e-6, "odd": 1e-2},
                  {"exact": 1, "fine": 2, "off": 2, "known": 1, "odd": 1}, {"left": "no time"},
                  {"known": "rounding", "odd": "a mistake"}, ["a note"])
    for law, *numbers in (("exact", 0.0), ("fine", 1e-3, 1e-5), ("off", 0.5, 2.0), ("known", 0.25),
                          ("odd", 0.0)):
        for number in numbers:
            made.add(Error(law, number, f"{law} detail"), f"seed {number}")
    return made


def test_the_table_of_a_report_has_a_line_for_each_law():
    made = full_report()
    assert str(made).splitlines() == [
        "a subject", "a note", f"{'law':20}  checks   worst error      gate",
        f"{'exact':20}       1  exact detail",
        f"{'fine':20}       2       1.0e-03     1e-03",
        f"{'off':20}       2       2.0e+00     1e-06  BROKEN",
        f"{'known':20}       1       2.5e-01     1e-06  known to fail: rounding",
        f"{'odd':20}       1       0.0e+00     1e-02  PASSED, known to fail",
        f"{'left':20}       -  skipped: no time"]
    assert list(made.broken) == ["off", "known"] and list(made.failed) == ["off"]
    assert made["off"] == 2 and made["off"].context == "seed 2.0"


def test_a_law_without_errors_has_a_dash():
    made = Report("a subject", {"exact": 0.0, "fine": 1e-3}, {"exact": 1, "fine": 1})
    assert [line.split() for line in str(made).splitlines()[2:]] == [
        ["exact", "0", "-", "0e+00"], ["fine", "0", "-", "1e-03"]]
    assert not made.broken and made.counts == {"exact": 0, "fine": 0}


def test_the_gate_stands_in_the_headline_of_a_law_that_has_one():
    made = full_report()
    with pytest.raises(LawBroken) as failure:
        made.settle()
    headline, where, *_ = str(failure.value).splitlines()
    assert headline == "off: relative error 2.0e+00, off detail"
    assert where == "(gate 1e-06; seed 2.0)" and failure.value.report is made
    made = Report("a subject", {"exact": 0.0}, {"exact": 1})
    made.add(Error("exact", np.inf, "wrong"), "seed 3")
    with pytest.raises(LawBroken, match=r"^exact: wrong\n\(seed 3\)\na subject\n"):
        made.settle()


def test_nan_is_broken():
    assert list(report([np.nan, 0.0]).broken) == ["law"]


def test_complex_numbers_are_compared_by_their_size():
    assert float(compare("law", np.array([1j, 0]), np.array([1, 0]))) == pytest.approx(2 ** 0.5)
    assert float(compare("law", np.array([3 + 4j]), np.array([6 + 8j]))) == pytest.approx(0.5)
