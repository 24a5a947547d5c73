"""Broken layers, recurrent networks and losses as people write them: each is caught, the headline
is the right law, and the hint says what was done.

A bug is a class with one method changed. `law` is the headline, `hint` a part of its message; None
where no hint can be expected.
"""
import numpy as np
import pytest

from minimeta.testing import LawBroken, check_map, check_recurrent, check_scalar
from user_code import Attention, CrossEntropy, Embedding, LayerNorm, Recurrent, flip, mean

RNG = np.random.default_rng(0)
WORDS = np.eye(5)[[0, 2, 1, 2, 4, 3]]   # one of them twice
LABELS, Y = RNG.integers(4, size=(2, 6)), RNG.normal(size=(2, 6, 4))
BUGS = {}


def bug(law, hint, check, *args):
    """Registers a broken class; make(cls) gives what is checked."""
    def register(cls):
        name = f"{cls.__bases__[0].__name__}: {cls.__name__.replace('_', ' ')}"
        BUGS[name] = law, hint, lambda: check(cls(*SIZES.get(cls.__bases__[0], ())), *args)
        return cls
    return register


SIZES = {CrossEntropy: (LABELS,)}


def layer(law, hint=None):
    return bug(law, hint, check_map, (7, 5))


def network(law, hint=None):
    return bug(law, hint, check_recurrent, (6, 5, 3))


def loss(law, hint=None):
    return bug(law, hint, check_scalar, Y)


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


