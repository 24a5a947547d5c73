"""check_map: what it runs, what it refuses, and what it says when a map is wrong."""
from dataclasses import dataclass

import numpy as np
import pytest

from minimeta import LSTM, MLP, Layout
from minimeta.testing import check_map, map_report


@dataclass(frozen=True)
class Scale:
    """A map that a user could write: y = theta x, elementwise."""

    size: int = 3

    @property
    def layout(self):
        return Layout(gain=(self.size,))

    def forward(self, theta, x):
        return theta[..., None, :] * x, x

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        x_dot = np.zeros_like(cache) if x_dot is None else x_dot
        return theta_dot[..., None, :] * cache + theta[..., None, :] * x_dot, x_dot

    def vjp(self, theta, cache, y_bar):
        return (y_bar * cache).sum(-2), y_bar * theta[..., None, :]

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return ((y_bar_dot * cache + y_bar * cache_dot).sum(-2),
                y_bar_dot * theta[..., None, :] + y_bar * theta_dot[..., None, :])


class Averaging(Scale):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return theta_bar / 5, x_bar


class Misshapen(Scale):
    def vjp(self, theta, cache, y_bar):
        return y_bar * cache, y_bar * theta[..., None, :]


def test_a_map_that_a_user_wrote_passes():
    report = check_map(Scale(), (5, 3), leads=((), (2,), (4, 2)))
    assert set(report.counts.values()) == {4, 6} and not report.failed


@pytest.mark.parametrize("net, x_shape", [
    (MLP((3, 5, 2)), (7, 3)), (LSTM(3, 5, 2), (6, 4, 3))])
def test_every_law_is_run_in_every_case(net, x_shape):
    report = check_map(net, x_shape, leads=((), (2,)), scales=(0.1, 0.5, 1.0))
    assert report.counts == dict.fromkeys(report.gates, 6) | {"tasks": 3}
    assert max(report[law] for law in ("complex step", "tangent", "second")) < 1e-13


def test_a_failure_names_the_law_the_coordinate_the_seed_and_the_factor():
    with pytest.raises(AssertionError) as failure:
        check_map(Averaging(), (5, 3), seed=11)
    text = str(failure.value)
    assert "complex step: relative error" in text and "worst at gain[" in text
    assert "gain is 1/5 of true, throughout" in text and "seed 11" in text and "x [" in text


def test_a_vjp_of_the_wrong_shape_is_an_error_at_once():
    with pytest.raises(AssertionError, match=r"\[3\] and \[5, 3\], got \[5, 3\] and"):
        check_map(Misshapen(), (5, 3))


def test_inputs_may_be_given():
    one_hot = np.eye(3)[[0, 2, 1, 1, 0]]
    assert not map_report(Scale(), one_hot).failed


def test_the_same_seed_gives_the_same_report():
    these, those = (str(check_map(MLP((3, 5, 2)), (7, 3), seed=4)) for _ in range(2))
    assert these == those
