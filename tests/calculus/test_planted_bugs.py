"""Wrong derivatives, planted one at a time: each must be caught, by the laws recorded.

A law that misses a bug is recorded by its absence: transpose misses what jvp and vjp
share, symmetry some wrong Hessians, and the two differences whatever is wrong only to
second order.
"""
import inspect
from contextlib import ExitStack
from unittest.mock import patch

import numpy as np
import pytest

from minimeta import GRU, LSTM, MLP
from minimeta.calculus import gru, mlp
from minimeta.calculus.maps import ACTIVATIONS, transpose
from minimeta.testing import check_map, map_report
from minimeta.testing.nests import rebuild

SUBJECTS = {MLP: (MLP((3, 5, 5, 4)), (7, 3)), LSTM: (LSTM(3, 5, 7), (6, 4, 3)),
            GRU: (GRU(3, 5, 7), (6, 4, 3))}
SETTING = dict(leads=((2,),), scales=(1.0,), seed=5)
VJP = ("complex step", "central difference", "transpose", "second")
BUGS = {}


def bug(net, *caught):
    """Registers plant(edit), in which edit(owner, name, wrap) wraps owner.name."""
    def register(plant):
        name = f"{net.__name__}: {plant.__name__.replace('_', ' ')}"
        BUGS[name] = net, plant, set(caught)
        return plant
    return register


def planted(plant):
    """A context in which the bug is in the code."""
    stack = ExitStack()

    def edit(owner, name, wrap):
        if isinstance(owner, dict):
            stack.enter_context(patch.dict(owner, {name: wrap(owner[name])}))
        else:
            stack.enter_context(patch.object(owner, name, wrap(getattr(owner, name))))

    plant(edit)
    return stack


# ---- bugs of all: what is done to theta_bar

def on_theta_bar(change, form="vjp"):
    """Plants change(layout, theta_bar) behind a form."""
    def wrap(real):
        def broken(net, *args):
            theta_bar, x_bar = real(net, *args)
            return change(net, theta_bar), x_bar
        return broken
    return lambda net, edit: edit(net, form, wrap)


def on_blocks(**changes):
    """Changes blocks of theta_bar, name=function(block)."""
    def change(net, theta_bar):
        blocks = net.layout.unpack(theta_bar)._asdict()
        return net.layout.pack(**blocks | {n: f(blocks[n]) for n, f in changes.items()})
    return on_theta_bar(change)


def gates(change):
    """Changes W, U and b as four gates [..., 4, H]."""
    def block(a):
        return change(a.reshape(a.shape[:-1] + (4, -1))).reshape(a.shape)
    return on_blocks(W=block, U=block, b=block)


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


# ---- bugs of recurrent networks: of time, and of the learned state

def through_time(carry=lambda *state_bar: state_bar,
                 change=lambda net, theta_bar, cache: theta_bar):
    """A vjp that goes one step at a time: carry(*state_bar) is what goes on to the
    step before, change(..) what a step adds to theta_bar."""
    def vjp(net, theta, cache, y_bar):
        x, state, caches = cache.x, net.initial_state(theta, cache.x.shape[-2]), []
        steps = [np.s_[..., t:t + 1, :, :] for t in range(x.shape[-3])]
        for step in steps:
            caches.append(net.unroll(theta, state, x[step])[1])
            state = net.state_after(caches[-1])
        theta_bar, x_bars, state_bar = 0, [], tuple(0 * s for s in state)
        for step, at in reversed(list(zip(steps, caches))):
            more, state_bar, x_bar = net.unroll_vjp(theta, at, y_bar[step], state_bar)
            theta_bar, x_bars = theta_bar + change(net, more, at), [x_bar] + x_bars
            state_bar = carry(*state_bar)
        return theta_bar + net.initial_state_vjp(state_bar), np.concatenate(x_bars, -3)
    return vjp


