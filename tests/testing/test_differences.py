"""Slopes by the complex step and by differences: the step that is right is found, no step makes a
wrong claim right, and kinks are told from curves."""
import numpy as np
import pytest

from minimeta.testing import central_difference, tangent
from minimeta.testing.differences import (central, complex_slope, flow, is_kink, nearest, six_point)
from minimeta.testing.nests import CouldNotLook

V = np.array([1.0, -0.5, 2.0])
Z = np.array([0.3, 0.7, -0.4])


def test_the_complex_step_is_exact_and_sees_no_kink():
    slope, kinks = complex_slope(np.exp, Z, V)
    assert np.allclose(slope, np.exp(Z) * V, rtol=1e-15, atol=0) and not kinks.any()
    assert kinks.shape == Z.shape


@pytest.mark.parametrize("f", [np.abs, lambda z: np.abs(z) + 1e-5 * z.real,
                               lambda z: (z.real - Z) ** 2, lambda z: np.maximum(z.real - Z, 0),
                               lambda z: np.maximum(Z - z.real, 0)])
@pytest.mark.parametrize("v", [V, np.abs(V), -np.abs(V)])
def test_a_function_that_loses_the_imaginary_part_and_changes_cannot_be_looked_at(f, v):
    with pytest.raises(CouldNotLook, match="the imaginary part was lost"):
        complex_slope(f, Z, v)


def test_a_function_that_does_not_change_has_slope_0():
    for f in (lambda z: 3.0, lambda z: np.arange(2), lambda z: np.floor(z.real)):
        slope, kinks = complex_slope(f, Z, V)
        assert not slope.any() and not kinks.any() and slope.shape == np.shape(f(Z))


def test_code_that_refuses_complex_numbers_raises_CouldNotLook():
    def buffer(z):
        out = np.zeros(3)
        out[...] = z
        return out

    for f in (buffer, lambda z: [float(a) for a in z]):
        with pytest.raises(CouldNotLook, match="complex numbers do not flow"):
            flow(f, Z + 0j)


def test_differences_are_right_up_to_a_power_of_the_step():
    """Of x^3 the central one is off by h^2 v^3; six points are exact up to x^6, and x^7 shows
    their power."""
    h = 0.1
    assert np.allclose(central(lambda x: x ** 3, Z, V, h), 3 * Z ** 2 * V + h ** 2 * V ** 3,
                       rtol=1e-12, atol=0)
    assert np.allclose(six_point(lambda x: x ** 6, Z, V, h), 6 * Z ** 5 * V, rtol=0, atol=1e-12)
    one, two = (np.abs(six_point(lambda x: x ** 7, Z, V, k) - 7 * Z ** 6 * V) for k in (h, 2 * h))
    assert np.allclose(two / one, 2 ** 6, rtol=1e-6)


@pytest.mark.parametrize("f, slope", [
    (lambda x: np.sin(300 * x), lambda x: 300 * np.cos(300 * x)),        # bends in a short way
    (lambda x: 1e4 + x ** 2, lambda x: 2 * x),                           # rounds coarsely
    (lambda x: 1e-9 * np.sin(300 * x), lambda x: 3e-7 * np.cos(300 * x))])    # is small
def test_a_right_slope_is_found_whichever_step_it_needs(f, slope):
    found, kinks = nearest(f, Z, V, slope(Z) * V)
    assert np.allclose(found, slope(Z) * V, rtol=1e-7, atol=0) and not kinks.any()


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_no_step_makes_a_wrong_slope_right(scale):
    for factor in (1 + 1e-6, 0.9, 0.0, -1.0):
        found, kinks = nearest(lambda x: scale * np.sin(x), Z, V, factor * scale * np.cos(Z) * V)
        assert np.allclose(found, scale * np.cos(Z) * V, rtol=2e-8, atol=0) and not kinks.any()


def test_each_coordinate_takes_the_step_that_suits_it():
    def f(x):
        return np.stack([np.sin(500 * x[0]), 1e4 + x[1] ** 2, x[2]])

    true = np.array([500 * np.cos(500 * Z[0]), 2 * Z[1], 1.0]) * V
    found, kinks = nearest(f, Z, V, true)
    assert np.allclose(found, true, rtol=1e-7, atol=0) and not kinks.any()


def test_a_claim_of_another_shape_is_compared_with_nothing():
    found, kinks = nearest(np.sin, Z, V, np.ones(2))
    assert np.allclose(found, np.cos(Z) * V, rtol=1e-9) and not kinks.any() and len(kinks) == 3
    none = tangent(lambda z: z[:0], lambda z, v: v[:0], Z, V, slope=nearest)
    assert none == 0 and "nothing to compare" in str(none)


