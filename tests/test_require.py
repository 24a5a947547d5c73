"""What may not come in, and that the message names what was expected and what came."""
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
    with pytest.raises(ValueError, match=r"finite number in \[-inf, inf\], got inf"):
        require.number("gamma", np.inf)
    with pytest.raises(ValueError, match="kind must be one of 'a', 'b', got 'c'"):
        require.choice("kind", "c", {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="got 3"):
        require.choice("kind", 3, {"a": 1})
