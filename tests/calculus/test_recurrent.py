"""What every recurrent network does, whatever its cell: the laws, and the contract."""
import pickle
from dataclasses import replace

import numpy as np
import pytest
from elman import Elman
from hypothesis import given, settings, strategies as st

from minimeta import GRU, LSTM
from minimeta.testing import check_map, compare, complex_step, second
from minimeta.testing.laws import transpose
from minimeta.testing.nests import leaves
from minimeta.testing.strategies import recurrents

NETS = [LSTM(3, 5, 2), GRU(3, 5, 2), Elman(3, 5, 2)]
every_net = pytest.mark.parametrize("net", NETS, ids=lambda net: type(net).__name__)


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def case(net, T, lead=(), B=4, scale=0.7):
    """theta, x, y_bar, and tangents of the three."""
    shapes = [lead + (net.size,), lead + (T, B, net.n_in), lead + (T, B, net.n_out)]
    theta, *rest = draw(T, *shapes, *shapes)
    return scale * theta, *rest


def states(net, seed, shape=(4, 5)):
    """A random state, or a cotangent of one."""
    return tuple(draw(seed, *[shape] * len(net.cell.state)))


def gap(these, those):
    """The largest relative difference of two nests of arrays."""
    pairs = zip(leaves(these), leaves(those), strict=True)
    return max(compare("gap", a, b) for a, b in pairs)


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


# ---- the laws

@every_net
@settings(max_examples=15)
@given(data=st.data())
def test_a_random_network_obeys_every_law(net, data):
    case = data.draw(recurrents((type(net),)))
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


# ---- the contract: acting, cutting, handing the state over

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
