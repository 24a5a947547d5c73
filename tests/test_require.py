"""Checks of what a user passes in: what is refused, what the message says, and what is kept."""
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from minimeta import LSTM, MLP
from minimeta import require

NETS = {"MLP": (MLP((3, 5, 2)), (7, 3)), "LSTM": (LSTM(3, 5, 2), (6, 4, 3))}


def good(net, x_shape, lead=()):
    rng = np.random.default_rng(0)
    return rng.normal(size=lead + (net.size,)), rng.normal(size=lead + x_shape)


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]


def message(error, net, theta, x):
    """What forward says when it refuses theta or x."""
    with pytest.raises(error) as caught:
        net[0].forward(theta, x)
    return str(caught.value)


def test_a_theta_of_the_wrong_length_is_refused(net):
    (theta, x), size = good(*net), net[0].size
    said = message(ValueError, net, theta[:-1], x)
    assert f"theta must have shape [..., {size}] for Layout(W" in said
    assert said.endswith(f"got [{size - 1}]")
    assert "theta must have shape" in message(ValueError, net, np.array(1.0), x)


def test_what_is_not_an_array_is_refused_with_the_remedy(net):
    theta, x = good(*net)
    assert message(TypeError, net, theta.tolist(), x) == (
        "theta must be a NumPy array, got list; use np.asarray(theta, dtype=float)")
    assert "got float64" in message(TypeError, net, theta[0], x)


def test_integers_are_refused_with_the_remedy(net):
    theta, x = good(*net)
    assert message(TypeError, net, theta.astype(np.int64), x) == (
        "theta must hold floating numbers, got dtype int64; use theta.astype(float)")
    assert message(TypeError, net, theta, x.astype(np.int64)) == (
        "x must hold floating numbers, got dtype int64; use x.astype(float)")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(net, bad):
    theta, x = good(*net)
    spoilt = theta.copy()
    spoilt[4] = bad
    name = net[0].layout.name(4)
    assert f"theta must be finite, got {bad} at index (4,) ({name})" in message(
        ValueError, net, spoilt, x)
    x[(1,) * x.ndim] = bad
    assert f"x must be finite, got {bad} at index" in message(ValueError, net, theta, x)


def test_data_of_the_wrong_width_or_depth_are_refused(net):
    theta, x = good(*net)
    for wrong in (x[..., :2], x[0]):
        said = message(ValueError, net, theta, wrong)
        assert said.startswith("x must have shape [...")
        assert said.endswith(f"3], got {list(wrong.shape)}")


def test_unequal_leading_axes_are_refused_with_both_shapes_and_the_remedy(net):
    (theta, _), (_, x) = good(*net, lead=(4,)), good(*net, lead=(3,))
    for theta, x, shapes in ((theta, x, "[4] and [3]"), (theta[0], x, "[] and [3]"),
                             (theta, x[0], "[4] and []")):
        said = message(ValueError, net, theta, x)
        assert f"axes of theta and x must be equal, got {shapes}" in said
        assert "use np.broadcast_to(theta, (K, P))" in said


def test_counts_numbers_and_choices_are_checked_by_name():
    assert require.count("n", np.int64(3)) == 3
    for value, error in ((2.0, TypeError), (True, TypeError), ("3", TypeError),
                         (0, ValueError)):
        with pytest.raises(error, match="n must be"):
            require.count("n", value)
    assert require.number("gamma", 1, 0, 1) == 1
    for value, error in ((1.5, ValueError), (np.nan, ValueError), ("1", TypeError),
                         (True, TypeError), (None, TypeError)):
        with pytest.raises(error, match="gamma must be a"):
            require.number("gamma", value, 0, 1)
    with pytest.raises(ValueError, match=r"in \(0, 1\), got 1"):
        require.number("gamma", 1, 0, 1, is_open=True)
    for infinite in (np.inf, -np.inf):
        with pytest.raises(ValueError, match=rf"finite number in \[-inf, inf\], got {infinite}"):
            require.number("gamma", infinite)
    with pytest.raises(ValueError, match="kind must be one of 'a', 'b', got 'c'"):
        require.choice("kind", "c", {"a": 1, "b": 2})
    for other in (3, ["a"]):
        with pytest.raises(ValueError, match=f"got {re.escape(str(other))}"):
            require.choice("kind", other, {"a": 1})


@pytest.mark.parametrize("given, kept", [
    (np.float64(0.99), 0.99), (np.float32(0.5), 0.5), (np.float16(0.25), 0.25),
    (np.longdouble(0.1), 0.1), (Fraction(1, 4), 0.25), (np.int64(1), 1), (np.uint8(1), 1),
    (1, 1), (0.3, 0.3), (0, 0)])
def test_numbers_of_every_type_become_python_s_own(given, kept):
    value = require.number("gamma", given, 0, 1)
    assert type(value) is type(kept) and value == kept
    assert (np.ones(3, np.float32) * value).dtype == np.float32


