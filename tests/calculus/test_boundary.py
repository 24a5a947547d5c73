"""What may not come in, and that the message names the argument, what was expected, what came."""
import numpy as np
import pytest

from minimeta import LSTM, MLP
from minimeta.calculus import boundary

NETS = {"MLP": (MLP((3, 5, 2)), (7, 3)), "LSTM": (LSTM(3, 5, 2), (6, 4, 3))}


def good(net, x_shape, lead=()):
    rng = np.random.default_rng(0)
    return rng.normal(size=lead + (net.size,)), rng.normal(size=lead + x_shape)


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]


def refused(net, theta, x, error, words):
    with pytest.raises(error, match=words):
        net.forward(theta, x)


def test_a_theta_of_the_wrong_length_is_refused(net):
    theta, x = good(*net)
    size = net[0].size
    refused(net[0], theta[:-1], x, ValueError,
            rf"theta must have shape \[\.\.\., {size}\] for Layout\(.*got \[{size - 1}\]")
    refused(net[0], theta[0], x, TypeError, "theta must be a NumPy array")
    refused(net[0], np.array(1.0), x, ValueError, "theta must have shape")


def test_an_integer_theta_is_refused_with_the_remedy(net):
    theta, x = good(*net)
    refused(net[0], theta.astype(int), x, TypeError,
            r"theta must hold floating numbers, got dtype int64; use theta.astype\(float\)")


def test_integer_data_are_refused_with_the_remedy(net):
    theta, x = good(*net)
    refused(net[0], theta, x.astype(int), TypeError, "x must hold floating numbers, got dtype")


def test_a_list_is_refused_with_the_remedy(net):
    theta, x = good(*net)
    refused(net[0], theta.tolist(), x, TypeError, r"theta must be .* got list; use np.asarray")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(net, bad):
    theta, x = good(*net)
    spoilt = theta.copy()
    spoilt[4] = bad
    refused(net[0], spoilt, x, ValueError,
            rf"theta must be finite, got {bad} at index \(4,\) \(W1?\[0, 4\]\)")
    x[(1,) * x.ndim] = bad
    refused(net[0], theta, x, ValueError, f"x must be finite, got {bad} at index")


def test_data_of_the_wrong_width_or_depth_are_refused(net):
    theta, x = good(*net)
    refused(net[0], theta, x[..., :2], ValueError, r"x must have shape \[\.\.\..*3\], got")
    refused(net[0], theta, x[0], ValueError, "x must have shape")


def test_unequal_leading_axes_are_refused_with_both_shapes_and_the_remedy(net):
    (theta, _), (_, x) = good(*net, lead=(4,)), good(*net, lead=(3,))
    words = r"leading \(task\) axes of theta and x must be equal, got \[4\] and \[3\].*broadcast"
    refused(net[0], theta, x, ValueError, words)
    refused(net[0], theta[0], x, ValueError, r"must be equal, got \[\] and \[3\]")
    refused(net[0], theta, x[0], ValueError, r"must be equal, got \[4\] and \[\]")


def test_counts_numbers_and_choices_are_checked_by_name():
    assert boundary.count("n", np.int64(3)) == 3
    for value, error in ((2.0, TypeError), (True, TypeError), ("3", TypeError), (0, ValueError)):
        with pytest.raises(error, match="n must be"):
            boundary.count("n", value)
    assert boundary.number("gamma", 1, 0, 1) == 1
    for value, error in ((1.5, ValueError), (np.nan, ValueError), ("1", TypeError),
                         (True, TypeError), (None, TypeError)):
        with pytest.raises(error, match="gamma must be a"):
            boundary.number("gamma", value, 0, 1)
    with pytest.raises(ValueError, match=r"in \(0, 1\), got 1"):
        boundary.number("gamma", 1, 0, 1, is_open=True)
    with pytest.raises(ValueError, match=r"finite number in \[-inf, inf\], got inf"):
        boundary.number("gamma", np.inf)
    with pytest.raises(ValueError, match="kind must be one of 'a', 'b', got 'c'"):
        boundary.choice("kind", "c", {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="got 3"):
        boundary.choice("kind", 3, {"a": 1})
