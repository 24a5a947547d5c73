"""The laws of heads: the sums that they take, the numbers by which they are broken, the words."""
import re
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import Categorical, Gaussian
from minimeta.testing import head_laws as laws
from minimeta.testing.head_laws import HeadProbe
from minimeta.testing.policy_laws import LAWS
from minimeta.testing.suite import DoesNotApply

CHOICE, ONE, TWO = Categorical(4), Gaussian(1), Gaussian(2)
each_head = pytest.mark.parametrize("head", [CHOICE, ONE, TWO], ids=str)


def probe(head, scale=0.5, seed=0):
    return HeadProbe(head, scale, np.random.default_rng(seed))


def law(name, head, scale=0.5, seed=0):
    """The errors of a law on a head."""
    found = getattr(laws, name)(SimpleNamespace(case=probe(head, scale, seed)))
    return [found] if isinstance(found, float) else list(found)


def changed(head, **methods):
    """The head with other methods."""
    return type("Changed", (type(head),), methods)(head.n)


# ---- the sums

@each_head
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_the_sum_over_actions_gives_the_moments(head, scale):
    h = probe(head, scale)
    u = h.u
    assert np.allclose(h.expect(lambda u, a: np.ones(a.shape[:2]), u), 1, rtol=1e-9)
    if head is CHOICE:
        p = np.exp(u) / np.exp(u).sum(-1, keepdims=True)
        assert np.allclose(h.expect(lambda u, a: np.eye(4)[a], u), p, rtol=1e-12)
        a, weight = h.actions(u)
        assert weight == 1 and a.tolist() == [[k] * 3 for k in range(4)]
        return
    mu, log_std = head.split(u)
    assert np.allclose(h.expect(lambda u, a: a, u), mu, rtol=0, atol=1e-9 * np.exp(log_std).max())
    assert np.allclose(h.expect(lambda u, a: (a - mu) ** 2, u), np.exp(2 * log_std), rtol=1e-9)


@pytest.mark.parametrize("head", [ONE, TWO], ids=str)
def test_the_grid_reaches_eight_deviations_to_each_side_of_the_mean(head):
    h = probe(head, 1.0)
    mu, log_std = head.split(h.u)
    a, weight = h.actions(h.u)
    assert a.shape == (121 ** head.n, 3, head.n) and weight.shape == (3,)
    assert np.allclose(a.mean(0), mu, rtol=0, atol=1e-6)
    assert np.allclose(a.max(0) - a.min(0), 16 * np.exp(log_std), rtol=0.1)
    cells = (a.max(0) - a.min(0)) / 120
    assert np.allclose(weight, cells.prod(-1), rtol=1e-12)
    assert h.actions(h.u)[0] is a and h.actions(h.u_old)[0] is not a


@pytest.mark.parametrize("spread", [0.05, 30.0])
def test_a_spread_that_samples_do_not_show_is_found_from_the_probabilities(spread):
    """The samples are far too narrow or too wide."""
    narrow = changed(ONE, sample=lambda self, u, rng: self.split(u)[0] + spread * rng.normal(
        size=u.shape[:-1] + (1,)))
    h = probe(narrow, 0.5)
    mu, log_std = narrow.split(h.u)
    a, _ = h.actions(h.u)
    assert np.allclose(a.mean(0), mu, rtol=0, atol=0.1)
    assert np.allclose(a.max(0) - a.min(0), 16 * np.exp(log_std), rtol=0.1)


def test_three_dimensions_are_too_many_for_a_grid():
    h = probe(Gaussian(3))
    with pytest.raises(DoesNotApply, match="a grid over 3 dimensions of an action is too large"):
        h.actions(h.u)


def test_the_parameters_are_spread_as_the_scale_says_and_the_tangent_is_not():
    for scale in (1e-3, 10.0):
        h = probe(Categorical(200), scale)
        assert h.u.shape == h.u_old.shape == h.u_dot.shape == (3, 200)
        for array, spread in ((h.u, scale), (h.u_old, scale), (h.u_dot, 1.0)):
            assert 0.9 * spread < array.std() < 1.1 * spread
    assert h.draws.shape == (4000, 3) and np.array_equal(h.a, h.draws[0]) and h.is_discrete
    assert not probe(TWO).is_discrete and probe(TWO).draws.shape == (4000, 3, 2)


# ---- by how much a law is broken

@each_head
def test_probabilities_that_do_not_sum_to_one_are_caught(head):
    twice = changed(head, log_prob=lambda self, u, a: head.log_prob(u, a) + np.log(2.0))
    [error] = law("probabilities", twice)
    assert error == pytest.approx(0.5, rel=1e-6)
    assert law("probabilities", head)[0] < 1e-9


