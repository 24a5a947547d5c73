"""Errors are numbers that speak; a report counts, and too few checks fail."""
from collections import namedtuple

import numpy as np
import pytest

from minimeta.testing import Error, Report, compare
from minimeta.testing.nests import leaves, rebuild


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


def test_fewer_checks_than_declared_is_a_failure():
    with pytest.raises(AssertionError, match="made {'law': 1}, declared {'law': 2}"):
        report([1e-5]).settle()


def test_a_nest_is_rebuilt_as_it_was():
    Blocks = namedtuple("Blocks", "a b")
    nest = (np.ones(2), [np.zeros(3), 7], {"k": Blocks(np.ones(1), None)}, "text")
    doubled = rebuild(lambda a: 2 * a, nest)
    assert doubled[1][1] == 7 and doubled[3] == "text" and doubled[2]["k"].b is None
    assert isinstance(doubled[2]["k"], Blocks) and doubled[2]["k"].a.tolist() == [2]
    assert [leaf.tolist() for leaf in leaves(nest)] == [[1, 1], [0, 0, 0], 7, [1]]