def one_step_late(net, theta, cache, y_bar):
    """h_t z_bar_t for h_{t-1} z_bar_t in the gradient of U. Each episode is made a task
    of its own, so that what one step adds to b_bar is its z_bar."""
    def late(net, theta_bar, cache):
        blocks, (h, *_) = net.layout.unpack(theta_bar)._asdict(), net.state_after(cache)
        z_bar = blocks["b"][..., None, -blocks["U"].shape[-1]:]
        return net.layout.pack(**blocks | {"U": transpose(h) * z_bar})

    x, y_bar = (np.moveaxis(a, -2, -3)[..., None, :] for a in (cache.x, y_bar))
    theta = np.repeat(theta[..., None, :], x.shape[-4], -2)
    _, cache = net.forward(theta, x)
    theta_bar, x_bar = through_time(change=late)(net, theta, cache, y_bar)
    return theta_bar.sum(-2), np.moveaxis(x_bar[..., 0, :], -3, -2)


for net in (LSTM, GRU):
    @bug(net, *VJP)
    def read_out_bias_forgotten(edit, net=net):
        on_blocks(by=lambda a: 0 * a)(net, edit)

    @bug(net, *VJP)
    def learned_h0_forgotten(edit, net=net):
        on_blocks(h0=lambda a: 0 * a)(net, edit)

    @bug(net, *VJP)
    def recurrent_weights_averaged_over_episodes(edit, net=net):
        on_blocks(U=lambda a: a / 4)(net, edit)

    @bug(net, *VJP)
    def time_reversed(edit, net=net):
        edit(net, "vjp", lambda real: lambda net, theta, cache, y_bar: real(
            net, theta, cache, y_bar[..., ::-1, :, :]))

    @bug(net, *VJP)
    def last_step_forgotten(edit, net=net):
        def wrap(real):
            def broken(net, theta, cache, y_bar):
                y_bar = y_bar.copy()
                y_bar[..., -1, :, :] = 0
                return real(net, theta, cache, y_bar)
            return broken
        edit(net, "vjp", wrap)

    @bug(net, "tangent", "transpose", "second", "symmetry")
    def jvp_forgets_the_learned_state(edit, net=net):
        def wrap(real):
            def broken(net, theta, cache, theta_dot, x_dot=None):
                blocks = net.layout.unpack(theta_dot)._asdict()
                blocks |= {f"{name}0": 0 * blocks[f"{name}0"]
                           for name in net.cell.state}
                return real(net, theta, cache, net.layout.pack(**blocks), x_dot)
            return broken
        edit(net, "jvp", wrap)

    @bug(net, *VJP)
    def carry_of_h_dropped(edit, net=net):
        vjp = through_time(lambda h_bar, *others: (0 * h_bar, *others))
        edit(net, "vjp", lambda real: vjp)

    @bug(net, *VJP)
    def h_one_step_late_in_the_gradient_of_U(edit, net=net):
        edit(net, "vjp", lambda real: one_step_late)


# ---- bugs of the LSTM's gates and of its memory

@bug(LSTM, *VJP)
def input_and_forget_gate_swapped(edit):
    gates(lambda a: a[..., [1, 0, 2, 3], :])(LSTM, edit)


@bug(LSTM, *VJP)
def forget_gate_not_differentiated(edit):
    gates(lambda a: a * np.array([1, 0, 1, 1], a.real.dtype)[:, None])(LSTM, edit)


@bug(LSTM, *VJP)
def learned_c0_forgotten(edit):
    on_blocks(c0=lambda a: 0 * a)(LSTM, edit)


@bug(LSTM, *VJP)
def carry_of_c_dropped(edit):
    vjp = through_time(lambda h_bar, c_bar: (h_bar, 0 * c_bar))
    edit(LSTM, "vjp", lambda real: vjp)


# ---- bugs of the GRU's cell: one line of one form

def in_the_cell(form, caught, old, new, name):
    """Registers the bug that has `new` for `old` in the source of one form."""
    def plant(edit):
        function = getattr(GRU.cell, form)
        source = inspect.getsource(function)
        assert source.count(old) == 1, (old, source)
        space = dict(vars(gru))
        exec(source.replace(old, new), space)
        broken = space[function.__name__]
        edit(GRU, "cell", lambda real: real._replace(**{form: broken}))

    plant.__name__ = name
    bug(GRU, *caught)(plant)


