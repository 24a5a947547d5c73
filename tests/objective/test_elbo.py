"""The evidence lower bound: its value by other means, its derivatives, and planted bugs."""
import math
from dataclasses import replace

import numpy as np
import pytest
from planting import planted

from minimeta import Gaussian
from minimeta.objective.elbo import ELBO, Bernoulli, Normal
from minimeta.testing import LawBroken, check_scalar

T, B, S, N_OUT, D, OTHERS = 5, 4, 2, 3, 6, 7     # OTHERS: the columns before the belief
HEAD = Gaussian(D)


def case(lead=(), first=Bernoulli(), seed=0):
    """An ELBO, and outputs y of which the first columns are none of its business."""
    rng = np.random.default_rng(seed)
    targets = rng.random(lead + (T, B, S, N_OUT))
    v, w = rng.random(lead + (T, B, S)), rng.random(lead + (T, B))
    y = rng.normal(size=lead + (T, B, OTHERS + 2 * D + S * N_OUT))
    return ELBO(D, targets, v, w, first, Normal(1.3)), y


def parts(y):
    """The belief and the predictions in y."""
    q = y[..., OTHERS:OTHERS + 2 * D]
    return q, y[..., OTHERS + 2 * D:].reshape(y.shape[:-1] + (S, N_OUT))


def with_the_library_s_gaussian(elbo, y):
    """The value, of the KL of policy/gaussian.py and likelihoods by their formulas."""
    q, p = parts(y)
    before = np.concatenate([np.zeros_like(q[..., :1, :, :]), q[..., :-1, :, :]], -3)
    kl = HEAD.kl(q, before)                            # E over q_t of log q_t / q_{t-1}
    e = (elbo.targets - p) / 1.3
    log_p = -0.5 * e ** 2 - math.log(1.3 * math.sqrt(2 * math.pi))
    one = 1 / (1 + np.exp(-p[..., 0]))
    r = elbo.targets[..., 0]
    log_p[..., 0] = r * np.log(one) + (1 - r) * np.log(1 - one)
    return ((elbo.v * log_p.sum(-1)).sum((-3, -2, -1)) - (elbo.w * kl).sum((-2, -1)))


def what_is_wrong(lead=()):
    """The names of the laws that are broken, and "value" if that is wrong."""
    elbo, y = case(lead)
    wrong = set()
    truth = with_the_library_s_gaussian(elbo, y)
    if np.abs(elbo.value(y) - truth).max() > 1e-12 * np.abs(truth).max():
        wrong.add("value")
    try:
        check_scalar(elbo, y)
    except LawBroken as broken:
        wrong |= set(broken.report.failed)
    return wrong


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("first", [Bernoulli(), Normal(0.7)])
def test_the_elbo_obeys_every_law_of_a_scalar(first, lead):
    check_scalar(*case(lead, first))


@pytest.mark.parametrize("lead", [(), (2,)])
def test_its_value_is_that_of_kl_and_likelihoods_computed_elsewhere(lead):
    assert what_is_wrong(lead) == set()


def test_the_kl_is_an_expectation_over_the_belief_at_t():
    rng = np.random.default_rng(1)
    q = rng.normal(size=(2, 1, 2 * D)) * 0.5
    w = np.array([[0.0], [1.0]])
    elbo = ELBO(D, np.zeros((2, 1, 1, 1)), np.zeros((2, 1, 1)), w)
    draws = HEAD.sample(np.broadcast_to(q[1, 0], (200_000, 2 * D)), rng)
    log_ratio = (HEAD.log_prob(np.broadcast_to(q[1, 0], (200_000, 2 * D)), draws)
                 - HEAD.log_prob(np.broadcast_to(q[0, 0], (200_000, 2 * D)), draws))
    error = log_ratio.std() / math.sqrt(len(draws))
    y = np.concatenate([q, np.zeros((2, 1, 1))], -1)
    assert -elbo.value(y) == pytest.approx(log_ratio.mean(), abs=5 * error)


def test_a_belief_that_stays_the_standard_normal_costs_nothing():
    elbo, y = case()
    free = ELBO(D, elbo.targets, 0 * elbo.v, elbo.w)
    y[..., OTHERS:OTHERS + 2 * D] = 0
    assert free.value(y) == 0
    y[:, :, OTHERS] = 1                     # mu of number 0 moves once, at the first step
    assert free.value(y) == pytest.approx(-0.5 * elbo.w[0].sum(), rel=1e-14)


def test_a_large_logit_does_not_overflow():
    p = np.array([-800.0, 800.0])
    with np.errstate(over="raise"):
        assert Bernoulli().log_prob(p, np.array([0.0, 1.0])).tolist() == [0, 0]
        assert Bernoulli().log_prob(p, np.array([1.0, 0.0])).tolist() == [-800, -800]


# ---- planted bugs

BUGS = {}


