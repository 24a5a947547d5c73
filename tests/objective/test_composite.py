"""Points of an objective: numbers too small for the precision become zero, and a real cotangent
stays real."""
import numpy as np
import pytest

from minimeta import MLP, Objective
from minimeta.objective.composite import precise
from minimeta.objective.losses import SquaredError

NET = MLP((2, 3, 1))
TINY = np.float32(1e-30)   # its square is 0


def tiny(rng, *shape):
    return TINY * rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("verb", ["at", "value", "grad", "hvp", "jvp", "vjp"])
def test_no_verb_of_a_point_minds_underflow_whatever_the_error_settings(verb):
    rng = np.random.default_rng(0)
    x, theta, v = tiny(rng, 5, 2), tiny(rng, NET.size), tiny(rng, NET.size)
    objective = Objective(NET, x, SquaredError(0 * x[:, :1], np.ones(5, np.float32)))
    at = objective.at(theta)
    arguments = {"hvp": (v,), "jvp": (v,), "vjp": (tiny(rng, 5, 1),)}
    with np.errstate(all="raise"):
        if verb == "at":
            assert not np.any(objective.at(theta).y - theta[-1])
        else:
            read = getattr(at, verb)
            assert np.isfinite(read(*arguments[verb]) if verb in arguments else read).all()


@pytest.mark.parametrize("y, y_bar, expected", [
    (np.float32, np.float64, np.float32), (np.complex64, np.float64, np.float32),
    (np.float32, np.complex128, np.complex64), (np.float64, np.complex64, np.complex128)])
def test_a_cotangent_takes_the_precision_of_y_and_stays_real_or_complex(y, y_bar, expected):
    assert precise(np.ones(3, y_bar), np.ones(3, y)).dtype == expected


def test_a_point_has_the_forms_of_its_map_in_theta_alone():
    rng = np.random.default_rng(0)
    x, theta, v, y_bar = (rng.normal(size=s) for s in ((5, 2), NET.size, NET.size, (5, 1)))
    at = Objective(NET, x, SquaredError(0 * x[:, :1], np.ones(5))).at(theta)
    y, cache = NET.forward(theta, x)
    assert np.array_equal(at.y, y) and np.array_equal(at.jvp(v), NET.jvp(theta, cache, v)[0])
    assert np.array_equal(at.vjp(y_bar), NET.vjp(theta, cache, y_bar)[0])
    assert (at.jvp(v) * y_bar).sum() == pytest.approx(at.vjp(y_bar) @ v, rel=1e-12)
