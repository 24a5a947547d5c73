"""What a hint says: of a factor, which it is and where it may come from; of a block, what was done
to it; of a coordinate, whose number it has."""
from itertools import permutations

import numpy as np
import pytest

from minimeta import Layout
from minimeta.testing.hints import about, blocks, cause, explain, hint, one_slice, place, swapped

SIZES = {"B": 4, "T": 5}


@pytest.mark.parametrize("ratio, says", [
    (1 / 4, "1/B, B = 4: a mean in place of a sum?"), (5.0, "T = 5: a sum in place of a mean?"),
    (4.0, "B = 4: a sum in place of a mean?"), (2.0, "is one term counted twice?")])
def test_a_factor_that_is_a_size_or_2_has_a_cause(ratio, says):
    assert cause(ratio, SIZES) == f" ({says})"
    assert cause(ratio * (1 + 1e-7), SIZES) == f" ({says})"


@pytest.mark.parametrize("ratio", [3.0, 1.0, -2.0, 1 / 2, 2.001, 4.001, 0.2501, 4.0002, 0.25001,
                                   2.00005])
def test_any_other_factor_has_none(ratio):
    assert cause(ratio, SIZES) == ""


def test_a_size_of_1_or_2_is_no_cause_of_a_factor_that_may_come_from_elsewhere():
    assert cause(1.0, {"B": 1}) == "" and cause(2.0, {"B": 2}) == " (is one term counted twice?)"
    assert cause(1 / 2, {"B": 2}) == " (1/B, B = 2: a mean in place of a sum?)"


# ---- one number

@pytest.mark.parametrize("ratio, says", [
    (1, ""), (1 + 5e-6, ""), (1 + 2e-5, "1.00002 times"), (0, "zero, not"), (-5e-10, "zero, not"),
    (2e-9, "2e-09 times"), (-1, "minus"), (-1 + 5e-7, "minus"), (-1 + 1e-5, "-0.99999 times"),
    (3, "3 times"), (3 + 5e-7, "3 times"), (3 + 1e-5, "3.00001 times"), (-7, "-7 times"),
    (1 / 3, "1/3 of"), (-1 / 7, "1/-7 of"), (2.5, "2.5 times"), (9999, "9999 times"),
    (5e-7, "5e-07 times"), (1 / 9999, "1/9999 of"), (0.7, "0.7 times")])
def test_each_ratio_is_put_into_words(ratio, says):
    assert explain(ratio, "{}, throughout") == (says and f"{says}, throughout")
    is_plain = "." not in says and "e-" not in says
    assert explain(ratio, "{} here") == (f"{says} here" if says and is_plain else "")


def test_no_number_above_ten_thousand_is_called_whole():
    assert explain(12345, "{} here") == explain(1 / 12345, "{} here") == ""
    assert explain(12345, "{}, throughout") == "12345 times, throughout"


def test_a_place_is_named_with_its_task_or_output():
    name = Layout(W=(2, 3), b=(4,)).name
    assert place((4,), name) == "W[1, 1]" and place((2, 7), name) == "b[1] of task 2"
    assert place((0, 2, 7), name) == "b[1] of task [0, 2]"
    assert place((2, 7), name, "output") == "b[1] of output 2"
    assert place((1, 2), None) == "index [1, 2]" and place((), name) == "index []"


# ---- a vector of blocks

LAYOUT = Layout(W=(2, 3), V=(2, 3), U=(3, 4), A=(2, 3, 4), row=(1, 4), b=(5,))
RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=LAYOUT.size)
BLOCKS = LAYOUT.unpack(TRUE)
W, V, U, A, ROW, LAST = BLOCKS
MORE = {name: RNG.normal(size=shape) for name, shape in LAYOUT.shapes}


def said(claimed, true=TRUE, name=LAYOUT.name, sizes={}):
    claimed, true = np.asarray(claimed, float), np.asarray(true, float)
    index = np.unravel_index(np.abs(claimed - true).argmax(), true.shape)
    return hint(claimed, true, index, name, sizes)


def of(**changed):
    """The hint where these blocks are changed."""
    return said(LAYOUT.pack(**BLOCKS._asdict() | changed))


def shift(a, by, axis):
    """Moved by one place, with other numbers at the edge."""
    a = np.roll(a, by, axis)
    a[(slice(None),) * axis + (0 if by > 0 else -1,)] += 3
    return a


