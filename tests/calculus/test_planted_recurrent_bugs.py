"""Wrong derivatives of recurrent networks, planted one at a time: of time, of the
learned state, of the gates. Each must be caught, by the laws recorded."""
import inspect
from unittest.mock import patch

import numpy as np
import pytest
from planting import SETTING, VJP, laws_broken, on_blocks, registrar

from minimeta import GRU, LSTM
from minimeta.calculus import gru
from minimeta.calculus.maps import transpose
from minimeta.testing import check_map

SUBJECTS = {LSTM: (LSTM(3, 5, 7), (6, 4, 3)), GRU: (GRU(3, 5, 7), (6, 4, 3))}
BUGS = {}
bug = registrar(BUGS)


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

def gates(change):
    """Changes W, U and b as four gates [..., 4, H]."""
    def block(a):
        return change(a.reshape(a.shape[:-1] + (4, -1))).reshape(a.shape)
    return on_blocks(W=block, U=block, b=block)


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
    assert laws_broken(SUBJECTS[net], plant) == caught


@pytest.mark.parametrize("net", SUBJECTS)
def test_a_vjp_that_goes_step_by_step_passes_if_nothing_is_dropped(net):
    with patch.object(net, "vjp", through_time()):
        check_map(*SUBJECTS[net], **SETTING)


def test_there_are_many_bugs_of_each_network():
    for net, least in ((LSTM, 12), (GRU, 29)):
        assert sum(bugged is net for bugged, _, _ in BUGS.values()) >= least