@layer("complex step", "the same for all of its columns: an addend is missing")
class centring_forgotten(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(x=(h_bar - h * mean(h * h_bar)) / s)


@layer("complex step", "a multiple of x less its mean: an addend is missing")
class std_held_constant(WrongBars):
    def change(self, bars, h, s, h_bar, y_bar):
        return dict(x=(h_bar - mean(h_bar)) / s)


@layer("complex step", "a multiple of x less its mean: an addend is missing or counted")
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


# ---- attention

class Scaled(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        return super().theta_bar(x, *self.change(q_bar, k_bar, v_bar))


@layer("complex step", "K is 2 times true, throughout")
class square_root_of_d_forgotten_for_k(Scaled):
    def change(self, q_bar, k_bar, v_bar):
        return q_bar, 2 * k_bar, v_bar


@layer("complex step", "is what is true of")
class queries_and_keys_swapped(Scaled):
    def change(self, q_bar, k_bar, v_bar):
        return k_bar, q_bar, v_bar


@layer("complex step")
class softmax_without_its_mean(Attention):
    def softmax_vjp(self, A, A_bar):
        return A * A_bar


@layer("complex step")
class scores_not_transposed(Attention):
    def k_bar(self, S_bar, q):
        return S_bar @ q


@layer("complex step", "all else than x is right: is an addend of it missing or")
class values_have_no_part_in_x_bar(Attention):
    def x_bar(self, from_q, from_k, from_v):
        return from_q + from_k


@layer("complex step", "all else than x is right: is an addend of it missing or")
class values_counted_twice_in_x_bar(Attention):
    def x_bar(self, from_q, from_k, from_v):
        return from_q + from_k + 2 * from_v


@layer("complex step", "V is transposed")
class V_bar_read_the_other_way(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        blocks = self.layout.unpack(super().theta_bar(x, q_bar, k_bar, v_bar))._asdict()
        blocks["V"] = flip(blocks["V"]).reshape(blocks["V"].shape)
        return self.layout.pack(**blocks)


@layer("complex step", "axis 0 of V is reversed")
class V_bar_reversed(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        blocks = self.layout.unpack(super().theta_bar(x, q_bar, k_bar, v_bar))._asdict()
        return self.layout.pack(**blocks | {"V": blocks["V"][..., ::-1, :]})


# ---- an embedding

@bug("second", "not complex-safe", check_map, WORDS)
class cotangents_conjugated(Embedding):
    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, cache, y_bar.conj())

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return Embedding.vjp(self, theta, cache, y_bar_dot)


@bug("complex step", "what output 1 of axis R adds is missing", check_map, WORDS)
class words_that_occur_twice_counted_once(Embedding):
    def vjp(self, theta, cache, y_bar):
        (x, words), E_bar = cache, np.zeros_like(y_bar, shape=theta.shape)
        E_bar = E_bar.reshape(theta.shape[:-1] + (self.n_words, self.m))
        np.put_along_axis(E_bar, words[..., None], y_bar[..., :, :], -2)
        return self.layout.pack(E=E_bar), np.zeros_like(x)


@bug("complex step", "axis 0 of E is one place late: off by one", check_map, WORDS)
class words_counted_from_one(Embedding):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return np.roll(theta_bar, self.m, -1), x_bar


# ---- a gated recurrent unit

@network("complex step", "the outputs are one place late along T: off by one")
class cotangents_one_step_late(Recurrent):
    def vjp(self, theta, cache, y_bar):
        y_bar = np.concatenate([0 * y_bar[..., :1, :, :], y_bar[..., :-1, :, :]], -3)
        return super().vjp(theta, cache, y_bar)


@network("complex step", "the outputs are taken in reverse along T")
class time_reversed(Recurrent):
    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, cache, y_bar[..., ::-1, :, :])


@network("complex step", "what output 5 of axis T adds is missing")
class last_step_forgotten(Recurrent):
    def vjp(self, theta, cache, y_bar):
        y_bar = np.concatenate([y_bar[..., :-1, :, :], 0 * y_bar[..., :1, :, :]], -3)
        return super().vjp(theta, cache, y_bar)


@network("complex step", "h0 is zero: it was forgotten")
class learned_state_forgotten(Recurrent):
    def h0_bar(self, h_bar):
        return 0 * h_bar.sum(-2)


@network("complex step", "h0 is 1/5 of true, throughout (1/B, B = 5")
class learned_state_averaged_over_episodes(Recurrent):
    def h0_bar(self, h_bar):
        return h_bar.mean(-2)


@network("complex step", "claimed is 1/6 of true, throughout (1/T, T = 6")
class gradient_averaged_over_steps(Recurrent):
    def vjp(self, theta, cache, y_bar):
        return tuple(bar / 6 for bar in super().vjp(theta, cache, y_bar))


@network("complex step")
class carry_through_the_gates_dropped(Recurrent):
    def carry(self, direct, through_gates):
        return direct


@network("complex step", "all else than U is right")
class state_one_step_late_in_U(Recurrent):
    def before(self, hs, t):
        return hs[..., t + 1, :, :]


@network("stepping")
class step_swaps_its_gates(Recurrent):
    def step(self, theta, state, x):
        p, (h,) = self.layout.unpack(theta), state
        u, r, c, _ = self.gates(p, h, x)
        h = (1 - u) * h + u * c
        return h @ p.Y, (h,)

    def unroll(self, theta, state, x):
        ys, hs = [], [state[0]]
        for t in range(x.shape[-3]):
            y, (h,) = Recurrent.step(self, theta, (hs[-1],), x[..., t, :, :])
            ys, hs = ys + [y], hs + [h]
        return np.stack(ys, -3), (x, np.stack(hs, -3))


@network("ends")
class state_after_ignores_where_trials_end(Recurrent):
    def state_after(self, cache, n_steps=None):
        return cache[1][..., -1, :, :],


@network("cut in two")
class state_bar_dropped(Recurrent):
    def unroll_vjp(self, theta, cache, y_bar, state_bar):
        return super().unroll_vjp(theta, cache, y_bar, (0 * state_bar[0],))


# ---- a loss

@loss("complex step", "claimed is 1/6 of true, throughout (1/T, T = 6")
class mean_in_the_gradient_alone(CrossEntropy):
    def grad(self, y):
        return super().grad(y) / 6


@loss("complex step", "is minus true, throughout")
class gradient_of_the_wrong_sign(CrossEntropy):
    def grad(self, y):
        return -super().grad(y)


@loss("complex step")
class label_forgotten_in_the_gradient(CrossEntropy):
    def grad(self, y):
        return np.exp(self.log_p(y))


@loss("complex step", "the imaginary part was lost")
class log_of_absolute_values(CrossEntropy):
    def log_p(self, y):
        return np.log(np.abs(np.exp(y))) - np.log(np.abs(np.exp(y).sum(-1, keepdims=True)))


@loss("second")
class hessian_has_its_diagonal_alone(CrossEntropy):
    def hvp(self, y, y_dot):
        p = np.exp(self.log_p(y))
        return p * (1 - p) * y_dot


@loss("second", "is 2 times true, throughout")
class hessian_counted_twice(CrossEntropy):
    def hvp(self, y, y_dot):
        return 2 * super().hvp(y, y_dot)


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_broken_layer_or_loss_is_caught_by_the_right_law_with_the_right_hint(name):
    law, hint, check = BUGS[name]
    with pytest.raises(LawBroken) as failure:
        check()
    headline = str(failure.value).splitlines()[0]
    assert headline.startswith(f"{law}: ") and (hint or "") in headline


def test_most_bugs_have_a_hint():
    hints = [hint for _, hint, _ in BUGS.values()]
    assert len(hints) >= 45 and sum(hint is not None for hint in hints) >= 0.8 * len(hints)


def test_the_same_code_without_a_bug_passes():
    check_map(LayerNorm(), (7, 5))
    check_map(Attention(), (7, 5))
    check_map(Embedding(), WORDS)
    check_recurrent(Recurrent(), (6, 5, 3))
    check_scalar(CrossEntropy(LABELS), Y)
