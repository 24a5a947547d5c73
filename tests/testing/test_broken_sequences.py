"""Broken layers of sequences, which mix rows, words or steps: each is caught, the headline is the
right law, and the hint says what was done."""
import numpy as np
import pytest

from broken import Bugs
from minimeta.testing import check_map, check_recurrent
from user_code import Attention, Embedding, Recurrent, flip

WORDS = np.eye(5)[[0, 2, 1, 2, 4, 3]]   # one of them twice
BUGS = Bugs()


def attention(law, hint=None):
    return BUGS.register(law, hint, check_map, (7, 5))


def embedding(law, hint=None):
    return BUGS.register(law, hint, check_map, WORDS)


def network(law, hint=None):
    """In one case and without differences, which come after the complex step and look at each
    coordinate of a broken gradient by several rules."""
    return BUGS.register(law, hint, check_recurrent, (6, 5, 3), leads=((2,),), scales=(0.3,),
                         skip=("central difference",))


# ---- attention

class Scaled(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        return super().theta_bar(x, *self.change(q_bar, k_bar, v_bar))


@attention("complex step", "K is 2 times true, throughout")
class square_root_of_d_forgotten_for_k(Scaled):
    def change(self, q_bar, k_bar, v_bar):
        return q_bar, 2 * k_bar, v_bar


@attention("complex step", "is what is true of")
class queries_and_keys_swapped(Scaled):
    def change(self, q_bar, k_bar, v_bar):
        return k_bar, q_bar, v_bar


@attention("complex step")
class softmax_without_its_mean(Attention):
    def softmax_vjp(self, A, A_bar):
        return A * A_bar


@attention("complex step")
class scores_not_transposed(Attention):
    def k_bar(self, S_bar, q):
        return S_bar @ q


@attention("complex step", "everything except x is right: is a term of x missing,")
class values_have_no_part_in_x_bar(Attention):
    def x_bar(self, from_q, from_k, from_v):
        return from_q + from_k


@attention("complex step", "everything except x is right: is a term of x missing,")
class values_counted_twice_in_x_bar(Attention):
    def x_bar(self, from_q, from_k, from_v):
        return from_q + from_k + 2 * from_v


@attention("complex step", "V is transposed")
class V_bar_read_the_other_way(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        blocks = self.layout.unpack(super().theta_bar(x, q_bar, k_bar, v_bar))._asdict()
        blocks["V"] = flip(blocks["V"]).reshape(blocks["V"].shape)
        return self.layout.pack(**blocks)


@attention("complex step", "axis 0 of V is reversed")
class V_bar_reversed(Attention):
    def theta_bar(self, x, q_bar, k_bar, v_bar):
        blocks = self.layout.unpack(super().theta_bar(x, q_bar, k_bar, v_bar))._asdict()
        return self.layout.pack(**blocks | {"V": blocks["V"][..., ::-1, :]})


# ---- an embedding

@embedding("second", "not complex-safe")
class cotangents_conjugated(Embedding):
    def vjp(self, theta, cache, y_bar):
        return super().vjp(theta, cache, y_bar.conj())

    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        return Embedding.vjp(self, theta, cache, y_bar_dot)


@embedding("complex step", "what output 1 of axis R adds is missing")
class words_that_occur_twice_counted_once(Embedding):
    def vjp(self, theta, cache, y_bar):
        (x, words), E_bar = cache, np.zeros_like(y_bar, shape=theta.shape)
        E_bar = E_bar.reshape(theta.shape[:-1] + (self.n_words, self.m))
        np.put_along_axis(E_bar, words[..., None], y_bar[..., :, :], -2)
        return self.layout.pack(E=E_bar), np.zeros_like(x)


@embedding("complex step", "axis 0 of E is one place late: off by one")
class words_counted_from_one(Embedding):
    def vjp(self, theta, cache, y_bar):
        theta_bar, x_bar = super().vjp(theta, cache, y_bar)
        return np.roll(theta_bar, self.m, -1), x_bar


# ---- a gated recurrent unit

@network("complex step", "the outputs are one place late along axis T: off by one")
class cotangents_one_step_late(Recurrent):
    def vjp(self, theta, cache, y_bar):
        y_bar = np.concatenate([0 * y_bar[..., :1, :, :], y_bar[..., :-1, :, :]], -3)
        return super().vjp(theta, cache, y_bar)


@network("complex step", "the outputs are taken in reverse along axis T")
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


@network("complex step", "everything except U is right")
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


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_broken_layer_of_sequences_is_caught_by_the_right_law_with_the_right_hint(name):
    assert BUGS.seen(name)


def test_most_bugs_of_sequences_have_a_hint():
    assert len(BUGS) >= 22 and BUGS.with_hint() >= 0.7


def test_the_same_layers_without_a_bug_pass():
    check_map(Attention(), (7, 5))
    check_map(Embedding(), WORDS)
    check_recurrent(Recurrent(), (6, 5, 3))