LEFT_OUT = ", all others are right: was a step or row left out?"
MEAN = ": a mean or sum over that axis is missing or counted twice"
OTHER = U.ravel()[RNG.permutation(12)].reshape(3, 4)
OF_BLOCKS = {
    "W is zero: it was forgotten": dict(W=0 * W), "b is zero: it was forgotten": dict(b=0 * LAST),
    "U is minus true, throughout": dict(U=-U), "A is 1.5 times true, throughout": dict(A=1.5 * A),
    "U is transposed": dict(U=U.T.reshape(3, 4)), "b is reversed": dict(b=LAST[::-1]),
    "axis 0 of U is reversed": dict(U=U[::-1]), "axis 1 of U is reversed": dict(U=U[:, ::-1]),
    "axis 2 of A is reversed": dict(A=A[:, :, ::-1]),
    "b is one place late: off by one": dict(b=shift(LAST, 1, 0)),
    "b is one place early: off by one": dict(b=shift(LAST, -1, 0)),
    "axis 0 of U is one place late: off by one": dict(U=shift(U, 1, 0)),
    "axis 1 of U is one place early: off by one": dict(U=shift(U, -1, 1)),
    "axis 1 of A is one place late: off by one": dict(A=shift(A, 1, 1)),
    f"index 1 along axis 0 of U is wrong{LEFT_OUT}": dict(
        U=U + np.eye(3)[1][:, None] * MORE["U"]),
    f"index 2 along axis 1 of U is zero{LEFT_OUT}": dict(U=U * (np.arange(4) != 2)),
    f"index 1 along axis 1 of A is zero{LEFT_OUT}": dict(
        A=A * (np.arange(3) != 1)[:, None]),
    "U has the right numbers in another order: transposed or swapped?": dict(U=OTHER),
    f"claimed - true of U is the same along axis 1{MEAN}": dict(U=U + MORE["U"][:, :1]),
    f"claimed - true of U is the same along axis 0{MEAN}": dict(U=U + MORE["U"][:1]),
    f"claimed - true of b is the same along axis 0{MEAN}": dict(b=LAST - 0.3)}


def a_term_of(block):
    return f"everything except {block} is right: is a term of {block} missing, or counted twice?"


@pytest.mark.parametrize("words", OF_BLOCKS)
def test_the_hint_names_what_was_done_to_a_block(words):
    [(block, _)] = OF_BLOCKS[words].items()
    assert of(**OF_BLOCKS[words]) == f"{words}; everything except {block} is right"


@pytest.mark.parametrize("axes", list(permutations(range(3)))[1:])
def test_any_transpose_of_a_block_is_recognised(axes):
    claimed = A.transpose(axes).reshape(A.shape)
    assert of(A=claimed) == "A is transposed; everything except A is right"


def test_the_hint_names_the_block_whose_numbers_another_has():
    assert of(W=V, V=W) == "W is what is true of V: swapped?"
    assert of(W=V) == "W is what is true of V: swapped?; everything except W is right"


def test_the_hint_names_the_first_wrong_block_that_it_recognises():
    assert of(U=U + MORE["U"], b=-LAST) == "b is minus true, throughout"
    assert of(U=U + MORE["U"], b=LAST + MORE["b"]) == ""
    assert of(U=U + MORE["U"]) == a_term_of("U")


def test_one_wrong_number_of_a_vector_is_no_slice_that_was_left_out():
    wrong = LAST + [0, 0, 0.7, 0, 0]
    assert one_slice(wrong, LAST, 0, "b") == "" and of(U=U + MORE["U"], b=wrong) == ""
    assert one_slice(U + MORE["U"], U, 0, "U") == ""


def test_an_axis_of_one_has_no_slices_and_no_mean():
    row = ROW + MORE["row"]
    assert of(row=row) == a_term_of("row")
    words = f"claimed - true of row is the same along axis 1{MEAN}"
    assert about(ROW + 0.3, ROW, "row", {}) == words


def test_a_block_that_is_truly_zero_is_no_multiple_of_anything():
    true = LAYOUT.pack(**BLOCKS._asdict() | {"W": 0 * W})
    words = a_term_of("W")
    assert said(TRUE, true) == words


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_a_factor_is_recognised_at_any_size_of_the_numbers(scale):
    right, off = (3 * TRUE + size * np.roll(TRUE, 1) for size in (1e-8, 1e-3))
    assert said(scale * right, scale * TRUE) == "claimed is 3 times true, throughout"
    assert "throughout" not in said(scale * off, scale * TRUE)


def test_an_axis_of_two_is_not_shifted():
    claimed = np.stack([MORE["W"][0], W[0]])
    assert of(W=claimed) == a_term_of("W")


def test_a_block_counts_as_right_up_to_a_millionth_of_all():
    scale = np.sqrt((TRUE ** 2).sum() / MORE["U"].size)
    small, large = (U - size * scale * np.sign(MORE["U"]) for size in (1e-7, 1e-5))
    assert of(U=small, b=-LAST) == "b is minus true, throughout; everything except b is right"
    assert of(U=large, b=-LAST) == "b is minus true, throughout"


