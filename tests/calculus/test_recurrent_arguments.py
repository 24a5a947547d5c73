"""What a recurrent network takes: no step, no task, complex numbers in any one argument; and
what it refuses."""
import numpy as np
import pytest
from recurrent_nets import NETS, case, every_net, gap, states

T, B, H = 6, 4, 1e-30j
FORMS = ("unroll_jvp", "unroll_vjp", "unroll_vjp_dot")


def forms(net):
    """{name: (function, its linear arguments)} of the three derivative forms."""
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = case(net, T)
    state, state_dot, state_bar, state_bar_dot = (states(net, seed) for seed in range(4))
    _, cache = net.unroll(theta, state, x)
    _, cache_dot = net.unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)
    return {
        "unroll_jvp": (lambda theta_dot, state_dot, x_dot: net.unroll_jvp(
            theta, cache, theta_dot, state_dot, x_dot)[0], (theta_dot, state_dot, x_dot)),
        "unroll_vjp": (lambda y_bar, state_bar: net.unroll_vjp(
            theta, cache, y_bar, state_bar), (y_bar, state_bar)),
        "unroll_vjp_dot": (lambda y_bar, state_bar, y_bar_dot, state_bar_dot: net.unroll_vjp_dot(
            theta, cache, y_bar, state_bar, theta_dot, cache_dot, y_bar_dot, state_bar_dot),
            (y_bar, state_bar, y_bar_dot, state_bar_dot))}


def mapped(f, nest):
    return tuple(map(f, nest)) if isinstance(nest, tuple) else f(nest)


def flat(nest):
    parts = nest if isinstance(nest, tuple) else (nest,)
    return [array for part in parts for array in (flat(part) if isinstance(part, tuple)
                                                  else [np.asarray(part)])]


@every_net
@pytest.mark.parametrize("form", FORMS)
def test_a_complex_step_may_enter_by_any_linear_argument_alone(net, form):
    f, arguments = forms(net)[form]
    for which in range(len(arguments)):
        stepped = flat(f(*(mapped(lambda a: a + H * a, argument) if k == which else argument
                           for k, argument in enumerate(arguments))))
        alone = flat(f(*(argument if k == which else mapped(np.zeros_like, argument)
                         for k, argument in enumerate(arguments))))
        assert gap([a.imag / 1e-30 for a in stepped], alone) < 1e-12


@every_net
@pytest.mark.parametrize("which", range(3))
def test_a_complex_step_may_enter_a_second_derivative_by_any_tangent_alone(net, which):
    """Which: of theta, of the state, of x."""
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = case(net, T)
    state, state_dot, state_bar, state_bar_dot = (states(net, seed) for seed in range(4))
    _, cache = net.unroll(theta, state, x)

    def second(tangents, y_bar_dot, state_bar_dot):
        _, cache_dot = net.unroll_jvp(theta, cache, *tangents)
        return flat(net.unroll_vjp_dot(theta, cache, y_bar, state_bar, tangents[0], cache_dot,
                                       y_bar_dot, state_bar_dot))

    tangents, zeros = (theta_dot, state_dot, x_dot), mapped(np.zeros_like, state_bar_dot)
    stepped, alone = ([mapped(change if k == which else keep, a) for k, a in enumerate(tangents)]
                      for change, keep in ((lambda a: a + H * a, lambda a: a),
                                           (lambda a: a, np.zeros_like)))
    for one, other in zip(second(stepped, y_bar_dot, state_bar_dot),
                          second(alone, 0 * y_bar_dot, zeros)):
        assert gap(one.imag / 1e-30, other) < 1e-12


@pytest.mark.parametrize("net", [net for net in NETS if len(net.cell.state) > 1])
@pytest.mark.parametrize("which", [0, 1])
def test_a_complex_step_may_enter_by_one_array_of_a_state_s_cotangent(net, which):
    state_bar = states(net, 0)
    stepped = tuple(s + H * s if k == which else s for k, s in enumerate(state_bar))
    alone = tuple(s if k == which else 0 * s for k, s in enumerate(state_bar))
    assert gap(net.initial_state_vjp(stepped).imag / 1e-30, net.initial_state_vjp(alone)) < 1e-12


@every_net
def test_a_trial_of_no_step_ends_in_the_state_that_it_begins_in(net):
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = case(net, 0, (3,))
    y, cache = net.forward(theta, x)
    y_dot, cache_dot = net.jvp(theta, cache, theta_dot, x_dot)
    theta_bar, x_bar = net.vjp(theta, cache, y_bar)
    theta_bar_dot, _ = net.vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
    assert y.shape == y_dot.shape == (3, 0, B, 2) and x_bar.shape == x.shape
    assert not theta_bar.any() and not theta_bar_dot.any() and cache.x.shape == x.shape
    assert gap(net.state_after(cache), net.initial_state(theta, B)) == 0


@every_net
def test_no_task_is_an_empty_batch(net):
    theta, x, *_ = case(net, T, (0,))
    y, cache = net.forward(theta, x)
    assert y.shape == (0, T, B, 2)
    assert net.state_after(cache, np.zeros((0, B), int))[0].shape == (0, B, 5)
    theta_bar, x_bar = net.vjp(theta, cache, y)
    assert theta_bar.shape == theta.shape and x_bar.shape == x.shape
    y_dot, cache_dot = net.jvp(theta, cache, theta)
    theta_bar_dot, _ = net.vjp_dot(theta, cache, y, theta, cache_dot, y_dot)
    assert theta_bar_dot.shape == theta.shape


@every_net
def test_numbers_of_steps_may_be_a_list_but_not_negative(net):
    theta, x, *_ = case(net, T)
    _, cache = net.forward(theta, x)
    n_steps = [2, 6, 0, 5]
    assert gap(net.state_after(cache, n_steps), net.state_after(cache, np.array(n_steps))) == 0
    with pytest.raises(ValueError, match=r"n_steps must be in \[0, 6\], got -1 to 6"):
        net.state_after(cache, [2, 6, -1, 5])


@every_net
def test_an_unroll_refuses_what_does_not_fit_as_forward_does(net):
    theta, x, *_ = case(net, T)
    state, bad = states(net, 0), np.array(x)
    bad[2, 1, 0] = np.nan
    for call, words in [(lambda: net.unroll(theta[1:], state, x), "theta must have shape"),
                        (lambda: net.unroll(theta, state, x[..., 1:]), "x must have shape"),
                        (lambda: net.unroll(theta, state, bad), "x must be finite")]:
        with pytest.raises(ValueError, match=words):
            call()