@each_head
def test_the_gradient_of_another_distribution_has_a_mean(head):
    def grad(self, u, a):
        return head.log_prob_grad(u, a) + [0.3] + 0 * u

    [error] = law("score", changed(head, log_prob_grad=grad))
    h = probe(head)
    size = h.expect(lambda u, a: np.abs(grad(None, u, a)), h.u)
    assert error == pytest.approx(0.3 / size.max(), rel=1e-5)
    assert "its mean at u[" in error.detail and "is 0.3" in error.detail
    assert error.hint.startswith("log_prob_grad is not the gradient of this log_prob, or the")
    little = changed(head, log_prob_grad=lambda self, u, a: head.log_prob_grad(u, a) + 3e-6)
    assert law("score", little)[0].hint
    [right] = law("score", head)
    assert right < 1e-9 and right.hint == ""


def test_what_the_head_says_is_the_claim_and_the_sum_is_true():
    for name in ("entropy", "kl", "fisher"):
        more = changed(CHOICE, **{"kl_hvp": lambda self, *us: CHOICE.kl_hvp(*us),
                                  name: lambda self, *us: 3 * getattr(CHOICE, name)(*us)})
        for error in law(name, more)[:2 if name == "fisher" else 1]:
            words = re.search(r"claimed (\S+), true (\S+)$", error.detail)
            assert abs(float(words[1]) / float(words[2]) - 3) < 1e-6
    double = changed(CHOICE, log_prob=lambda self, u, a: CHOICE.log_prob(u, a) + np.log(2.0))
    assert re.search("claimed 2.*, true 1$", law("probabilities", double)[0].detail)


def test_the_score_names_the_coordinate():
    def grad(self, u, a):
        g = CHOICE.log_prob_grad(u, a)
        g[..., 1, 2] -= 0.25
        return g

    [error] = law("score", changed(CHOICE, log_prob_grad=grad))
    assert "its mean at u[1, 2] is -0.25" in error.detail and error > 0.1
    assert error.hint.startswith("log_prob_grad is not the gradient of this log_prob")


def test_the_hint_names_an_action_that_comes_too_often_by_standard_errors():
    always = changed(CHOICE, sample=lambda self, u, rng: np.full(u.shape[:-1], 2))
    [error] = law("samples", always)
    h = probe(always)
    p = np.exp(h.u - np.log(np.exp(h.u).sum(-1, keepdims=True)))
    found = np.eye(4)[2] + 0 * p
    z = np.abs(found - p) / np.sqrt((p * (1 - p) + 1 / 4000) / 4000)
    assert error == pytest.approx(z.max(), rel=1e-9)
    k, a = np.unravel_index(z.argmax(), z.shape)
    assert error.detail == (f"frequency of an action: drawn {found[k, a]:.4g}, promised "
                            f"{p[k, a]:.4g}, off by {z.max():.1f} standard errors")
    assert law("samples", CHOICE)[0] < 5


@pytest.mark.parametrize("head", [ONE, TWO], ids=str)
@pytest.mark.parametrize("shift, stretch", [(0.2, 1.0), (-0.2, 1.0), (0.0, 1.2)])
def test_the_hint_names_by_how_many_standard_errors_moments_are_off(head, shift, stretch):
    def sample(self, u, rng):
        mu, log_std = self.split(u)
        return mu + np.exp(log_std) * (shift + stretch * rng.normal(size=mu.shape))

    h = probe(changed(head, sample=sample))
    mu, sigma = h.head.split(h.u)[0], np.exp(h.head.split(h.u)[1])
    one, two = h.draws.mean(0) - mu, (h.draws ** 2).mean(0) - mu ** 2 - sigma ** 2
    z = np.stack([np.abs(one) / sigma, np.abs(two) / np.sqrt(4 * mu ** 2 * sigma ** 2
                                                             + 2 * sigma ** 4)]) * 4000 ** 0.5
    [error] = law("samples", h.head)
    assert error == pytest.approx(z.max(), rel=1e-5) and error > 10
    assert error.detail.startswith("first two moments: drawn ")
    assert law("samples", head)[0] < 5


def test_a_greedy_action_is_the_most_probable():
    assert law("greedy", CHOICE) == [0.0] and law("greedy", TWO) == [0.0]
    h = probe(CHOICE)
    least = changed(CHOICE, greedy=lambda self, u: u.argmin(-1))
    [error] = law("greedy", least)
    assert error == pytest.approx((h.u.max(-1) - h.u.min(-1)).max(), rel=1e-12)


@each_head
def test_an_entropy_or_a_divergence_that_is_off_by_a_number_is_caught(head):
    h = probe(head)
    for name, sizes in (("entropy", [head.entropy(h.u)]), ("kl", [head.kl(h.u_old, h.u)])):
        more = changed(head, **{name: lambda self, *us: 1.1 * getattr(head, name)(*us)})
        assert law(name, more)[0] == pytest.approx(0.1 / 1.1, rel=1e-5)
        assert max(map(float, law(name, head))) < 1e-9


