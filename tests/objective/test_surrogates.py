"""Surrogates: their derivatives, what they share, where they differ, and masks."""
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta.objective.surrogates import (ESTIMATORS, ClippedRatio, Dice, LoadedDice,
                                        LogLikelihood, Ratio, estimator)
from minimeta.testing.laws import central_difference, complex_step, second, symmetry

sizes = st.integers(2, 6)
seeds = st.integers(0, 2**31)
MAKERS = {
    "log-likelihood": lambda A, l_old, mask: LogLikelihood(A * mask),
    "ratio": lambda A, l_old, mask: Ratio(A * mask, l_old),
    "clipped ratio": lambda A, l_old, mask: ClippedRatio(A * mask, l_old, 0.25),
    "dice": Dice,
    "loaded dice 0": partial(LoadedDice, lam=0.0),
    "loaded dice .6": partial(LoadedDice, lam=0.6),
    "loaded dice 1": partial(LoadedDice, lam=1.0),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def sample(seed, K=2, T=4, B=3):
    """A, l_old, a mask with holes, and l somewhere else."""
    rng = np.random.default_rng(seed)
    A, l_old, step = rng.normal(size=(3, K, T, B))
    return A, l_old - 1.5, rng.random((K, T, B)) < 0.8, l_old - 1.5 + 0.3 * step


def flat(surrogate, shape):
    """value, grad and hvp of theta [K, T B] in place of l [K, T, B]."""
    def f(form):
        return lambda *ls: form(*(l.reshape(shape) for l in ls)).reshape(shape[0], -1)
    return (lambda l: surrogate.value(l.reshape(shape))), f(surrogate.grad), f(surrogate.hvp)


def errors(surrogate, l, seed=0):
    """How far grad and hvp break the laws of exact derivatives."""
    value, grad, hvp = flat(surrogate, l.shape)
    theta = l.reshape(len(l), -1)
    u, v = np.random.default_rng(seed).normal(size=(2,) + theta.shape)
    return (complex_step(value, grad, theta), second(grad, hvp, theta, v),
            symmetry(hvp, theta, u, v))


@every
@given(seed=seeds, K=sizes, T=sizes, B=sizes)
def test_gradients_and_hessians_are_those_of_the_value(make, seed, K, T, B):
    A, l_old, mask, l = sample(seed, K, T, B)
    first, hessian, symmetric = errors(make(A, l_old, mask), l, seed)
    assert first < 1e-12 and hessian < 1e-12 and symmetric < 1e-13


@every
def test_central_differences_agree(make):
    A, l_old, mask, l = sample(1, T=17)
    value, grad, _ = flat(make(A, l_old, mask), l.shape)
    assert central_difference(value, grad, l.reshape(len(l), -1)) < 1e-7


def to_go(r):
    return r[:, ::-1].cumsum(1)[:, ::-1]


def test_on_policy_all_share_the_gradient_of_reinforce():
    r, l, *_ = sample(2)
    A = to_go(r)
    for make in ESTIMATORS.values():
        assert np.abs(make(A, l, True).grad(l) - A).max() < 1e-12
    assert np.abs(Dice(r, l).grad(l) - A).max() < 1e-12


def test_on_policy_they_differ_in_the_hessian():
    r, l, *_ = sample(3)
    v = np.random.default_rng(0).normal(size=l.shape)
    A = to_go(r)
    assert not LogLikelihood(A).hvp(l, v).any()
    assert np.array_equal(Ratio(A, l).hvp(l, v), A * v)
    assert np.abs(Dice(r, l).hvp(l, v) - to_go(r * v.cumsum(1))).max() < 1e-12
    assert np.abs(Dice(r, l).hvp(l, v) - A * v).max() > 0.1


def test_dice_of_two_steps_is_what_one_writes_down():
    # r_0 e^{l_0} + r_1 e^{l_0 + l_1} with r = (1, 2), at l = 0
    r, l = np.array([1.0, 2.0])[None, :, None], np.zeros((1, 2, 1))
    dice = Dice(r, l)
    assert dice.value(l).tolist() == [3] and dice.grad(l).ravel().tolist() == [3, 2]
    hessian = [dice.hvp(l, e[None, :, None]).ravel().tolist() for e in np.eye(2)]
    assert hessian == [[3, 2], [2, 2]]


@given(seed=seeds, T=sizes)
def test_loaded_dice_is_the_ratio_at_0_and_dice_at_1(seed, T):
    r, l_old, _, l = sample(seed, T=T)
    v = np.random.default_rng(seed).normal(size=l.shape)
    A = to_go(r)
    for loaded, pure, constant in [
        (LoadedDice(A, l_old, lam=0.0), Ratio(A, l_old), A.sum((1, 2))),
        (LoadedDice(A, l_old, lam=1.0), Dice(r, l_old), r.sum((1, 2))),
    ]:
        assert np.allclose(loaded.value(l), pure.value(l) - constant, rtol=0, atol=1e-11)
        assert np.allclose(loaded.grad(l), pure.grad(l), rtol=0, atol=1e-11)
        assert np.allclose(loaded.hvp(l, v), pure.hvp(l, v), rtol=0, atol=1e-11)


def test_the_clip_stops_gain_but_not_loss():
    A = np.array([1.0, 1.0, -1.0, -1.0])[None, :, None]
    rho = np.array([1.3, 0.7, 0.7, 1.3])[None, :, None]
    clipped = ClippedRatio(A, np.zeros_like(A), 0.2)
    assert clipped.value(np.log(rho)).item() == pytest.approx(1.2 + 0.7 - 0.8 - 1.3)
    grad = clipped.grad(np.log(rho)).ravel()
    assert np.allclose(grad, [0, 0.7, 0, -1.3], rtol=0, atol=1e-15)


@every
@pytest.mark.parametrize("garbage", [1e9, -1e9, np.nan, np.inf])
def test_a_masked_step_has_exactly_no_influence(make, garbage):
    A, l_old, mask, l = sample(4)
    v = np.random.default_rng(0).normal(size=l.shape)
    off = ~mask
    assert off.any()
    plain = make(np.where(mask, A, 0), l_old, mask)
    other = make(np.where(mask, A, 0), np.where(mask, l_old, 0), mask)
    spoilt, spoilt_v = np.where(mask, l, garbage), np.where(mask, v, 7.0)
    assert np.array_equal(plain.value(l), other.value(spoilt))
    assert np.array_equal(plain.grad(l), other.grad(spoilt))
    assert np.array_equal(plain.hvp(l, v)[mask], other.hvp(spoilt, spoilt_v)[mask])
    assert not plain.grad(l)[off].any() and not other.hvp(spoilt, spoilt_v)[off].any()


@every
def test_float32_stays_float32(make):
    A, l_old, mask, l = sample(5)
    A, l_old, l = (array.astype(np.float32) for array in (A, l_old, l))
    surrogate = make(A, l_old, mask)
    assert {surrogate.value(l).dtype, surrogate.grad(l).dtype,
            surrogate.hvp(l, l).dtype} == {np.dtype(np.float32)}


# ---- wrong on purpose

@dataclass(frozen=True)
class WrapsAround(Dice):
    """The cumulative sum that begins with the last step's log-probability."""

    def weighted(self, l):
        return self.r * np.exp(np.roll(np.cumsum(l - self.l_old, 1), 1, 1))


class DividedByEpisodes(Dice):
    def grad(self, l):
        return super().grad(l) / l.shape[-1]


class WithoutThePast(Dice):
    """Its curvature is the ratio's."""

    def hvp(self, l, l_dot):
        return self.grad(l) * l_dot


class FlatRatio(Ratio):
    """Its Hessian is the log-likelihood's."""

    def hvp(self, l, l_dot):
        return np.zeros_like(l_dot)


class ForgetsLambda(LoadedDice):
    def hvp(self, l, l_dot):
        now, following, _ = self.terms(l)
        return (now - self.lam * following) * l_dot


class NeverClips(ClippedRatio):
    def grad(self, l):
        return self.A * self.ratio(l)


@pytest.mark.parametrize("make", [
    WrapsAround, DividedByEpisodes, WithoutThePast, lambda A, l_old, mask: FlatRatio(A, l_old),
    partial(ForgetsLambda, lam=0.7), lambda A, l_old, mask: NeverClips(A, l_old, 0.1)],
    ids=["wraps around", "divided by episodes", "without the past", "flat ratio",
         "forgets lambda", "never clips"])
def test_a_planted_bug_is_caught(make):
    A, l_old, _, l = sample(6)
    assert max(errors(make(A, l_old, np.ones(A.shape, bool)), l)) > 1e-3


# ---- bad input

@every
def test_data_of_other_shapes_are_refused_with_both_shapes(make):
    A, l_old, mask, l = sample(7)
    with pytest.raises(ValueError, match=r"l must have the shape of .*\[2, 4, 3\], got \[2, 4, 1\]"):
        make(A, l_old, mask).value(l[..., :1])
    with pytest.raises(ValueError, match=r"\[2, 4, 3\]"):
        make(A, l_old, mask).grad(l[:, :3])


def test_an_unknown_estimator_is_refused_and_the_choices_listed():
    with pytest.raises(ValueError, match="inner must be one of 'log-likelihood', 'ratio', .*"
                                         "'dice', 'loaded-dice', got 'e-maml'"):
        estimator("inner", "e-maml")


@pytest.mark.parametrize("lam", [-0.1, 1.1, np.nan])
def test_lambda_outside_0_to_1_is_refused(lam):
    A, l_old, mask, _ = sample(8)
    with pytest.raises(ValueError, match="lam must be a finite number in"):
        LoadedDice(A, l_old, mask, lam)
