"""The LSTM against every law, at lengths 1 to 100, whole and cut in two."""
import numpy as np
import pytest
from hypothesis import given, settings

from minimeta import LSTM
from minimeta.calculus.maps import sigmoid
from minimeta.testing import check_map, compare, complex_step, second
from minimeta.testing.laws import transpose
from minimeta.testing.nests import leaves
from minimeta.testing.strategies import lstms

NET = LSTM(3, 5, 2)


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def case(T, lead=(), B=4, net=NET, scale=0.7):
    """theta, x, y_bar, and tangents of the three."""
    shapes = [lead + (net.size,), lead + (T, B, net.n_in), lead + (T, B, net.n_out)]
    theta, *rest = draw(T, *shapes, *shapes)
    return scale * theta, *rest


def gap(these, those):
    """The largest relative difference of two nests of arrays."""
    pairs = zip(leaves(these), leaves(those), strict=True)
    return max(compare("gap", a, b) for a, b in pairs)


@settings(max_examples=40)
@given(lstms())
def test_a_random_network_obeys_every_law(case):
    check_map(case.net, case.x_shape, seed=case.seed, leads=((), (case.K,)),
              scales=(1.0,))


@pytest.mark.parametrize("T", [1, 20, 100])
def test_it_obeys_every_law_at_every_length(T):
    check_map(NET, (T, 4, 3))


def test_two_task_axes_are_as_good_as_one():
    check_map(NET, (6, 4, 3), leads=((2, 7),))


def test_the_forward_pass_is_the_formula():
    theta, x, *_ = case(6)
    p, H = NET.layout.unpack(theta), NET.n_hidden
    h, c, ys = np.tile(p.h0, (4, 1)), np.tile(p.c0, (4, 1)), []
    for x_t in x:
        z = x_t @ p.W + h @ p.U + p.b
        i, f, o = (sigmoid(z[:, k * H:(k + 1) * H]) for k in range(3))
        c = f * c + i * np.tanh(z[:, 3 * H:])
        h = o * np.tanh(c)
        ys.append(h @ p.Wy + p.by)
    y, cache = NET.forward(theta, x)
    assert gap((y, *NET.state_after(cache)), (np.array(ys), h, c)) < 1e-12


@pytest.mark.parametrize("lead", [(), (7,)])
def test_stepping_agrees_with_the_unrolled_forward(lead):
    theta, x, *_ = case(20, lead)
    state, ys = NET.initial_state(theta, 4), []
    for t in range(20):
        y, state = NET.step(theta, state, x[..., t, :, :])
        ys.append(y)
    y, cache = NET.forward(theta, x)
    assert gap((np.stack(ys, -3), *state), (y, *NET.state_after(cache))) < 1e-12


@pytest.mark.parametrize("cut", [1, 6, 19])
def test_a_trial_cut_in_two_equals_the_whole_in_all_four_forms(cut):
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = case(20, (3,))
    y, cache = NET.forward(theta, x)
    y_dot, cache_dot = NET.jvp(theta, cache, theta_dot, x_dot)
    whole = (y, y_dot, NET.vjp(theta, cache, y_bar), NET.vjp_dot(
        theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot))

    parts = [np.s_[:, :cut], np.s_[:, cut:]]
    state, state_dot = NET.initial_state(theta, 4), NET.initial_state(theta_dot, 4)
    ys, ys_dot, caches = [], [], []
    for part in parts:
        y, cache = NET.unroll(theta, state, x[part])
        y_dot, cache_dot = NET.unroll_jvp(
            theta, cache, theta_dot, state_dot, x_dot[part])
        state, state_dot = NET.state_after(cache), NET.state_after(cache_dot)
        ys, ys_dot, caches = ys + [y], ys_dot + [y_dot], caches + [(cache, cache_dot)]

    s_bar = s_bar_dot = tuple(np.zeros((2, 3, 4, 5)))
    theta_bar = theta_bar_dot = 0
    x_bars, x_bars_dot = [], []
    for part, (cache, cache_dot) in reversed(list(zip(parts, caches))):
        more_dot, s_bar_dot, x_bar_dot = NET.unroll_vjp_dot(
            theta, cache, y_bar[part], s_bar,
            theta_dot, cache_dot, y_bar_dot[part], s_bar_dot)
        more, s_bar, x_bar = NET.unroll_vjp(theta, cache, y_bar[part], s_bar)
        theta_bar, theta_bar_dot = theta_bar + more, theta_bar_dot + more_dot
        x_bars, x_bars_dot = [x_bar] + x_bars, [x_bar_dot] + x_bars_dot
    theta_bar = theta_bar + NET.initial_state_vjp(s_bar)
    theta_bar_dot = theta_bar_dot + NET.initial_state_vjp(s_bar_dot)

    join = lambda pair: np.concatenate(pair, 1)
    assert gap((join(ys), join(ys_dot), (theta_bar, join(x_bars)),
                (theta_bar_dot, join(x_bars_dot))), whole) < 1e-12


