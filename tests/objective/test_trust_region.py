"""Conjugate gradients and the trust region, on problems with a known answer."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import Categorical, MLPPolicy, Objective, TrustRegion
from minimeta import require
from minimeta.objective.losses import KL, Minus, OfActions
from minimeta.objective.surrogates import Ratio
from minimeta.objective.trust_region import NONE_BETTER, conjugate_gradient


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


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("tolerance", [0.5, 0.05, 1e-4])
def test_it_stops_at_the_first_residual_that_is_as_small_as_asked_beside_b(size, tolerance):
    rng = np.random.default_rng(2)
    A, b, calls = positive(9, rng), size * rng.normal(size=9), []

    def product(v):
        calls.append(v)
        return A @ v

    left = [np.linalg.norm(conjugate_gradient(lambda v: A @ v, b, k, 0.0)[1]) for k in range(10)]
    conjugate_gradient(product, b, 9, tolerance)
    assert len(calls) == next(k for k in range(10) if left[k] <= tolerance * left[0]) > 0


@pytest.mark.parametrize("gap, steps", [(1e-9, 2), (1e-10, 1)])
def test_unless_told_otherwise_a_residual_of_1e_10_is_small(gap, steps):
    A, calls = np.array([1, 1 + gap]), []     # one step leaves half of the gap

    def product(v):
        calls.append(v)
        return A * v

    conjugate_gradient(product, np.ones(2), 5)
    assert len(calls) == steps


def test_each_direction_is_conjugate_to_all_before():
    rng, seen = np.random.default_rng(1), []
    A, b = positive(7, rng), rng.normal(size=7)

    def product(v):
        seen.append(v)
        return A @ v

    conjugate_gradient(product, b, 5)
    D = np.stack(seen)
    D = D / np.sqrt(np.einsum("ip,pq,iq->i", D, A, D))[:, None]
    assert len(D) == 5 and np.abs(D @ A @ D.T - np.eye(5)).max() < 1e-10


@pytest.mark.parametrize("bad", [0.0, -1.0, 1e-320, np.nan, np.inf])
@pytest.mark.parametrize("found", [0, 2])
def test_where_the_curvature_gives_no_size_the_search_ends_with_what_it_has(found, bad):
    rng = np.random.default_rng(3)
    A, b, calls = positive(6, rng), rng.normal(size=6), []

    def product(v):
        calls.append(v)
        return A @ v if len(calls) <= found else bad * v

    with np.errstate(all="ignore"):
        ended = conjugate_gradient(product, b, 5)
    for one, other in zip(ended, conjugate_gradient(lambda v: A @ v, b, found), strict=True):
        assert np.array_equal(one, other)
    assert len(calls) == found + 1


def test_a_size_that_is_too_large_for_float32_ends_the_search_too():
    b = np.array([1.0, -2.0], np.float32)
    with np.errstate(all="ignore"):
        x, residual = conjugate_gradient(lambda v: np.float32(1e-40) * v, b, 3)
    assert not x.any() and np.array_equal(residual, b)


def test_a_zero_gradient_needs_no_step():
    x, residual = conjugate_gradient(None, np.zeros(3), 5)   # nor any product
    assert not x.any() and not residual.any()
    theta, report = TrustRegion().step(np.ones(3), 0.0, np.zeros(3), lambda v: v, None)
    assert theta.tolist() == [1, 1, 1]
    assert report == {"kl": 0.0, "cg_residual": 0.0, "line_search": 0, "accepted": False,
                      "reason": "the gradient is zero"}


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
    assert report["reason"] == ""


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_report_tells_what_is_left_of_the_gradient_as_a_fraction_of_it(size):
    F, g, theta, evaluate, _ = quadratic()
    region = TrustRegion(damping=0.25, cg_steps=2)
    _, report = region.step(theta, 3.0, size * g, lambda v: F @ v, evaluate)
    x, _ = conjugate_gradient(lambda v: F @ v + 0.25 * v, g, 2)
    left = np.linalg.norm(g - F @ x - 0.25 * x) / np.linalg.norm(g)
    assert left > 1e-2 and report["cg_residual"] == pytest.approx(left, rel=1e-9)
    assert {type(report[name]) for name in ("kl", "cg_residual")} == {float}


def test_a_step_whose_divergence_is_just_the_bound_is_taken():
    region = TrustRegion(max_kl=0.125, damping=0.0)
    new, report = region.step(np.array([1.0]), 1.0, np.array([2.0]), lambda v: 4 * v,
                              lambda theta: (0.5, 2 * (theta[0] - 1) ** 2))
    assert new == 0.75 and report["kl"] == 0.125 and report["line_search"] == 1


@pytest.mark.parametrize("tries", [1, 4])
def test_a_search_in_vain_makes_all_its_tries_each_shorter_than_the_last(tries):
    F, g, theta, _, _ = quadratic()
    evaluated = []

    def never(candidate):
        evaluated.append(np.linalg.norm(candidate - theta))
        return 4.0, 0.0

    new, report = TrustRegion(tries=tries).step(theta, 3.0, g, lambda v: F @ v, never)
    assert np.array_equal(new, theta) and report["line_search"] == len(evaluated) == tries
    assert np.allclose(np.divide(evaluated[1:], evaluated[:-1]), 0.8, rtol=1e-9)


def test_the_line_search_shortens_until_the_loss_is_less_and_the_divergence_small():
    F, g, theta, evaluate, _ = quadratic()

    def bumpy(candidate):
        loss, kl = evaluate(candidate)
        return (loss + 100 if kl > 0.002 else loss), kl

    new, report = TrustRegion(max_kl=0.01).step(theta, 3.0, g, lambda v: F @ v, bumpy)
    assert report["line_search"] > 2 and report["accepted"] and report["kl"] <= 0.002
    assert evaluate(new)[0] < 3.0


@pytest.mark.parametrize("loss, kl", [
    (4.0, 0.0), (3.0, 0.0), (2.0, 0.02), (np.nan, 0.0), (2.0, np.nan)])
def test_without_a_good_candidate_theta_stays(loss, kl):
    F, g, theta, _, _ = quadratic()
    region = TrustRegion(max_kl=0.01, tries=4)
    new, report = region.step(theta, 3.0, g, lambda v: F @ v, lambda candidate: (loss, kl))
    assert new is theta and not report["accepted"] and report["line_search"] == 4
    assert report["reason"] == NONE_BETTER and report["kl"] == 0


# ---- where numbers come to an end

@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-45, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whatever_the_curvature_is_nothing_is_raised_and_theta_stays_finite(scale, size, dtype):
    """A policy that is nearly deterministic has a Fisher matrix of almost nothing."""
    g = (size * np.array([1.0, -2.0, 0.0])).astype(dtype)
    theta = np.ones(3, dtype)
    with np.errstate(all="ignore"):
        F = dtype(scale)
    region = TrustRegion(damping=0.0, tries=3)
    with np.errstate(all="raise"):
        new, report = region.step(
            theta, 1.0, g, lambda v: F * v, lambda candidate: (0.5, 0.0))
    assert np.isfinite(new).all() and new.dtype == dtype
    assert report["accepted"] == (new is not theta) == (report["reason"] == "")
    if not scale > 0:
        assert new is theta and "may be deterministic" in report["reason"]


def test_a_direction_that_is_too_long_for_float32_is_not_searched():
    g, theta = np.array([1e30, 0.0], np.float32), np.ones(2, np.float32)
    region = TrustRegion(damping=0.0)
    new, report = region.step(theta, 1.0, g, lambda v: np.float32(1e-30) * v, None)
    assert new is theta and report["line_search"] == 0
    assert "may be deterministic" in report["reason"]


def test_without_curvature_the_damping_bounds_the_step():
    g = np.array([3.0, -4.0])
    region = TrustRegion(max_kl=0.02, damping=0.5)
    new, report = region.step(np.zeros(2), 1.0, g, lambda v: 0 * v, lambda c: (0.5, 0.0))
    # x = g / 0.5, x^T F x = g^T g / 0.5 = 50, size = sqrt(0.04 / 50)
    assert np.allclose(new, -np.sqrt(0.04 / 50) * 2 * g, rtol=1e-12) and report["accepted"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_gives_no_step(bad):
    theta, g = np.ones(2, np.float32), np.array([1.0, bad], np.float32)
    with np.errstate(all="raise"):
        new, report = TrustRegion().step(theta, 1.0, g, lambda v: v, None)
    assert new is theta and report["reason"] == "the gradient is not finite"


def test_a_candidate_that_cannot_be_evaluated_is_not_taken_and_the_next_is_tried():
    F, g, theta, evaluate, evaluated = quadratic()

    def fragile(candidate):
        loss, kl = evaluate(candidate)
        if len(evaluated) < 3:
            raise require.NotFinite("phi must be finite")
        return loss, kl

    new, report = TrustRegion(max_kl=0.01).step(theta, 3.0, g, lambda v: F @ v, fragile)
    assert report["accepted"] and report["line_search"] == 3
    assert evaluate(new)[0] < 3.0


def test_a_candidate_beyond_all_numbers_is_not_even_evaluated():
    theta, seen = np.array([3e38, 1.0], np.float32), []

    def evaluate(candidate):
        seen.append(candidate)
        return 0.5, 0.0

    # x^T F x is 1, so the first step has the length sqrt(2) 3e38: too far from theta.
    g = np.array([-1.0, 0.0], np.float32)
    region = TrustRegion(max_kl=9e76, damping=0.0, tries=30)
    new, report = region.step(theta, 1.0, g, lambda v: v, evaluate)
    assert report["accepted"] and np.isfinite(new).all()
    assert report["line_search"] > 1 and len(seen) == 1 and seen[0] is new


@pytest.mark.parametrize("bias", [5, 20, 60, 90, 105, 200])
def test_a_policy_that_becomes_deterministic_in_float32_trains_or_keeps_its_theta(bias):
    policy, rng = MLPPolicy(2, Categorical(3), (4,)), np.random.default_rng(0)
    theta = policy.init(rng, np.float32)
    theta[-3:] = 0, bias, 0   # the biases of the logits
    x = rng.normal(size=(1, 5, 4, 2)).astype(np.float32)
    u, _ = policy.split(policy.forward(theta[None], x)[0])
    a, w = rng.integers(0, 3, (1, 5, 4)), np.full((1, 5, 4), 0.05, np.float32)
    surrogate = Ratio(w, policy.head.log_prob(u, a))
    at = Objective(policy, x, Minus(OfActions(policy, a, surrogate))).at
    kl = Objective(policy, x, KL(policy, u, w)).at
    here, there = at(theta[None]), kl(theta[None])

    def evaluate(candidate):
        return at(candidate[None]).value[0], kl(candidate[None]).value[0]

    for region in (TrustRegion(), TrustRegion(damping=0.0)):
        with np.errstate(all="raise"):
            new, report = region.step(theta, here.value[0], here.grad[0],
                                      lambda v: there.hvp(v[None])[0], evaluate)
        assert np.isfinite(new).all() and new.dtype == np.float32
        assert report["accepted"] == (new is not theta) == (report["reason"] == "")
    assert bias < 105 or "may be deterministic" in report["reason"]
    assert bias > 5 or report["accepted"]


DEFAULTS = {
    "max_kl": 0.01,     # Schulman et al. (2015), in all experiments
    "cg_steps": 10,     # this and the rest as in garage's ConjugateGradientOptimizer
    "damping": 1e-5,
    "shrink": 0.8,      # the last of 15 tries is 0.8^14 = 0.044 of the longest step
    "tries": 15,
}


def test_the_defaults_are_those_with_a_reason():
    assert vars(TrustRegion()) == DEFAULTS


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