def test_a_slope_that_is_not_a_number_is_no_kink():
    found, kinks = nearest(np.sin, Z, V, np.array([np.nan, 1.0, 2.0]))
    assert not kinks[0] and np.isfinite(found).all()


# ---- kinks

H = 6e-6
KINKS = {
    "on the point": (np.abs, [0.0], [0.3]),
    "beside it": (lambda x: np.abs(x - 1e-8), [0.0], [-1.0]),
    "of both signs": (lambda x: 2 * np.abs(x - 1e-8) - np.abs(x + 1e-8), [0.0], [-3.0]),
    "at several distances": (lambda x: np.abs(x - 1e-9) + 10 * np.abs(x - 1.5 * H), [0.0], [-11.0]),
    "on a slope": (lambda x: 5 * x + np.maximum(x, 0), [0.0], [6.0]),
    "on a curve": (lambda x: np.sin(x) + np.maximum(x - 1, 0), [1.0], [np.cos(1.0)])}


@pytest.mark.parametrize("name", KINKS)
def test_a_slope_of_one_side_of_a_kink_is_taken_as_it_is(name):
    f, z, claimed = (np.array(a) if isinstance(a, list) else a for a in KINKS[name])
    found, kinks = nearest(f, z, np.ones(1), claimed)
    assert kinks.all() and found == claimed


def test_a_slope_far_outside_of_those_at_a_kink_is_wrong():
    for claimed in (-6.0, 6.0):
        found, kinks = nearest(np.abs, np.zeros(1), np.ones(1), np.array([claimed]))
        assert not kinks.any() and found != claimed


@pytest.mark.parametrize("f", [np.sin, np.exp, lambda x: x ** 2, lambda x: x ** 2 + x ** 3])
def test_a_curve_is_no_kink_however_large_the_gap_may_be(f):
    """S(2 h) / S(h) is 4: the claim is wrong, and the curve does not excuse it."""
    for h in (1e-3, 1e-2):
        assert not is_kink(f, Z, V, h, np.full(3, 1e-9)).any()
        assert not is_kink(lambda x: -f(x), Z, V, h, np.full(3, 1e-9)).any()


def test_a_kink_excuses_a_gap_of_its_own_size_alone():
    """|x| has S(h) = 2 h: it excuses gaps up to 4."""
    at = np.zeros(2), np.ones(2), 0.1
    assert is_kink(np.abs, *at, np.array([3.9, 4.1])).tolist() == [True, False]


@pytest.mark.parametrize("share", [0.0, 0.3, 2 / 3, 0.75, 0.9])
def test_a_kink_within_the_step_is_found_wherever_it_lies(share):
    """At 2/3 of the step S(2 h) / S(h) is 4 by chance, and S(4 h) / S(2 h) is not."""
    for sign in (1, -1):
        for up in (1, -1):
            assert is_kink(lambda x: up * np.abs(x - sign * 0.1 * share), np.zeros(1), np.ones(1),
                           0.1, np.full(1, 0.3)).all()


def test_a_function_may_give_a_list():
    found, kinks = nearest(lambda x: np.abs(x).tolist(), np.array([0.0, 2.0]), np.ones(2),
                           [0.5, 1.0])
    assert kinks.tolist() == [True, False] and np.allclose(found, [0.5, 1.0])


def test_a_report_says_how_many_directions_cross_a_kink():
    theta = np.array([0.0, 1.0, 0.0, -2.0])
    error = central_difference(lambda t: np.abs(t).sum(), lambda t: np.sign(t) + (t == 0), theta)
    assert error < 1e-7 and "(2 of 4 directions cross a kink)" in str(error)
    error = central_difference(lambda t: np.abs(t).sum(), np.sign, theta[::2])
    assert error == np.inf or error < 1e-7


def test_rounding_is_no_kink():
    z = np.random.default_rng(0).normal(size=200)
    for f, slope in ((lambda x: 3 * x + 1, 3 + 0 * z), (lambda x: np.pi * x - 7, np.pi + 0 * z)):
        found, kinks = nearest(f, z, np.ones(200), slope)
        assert not kinks.any() and np.allclose(found, slope, rtol=1e-8, atol=0)


def test_each_number_keeps_the_step_that_is_right_for_it():
    def f(z):  # the first has a kink that long steps cross; for the second H is too long
        return np.stack([np.abs(z - 2e-5), np.sin(300 * z)])

    for claimed in ([-1.0, 300.0], [-1.0, 301.0]):
        slope, kinks = nearest(f, np.array(0.0), np.array(1.0), claimed)
        assert not kinks.any() and np.allclose(slope, [-1, 300], rtol=1e-6)
