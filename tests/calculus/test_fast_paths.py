"""The fast forms of the LSTM against plain ones: one gate after the other, made of the
elementary maps, a row for each episode, every product of its own."""
import numpy as np
import pytest

from minimeta import LSTM
from minimeta.calculus import cell as fast
from minimeta.calculus.maps import (T, affine, affine_vjp, sigmoid, sigmoid_jvp,
                                    sigmoid_vjp, sigmoid_vjp_dot, tanh, tanh_jvp,
                                    tanh_vjp, tanh_vjp_dot)
from minimeta.calculus.recurrence import columns, rows

H, B = 5, 4
NET = LSTM(3, H, 2)


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def error(these, those):
    pairs = list(zip(these, those, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in pairs)


# ---- the plain cell: z [B, 4H] and the rest [B, H]

def gates(z):
    i, f, o, g = np.split(z, 4, -1)
    return sigmoid(i), sigmoid(f), sigmoid(o), tanh(g)


def cell(z, c_prev):
    i, f, o, g = gates(z)
    c = f * c_prev + i * g
    return o * tanh(c), c


def cell_jvp(z, c_prev, z_dot, c_prev_dot):
    (i, f, o, g), (_, c) = gates(z), cell(z, c_prev)
    z_i_dot, z_f_dot, z_o_dot, z_g_dot = np.split(z_dot, 4, -1)
    i_dot, f_dot = sigmoid_jvp(i, z_i_dot), sigmoid_jvp(f, z_f_dot)
    o_dot, g_dot = sigmoid_jvp(o, z_o_dot), tanh_jvp(g, z_g_dot)
    c_dot = f_dot * c_prev + f * c_prev_dot + i_dot * g + i * g_dot
    q_dot = tanh_jvp(tanh(c), c_dot)
    a_dot = np.concatenate([i_dot, f_dot, o_dot, g_dot], -1)
    return o_dot * tanh(c) + o * q_dot, c_dot, a_dot, q_dot


def cell_vjp(z, c_prev, h_bar, c_bar):
    (i, f, o, g), (_, c) = gates(z), cell(z, c_prev)
    c_bar = c_bar + tanh_vjp(tanh(c), h_bar * o)
    z_bar = [sigmoid_vjp(i, c_bar * g), sigmoid_vjp(f, c_bar * c_prev),
             sigmoid_vjp(o, h_bar * tanh(c)), tanh_vjp(g, c_bar * i)]
    return np.concatenate(z_bar, -1), c_bar * f


def cell_vjp_dot(z, c_prev, h_bar, c_bar, z_dot, c_prev_dot, h_bar_dot, c_bar_dot):
    (i, f, o, g), q = gates(z), tanh(cell(z, c_prev)[1])
    _, _, a_dot, q_dot = cell_jvp(z, c_prev, z_dot, c_prev_dot)
    i_dot, f_dot, o_dot, g_dot = np.split(a_dot, 4, -1)
    q_bar_dot = h_bar_dot * o + h_bar * o_dot
    c_bar_dot = c_bar_dot + tanh_vjp_dot(q, h_bar * o, q_dot, q_bar_dot)
    c_bar = c_bar + tanh_vjp(q, h_bar * o)
    z_bar_dot = [
        sigmoid_vjp_dot(i, c_bar * g, i_dot, c_bar_dot * g + c_bar * g_dot),
        sigmoid_vjp_dot(
            f, c_bar * c_prev, f_dot, c_bar_dot * c_prev + c_bar * c_prev_dot),
        sigmoid_vjp_dot(o, h_bar * q, o_dot, h_bar_dot * q + h_bar * q_dot),
        tanh_vjp_dot(g, c_bar * i, g_dot, c_bar_dot * i + c_bar * i_dot)]
    return np.concatenate(z_bar_dot, -1), c_bar_dot * f + c_bar * f_dot


def test_the_cell_is_the_plain_one_in_all_four_forms():
    z, z_dot, *rest = draw(0, *[(B, 4 * H)] * 2, *[(B, H)] * 6)
    c_prev, c_prev_dot, h_bar, c_bar, h_bar_dot, c_bar_dot = rest
    a = fast.gates(T(z).copy())
    h, c, q = fast.cell(a, T(c_prev))
    assert error([T(a), T(h), T(c)],
                 [np.concatenate(gates(z), -1), *cell(z, c_prev)]) < 1e-15
    dots = fast.cell_jvp(a, T(c_prev), q, T(z_dot), T(c_prev_dot))
    assert error(map(T, dots), cell_jvp(z, c_prev, z_dot, c_prev_dot)) < 1e-14
    bars = fast.cell_vjp(a, T(c_prev), q, T(h_bar), T(c_bar))
    assert error(map(T, bars), cell_vjp(z, c_prev, h_bar, c_bar)) < 1e-14
    bars_dot = fast.cell_vjp_dot(
        a, T(c_prev), q, T(h_bar), T(c_bar),
        dots[2], T(c_prev_dot), dots[3], T(h_bar_dot), T(c_bar_dot))
    assert error(map(T, bars_dot), cell_vjp_dot(
        z, c_prev, h_bar, c_bar, z_dot, c_prev_dot, h_bar_dot, c_bar_dot)) < 1e-14


# ---- the plain network

def forward(p, x):
    """y and, for each step, h_{t-1}, c_{t-1}, z_t."""
    h, c = np.tile(p.h0, (B, 1)), np.tile(p.c0, (B, 1))
    ys, steps = [], []
    for x_t in x:
        z = affine(x_t, p.W, p.b) + h @ p.U
        steps.append((h, c, z))
        h, c = cell(z, c)
        ys.append(affine(h, p.Wy, p.by))
    return np.array(ys), steps


def vjp(p, x, steps, y_bar):
    """The blocks of theta_bar by name, and x_bar."""
    bars = {name: np.zeros_like(block) for name, block in p._asdict().items()}
    x_bar, h_bar, c_bar = np.zeros_like(x), np.zeros((B, H)), np.zeros((B, H))
    for t, (h_prev, c_prev, z) in reversed(list(enumerate(steps))):
        h, _ = cell(z, c_prev)
        more, Wy_bar, by_bar = affine_vjp(h, p.Wy, y_bar[t])
        z_bar, c_bar = cell_vjp(z, c_prev, h_bar + more, c_bar)
        x_bar[t], W_bar, b_bar = affine_vjp(x[t], p.W, z_bar)
        h_bar, U_bar, _ = affine_vjp(h_prev, p.U, z_bar)
        for name, bar in {"W": W_bar, "U": U_bar, "b": b_bar,
                          "Wy": Wy_bar, "by": by_bar}.items():
            bars[name] += bar
    return bars | {"h0": h_bar.sum(0), "c0": c_bar.sum(0)}, x_bar


@pytest.mark.parametrize("n_steps", [1, 7, 100])
def test_the_network_and_its_gradient_are_the_plain_ones(n_steps):
    theta, x, y_bar = draw(n_steps, (NET.size,), (n_steps, B, 3), (n_steps, B, 2))
    theta *= 0.7
    p = NET.layout.unpack(theta)
    y_plain, steps = forward(p, x)
    y, cache = NET.forward(theta, x)
    assert error([y, cache.x], [y_plain, x]) < 1e-13
    theta_bar, x_bar = NET.vjp(theta, cache, y_bar)
    bars, x_bar_plain = vjp(p, x, steps, y_bar)
    assert error([*NET.layout.unpack(theta_bar), x_bar],
                 [*(bars[name] for name in NET.layout.names), x_bar_plain]) < 1e-12


def test_the_stacked_weights_are_views_of_theta():
    theta, = draw(0, (7, NET.size))
    p, (V, _, _, Y) = NET.layout.unpack(theta), NET.stacked.unpack(theta)
    assert np.shares_memory(V, theta) and np.shares_memory(Y, theta)
    assert np.array_equal(V, np.concatenate([p.W, p.U, p.b[:, None]], -2))
    assert np.array_equal(Y, np.concatenate([p.Wy, p.by[:, None]], -2))


def test_columns_and_rows_are_inverse_views():
    x, = draw(0, (7, 6, B, 3))
    assert columns(x).shape == (6, 7, 3, B)
    assert np.array_equal(rows(columns(x)), x)
    assert np.shares_memory(rows(columns(x)), x)


def test_a_state_of_another_dtype_decides_with_theta_and_x():
    """A complex step may enter by the state alone."""
    theta, x, h, c, h_dot = draw(0, (NET.size,), (6, B, 3), *[(B, H)] * 3)
    y, _ = NET.unroll(theta, (h + 1e-30j * h_dot, c + 0j), x)
    y_real, cache = NET.unroll(theta, (h, c), x)
    nothing = np.zeros(NET.size), (h_dot, 0 * c), 0 * x
    y_dot, _ = NET.unroll_jvp(theta, cache, *nothing)
    assert error([y.real, y.imag / 1e-30], [y_real, y_dot]) < 1e-13
