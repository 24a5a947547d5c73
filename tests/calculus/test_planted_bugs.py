"""Wrong derivatives, planted one at a time: each must be caught, by the laws recorded.
Those of recurrent networks alone are in test_planted_recurrent_bugs.

A law that misses a bug is recorded by its absence: transpose misses what jvp and vjp
share, symmetry some wrong Hessians, and the two differences whatever is wrong only to
second order.
"""
import numpy as np
import pytest
from planting import SETTING, VJP, laws_broken, on_theta_bar, registrar

from minimeta import GRU, LSTM, MLP
from minimeta.calculus import mlp
from minimeta.calculus.maps import ACTIVATIONS, transpose
from minimeta.testing import check_map, map_report
from minimeta.testing.nests import rebuild

SUBJECTS = {MLP: (MLP((3, 5, 5, 4)), (7, 3)), LSTM: (LSTM(3, 5, 7), (6, 4, 3)),
            GRU: (GRU(3, 5, 7), (6, 4, 3))}
BUGS = {}
bug = registrar(BUGS)

for net in SUBJECTS:
    @bug(net, *VJP)
    def zero_gradient(edit, net=net):
        on_theta_bar(lambda net, bar: 0 * bar)(net, edit)

    @bug(net, *VJP)
    def gradient_of_the_wrong_sign(edit, net=net):
        on_theta_bar(lambda net, bar: -bar)(net, edit)

    @bug(net, *VJP)
    def gradient_off_by_a_tenth_of_a_percent(edit, net=net):
        on_theta_bar(lambda net, bar: 1.001 * bar)(net, edit)

    @bug(net, *VJP, "tasks")
    def gradient_averaged_over_tasks(edit, net=net):
        def change(net, bar):
            return bar * 0 + bar.mean(0) if bar.ndim > 1 else bar
        on_theta_bar(change)(net, edit)

    @bug(net, "second")
    def symmetric_hessian_off_by_a_tenth_of_a_percent(edit, net=net):
        edit(net, "vjp_dot",
             lambda real: lambda *args: tuple(1.001 * a for a in real(*args)))

    @bug(net, "second")
    def vjp_dot_forgets_y_bar_dot(edit, net=net):
        edit(net, "vjp_dot", lambda real: lambda *args: real(*args[:-1], 0 * args[-1]))

    @bug(net, "second", "symmetry")
    def vjp_dot_forgets_that_the_activations_move(edit, net=net):
        def wrap(real):
            def broken(net, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
                still = rebuild(np.zeros_like, cache_dot)
                return real(net, theta, cache, y_bar, theta_dot, still, y_bar_dot)
            return broken
        edit(net, "vjp_dot", wrap)

    @bug(net, "second", "symmetry")
    def vjp_dot_forgets_that_the_weights_move(edit, net=net):
        def wrap(real):
            def broken(net, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
                still = 0 * theta_dot
                return real(net, theta, cache, y_bar, still, cache_dot, y_bar_dot)
            return broken
        edit(net, "vjp_dot", wrap)

    @bug(net, "tangent", "transpose", "second", "symmetry")
    def jvp_forgets_x_dot(edit, net=net):
        def wrap(real):
            return lambda net, theta, cache, theta_dot, x_dot=None: real(
                net, theta, cache, theta_dot)
        edit(net, "jvp", wrap)

    @bug(net, "purity", "memory")
    def vjp_writes_to_y_bar(edit, net=net):
        def wrap(real):
            def broken(net, theta, cache, y_bar):
                y_bar *= 1.0
                return real(net, theta, cache, y_bar)
            return broken
        edit(net, "vjp", wrap)

    @bug(net, "precision")
    def gradient_added_up_in_float64(edit, net=net):
        on_theta_bar(lambda net, bar: bar + np.zeros(bar.shape))(net, edit)

    @bug(net, "memory")
    def forward_takes_the_layout_in_memory_for_granted(edit, net=net):
        def wrap(real):
            return lambda net, theta, x: real(net, theta, x.ravel("K").reshape(x.shape))
        edit(net, "forward", wrap)


# ---- bugs of the MLP's maps

@bug(MLP, *VJP)
def square_weight_transposed(edit):
    def broken(x, W, y_bar):
        is_square = W.shape[-1] == W.shape[-2]
        return y_bar @ (W if is_square else transpose(W)), transpose(x) @ y_bar, y_bar.sum(-2)
    edit(mlp, "affine_vjp", lambda real: broken)


@bug(MLP, *VJP)
def bias_averaged_instead_of_summed(edit):
    def wrap(real):
        return lambda x, W, y_bar: real(x, W, y_bar)[:2] + (y_bar.mean(-2),)
    edit(mlp, "affine_vjp", wrap)


@bug(MLP, "complex step", "central difference", "tangent", "second", "symmetry")
def bias_forgotten_by_jvp_and_vjp_alike(edit):
    def jvp(real):
        return lambda x, W, x_dot, W_dot, b_dot: real(x, W, x_dot, W_dot, 0 * b_dot)

    def vjp(real):
        return lambda x, W, y_bar: real(x, W, y_bar)[:2] + (0 * y_bar.sum(-2),)

    edit(mlp, "affine_jvp", jvp)
    edit(mlp, "affine_vjp", vjp)


@bug(MLP, "second")
def conjugate_transpose_stops_complex_numbers(edit):
    def wrap(real):
        return lambda x, W, y_bar: (y_bar @ transpose(W).conj(),) + real(x, W, y_bar)[1:]
    edit(mlp, "affine_vjp", wrap)


@bug(MLP, "second", "symmetry")
def half_of_the_product_rule_of_W_bar_missing(edit):
    def wrap(real):
        def broken(x, W, y_bar, x_dot, W_dot, y_bar_dot):
            x_bar_dot, _, b_bar_dot = real(x, W, y_bar, x_dot, W_dot, y_bar_dot)
            return x_bar_dot, transpose(x) @ y_bar_dot, b_bar_dot
        return broken
    edit(mlp, "affine_vjp_dot", wrap)


@bug(MLP, "second", "symmetry")
def half_of_the_product_rule_of_x_bar_missing(edit):
    def wrap(real):
        return lambda x, W, y_bar, x_dot, W_dot, y_bar_dot: real(
            x, W, y_bar, x_dot, 0 * W_dot, y_bar_dot)
    edit(mlp, "affine_vjp_dot", wrap)


def activation(edit, form, broken):
    """Replaces one of tanh's four forms."""
    edit(ACTIVATIONS, "tanh", lambda real: real[:form] + (broken,) + real[form + 1:])


@bug(MLP, *VJP)
def slope_of_tanh_at_the_wrong_variable(edit):
    activation(edit, 2, lambda y, y_bar: (1 - np.tanh(y) ** 2) * y_bar)


@bug(MLP, "second")
def curvature_of_tanh_missing(edit):
    activation(edit, 3, lambda y, y_bar, y_dot, y_bar_dot: (1 - y * y) * y_bar_dot)


@bug(MLP, "second")
def curvature_of_tanh_of_half_the_size(edit):
    activation(edit, 3, lambda y, y_bar, y_dot, y_bar_dot:
               (1 - y * y) * y_bar_dot - y * y_dot * y_bar)


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_the_laws_recorded_with_it(name):
    net, plant, caught = BUGS[name]
    assert laws_broken(SUBJECTS[net], plant) == caught


@pytest.mark.parametrize("net", SUBJECTS)
def test_without_a_bug_everything_passes(net):
    check_map(*SUBJECTS[net], **SETTING)


def test_there_are_many_bugs_and_every_law_catches_one():
    assert len(BUGS) >= 40
    laws = set().union(*(caught for _, _, caught in BUGS.values()))
    assert laws == set(map_report(*SUBJECTS[MLP], **SETTING).counts)
