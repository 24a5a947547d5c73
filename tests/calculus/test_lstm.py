"""The LSTM's own: its formula. Laws and contract are those of every recurrent network."""
import numpy as np

from minimeta import LSTM
from minimeta.calculus.maps import sigmoid

NET = LSTM(3, 5, 2)


def test_the_forward_pass_is_the_formula():
    rng = np.random.default_rng(0)
    theta, x = 0.7 * rng.normal(size=NET.size), rng.normal(size=(6, 4, 3))
    p, H = NET.layout.unpack(theta), NET.n_hidden
    h, c, ys = np.tile(p.h0, (4, 1)), np.tile(p.c0, (4, 1)), []
    for x_t in x:
        z = x_t @ p.W + h @ p.U + p.b
        i, f, o = (sigmoid(z[:, k * H:(k + 1) * H]) for k in range(3))
        c = f * c + i * np.tanh(z[:, 3 * H:])
        h = o * np.tanh(c)
        ys.append(h @ p.Wy + p.by)
    y, cache = NET.forward(theta, x)
    assert np.abs(y - np.array(ys)).max() < 1e-13
    assert np.abs(np.array(NET.state_after(cache)) - np.array([h, c])).max() < 1e-13


def test_theta_holds_w_u_b_the_learned_state_and_the_read_out_in_this_order():
    assert NET.layout.shapes == (
        ("W", (3, 20)), ("U", (5, 20)), ("b", (20,)), ("h0", (5,)), ("c0", (5,)),
        ("Wy", (5, 2)), ("by", (2,)))


def test_the_forget_gate_begins_open_and_the_learned_state_at_zero():
    p = NET.layout.unpack(NET.init(np.random.default_rng(0)))
    assert p.b.reshape(4, 5).tolist() == [[0] * 5, [1] * 5, [0] * 5, [0] * 5]
    assert not p.h0.any() and not p.c0.any()


def test_the_weights_are_assembled_without_a_copy():
    theta = np.random.default_rng(0).normal(size=(7, NET.size))
    p, V, Y = NET.layout.unpack(theta), NET.assemble(theta), NET.read_out(theta)
    assert np.shares_memory(V, theta) and np.shares_memory(Y, theta)
    assert np.array_equal(V, np.concatenate([p.W, p.U, p.b[:, None]], -2))
    assert np.array_equal(Y, np.concatenate([p.Wy, p.by[:, None]], -2))
