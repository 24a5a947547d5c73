"""Time: acting step by step equals the unroll, trials can be cut, and the state is
known after any step."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from recurrent_nets import case, draw, every_net, gap, states

from minimeta.calculus.recurrence import from_columns, to_columns
from minimeta.testing import complex_step, second


def step_by_step(net, theta, state, x, n_steps=None):
    """y of all steps and the state after the last, or that of each row after its own
    n_steps, by acting."""
    ys, path = [], [state]
    for t in range(x.shape[-3]):
        y, state = net.step(theta, state, x[..., t, :, :])
        ys.append(y)
        path.append(state)
    if n_steps is None:
        return np.stack(ys, -3), state
    ended = [np.stack([path[n][k][b] for b, n in enumerate(n_steps)])
             for k in range(len(state))]
    return np.stack(ys, -3), tuple(ended)


@every_net
@pytest.mark.parametrize("lead", [(), (7,)])
def test_acting_step_by_step_equals_the_unroll(net, lead):
    theta, x, *_ = case(net, 20, lead)
    y, cache = net.forward(theta, x)
    stepped = step_by_step(net, theta, net.initial_state(theta, 4), x)
    assert gap(stepped, (y, net.state_after(cache))) < 1e-12


@every_net
def test_acting_from_a_given_state_equals_the_unroll_from_there(net):
    theta, x, *_ = case(net, 6)
    state = states(net, 3)
    y, cache = net.unroll(theta, state, x)
    assert gap(step_by_step(net, theta, state, x), (y, net.state_after(cache))) < 1e-12


@every_net
@settings(max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=4, max_size=4))
def test_the_state_of_each_row_is_known_after_its_own_number_of_steps(net, n_steps):
    theta, x, *_ = case(net, 6)
    state = states(net, 3)
    _, cache = net.unroll(theta, state, x)
    _, ended = step_by_step(net, theta, state, x, n_steps)
    assert gap(net.state_after(cache, np.array(n_steps)), ended) < 1e-12


@every_net
def test_the_state_after_no_step_is_the_one_given_and_after_all_the_last(net):
    theta, x, *_ = case(net, 6, (7,))
    _, cache = net.forward(theta, x)
    none, all = np.zeros((7, 4), int), np.full((7, 4), 6)
    assert gap(net.state_after(cache, none), net.initial_state(theta, 4)) == 0
    assert gap(net.state_after(cache, all), net.state_after(cache)) == 0


@every_net
def test_what_follows_a_row_s_last_step_does_not_reach_its_state(net):
    theta, x, *_ = case(net, 6)
    n_steps, changed = np.array([2, 6, 0, 5]), x.copy()
    for b, n in enumerate(n_steps):
        changed[n:, b] = 9.0
    before, after = (net.state_after(net.forward(theta, each)[1], n_steps)
                     for each in (x, changed))
    assert gap(before, after) == 0


@every_net
@pytest.mark.parametrize("cut", [1, 6, 19])
def test_a_trial_cut_in_two_equals_the_whole_in_all_four_forms(net, cut):
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = case(net, 20, (3,))
    y, cache = net.forward(theta, x)
    y_dot, cache_dot = net.jvp(theta, cache, theta_dot, x_dot)
    whole = (y, y_dot, net.vjp(theta, cache, y_bar), net.vjp_dot(
        theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot))

    halves = [np.s_[:, :cut], np.s_[:, cut:]]
    state, state_dot = net.initial_state(theta, 4), net.initial_state(theta_dot, 4)
    ys, ys_dot, caches = [], [], []
    for half in halves:
        y, cache = net.unroll(theta, state, x[half])
        y_dot, cache_dot = net.unroll_jvp(
            theta, cache, theta_dot, state_dot, x_dot[half])
        state, state_dot = net.state_after(cache), net.state_after(cache_dot)
        ys, ys_dot, caches = ys + [y], ys_dot + [y_dot], caches + [(cache, cache_dot)]

    s_bar = s_bar_dot = tuple(np.zeros_like(s) for s in state)
    theta_bar = theta_bar_dot = 0
    x_bars, x_bars_dot = [], []
    for half, (cache, cache_dot) in reversed(list(zip(halves, caches))):
        more_dot, s_bar_dot, x_bar_dot = net.unroll_vjp_dot(
            theta, cache, y_bar[half], s_bar,
            theta_dot, cache_dot, y_bar_dot[half], s_bar_dot)
        more, s_bar, x_bar = net.unroll_vjp(theta, cache, y_bar[half], s_bar)
        theta_bar, theta_bar_dot = theta_bar + more, theta_bar_dot + more_dot
        x_bars, x_bars_dot = [x_bar] + x_bars, [x_bar_dot] + x_bars_dot
    theta_bar = theta_bar + net.initial_state_vjp(s_bar)
    theta_bar_dot = theta_bar_dot + net.initial_state_vjp(s_bar_dot)

    join = lambda pair: np.concatenate(pair, 1)
    assert gap((join(ys), join(ys_dot), (theta_bar, join(x_bars)),
                (theta_bar_dot, join(x_bars_dot))), whole) < 1e-12


@every_net
def test_the_gradient_reaches_a_state_that_is_given_and_leaves_the_learned_one_alone(
        net):
    theta, x, y_bar, *_ = case(net, 6)
    state, ends = states(net, 3), states(net, 4)

    def unflat(z):
        return tuple(z.reshape(len(state), 4, 5))

    def value(z):
        y, cache = net.unroll(theta.astype(z.dtype), unflat(z), x)
        ended = net.state_after(cache)
        return (y_bar * y).sum() + sum((e * s).sum() for e, s in zip(ends, ended))

    def grad(z):
        _, cache = net.unroll(theta, unflat(z), x)
        theta_bar, state_bar, _ = net.unroll_vjp(theta, cache, y_bar, ends)
        blocks = net.layout.unpack(theta_bar)
        assert not any(getattr(blocks, f"{name}0").any() for name in net.cell.state)
        return np.ravel(state_bar)

    assert complex_step(value, grad, np.ravel(state)) < 1e-12


@every_net
def test_a_cotangent_of_the_last_state_reaches_all_parameters_to_second_order(net):
    theta, x, y_bar, *_ = case(net, 6)
    ends, nothing = states(net, 4), tuple(0 * s for s in states(net, 4))
    v, = draw(10, net.size)

    def value(theta):
        y, cache = net.forward(theta, x)
        ended = net.state_after(cache)
        return (y_bar * y).sum() + sum((e * s).sum() for e, s in zip(ends, ended))

    def grad(theta):
        _, cache = net.forward(theta, x)
        theta_bar, s_bar, _ = net.unroll_vjp(theta, cache, y_bar, ends)
        return theta_bar + net.initial_state_vjp(s_bar)

    def hvp(theta, v):
        _, cache = net.forward(theta, x)
        _, cache_dot = net.jvp(theta, cache, v)
        theta_bar, s_bar, _ = net.unroll_vjp_dot(
            theta, cache, y_bar, ends, v, cache_dot, 0 * y_bar, nothing)
        return theta_bar + net.initial_state_vjp(s_bar)

    assert complex_step(value, grad, theta, name=net.layout.name) < 1e-12
    assert second(grad, hvp, theta, v, name=net.layout.name) < 1e-12


def test_columns_are_views_and_come_back():
    x, = draw(0, (7, 6, 4, 3))
    assert to_columns(x).shape == (6, 7, 3, 4)
    assert np.array_equal(from_columns(to_columns(x)), x)
    assert np.shares_memory(from_columns(to_columns(x)), x)