def test_the_gradient_reaches_a_state_that_is_given_and_leaves_the_learned_one_alone():
    theta, x, y_bar, *_ = case(6)
    h, c, h_end, c_end = draw(9, *[(4, 5)] * 4)

    def value(z):
        state = z[:20].reshape(4, 5), z[20:].reshape(4, 5)
        y, cache = NET.unroll(theta.astype(z.dtype), state, x)  # its dtype is the rule
        h, c = NET.state_after(cache)
        return (y_bar * y).sum() + (h_end * h).sum() + (c_end * c).sum()

    def grad(z):
        state, ends = (z[:20].reshape(4, 5), z[20:].reshape(4, 5)), (h_end, c_end)
        _, cache = NET.unroll(theta, state, x)
        theta_bar, (h_bar, c_bar), _ = NET.unroll_vjp(theta, cache, y_bar, ends)
        assert not NET.layout.unpack(theta_bar).h0.any()
        assert not NET.layout.unpack(theta_bar).c0.any()
        return np.concatenate([h_bar.ravel(), c_bar.ravel()])

    assert complex_step(value, grad, np.concatenate([h.ravel(), c.ravel()])) < 1e-12


def test_a_cotangent_of_the_last_state_reaches_all_parameters_to_second_order():
    theta, x, y_bar, *_ = case(6)
    h_end, c_end = draw(9, (4, 5), (4, 5))
    v, = draw(10, NET.size)
    nothing = (np.zeros((4, 5)), np.zeros((4, 5)))

    def value(theta):
        y, cache = NET.forward(theta, x)
        return (y_bar * y).sum() + sum(
            (e * s).sum() for e, s in zip((h_end, c_end), NET.state_after(cache)))

    def grad(theta):
        _, cache = NET.forward(theta, x)
        theta_bar, s_bar, _ = NET.unroll_vjp(theta, cache, y_bar, (h_end, c_end))
        return theta_bar + NET.initial_state_vjp(s_bar)

    def hvp(theta, v):
        _, cache = NET.forward(theta, x)
        _, cache_dot = NET.jvp(theta, cache, v)
        theta_bar, s_bar, _ = NET.unroll_vjp_dot(
            theta, cache, y_bar, (h_end, c_end), v, cache_dot, 0 * y_bar, nothing)
        return theta_bar + NET.initial_state_vjp(s_bar)

    assert complex_step(value, grad, theta, name=NET.layout.name) < 1e-12
    assert second(grad, hvp, theta, v, name=NET.layout.name) < 1e-12


@pytest.mark.parametrize("T", [1, 20])
def test_every_coordinate_is_right_and_the_learned_state_has_a_gradient(T):
    theta, x, y_bar, *_ = case(T)

    def value(theta):
        return (y_bar * NET.forward(theta, x)[0]).sum()

    def grad(theta):
        return NET.vjp(theta, NET.forward(theta, x)[1], y_bar)[0]

    assert complex_step(value, grad, theta, name=NET.layout.name) < 1e-12
    blocks = NET.layout.unpack(grad(theta))
    assert blocks.h0.all() and blocks.c0.all() and blocks.U.all()


def test_initial_state_and_its_vjp_are_transposes():
    theta, _, _, v, *_ = case(1, (7,))
    h_bar, c_bar = draw(3, (7, 4, 5), (7, 4, 5))
    assert transpose((h_bar, c_bar), NET.initial_state(v, 4),
                     NET.initial_state_vjp((h_bar, c_bar)), v) < 1e-13


def test_float32_stays_float32_everywhere():
    theta, x, y_bar, theta_dot, x_dot, y_bar_dot = (
        a.astype(np.float32) for a in case(6, (7,)))
    y, cache = NET.forward(theta, x)
    y_dot, cache_dot = NET.jvp(theta, cache, theta_dot, x_dot)
    back = NET.vjp(theta, cache, y_bar)
    back_dot = NET.vjp_dot(theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot)
    stepped = NET.step(theta, NET.initial_state(theta, 4), x[:, 0])
    for array in leaves((y, cache, y_dot, cache_dot, back, back_dot, stepped)):
        assert array.dtype == np.float32
    assert NET.init(np.random.default_rng(0), np.float32).dtype == np.float32


def test_the_forget_gate_begins_open_and_the_learned_state_at_zero():
    p = NET.layout.unpack(NET.init(np.random.default_rng(0)))
    assert p.b.reshape(4, 5).tolist() == [[0] * 5, [1] * 5, [0] * 5, [0] * 5]
    assert not p.h0.any() and not p.c0.any()


@pytest.mark.parametrize("sizes, error", [
    ((3, 0, 2), ValueError), ((3, 5, 2.0), TypeError), ((3, True, 2), TypeError)])
def test_sizes_that_cannot_be_are_refused(sizes, error):
    with pytest.raises(error, match="n_"):
        LSTM(*sizes)


def test_a_batch_size_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="B must be at least 1, got 0"):
        NET.initial_state(np.zeros(NET.size), 0)


@pytest.mark.parametrize("x, error", [(np.zeros(3), ValueError), ([[0.0]], TypeError)])
def test_an_x_that_is_no_trial_is_refused_by_name(x, error):
    net = LSTM(3, 4, 2)
    with pytest.raises(error, match="x must"):
        net.forward(net.init(np.random.default_rng(0)), x)


def test_a_complex_state_makes_a_complex_trial():
    net, rng = LSTM(3, 4, 2), np.random.default_rng(0)
    theta, x = net.init(rng), rng.normal(size=(5, 6, 3))
    h, c, h_dot, c_dot = rng.normal(size=(4, 6, 4))
    y, _ = net.unroll(theta, (h + 1e-30j * h_dot, c + 1e-30j * c_dot), x)
    _, cache = net.unroll(theta, (h, c), x)
    y_dot, _ = net.unroll_jvp(theta, cache, 0 * theta, (h_dot, c_dot), 0 * x)
    assert np.linalg.norm(y.imag / 1e-30 - y_dot) < 1e-12 * np.linalg.norm(y_dot)