HESSIAN = "second", "symmetry"
JVP = "tangent", "transpose", "second", "symmetry"

for caught, old, new, name in [
    (VJP, "h_bar * (1 - u)", "h_bar * u", "update_gate_the_wrong_way_round"),
    (VJP, "h_prev - n", "n - h_prev", "slope_of_u_of_the_wrong_sign"),
    (VJP, "h_prev - n", "h_prev", "candidate_forgotten_in_the_slope_of_u"),
    (VJP, "(h_bar * u,)", "(0 * h_bar,)", "h_prev_reached_through_z_alone"),
    (VJP, "a_bar * b)", "a_bar)", "reset_gate_without_what_it_resets"),
    (VJP, "a_bar * r)", "a_bar)", "reset_gate_left_out_of_b_bar"),
    (VJP, "sigmoid_vjp(s, s_bar)", "s_bar", "slope_of_the_gates_left_out"),
    (VJP, "tanh_vjp(n, h_bar * (1 - u))", "h_bar * (1 - u)",
     "slope_of_the_candidate_left_out"),
    (VJP, "join(h_bar * (h_prev - n), a_bar * b)",
     "join(a_bar * b, h_bar * (h_prev - n))", "update_and_reset_gate_swapped"),
]:
    in_the_cell("vjp", caught, old, new, name)

for caught, old, new, name in [
    (JVP, "r_dot * b + r * b_dot", "r * b_dot", "jvp_holds_the_reset_gate_still"),
    (JVP, "r_dot * b + r * b_dot", "r_dot * b", "jvp_holds_b_still"),
    (JVP, "+ u * h_prev_dot", "", "jvp_forgets_h_prev"),
    (JVP, "u_dot * (h_prev - n) + ", "", "jvp_holds_the_update_gate_still"),
]:
    in_the_cell("jvp", caught, old, new, name)

for caught, old, new, name in [
    (HESSIAN, " - h_bar * u_dot", "", "u_dot_missing_beside_the_candidate"),
    (HESSIAN, " + h_bar * (h_prev_dot - n_dot)", "", "what_u_mixes_does_not_move"),
    (HESSIAN, "(h_prev_dot - n_dot)", "h_prev_dot", "n_dot_missing_beside_u"),
    (HESSIAN, " + a_bar * b_dot", "", "b_dot_missing_beside_r"),
    (HESSIAN, " + a_bar * r_dot", "", "r_dot_missing_beside_b"),
    (HESSIAN, " + h_bar * u_dot,", ",", "u_dot_missing_beside_h_prev"),
    (("second",), "s_dot, s_bar_dot)", "0 * s_dot, s_bar_dot)",
     "gates_without_curvature"),
    (("second",), "n_dot, h_bar_dot * (1 - u)", "0 * n_dot, h_bar_dot * (1 - u)",
     "candidate_without_curvature"),
]:
    in_the_cell("vjp_dot", caught, old, new, name)


# ---- the tests

@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_the_laws_recorded_with_it(name):
    net, plant, caught = BUGS[name]
    with planted(plant):
        report = map_report(*SUBJECTS[net], **SETTING)
    assert set(report.failed) == caught


@pytest.mark.parametrize("net", SUBJECTS)
def test_without_a_bug_everything_passes(net):
    check_map(*SUBJECTS[net], **SETTING)


@pytest.mark.parametrize("net", [LSTM, GRU])
def test_a_vjp_that_goes_step_by_step_passes_if_nothing_is_dropped(net):
    with patch.object(net, "vjp", through_time()):
        check_map(*SUBJECTS[net], **SETTING)


def test_there_are_many_bugs_and_every_law_catches_one():
    assert len(BUGS) >= 40
    assert sum(net is GRU for net, _, _ in BUGS.values()) >= 35
    laws = set().union(*(caught for _, _, caught in BUGS.values()))
    assert laws == set(map_report(*SUBJECTS[MLP], **SETTING).counts)