def test_a_small_integer_does_not_wrap_around():
    width = require.count("n", np.uint8(64))
    assert type(width) is int and 4 * width + width * width == 4352  # uint8: 0


@pytest.mark.parametrize("name, check, given, kept", [
    ("flag", require.truth, np.bool_(True), True), ("flag", require.truth, False, False),
    ("sizes", require.sequence, [3, 4], (3, 4)),
    ("sizes", require.sequence, np.array([3, 4]), (3, 4))])
def test_what_is_kept_is_of_python_s_own_type(name, check, given, kept):
    value = check(name, given)
    assert type(value) is type(kept) and value == kept


@pytest.mark.parametrize("check, given", [
    (require.count, np.bool_(True)), (require.number, np.bool_(True)), (require.number, 1j),
    (require.number, "0.1"), (require.truth, 1), (require.truth, "yes"),
    (require.sequence, 3), (require.sequence, "ab"), (require.sequence, np.array(3.0)),
    (require.generator, 0), (require.generator, np.random), (require.generator, None),
    (require.generator, np.random.RandomState(0))])
def test_another_type_is_a_type_error_with_the_name(check, given):
    with pytest.raises(TypeError, match="^it must be "):
        check("it", given)


def test_where_a_generator_is_meant_the_message_shows_how_to_make_one():
    with pytest.raises(TypeError, match=r"use np.random.default_rng\(seed\)"):
        require.generator("rng", 0)
    rng = np.random.default_rng(0)
    assert require.generator("rng", rng) is rng


@pytest.mark.parametrize("dtype", [np.float32, "float32", np.dtype("float32")])
def test_a_dtype_is_kept_as_numpy_s_type(dtype):
    assert require.precision(dtype) is np.float32


@pytest.mark.parametrize("dtype", [None, int, np.float16, complex])
def test_the_dtype_of_no_theta_is_refused(dtype):
    with pytest.raises(TypeError, match="dtype must be np.float32 or np.float64, got"):
        require.precision(dtype)


@dataclass(frozen=True)
class Settings:
    epochs: Any = 3
    burn_in: Any = 0
    clip: Any = 0.2
    decay: Any = 0.0
    gamma: Any = 0.99
    shift: Any = -1.0
    normalise: Any = True
    sizes: Any = (3, 4)
    dtype: Any = np.float32

    def __post_init__(self):
        require.fields(self, count="epochs", whole="burn_in", positive=("clip",),
                       nonnegative="decay", fraction="gamma", number="shift",
                       truth="normalise", sequence="sizes", precision="dtype")


@pytest.mark.parametrize("field, given", [
    ("epochs", np.uint8(3)), ("burn_in", np.int16(0)), ("clip", np.float64(0.2)),
    ("gamma", np.float64(0.99)), ("shift", np.float64(-1)), ("normalise", np.bool_(True)),
    ("sizes", [3, 4]), ("dtype", "float32")])
def test_fields_are_kept_as_converted(field, given):
    kept = getattr(replace(Settings(), **{field: given}), field)
    assert type(kept) is type(getattr(Settings(), field)) and kept == getattr(Settings(), field)


@pytest.mark.parametrize("field, given, error", [
    ("epochs", 0, ValueError), ("epochs", 2.0, TypeError), ("burn_in", -1, ValueError),
    ("clip", 0, ValueError), ("clip", np.inf, ValueError), ("decay", -0.1, ValueError),
    ("gamma", 1.1, ValueError), ("shift", np.nan, ValueError), ("normalise", 1, TypeError),
    ("sizes", 3, TypeError), ("dtype", int, TypeError)])
def test_a_field_that_cannot_be_is_refused_by_its_name(field, given, error):
    with pytest.raises(error, match=f"^{field} must be"):
        replace(Settings(), **{field: given})


def test_the_ends_of_an_interval_are_in_it_unless_it_is_open():
    assert replace(Settings(), gamma=0).gamma == 0 and replace(Settings(), gamma=1).gamma == 1
    assert replace(Settings(), decay=0).decay == 0
    with pytest.raises(ValueError, match="the kind of a field must be one of 'count', 'whole'"):
        require.fields(Settings(), counts="epochs")


def test_a_mask_is_kept_as_truths():
    truths = np.array([True, False])
    assert require.mask("mask", truths) is truths
    for given in (np.array([1, 0]), np.array([1.0, 0.0], np.float32), [1, 0]):
        kept = require.mask("mask", given)
        assert kept.dtype == bool and kept.tolist() == [True, False]
    for bad in (0.5, np.nan, -1):
        with pytest.raises(ValueError, match=f"mask must hold 1 or True .*, got {bad}"):
            require.mask("mask", np.array([1, bad]))


def test_a_number_that_is_not_finite_has_no_index():
    with pytest.raises(require.NotFinite, match="loss must be finite, got nan; look at"):
        require.finite("loss", np.array(np.nan))