def test_a_layout_of_one_block_has_no_others_that_are_right():
    name = Layout(b=(5,)).name
    assert said(LAST[::-1], LAST, name) == "b is reversed"
    assert blocks(name, 5) == {"b": ([0, 1, 2, 3, 4], (5,))} and blocks(None, 5) == {}
    assert blocks(LAYOUT.name, 12)["V"] == ([6, 7, 8, 9, 10, 11], (2, 3))


# ---- all of it, and one number of it

def test_the_hint_names_a_factor_of_all_with_its_cause():
    assert said(3 * TRUE) == "claimed is 3 times true, throughout"
    assert said(TRUE / 5,
                sizes=SIZES).endswith("throughout (1/T, T = 5: a mean in place of a sum?)")
    assert said(TRUE, 0 * TRUE).startswith(
        "true is zero throughout: either the function does not depend on these coordinates, or")
    assert said((1 + 5e-6) * TRUE[:1], TRUE[:1]) == ""


def test_the_hint_names_the_factor_of_one_wrong_number_if_it_is_whole():
    three, odd, zero = TRUE.copy(), TRUE.copy(), TRUE.copy()
    three[4], odd[4], zero[4] = 3 * TRUE[4], 0.77 * TRUE[4], 0
    assert said(three) == "claimed is 3 times true, here; all others are right"
    assert said(zero) == "claimed is zero, not true, here; all others are right"
    assert said(odd) == "all others are right"
    assert said(TRUE, zero) == "all others are right"    # no number times 0 is another


def test_one_of_two_wrong_numbers_may_be_that_of_another_coordinate():
    claimed = TRUE.copy()
    claimed[3], claimed[5] = TRUE[20], 1.01 * TRUE[5]
    told = f"claimed is what is true at {LAYOUT.name(20)}: transposed or swapped?"
    assert hint(claimed, TRUE, (3,), LAYOUT.name, {}) == told
    assert hint(claimed, TRUE, (5,), LAYOUT.name, {}) == ""
    claimed[3] = 4 * TRUE[3]
    assert hint(claimed, TRUE, (3,), LAYOUT.name, {}) == "claimed is 4 times true, here"
    assert swapped(0 * TRUE, 0 * TRUE, (0,), None) == ""
    claimed[3] = TRUE[20] * (1 + 1e-8)
    assert hint(claimed, TRUE, (3,), LAYOUT.name, {}) == ""


def test_a_swapped_number_is_named_with_its_task_or_output():
    true = np.stack([TRUE, TRUE + 100])
    claimed = true.copy()
    claimed[0, 3], claimed[1, 20] = true[1, 20], true[0, 3]
    for lead in ("task", "output"):
        told = f"claimed is what is true at {LAYOUT.name(20)} of {lead} 1: transposed or swapped?"
        assert hint(claimed, true, (0, 3), LAYOUT.name, {}, lead) == told


def test_the_hint_names_the_wrong_block_of_one_of_several_tasks():
    true = np.stack([TRUE, 2 * TRUE])
    claimed = np.stack([TRUE, 2 * LAYOUT.pack(**BLOCKS._asdict() | {"U": -U})])
    assert said(claimed, true) == "U is minus true, throughout; everything except U is right"


def test_a_slice_that_is_wrong_by_little_is_wrong():
    for size, words in ((1e-4, f"index 1 along axis 0 of U is wrong{LEFT_OUT}"),
                        (1e-8, "")):
        assert one_slice(U + size * np.eye(3)[1][:, None], U, 0, "axis 0 of U") == words


def test_a_block_that_is_moved_but_for_one_number_is_not_moved():
    for by in (1, -1):
        for k in (2, 3):
            claimed = shift(LAST, by, 0)
            claimed[k] += 1
            assert "off by one" not in about(claimed, LAST, "b", {})


def test_the_hint_names_a_missing_mean_over_an_axis_of_two():
    words = f"claimed - true of W is the same along axis 0{MEAN}"
    assert of(W=W + MORE["W"][:1]).startswith(words)


@pytest.mark.parametrize("off, is_told", [(0, True), (1e-10, True), (-1e-10, True), (1e-8, False)])
def test_a_number_of_another_coordinate_is_recognised_but_for_rounding(off, is_told):
    true = np.array([3.0, 0.5, -2.0])
    claimed = np.array([3.0, -2.0 * (1 + off), -2.0])
    words = swapped(claimed, true, (1,), "x[{}]".format)
    assert words == ("claimed is what is true at x[2]: transposed or swapped?" if is_told else "")


def test_the_cause_of_a_factor_is_a_size_if_it_is_no_2():
    assert cause(3.0, {"B": 4, "T": 3}) == " (T = 3: a sum in place of a mean?)"
    assert cause(2.0, {"T": 2}) == " (is one term counted twice?)"
    assert cause(1 / 2, {"T": 2}) == " (1/T, T = 2: a mean in place of a sum?)"