def bug(*caught):
    def register(plant):
        BUGS[plant.__name__.replace("_", " ")] = plant, set(caught)
        return plant
    return register


@bug("value", "complex step", "central difference")
def value_with_the_kl_the_wrong_way_round(edit):
    def wrap(real):
        def broken(elbo, y):
            q, p = parts(y)
            before = np.concatenate([np.zeros_like(q[:1]), q[:-1]])
            return real(elbo, y) + (elbo.w * (HEAD.kl(q, before) - HEAD.kl(before, q))).sum()
        return broken
    edit(ELBO, "value", wrap)


@bug("value")
def the_belief_at_t_for_the_one_before_everywhere(edit):
    edit(ELBO, "before", lambda real: lambda elbo, a: a)
    edit(ELBO, "before_vjp", lambda real: lambda elbo, a: a)


@bug("value")
def the_standard_normal_for_the_belief_before_everywhere(edit):
    edit(ELBO, "before", lambda real: lambda elbo, a: 0 * a)
    edit(ELBO, "before_vjp", lambda real: lambda elbo, a: 0 * a)


@bug("complex step", "central difference", "symmetry")
def the_belief_before_held_constant(edit):
    edit(ELBO, "before_vjp", lambda real: lambda elbo, a: 0 * a)


@bug("value", "complex step", "central difference", "second")
def sigma_for_log_sigma_in_the_distance(edit):
    def wrap(real):
        def broken(elbo, mu, l):
            before = elbo.before(l)
            return mu - elbo.before(mu), 1 / (1 + before ** 2), ((1 + l) / (1 + before)) ** 2
        return broken
    edit(ELBO, "distance", wrap)


@bug("complex step", "central difference", "second")
def gap_without_its_precision(edit):
    def wrap(real):
        def broken(elbo, y):
            (mu, l), p = elbo.split(y)
            gap, precision, ratio = elbo.distance(mu, l)
            p_bar = elbo.v[..., None] * elbo.each("grad", p, elbo.targets)
            before_bar = -gap, 1 - ratio - gap * gap * precision
            return elbo.join(y, (gap, ratio - 1), before_bar, p_bar)
        return broken
    edit(ELBO, "grad", wrap)


@bug("second")
def likelihood_without_curvature(edit):
    edit(Bernoulli, "hvp", lambda real: lambda it, p, p_dot: 0 * p_dot)


@bug("value", "complex step", "central difference")
def log_probability_of_the_other_reward(edit):
    edit(Bernoulli, "log_prob", lambda real: lambda it, p, target: real(it, p, 1 - target))


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name):
    plant, caught = BUGS[name]
    with planted(plant):
        assert what_is_wrong() == caught


# ---- what it is made of

def test_a_probability_is_that_of_the_logit_and_a_mean_is_itself():
    p = np.array([-1.5, 0.0, 2.0])
    assert np.allclose(Bernoulli().mean(p), 1 / (1 + np.exp(-p)), rtol=1e-14)
    assert Normal(0.7).mean(p) is p


def test_numbers_after_the_first_have_a_likelihood_of_their_own():
    targets = np.random.default_rng(2).random((T, B, S, N_OUT))
    elbo = ELBO(D, targets, np.ones((T, B, S)), np.zeros((T, B)))
    y = np.random.default_rng(3).normal(size=(T, B, 2 * D + S * N_OUT))
    _, p = elbo.split(y)
    first = Bernoulli().log_prob(p[..., 0], targets[..., 0])
    others = Normal(1.0).log_prob(p[..., 1:], targets[..., 1:])
    assert elbo.value(y) == pytest.approx(first.sum() + others.sum(), rel=1e-13)


def test_what_comes_before_the_belief_in_y_has_no_gradient():
    elbo, y = case((2,))
    assert not elbo.grad(y)[..., :OTHERS].any() and elbo.grad(y)[..., OTHERS:].all()
    assert not elbo.hvp(y, y)[..., :OTHERS].any()


def test_it_keeps_the_precision_of_its_data():
    elbo, y = case()
    small = ELBO(D, *(a.astype(np.float32) for a in (elbo.targets, elbo.v, elbo.w)))
    y = y.astype(np.float32)
    assert {a.dtype for a in (small.value(y), small.grad(y), small.hvp(y, y))} == {
        np.dtype(np.float32)}


@pytest.mark.parametrize("wrong, message", [
    ({"v": np.ones((T, B, S + 1))}, "v must have the shape of the transitions of targets"),
    ({"w": np.ones((T, B + 1))}, "w must have the shape of the steps of v")])
def test_weights_of_another_shape_are_refused(wrong, message):
    elbo, _ = case()
    with pytest.raises(ValueError, match=message):
        replace(elbo, **wrong)


@pytest.mark.parametrize("std", [0, -1.0, math.inf])
def test_a_spread_that_is_not_positive_is_refused(std):
    with pytest.raises(ValueError, match="std must be a finite number in .0, inf."):
        Normal(std)
