"""Conjugate gradients and the trust region, on problems with a known answer."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import TrustRegion
from minimeta.objective.trust_region import conjugate_gradient


def positive(n, rng):
    A = rng.normal(size=(n, n))
    return A @ A.T + 0.5 * np.eye(n)


@given(n=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_conjugate_gradients_solve_in_as_many_steps_as_there_are_unknowns(n, seed):
    rng = np.random.default_rng(seed)
    A, b = positive(n, rng), rng.normal(size=n)
    x, residual = conjugate_gradient(lambda v: A @ v, b, 2 * n)
    assert np.linalg.norm(A @ x - b) < 1e-8 * np.linalg.norm(b)
    assert np.linalg.norm(residual - (b - A @ x)) < 1e-8 * np.linalg.norm(b)


def test_fewer_steps_leave_the_residual_that_is_reported():
    rng = np.random.default_rng(0)
    A, b = positive(9, rng), rng.normal(size=9)
    x, residual = conjugate_gradient(lambda v: A @ v, b, 3)
    assert np.linalg.norm(residual) > 1e-3
    assert np.abs(residual - (b - A @ x)).max() < 1e-12


def test_a_zero_gradient_needs_no_step():
    x, residual = conjugate_gradient(lambda v: v, np.zeros(3), 5)
    assert not x.any() and not residual.any()
    theta, report = TrustRegion().step(np.ones(3), 0.0, np.zeros(3), lambda v: v, None)
    assert theta.tolist() == [1, 1, 1] and not report["accepted"]


def quadratic(seed=0, n=5):
    """A linear loss and a quadratic KL: the natural gradient step is exact."""
    rng = np.random.default_rng(seed)
    F, g, theta = positive(n, rng), rng.normal(size=n), rng.normal(size=n)
    evaluated = []

    def evaluate(candidate):
        evaluated.append(candidate)
        d = candidate - theta
        return 3.0 + g @ d, 0.5 * d @ F @ d

    return F, g, theta, evaluate, evaluated


def test_the_step_is_the_best_one_within_the_divergence():
    F, g, theta, evaluate, evaluated = quadratic()
    region = TrustRegion(max_kl=0.01, damping=0.0, cg_steps=20)
    new, report = region.step(theta, 3.0, g, lambda v: F @ v, evaluate)
    best = theta - np.sqrt(0.02 / (g @ np.linalg.solve(F, g))) * np.linalg.solve(F, g)
    # The first try is on the border, and rounding may put it on either side of it.
    steps = report["line_search"]
    assert report["accepted"] and steps in (1, 2) and len(evaluated) == steps
    assert np.abs(new - theta - 0.8 ** (steps - 1) * (best - theta)).max() < 1e-9
    assert report["kl"] <= 0.01 and report["cg_residual"] < 1e-8


def test_the_line_search_shortens_until_the_loss_is_less_and_the_divergence_small():
    F, g, theta, evaluate, _ = quadratic()

    def bumpy(candidate):
        loss, kl = evaluate(candidate)
        return (loss + 100 if kl > 0.002 else loss), kl

    new, report = TrustRegion(max_kl=0.01).step(theta, 3.0, g, lambda v: F @ v, bumpy)
    assert report["line_search"] > 2 and report["accepted"] and report["kl"] <= 0.002
    assert evaluate(new)[0] < 3.0


@pytest.mark.parametrize("loss, kl", [(4.0, 0.0), (2.0, 0.02), (np.nan, 0.0), (2.0, np.nan)])
def test_without_a_good_candidate_theta_stays(loss, kl):
    F, g, theta, _, _ = quadratic()
    region = TrustRegion(max_kl=0.01, tries=4)
    new, report = region.step(theta, 3.0, g, lambda v: F @ v, lambda candidate: (loss, kl))
    assert new is theta and not report["accepted"] and report["line_search"] == 4


def test_float32_stays_float32():
    F, g, theta, evaluate, _ = quadratic()
    F, g, theta = (a.astype(np.float32) for a in (F, g, theta))
    new, _ = TrustRegion().step(theta, 3.0, g, lambda v: F @ v, evaluate)
    assert new.dtype == np.float32


@pytest.mark.parametrize("wrong, message", [
    ({"max_kl": 0}, r"max_kl must be a finite number in \(0, inf\), got 0"),
    ({"max_kl": -0.01}, r"max_kl must be .* got -0.01"),
    ({"damping": -1.0}, "damping must be"),
    ({"shrink": 1.0}, r"shrink must be a finite number in \(0, 1\), got 1.0"),
    ({"cg_steps": 0}, "cg_steps must be at least 1, got 0"),
    ({"tries": 0}, "tries must be at least 1, got 0"),
])
def test_bad_settings_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrustRegion(**wrong)
