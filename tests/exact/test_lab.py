"""The laboratory: its truth, its limits, and that samples tend to them."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minimeta.exact import exact_return
from minimeta.exact.lab import ESTIMATORS, PARTS, Laboratory, quality
from minimeta.tasks import BernoulliBandit, GridNavigation, RandomMDP
from minimeta.testing import complex_step

WITH_HESSIAN = [name for name in ESTIMATORS if name not in ("first-order", "e-maml")]


def lab(seed=0, steps=1, S=3, A=2, T=3, alpha=0.8):
    rng = np.random.default_rng(seed)
    tasks = RandomMDP(S, A, T, 1).sample(1, rng)
    return Laboratory(tasks, rng.normal(size=S * A), alpha, steps)


def sample(lab, names, N, R, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    return lab.estimates(names, trajectories=N, repetitions=R, rng=rng, **kwargs)


def distance(one, other):
    return np.linalg.norm(one - other) / np.linalg.norm(other)


def first_order(lab):
    """grad J at phi, by hand."""
    J, phi = exact_return(lab.tasks), lab.theta[None]
    for _ in range(lab.steps):
        phi = phi + lab.alpha * J.at(phi).grad
    return J.at(phi).grad[0]


# ---- what is exact

@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), steps=st.integers(1, 3), S=st.integers(2, 4),
       A=st.integers(2, 3), T=st.integers(1, 4))
def test_the_exact_meta_gradient_obeys_the_complex_step(seed, steps, S, A, T):
    one = lab(seed, steps, S, A, T)
    J = exact_return(one.tasks)

    def after(theta):
        for _ in range(steps):
            theta = theta + one.alpha * J.at(theta).grad
        return J.at(theta).value

    assert complex_step(after, lambda theta: one.exact[None], one.theta[None]) < 1e-12


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_with_nothing_sampled_all_estimators_are_exact_but_the_first_order_one(steps):
    one = lab(steps=steps)
    found = sample(one, ["first-order", *WITH_HESSIAN], 2, 3, sampled=())
    for name in WITH_HESSIAN:
        assert max(distance(row, one.exact) for row in found[name]) < 1e-12
    assert max(distance(row, first_order(one)) for row in found["first-order"]) < 1e-12
    assert distance(first_order(one), one.exact) > 0.01


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_on_twenty_mdps_dice_tends_to_the_exact_meta_gradient_and_others_do_not(steps):
    labs = [lab(seed, steps) for seed in range(20)]
    for one in labs:
        assert distance(one.limit("dice"), one.exact) < 1e-10
        assert distance(one.limit("first-order"), first_order(one)) < 1e-10
        assert distance(one.limit("clipped-ratio"), one.limit("ratio")) < 1e-12
    for name in ("first-order", "log-likelihood", "ratio", "loaded-dice"):
        bias = [distance(one.limit(name), one.exact) for one in labs]
        assert np.median(bias) > 0.01 and min(bias) > 1e-4, name


# ---- what is sampled

def test_a_sampled_hessian_has_its_limit_in_the_mean_for_any_number_of_trajectories():
    one = lab()
    for name, rows in sample(one, WITH_HESSIAN, 2, 4000, sampled=("hessian",)).items():
        assert within(rows, one.limit(name))
    assert not within(sample(one, ["log-likelihood"], 2, 4000, sampled=("hessian",))[
        "log-likelihood"], one.exact)


def test_a_sampled_outer_gradient_has_no_bias_and_a_sampled_inner_one_has():
    one = lab()
    for part, is_exact in (("outer gradient", True), ("inner gradient", False)):
        rows = sample(one, ["dice"], 2, 4000, sampled=(part,))["dice"]
        assert within(rows, one.exact) == is_exact


def within(rows, truth):
    """Whether the mean of the rows is the truth, to 4.5 standard errors everywhere."""
    error = rows.std(0) / np.sqrt(len(rows))
    return bool(np.all(np.abs(rows.mean(0) - truth) < 4.5 * error + 1e-12))


@pytest.mark.parametrize("steps", [1, 2])
def test_samples_tend_to_the_limit_and_their_noise_falls_as_the_root(steps):
    one = lab(steps=steps)
    names = ["first-order", *WITH_HESSIAN]
    few, many = (sample(one, names, N, 100) for N in (64, 1024))
    for name in names:
        limit, length = one.limit(name), np.linalg.norm(one.exact)
        noise = quality(many[name], one.exact)
        assert np.linalg.norm(many[name].mean(0) - limit) < (
            3 * noise.floor + 0.03 * noise.std) * length
        assert 3 < quality(few[name], one.exact).std / noise.std < 5.5


def test_the_noise_of_e_maml_does_not_fall():
    one = lab()
    few, many = (quality(sample(one, ["e-maml"], N, 200)["e-maml"], one.exact)
                 for N in (32, 512))
    assert 0.7 < many.std / few.std < 1.4
    assert np.array_equal(one.limit("e-maml"), one.exact)


def test_every_part_adds_noise_and_all_together_have_most():
    one = lab()
    stds = {part: quality(sample(one, ["dice"], 32, 400, sampled=(part,))["dice"],
                          one.exact).std for part in PARTS}
    whole = quality(sample(one, ["dice"], 32, 400)["dice"], one.exact).std
    assert min(stds.values()) > 0.01 and whole > max(stds.values())


def test_estimators_share_their_samples_and_do_not_change_one_another():
    one = lab(steps=2)
    together = sample(one, ["ratio", "e-maml", "dice"], 4, 5)
    for name, rows in together.items():
        assert np.array_equal(rows, sample(one, [name], 4, 5)[name])
    assert not np.array_equal(together["ratio"][0], together["ratio"][1])


def test_two_repetitions_of_float32_stay_float32():
    one = lab()
    one = Laboratory(one.tasks, one.theta.astype(np.float32), steps=2)
    found = sample(one, ["dice", "e-maml"], 3, 2, sampled=("hessian",))
    for gradient in (one.exact, one.limit("ratio"), *found.values()):
        assert gradient.dtype == np.float32
    assert distance(one.exact, Laboratory(one.tasks, one.theta.astype(float), steps=2).exact) < 1e-5


def test_a_grid_may_be_examined_too():
    tasks = GridNavigation(3, 3, 1).sample(4, np.random.default_rng(0))[2:3]
    one = Laboratory(tasks, np.random.default_rng(0).normal(size=45), 0.5)
    assert distance(one.limit("dice"), one.exact) < 1e-10


# ---- quality

def test_quality_of_four_estimates_by_hand():
    exact = np.array([0.0, 2.0])
    rows = np.array([[1.0, 2.0], [1.0, 4.0], [-1.0, 2.0], [-1.0, 4.0]])
    found = quality(rows, exact)
    assert found.bias == pytest.approx(0.5) and found.std == pytest.approx(2**0.5 / 2)
    assert found.floor == pytest.approx(found.std / 2)
    assert found.cosine == pytest.approx((2 / 5**0.5 + 4 / 17**0.5) / 2)
    assert {type(number) for number in found} == {float}
    assert quality(rows / 1000, exact).cosine == pytest.approx(found.cosine)
    perfect = quality(exact[None], exact)
    assert perfect == (0, 0, 0, 1)


def test_an_estimate_of_zero_has_no_direction():
    assert quality(np.zeros((3, 2)), np.ones(2)).cosine == 0
    with pytest.raises(ValueError, match="exact must not be zero"):
        quality(np.ones((3, 2)), np.zeros(2))


# ---- bad input

def test_bad_input_is_refused_by_name():
    one = lab()
    with pytest.raises(ValueError, match="estimator must be one of 'first-order', "):
        sample(one, ["e_maml"], 2, 3)
    with pytest.raises(ValueError, match="estimator must be one of .*got 'e_maml'"):
        one.limit("e_maml")
    with pytest.raises(TypeError, match=r"must be a list of names, as \['dice'\]"):
        sample(one, "dice", 2, 3)
    with pytest.raises(ValueError, match="sampled must be one of 'inner gradient', "):
        sample(one, ["dice"], 2, 3, sampled=("Hessian",))
    with pytest.raises(TypeError, match=r"sampled must be a list .* \['hessian'\]"):
        sample(one, ["dice"], 2, 3, sampled="hessian")
    with pytest.raises(ValueError, match="repetitions must be at least 2"):
        sample(one, ["dice"], 2, 1)
    with pytest.raises(ValueError, match="trials must be at least 1"):
        sample(one, ["dice"], 0, 3)
    theta, tasks = one.theta, RandomMDP(3, 2, 3, 1).sample(2, np.random.default_rng(0))
    with pytest.raises(ValueError, match="tasks must be one task, .* got 2"):
        Laboratory(tasks, theta)
    with pytest.raises(TypeError, match="tasks must be one task, .* got RandomMDP"):
        Laboratory(tasks.family, theta)
    with pytest.raises(TypeError, match="tasks must have tables"):
        Laboratory(BernoulliBandit(2, 3).sample(1, np.random.default_rng(0)), theta)
    with pytest.raises(ValueError, match="alpha must be a finite number in"):
        Laboratory(tasks[:1], theta, alpha=0.0)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        Laboratory(tasks[:1], theta, steps=0)
    with pytest.raises(ValueError, match=r"theta must have shape \[..., 6\]"):
        Laboratory(tasks[:1], theta[:4])
    with pytest.raises(ValueError, match=r"must be one vector, \[6\], got \[1, 6\]"):
        Laboratory(tasks[:1], theta[None])