@each_head
def test_a_divergence_is_not_below_0_and_at_itself_it_is_0_and_flat(head):
    size = np.abs(head.kl(probe(head).u_old, probe(head).u)).max()
    assert size > 1e-3

    def less(self, u_old, u):
        return head.kl(u_old, u) - 2 * size

    found = law("kl", changed(head, kl=less))
    assert [error.detail.partition(":")[0] for error in found[1:]] == [
        "it is below 0", "it is not 0 at itself", "it is not flat at itself"]
    largest = np.abs(less(None, probe(head).u_old, probe(head).u)).max()
    lowest = less(None, probe(head).u_old, probe(head).u).min()
    assert found[1] == pytest.approx(-lowest / largest, rel=1e-9)
    assert found[2] == pytest.approx(2 * size / largest, rel=1e-6) and found[3] < 1e-6
    steep = changed(head, kl_grad=lambda self, u_old, u: head.kl_grad(u_old, u) + 0.5)
    assert law("kl", steep)[3] == pytest.approx(0.5 / size, rel=1e-6)


def test_a_small_divergence_is_judged_as_one_of_a_thousandth():
    shifted = changed(CHOICE, kl=lambda self, u_old, u: CHOICE.kl(u_old, u) + 1e-5)
    assert law("kl", shifted, scale=1e-3)[2] == pytest.approx(1e-5 / 1e-3, rel=1e-3)


@each_head
def test_a_fisher_product_is_the_hessian_of_the_divergence_and_the_mean_of_squares(head):
    twice = changed(head, fisher=lambda self, u, v: 2 * head.fisher(u, v),
                    kl_hvp=lambda self, *at: head.kl_hvp(*at))
    of_kl, of_scores = law("fisher", twice)
    assert of_kl == pytest.approx(0.5) and of_scores == pytest.approx(0.5, rel=1e-6)
    other = changed(head, kl_hvp=lambda self, u_old, u, v: 2 * head.kl_hvp(u_old, u, v))
    assert [round(float(error), 3) for error in law("fisher", other)] == [0.5, 0]
    assert "worst at u[" in of_kl.detail and max(map(float, law("fisher", head))) < 1e-6


@pytest.mark.parametrize("name",
                         ["log_prob", "entropy", "log_prob_grad", "kl", "entropy_grad", "fisher"])
@pytest.mark.parametrize("head, far", [(CHOICE, 1e4), (TWO, 30.0)], ids=str)
def test_numbers_must_be_finite_far_from_0(name, head, far):
    def lost(self, u, *rest):
        value = np.array(getattr(head, name)(u, *rest))
        value.flat[1 if np.abs(u).max() > 0.99 * far else value.size:] = np.nan
        return value

    for seed in range(4):
        [error] = law("extremes", changed(head, **{name: lost}), seed=seed)
        assert error == np.inf and error.detail == f"{name} is not finite at u of {far:.0f}"
    [right] = law("extremes", head)
    assert right == 0 and right.detail == "all finite"


@pytest.mark.parametrize("name, hvp", [("log_prob", "log_prob"), ("entropy_slopes", "entropy"),
                                       ("kl_slopes", "kl")])
@each_head
def test_slopes_are_those_of_the_number_and_of_its_gradient(name, hvp, head):
    assert max(map(float, law(name, head))) < 1e-12
    for form, at in ((f"{hvp}_grad", 0), (f"{hvp}_hvp", 1)):
        off = changed(head, **{form: lambda self, *args: 1.001 * getattr(head, form)(*args)})
        is_zero = head is not CHOICE and form == "entropy_hvp"    # a Gaussian's is linear
        assert is_zero or 0.9e-3 < law(name, off)[at] < 1e-3
    assert "worst at u[" in law(name, changed(head, **{f"{hvp}_grad": lambda self, u, *rest: (
        getattr(head, f"{hvp}_grad")(u, *rest) + np.arange(u.shape[-1]))}))[0].detail


def test_the_laws_of_policies_stand_from_the_most_basic_to_the_least():
    assert [(law.name, law.gate) for law in LAWS] == [
        ("init", 0), ("purity", 0), ("tangent", 1e-12), ("complex step", 1e-12),
        ("central difference", 1e-7), ("transpose", 1e-13), ("second", 1e-12), ("symmetry", 1e-13),
        ("probabilities", 1e-6), ("log_prob", 1e-12), ("score", 1e-6), ("samples", 6),
        ("greedy", 1e-12), ("entropy", 1e-6), ("entropy slopes", 1e-12), ("kl", 1e-6),
        ("kl slopes", 1e-12), ("fisher", 1e-6), ("extremes", 0), ("join", 1e-13),
        ("acting", 1e-12), ("tasks", 1e-12), ("memory", 1e-12), ("precision", 0)]
