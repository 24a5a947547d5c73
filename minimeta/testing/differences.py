"""Slopes of a function along a direction, to compare claimed derivatives with.

    complex_slope      Im f(z + i h v) / h                       exact, h = 1e-30
    central            (f(z + h v) - f(z - h v)) / 2 h           error h^2
    six_point          45, -9 and 1 times such differences of h, 2 h, 3 h      error h^6

The complex step asks that complex numbers flow through f. Differences ask nothing, but
each has a step that is right for some functions and wrong for others. So `nearest`
tries several steps and keeps the slope nearest to the claim: no step makes a wrong
claim right. If f has a kink between z - h v and z + h v, there is no slope to compare
with. Second differences tell kinks from smooth curves:

    S(h) = f(z + h v) - 2 f(z) + f(z - h v)       S(2 h) / S(h) = 4 where f is smooth
"""
import warnings

import numpy as np

from .nests import CouldNotLook

STEP = 1e-30  # of the complex step; its square vanishes, so there is no truncation
H = 6e-6      # of the central difference
LOST = ("complex numbers went in and real ones came out: the imaginary part was lost "
        "(abs, norm, .real, a buffer of floats)")


def flow(f, z):
    """f(z) of complex z. Raises CouldNotLook if f does not take complex numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            return np.asarray(f(z))
        except (TypeError, np.exceptions.ComplexWarning) as error:
            raise CouldNotLook(
                f"complex numbers do not flow, the imaginary part would be lost: "
                f"{error}") from error


def complex_slope(f, z, v, claimed=None):
    """The slope of f along v by the complex step, and where it has a kink: nowhere.

    Raises CouldNotLook if real numbers come out although f changes along v.
    """
    y = flow(f, z + STEP * 1j * v)
    if not np.iscomplexobj(y):
        if not all(np.array_equal(f(z), f(z + h * v)) for h in (1e-3, -1e-3)):
            raise CouldNotLook(LOST)
    return y.imag / STEP, np.zeros(y.shape, bool)


def central(f, z, v, h):
    return (np.asarray(f(z + h * v)) - f(z - h * v)) / (2 * h)


def six_point(f, z, v, h):
    one, two, three = (2 * k * h * central(f, z, v, k * h) for k in (1, 2, 3))
    return (45 * one - 9 * two + three) / (60 * h)


RULES = ((six_point, 1e-3), (six_point, 1e-4), (central, 1e-7), (six_point, 1e-5))


def nearest(f, z, v, claimed, h=H, gate=1e-8):
    """The slope of f along v by differences that is nearest to the claimed one, and
    where f has a kink. At a kink the slope is the claimed one."""
    slope = central(f, z, v, h)
    claimed, kinks = np.asarray(claimed), np.zeros(slope.shape, bool)
    if claimed.shape != slope.shape:
        return slope, kinks
    scale = gate * np.abs([claimed, slope]).max(initial=0)
    for rule, other_h in RULES:
        if (np.abs(slope - claimed) <= scale).all():
            return slope, kinks
        other = rule(f, z, v, other_h)
        is_nearer = ~(np.abs(slope - claimed) <= np.abs(other - claimed))
        slope = np.where(is_nearer, other, slope)
    gap = np.abs(slope - claimed)
    kinks = (gap > scale) & is_kink(f, z, v, h, np.abs(central(f, z, v, h) - claimed))
    return np.where(kinks, claimed, slope), kinks


def is_kink(f, z, v, h, gap):
    """True where the slopes on the two sides of z differ by enough to explain the gap
    between the claim and the difference."""
    here = np.asarray(f(z))
    S = [np.asarray(f(z + k * h * v)) - 2 * here + f(z - k * h * v) for k in (1, 2, 4)]
    is_smooth = [(3.3 * np.abs(a) < np.abs(b)) & (np.abs(b) < 4.7 * np.abs(a))
                 for a, b in zip(S, S[1:])]
    return (np.abs(S[0]) >= 0.5 * gap * h) & ~(is_smooth[0] & is_smooth[1])
