"""RL^2 that is paid to survive: quickly, what its poles do and that it learns; slowly,
its claim."""
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from minimeta.testing import check_tasks


def loaded(name):
    """The example as a module, so that its tasks can be pickled."""
    path = Path(__file__).parents[2] / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = loaded("rl2_survival")
main, HiddenCartPole, CartPoles = example.main, example.HiddenCartPole, example.CartPoles


def test_the_poles_are_a_family():
    check_tasks(HiddenCartPole())


def pole(gravity=10.0, sign=1.0):
    return CartPoles(HiddenCartPole(), np.array([gravity]), np.array([0.5]),
                     np.array([sign]))


def test_a_pole_falls_quicker_where_gravity_is_greater_and_the_sign_turns_a_push_around():
    rng, state = np.random.default_rng(0), np.array([[[0.0, 0.0, 0.1, 0.0]]])
    push, other = np.array([[1]]), np.array([[0]])
    light, heavy = (pole(g).step(state, push, rng)[0][0, 0, 3] for g in (5.0, 15.0))
    assert heavy > light
    there, back = pole().step(state, push, rng)[0], pole(sign=-1.0).step(state, other, rng)[0]
    assert np.array_equal(there, back)
    assert there[0, 0, 1] > 0 > pole().step(state, other, rng)[0][0, 0, 1]


def test_a_mirrored_pole_moves_as_in_a_mirror():
    rng, state = np.random.default_rng(0), np.array([[[0.1, -0.2, 0.05, 0.3]]])
    right, left = np.array([[1]]), np.array([[0]])
    here, there = pole().step(state, right, rng)[0], pole().step(-state, left, rng)[0]
    assert np.allclose(here, -there, rtol=1e-14, atol=0)


def test_the_momentum_of_cart_and_pole_grows_by_the_force_alone():
    """d/dt of (cart + pole) v + pole l rate cos(angle) is the force."""
    rng, m, l, force = np.random.default_rng(0), example.CART + example.POLE, 0.5, example.FORCE
    x = np.array([0.1, -0.2, 0.15, 0.7])
    after = pole().step(x[None, None], np.array([[1]]), rng)[0][0, 0]
    (v_dot, rate_dot), angle, rate = (after - x)[[1, 3]] / example.TAU, x[2], x[3]
    momentum_dot = m * v_dot + example.POLE * l * (
        rate_dot * np.cos(angle) - rate ** 2 * np.sin(angle))
    assert abs(momentum_dot - force) < 1e-10


def test_a_short_training_survives_longer_than_chance_where_returns_end_with_episodes():
    results = main(iterations=15, tasks=200)
    cut, chance = results["gamma .95, cut"], results["random"]
    assert np.all(cut.mean > chance.mean + 5 * np.hypot(
        cut.standard_error, chance.standard_error))
    assert all(curve.returns.max() <= 60 for curve in results.values())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_discount_spoils_the_first_episode_and_the_cut_mends_all(seed):
    results = main(seed=seed)
    cut = results["gamma .95, cut"].mean
    first, _, last = results["gamma .95"].mean
    assert cut.min() > 58 and last > 58 and first < cut[0] - 10
