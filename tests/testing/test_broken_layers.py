"""Broken layers and losses that treat each row alone: each is caught, the headline is the right
law, and the hint says what was done."""
import numpy as np
import pytest

from broken import Bugs
from minimeta.testing import check_map, check_scalar
from user_code import CrossEntropy, LayerNorm, mean

RNG = np.random.default_rng(0)
LABELS, Y = RNG.integers(4, size=(2, 6)), RNG.normal(size=(2, 6, 4))
BUGS = Bugs()


def layer(law, hint=None):
    return BUGS.register(law, hint, check_map, (7, 5))


def loss(law, hint=None):
    return BUGS.register(law, hint, check_scalar, Y)


# ---- a layer norm

@layer("tangent", "not complex-safe")
class std_stops_complex_numbers(LayerNorm):
    def forward(self, theta, x):
        y, (x, h, _) = super().forward(theta, x)
        s = x.std(-1, keepdims=True)
        gain, shift = self.layout.unpack(theta)
        h = (x - mean(x)) / s
        return h * gain[..., None, :] + shift[..., None, :], (x, h, s)


class WrongBars(LayerNorm):
    """Changes what the vjp gives, from its parts."""

    def vjp(self, theta, cache, y_bar):
        (_, h, s), (gain, _) = cache, self.layout.unpack(theta)
        h_bar = y_bar * gain[..., None, :]
        gain_bar, shift_bar = (y_bar * h).sum(-2), y_bar.sum(-2)
        x_bar = (h_bar - mean(h_bar) - h * mean(h * h_bar)) / s
        bars = dict(gain=gain_bar, shift=shift_bar, x=x_bar)
        bars |= self.change(bars, h, s, h_bar, y_bar)
        x_bar = bars.pop("x")
        return self.layout.pack(**bars), x_bar


@layer("complex step", "the same for all of its columns: a term is missing")
class centring_forgotten(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(x=(h_bar - h * mean(h * h_bar)) / s)


@layer("complex step", "a multiple of x less its mean: a term is missing")
class std_held_constant(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(x=(h_bar - mean(h_bar)) / s)


@layer("complex step", "a multiple of x less its mean: a term is missing or counted")
class n_minus_one_in_the_variance(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(x=(h_bar - mean(h_bar) - h * (h * h_bar).sum(-1, keepdims=True) / 4) / s)


@layer("complex step", "gain is 1/7 of true, throughout (1/R, R = 7")
class gain_averaged_over_rows(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(gain=bars["gain"] / 7)


@layer("complex step", "shift is zero: it was forgotten")
class shift_forgotten(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(shift=0 * bars["shift"])


@layer("complex step", "gain is minus true")
class gain_of_the_wrong_sign(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(gain=-bars["gain"])


@layer("complex step", "what output 6 of axis R adds is missing")
class last_row_left_out(LayerNorm):
    def vjp(self, theta, cache, y_bar):
        y_bar = np.concatenate([y_bar[..., :-1, :], 0 * y_bar[..., -1:, :]], -2)
        return super().vjp(theta, cache, y_bar)


@layer("complex step", "gain is what is true of shift")
class gain_and_shift_swapped(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(gain=bars["shift"], shift=bars["gain"])


class WrongJvp(LayerNorm):
    def jvp(self, theta, cache, theta_dot, x_dot=None):
        y_dot, cache_dot = super().jvp(theta, cache, theta_dot, x_dot)
        gain_dot, shift_dot = self.layout.unpack(theta_dot)
        return self.change(y_dot, cache[1], gain_dot, shift_dot), cache_dot


@layer("tangent", "shift_dot is missing")
class shift_dot_forgotten(WrongJvp):
    def change(self, y_dot, h, gain_dot, shift_dot):
        return y_dot - shift_dot[..., None, :]


@layer("tangent", "gain_dot is counted twice")
class gain_dot_counted_twice(WrongJvp):
    def change(self, y_dot, h, gain_dot, shift_dot):
        return y_dot + h * gain_dot[..., None, :]


@layer("tangent", "gain_dot has the wrong sign")
class gain_dot_of_the_wrong_sign(WrongJvp):
    def change(self, y_dot, h, gain_dot, shift_dot):
        return y_dot - 2 * h * gain_dot[..., None, :]


@layer("second", "gain_dot is missing")
class product_rule_of_x_bar_cut_short(LayerNorm):
    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        full = super().vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
        return full[0], super().vjp_dot(theta, cache, y_bar, 0 * theta_dot, cache_dot,
                                        y_bar_dot)[1]


@layer("purity", "the cache is stale")
class intermediates_kept_in_the_object(LayerNorm):
    def forward(self, theta, x):
        y, cache = super().forward(theta, x)
        object.__setattr__(self, "kept", 2 * theta)
        return y, cache

    def vjp(self, theta, cache, y_bar):
        return super().vjp(self.kept / 2, cache, y_bar)


@layer("purity", "argument 2 was written to")
class y_bar_scaled_in_place(LayerNorm):
    def vjp(self, theta, cache, y_bar):
        y_bar *= 1 + 1e-15
        return super().vjp(theta, cache, y_bar)


@layer("purity", "global random state")
class noise_from_the_global_generator(LayerNorm):
    def forward(self, theta, x):
        np.random.random()
        return super().forward(theta, x)


@layer("precision", "allocate with dtype=theta.dtype")
class float64_added(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(shift=bars["shift"] + np.zeros(5))


@layer("purity", "could not look: a function cannot be opened")
class cache_is_a_closure(LayerNorm):
    def forward(self, theta, x):
        y, cache = super().forward(theta, x)
        return y, lambda: cache

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        return super().jvp(theta, cache(), theta_dot, x_dot)

    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, cache(), y_bar)


# ---- a loss

class Labelled(CrossEntropy):
    def __init__(self):
        super().__init__(LABELS)


@loss("complex step", "claimed is 1/6 of true, throughout (1/T, T = 6")
class mean_in_the_gradient_alone(Labelled):
    def grad(self, y):
        return super().grad(y) / 6


@loss("complex step", "is minus true, throughout")
class gradient_of_the_wrong_sign(Labelled):
    def grad(self, y):
        return -super().grad(y)


@loss("complex step")
class label_forgotten_in_the_gradient(Labelled):
    def grad(self, y):
        return np.exp(self.log_p(y))


@loss("complex step", "the imaginary part was lost")
class log_of_absolute_values(Labelled):
    def log_p(self, y):
        return np.log(np.abs(np.exp(y))) - np.log(np.abs(np.exp(y).sum(-1, keepdims=True)))


@loss("second")
class hessian_has_its_diagonal_alone(Labelled):
    def hvp(self, y, y_dot):
        p = np.exp(self.log_p(y))
        return p * (1 - p) * y_dot


@loss("second", "is 2 times true, throughout")
class hessian_counted_twice(Labelled):
    def hvp(self, y, y_dot):
        return 2 * super().hvp(y, y_dot)


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_broken_layer_or_loss_is_caught_by_the_right_law_with_the_right_hint(name):
    assert BUGS.seen(name)


def test_most_bugs_of_layers_and_losses_have_a_hint():
    assert len(BUGS) >= 24 and BUGS.with_hint() >= 0.9


def test_the_same_layer_and_loss_without_a_bug_pass():
    check_map(LayerNorm(), (7, 5))
    check_scalar(CrossEntropy(LABELS), Y)
