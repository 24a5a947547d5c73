"""What every recurrent network is, whatever its cell: a map under all laws, with a
learned state, sizes and initial values."""
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from recurrent_nets import NETS, case, draw, every_net, gap, states

from minimeta import GRU, LSTM
from minimeta.testing import check_map, complex_step
from minimeta.testing.laws import transpose
from minimeta.testing.nests import leaves
from minimeta.testing.strategies import recurrent_networks

# ---- the laws

@every_net
@settings(max_examples=15)
@given(data=st.data())
def test_a_random_network_obeys_every_law(net, data):
    case = data.draw(recurrent_networks((type(net),)))
    check_map(case.net, case.x_shape, seed=case.seed, leads=((), (case.K,)),
              scales=(1.0,))


@every_net
@pytest.mark.parametrize("T", [1, 20, 100])
def test_it_obeys_every_law_at_every_length(net, T):
    check_map(net, (T, 4, 3))


@every_net
def test_two_task_axes_are_as_good_as_one(net):
    check_map(net, (6, 4, 3), leads=((2, 7),))


@every_net
@pytest.mark.parametrize("T", [1, 20])
def test_every_coordinate_is_right_and_the_learned_state_has_a_gradient(net, T):
    theta, x, y_bar, *_ = case(net, T)

    def value(theta):
        return (y_bar * net.forward(theta, x)[0]).sum()

    def grad(theta):
        return net.vjp(theta, net.forward(theta, x)[1], y_bar)[0]

    assert complex_step(value, grad, theta, name=net.layout.name) < 1e-12
    blocks = net.layout.unpack(grad(theta))
    assert all(getattr(blocks, f"{name}0").all() for name in net.cell.state)
    assert blocks.U.all()


@every_net
def test_initial_state_and_its_vjp_are_transposes(net):
    theta, _, _, v, *_ = case(net, 1, (7,))
    state_bar = states(net, 3, (7, 4, 5))
    assert transpose(state_bar, net.initial_state(v, 4),
                     net.initial_state_vjp(state_bar), v) < 1e-13


@every_net
def test_assembling_the_weights_and_taking_them_apart_are_transposes(net):
    theta, V_bar = draw(3, (7, net.size), net.assemble(np.zeros((7, net.size))).shape)
    theta[:, net.layout.unpack(np.arange(net.size)).h0[0]:] = 0  # what is not in V
    taken = net.assemble_vjp(V_bar)
    theta_bar = np.concatenate(
        [taken, np.zeros((7, net.size - taken.shape[-1]))], -1)
    assert transpose(V_bar, net.assemble(theta), theta_bar, theta) < 1e-13


@every_net
@pytest.mark.parametrize("which", range(2))
def test_a_complex_state_makes_a_complex_trial(net, which):
    """A complex step may enter by any array of the state, and by it alone."""
    which %= len(net.cell.state)
    theta, x, *_ = case(net, 6)
    state, moves = states(net, 3), states(net, 4)
    moves = tuple(m * (k == which) for k, m in enumerate(moves))
    stepped = tuple(s + 1e-30j * m if k == which else s
                    for k, (s, m) in enumerate(zip(state, moves)))
    y, _ = net.unroll(theta, stepped, x)
    y_real, cache = net.unroll(theta, state, x)
    y_dot, _ = net.unroll_jvp(theta, cache, 0 * theta, moves, 0 * x)
    assert gap((y.real, y.imag / 1e-30), (y_real, y_dot)) < 1e-12


@every_net
def test_float32_stays_float32_everywhere(net):
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = (
        a.astype(np.float32) for a in case(net, 6, (7,)))
    y, cache = net.forward(theta, x)
    y_dot, cache_dot = net.jvp(theta, cache, theta_dot, x_dot)
    back = net.vjp(theta, cache, y_bar)
    back_dot = net.vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
    stepped = net.step(theta, net.initial_state(theta, 4), x[:, 0])
    for array in leaves((y, cache, y_dot, cache_dot, back, back_dot, stepped)):
        assert array.dtype == np.float32
    assert net.init(np.random.default_rng(0), np.float32).dtype == np.float32


@every_net
def test_a_cache_gives_x_back(net):
    theta, x, *_ = case(net, 6, (7,))
    assert np.array_equal(net.forward(theta, x)[1].x, x)


# ---- initial values, sizes, refusals

@every_net
def test_initial_weights_have_unit_gain_and_all_else_is_zero_but_the_bias(net):
    net = type(net)(200, 150, 40)
    p = net.layout.unpack(net.init(np.random.default_rng(0)))
    for W, n in ((p.W, 200), (p.U, 150), (p.Wy, 150)):
        assert W.std() == pytest.approx(n ** -0.5, rel=0.02)
        assert abs(W.mean()) < 5 * W.std() / W.size ** 0.5
    assert p.b.tolist() == np.repeat(net.cell.bias, 150).tolist()
    assert not any(getattr(p, name).any() for name in net.layout.names
                   if name not in ("W", "U", "b", "Wy"))


@every_net
def test_the_output_scale_is_that_of_the_read_out_s_weights_alone(net):
    plain, scaled = (net.layout.unpack(net.init(np.random.default_rng(0), **scale))
                     for scale in ({}, {"output_scale": 0.1}))
    for name in net.layout.names:
        factor = 0.1 if name == "Wy" else 1.0
        assert np.array_equal(getattr(scaled, name), factor * getattr(plain, name))


def test_small_integers_do_not_wrap_around():
    assert LSTM(3, np.uint8(64), 2).size == LSTM(3, 64, 2).size == 17666
    for net in NETS:
        sizes = (np.uint8(3), np.int8(100), np.uint8(2))
        assert type(net)(*sizes).size == type(net)(3, 100, 2).size
        assert type(type(net)(*sizes).n_hidden) is int


@every_net
def test_a_network_pickles_and_is_replaced(net):
    assert pickle.loads(pickle.dumps(net)) == net
    assert replace(net, n_hidden=6) == type(net)(3, 6, 2)


def test_networks_of_equal_sizes_and_other_cells_are_not_equal():
    assert LSTM(3, 5, 2) != GRU(3, 5, 2)


@pytest.mark.parametrize("sizes, error", [
    ((3, 0, 2), ValueError), ((3, 5, 2.0), TypeError), ((3, True, 2), TypeError)])
@every_net
def test_sizes_that_cannot_be_are_refused(net, sizes, error):
    with pytest.raises(error, match="n_"):
        type(net)(*sizes)


@every_net
def test_what_does_not_fit_is_refused_by_name(net):
    theta, x, *_ = case(net, 6)
    state = states(net, 3)
    _, cache = net.forward(theta, x)
    for call, error, words in [
        (lambda: net.initial_state(theta, 0), ValueError, "B must be at least 1"),
        (lambda: net.forward(theta, np.zeros(3)), ValueError, "x must have shape"),
        (lambda: net.forward(theta, [[0.0]]), TypeError, "x must be a NumPy array"),
        (lambda: net.forward(theta[1:], x), ValueError, "theta must have shape"),
        (lambda: net.unroll(theta, state + state[:1], x), ValueError, "state must"),
        (lambda: net.state_after(cache, np.ones(3, int)), ValueError, "n_steps must"),
        (lambda: net.state_after(cache, np.ones(4)), ValueError, "got float64"),
        (lambda: net.state_after(cache, np.array([1, 7, 0, 0])), ValueError, "0 to 7"),
    ]:
        with pytest.raises(error, match=words):
            call()
