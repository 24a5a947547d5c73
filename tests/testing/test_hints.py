"""What a hint says of a factor: which it is, and where it may come from."""
import pytest

from minimeta.testing.hints import cause

SIZES = {"B": 4, "T": 5}


@pytest.mark.parametrize("ratio, says", [
    (1 / 4, "1/B, B = 4: a mean in place of a sum?"), (5.0, "T = 5: a sum in place of a mean?"),
    (4.0, "B = 4: a sum in place of a mean?"), (2.0, "is one term counted twice?")])
def test_a_factor_that_is_a_size_or_2_has_a_cause(ratio, says):
    assert cause(ratio, SIZES) == f" ({says})"
    assert cause(ratio * (1 + 1e-7), SIZES) == f" ({says})"


@pytest.mark.parametrize("ratio", [3.0, 1.0, -2.0, 1 / 2, 2.001, 4.001, 0.2501])
def test_any_other_factor_has_none(ratio):
    assert cause(ratio, SIZES) == ""


def test_a_size_of_1_or_2_is_no_cause_of_a_factor_that_may_come_from_elsewhere():
    assert cause(1.0, {"B": 1}) == "" and cause(2.0, {"B": 2}) == " (is one term counted twice?)"
    assert cause(1 / 2, {"B": 2}) == " (1/B, B = 2: a mean in place of a sum?)"
