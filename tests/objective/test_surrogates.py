"""Surrogates: their derivatives, what they share, where they differ, and masks."""
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import Categorical, MLPPolicy, Objective
from minimeta.objective.dice import decayed, decayed_transpose
from minimeta.objective.losses import OfActions
from minimeta.objective.surrogates import (ESTIMATORS, ClippedRatio, Dice, LoadedDice,
                                           LogLikelihood, Ratio, discounts, estimator)
from minimeta.testing.laws import central_difference, complex_step, second, symmetry

sizes = st.integers(2, 6)
seeds = st.integers(0, 2**31)
MAKERS = {  # functions of (A, l_old, mask)
    "log-likelihood": lambda A, l_old, mask=None: LogLikelihood(A, mask),
    "ratio": Ratio,
    "clipped ratio": partial(ClippedRatio, clip=0.25),
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
        assert np.abs(make(A, l, None).grad(l) - A).max() < 1e-12
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
    clipped = ClippedRatio(A, np.zeros_like(A))
    assert clipped.value(np.log(rho)).item() == pytest.approx(1.2 + 0.7 - 0.8 - 1.3)
    grad = clipped.grad(np.log(rho)).ravel()
    assert np.allclose(grad, [0, 0.7, 0, -1.3], rtol=0, atol=1e-15)


@every
@given(seed=seeds, K=sizes, T=sizes, B=sizes)
def test_where_every_step_was_taken_no_mask_is_needed(make, seed, K, T, B):
    A, l_old, _, l = sample(seed, K, T, B)
    v = np.random.default_rng(seed).normal(size=l.shape)
    one, other = make(A, l_old), make(A, l_old, np.ones(l.shape, bool))
    assert np.array_equal(one.value(l), other.value(l))
    assert np.array_equal(one.grad(l), other.grad(l))
    assert np.array_equal(one.hvp(l, v), other.hvp(l, v))


@every
@pytest.mark.parametrize("garbage", [1e9, -1e9, np.nan, np.inf, -np.inf])
@given(seed=seeds)
def test_nothing_that_stands_at_a_masked_step_has_any_influence(make, garbage, seed):
    A, l_old, mask, l = sample(seed)
    mask[0, 1, 0], mask[1, 2, 1] = False, True
    v = np.random.default_rng(seed).normal(size=l.shape)

    def spoilt(x):
        return np.where(mask, x, garbage)

    plain, other = make(A, l_old, mask), make(spoilt(A), spoilt(l_old), mask)
    assert np.array_equal(plain.value(l), other.value(spoilt(l)))
    assert np.array_equal(plain.grad(l), other.grad(spoilt(l)))
    assert np.array_equal(plain.hvp(l, v), other.hvp(spoilt(l), spoilt(v)))
    assert not plain.grad(l)[~mask].any() and not plain.hvp(l, v)[~mask].any()


@every
@pytest.mark.parametrize("garbage", [0.0, 1e9, np.nan, -np.inf])
def test_padding_after_the_end_is_as_if_the_episodes_were_shorter(make, garbage):
    A, l_old, _, l = sample(11, T=5)
    steps = np.array([[5, 2, 1], [3, 5, 4]])
    mask = np.arange(5)[:, None] < steps[:, None]
    v = np.random.default_rng(11).normal(size=l.shape)
    A_pad, old_pad, l_pad, v_pad = (np.where(mask, x, garbage) for x in (A, l_old, l, v))
    padded = make(A_pad, old_pad, mask)
    value, grad, hvp = np.zeros(2), np.zeros(l.shape), np.zeros(l.shape)
    for k, b in np.ndindex(2, 3):
        one = np.s_[k:k + 1, :steps[k, b], b:b + 1]
        short = make(A[one], l_old[one])
        value[k] += short.value(l[one]).item()
        grad[one], hvp[one] = short.grad(l[one]), short.hvp(l[one], v[one])
    assert np.abs(padded.value(l_pad) - value).max() < 1e-13
    assert np.abs(padded.grad(l_pad) - grad).max() < 1e-13
    assert np.abs(padded.hvp(l_pad, v_pad) - hvp).max() < 1e-13
    # Steps that were taken are another matter.
    assert np.abs(make(A, l_old).value(l) - value).max() > 1e-2


@pytest.mark.parametrize("A", [2.0, -2.0])
def test_exactly_at_the_bound_of_the_clip_the_gradient_is_still_that_of_the_ratio(A):
    l = np.full((1, 1, 1), np.sign(A) * 0.25)
    rho = np.exp(l)
    clip = abs(rho.item() - 1)
    assert 1 + np.sign(A) * clip == rho.item()  # to the last bit
    clipped, v = ClippedRatio(np.full(l.shape, A), 0 * l, clip=clip), np.full(l.shape, 3.0)
    assert clipped.value(l).item() == A * rho.item()
    assert np.array_equal(clipped.grad(l), A * rho)
    assert np.array_equal(clipped.hvp(l, v), 3 * A * rho)
    past = l + np.sign(A) * 1e-12
    assert not clipped.grad(past).any() and not clipped.hvp(past, v).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_hessian_of_the_log_likelihood_is_zero_in_the_dtype_of_l_dot(dtype):
    A, _, mask, l = sample(12)
    zero = LogLikelihood(A, mask).hvp(l.astype(dtype), np.ones(l.shape, dtype))
    assert zero.dtype == dtype and zero.shape == l.shape and not zero.any()


@pytest.mark.parametrize("lam", [0, 0.6, 1])
@pytest.mark.parametrize("f", [decayed, decayed_transpose])
def test_decaying_does_not_write_its_argument(f, lam):
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    kept, result = x.copy(), f(x, lam)
    result += 1  # nor does the result share its memory
    assert np.array_equal(x, kept)


def test_a_step_that_was_not_taken_is_as_if_it_were_not_there():
    """The negative control is the same step, taken."""
    A, l_old, _, l = sample(9, T=5)
    mask = np.ones(l.shape, bool)
    mask[:, 2] = False
    v, left = np.random.default_rng(9).normal(size=l.shape), np.arange(5) != 2
    for make in MAKERS.values():
        if "lam" in getattr(make, "keywords", {}) and make.keywords["lam"] == 0.6:
            continue  # there a step without an action still lets the older ones decay
        whole, short = make(A, l_old, mask), make(A[:, left], l_old[:, left])
        taken = make(A, l_old)
        same = dict(rtol=1e-12, atol=1e-12)
        assert np.allclose(whole.value(l), short.value(l[:, left]), **same)
        assert np.allclose(whole.grad(l)[:, left], short.grad(l[:, left]), **same)
        assert np.allclose(whole.hvp(l, v)[:, left], short.hvp(l[:, left], v[:, left]), **same)
        assert not np.allclose(taken.value(l), short.value(l[:, left]))


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_is_that_of_l_whatever_the_data_are(make, dtype):
    A, l_old, mask, l = sample(5)
    surrogate, l = make(A.astype(np.float16), l_old, mask), l.astype(dtype)
    assert {surrogate.value(l).dtype, surrogate.grad(l).dtype,
            surrogate.hvp(l, l).dtype} == {np.dtype(dtype)}


@pytest.mark.parametrize("number", [float, np.float64, np.float32])
def test_the_type_of_an_option_changes_nothing(number):
    A, l_old, mask, l = (x.astype(np.float32) if x.dtype == float else x for x in sample(5))
    for one, other in ((LoadedDice(A, l_old, mask, 0.5), LoadedDice(A, l_old, mask, number(0.5))),
                       (ClippedRatio(A, l_old, mask, 0.25),
                        ClippedRatio(A, l_old, mask, number(0.25)))):
        for form in ("value", "grad"):
            assert getattr(one, form)(l).dtype == getattr(other, form)(l).dtype == np.float32
            assert np.array_equal(getattr(one, form)(l), getattr(other, form)(l))


def test_whole_numbers_are_advantages_too():
    A = np.array([[2], [-1], [3]])
    l = np.log([[1.5], [0.5], [0.9]])
    clipped = ClippedRatio(A, np.zeros_like(l), clip=0.25)
    assert clipped.value(l) == pytest.approx(2 * 1.25 - 0.75 + 3 * 0.9, rel=1e-15)


def test_a_surrogate_of_vanishing_ratios_is_zero_whatever_the_error_settings():
    policy, rng = MLPPolicy(2, Categorical(3), (4,)), np.random.default_rng(0)
    theta, x = policy.init(rng, np.float32), rng.normal(size=(4, 3, 2)).astype(np.float32)
    actions, l_old = rng.integers(0, 3, (4, 3)), np.full((4, 3), 99.0, np.float32)
    surrogate = Ratio(np.ones((4, 3)), l_old)
    with np.errstate(all="raise"):
        point = Objective(policy, x, OfActions(policy, actions, surrogate)).at(theta)
        assert 0 <= point.value < 1e-40 and np.isfinite(point.grad).all()
        assert np.isfinite(point.hvp(theta)).all()


# ---- the discount

def test_discounts_count_the_steps_of_each_episode():
    end = np.zeros((2, 5, 2), bool)
    end[0, 1, 0] = end[0, 3, 0] = end[1, 0, 1] = True
    weights = discounts(end, 0.5)
    assert weights[0, :, 0].tolist() == [1, 0.5, 1, 0.5, 1]
    assert weights[1, :, 1].tolist() == [1, 1, 0.5, 0.25, 0.125]
    assert weights[0, :, 1].tolist() == [1, 0.5, 0.25, 0.125, 0.0625]
    assert (discounts(end, 1) == 1).all()
    assert discounts(end, 0)[0, :, 0].tolist() == [1, 0, 1, 0, 1]


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
        now, following = self.terms(l)
        return (now - self.lam * following) * l_dot


class OneLambdaTooFew(LoadedDice):
    """lam in place of lam^2: the inner derivative forgotten once."""

    def hvp(self, l, l_dot):
        now, following = self.terms(l)
        w_bar_dot = (now - self.lam * following) * decayed(l_dot, self.lam)
        return decayed_transpose(w_bar_dot, self.lam)


class ItsOwnTermOnly(LoadedDice):
    """w_t occurs in two terms; here in one."""

    def grad(self, l):
        return decayed_transpose(self.terms(l)[0], self.lam)


class DecaysForwards(LoadedDice):
    """The sum over what came before in place of what comes after."""

    def grad(self, l):
        now, following = self.terms(l)
        return decayed(now - self.lam * following, self.lam)


class NeverClips(ClippedRatio):
    def grad(self, l):
        return self.terms(l)[0]


class ClipsLossesToo(ClippedRatio):
    """clip on both sides, without the min."""

    def grad(self, l):
        rho = np.exp(l - self.l_old)
        return np.where((rho - 1) ** 2 < self.clip ** 2, self.A * rho, 0)


@pytest.mark.parametrize("make", [
    WrapsAround, DividedByEpisodes, WithoutThePast, FlatRatio,
    partial(ForgetsLambda, lam=0.7), partial(OneLambdaTooFew, lam=0.7),
    partial(ItsOwnTermOnly, lam=0.7), partial(DecaysForwards, lam=0.7),
    partial(NeverClips, clip=0.1), partial(ClipsLossesToo, clip=0.1)],
    ids=lambda make: getattr(make, "func", make).__name__)
def test_a_planted_bug_is_caught(make):
    A, l_old, _, l = sample(6)
    assert max(errors(make(A, l_old), l)) > 1e-3


class IgnoresTheMask(Ratio):
    def grad(self, l):
        return self.A * np.exp(l - self.l_old)


def test_a_surrogate_that_ignores_its_mask_is_caught():
    A, l_old, mask, l = sample(4)
    assert IgnoresTheMask(A, l_old, mask).grad(l)[~mask].any()


# ---- bad input

@every
def test_data_of_other_shapes_are_refused_with_both_shapes(make):
    A, l_old, mask, l = sample(7)
    message = r"l must have the shape of .*\[2, 4, 3\], got \[2, 4, 1\]"
    with pytest.raises(ValueError, match=message):
        make(A, l_old, mask).value(l[..., :1])
    with pytest.raises(ValueError, match=r"\[2, 4, 3\]"):
        make(A, l_old, mask).grad(l[:, :3])


@every
def test_a_mask_of_weights_is_refused(make):
    A, l_old, mask, _ = sample(7)
    with pytest.raises(TypeError, match=r"mask must hold True .* float64; use mask.astype"):
        make(A, l_old, mask.astype(float))
    with pytest.raises(ValueError, match=r"mask must have the shape of l_old, \[2, 4, 3\]"):
        make(A, l_old, mask[:, :1])


def test_each_name_is_the_estimator_that_it_says():
    A, l_old, mask, l = sample(10)
    named = {name: make(A, l_old, mask) for name, make in ESTIMATORS.items()}
    assert named == {
        "log-likelihood": LogLikelihood(A, mask), "ratio": Ratio(A, l_old, mask),
        "clipped-ratio": ClippedRatio(A, l_old, mask, 0.2),
        "dice": LoadedDice(A, l_old, mask, 1.0),         # Dice takes rewards
        "loaded-dice": LoadedDice(A, l_old, mask, 0.5)}  # half way to the ratio
    assert all(estimator("inner", name)(A, l_old).mask is None for name in ESTIMATORS)
    assert estimator("inner", Ratio) is Ratio


def test_an_unknown_estimator_is_refused_and_the_choices_listed():
    with pytest.raises(ValueError, match="inner must be one of 'log-likelihood', 'ratio', .*"
                                         "'dice', 'loaded-dice', got 'e-maml'"):
        estimator("inner", "e-maml")


@pytest.mark.parametrize("lam", [-0.1, 1.1, np.nan])
def test_lambda_outside_0_to_1_is_refused(lam):
    A, l_old, mask, _ = sample(8)
    with pytest.raises(ValueError, match="lam must be a finite number in"):
        LoadedDice(A, l_old, mask, lam)


@pytest.mark.parametrize("clip", [0, 0.0, -0.2, -1, np.nan, np.inf])
def test_a_clip_that_is_not_above_zero_is_refused(clip):
    A, l_old, mask, _ = sample(8)
    with pytest.raises(ValueError, match=r"clip must be a finite number in \(0, inf\), got"):
        ClippedRatio(A, l_old, mask, clip)


@pytest.mark.parametrize("make, name", [
    (Ratio, "A"), (ClippedRatio, "A"), (Dice, "r"), (LoadedDice, "A")])
@pytest.mark.parametrize("cut", [np.s_[..., :1], np.s_[:, :3], np.s_[:1], np.s_[0]])
def test_old_log_probabilities_of_another_shape_are_refused(make, name, cut):
    A, l_old, mask, _ = sample(8)
    for some in (None, mask, mask[cut]):
        with pytest.raises(ValueError, match=rf"l_old must have the shape of {name}, "
                                             r"\[2, 4, 3\], got"):
            make(A, l_old[cut], some)
