"""The GRU's own: its formula, and what its candidate sees."""
import numpy as np

from minimeta import GRU
from minimeta.calculus.maps import sigmoid

NET = GRU(3, 5, 2)


def test_the_forward_pass_is_the_formula():
    rng = np.random.default_rng(0)
    theta, x = 0.7 * rng.normal(size=NET.size), rng.normal(size=(6, 4, 3))
    p = NET.layout.unpack(theta)
    W_a, W_u, W_r = np.split(p.W, 3, -1)
    U_u, U_r, U_b = np.split(p.U, 3, -1)
    b_a, b_u, b_r, b_b = np.split(p.b, 4)
    h, ys = np.tile(p.h0, (4, 1)), []
    for x_t in x:
        u = sigmoid(x_t @ W_u + h @ U_u + b_u)
        r = sigmoid(x_t @ W_r + h @ U_r + b_r)
        n = np.tanh(x_t @ W_a + b_a + r * (h @ U_b + b_b))
        h = (1 - u) * n + u * h
        ys.append(h @ p.Wy + p.by)
    y, cache = NET.forward(theta, x)
    assert np.abs(y - np.array(ys)).max() < 1e-13
    assert np.abs(NET.state_after(cache)[0] - h).max() < 1e-13


def test_a_cache_does_not_keep_all_gates_alive_for_one_of_them():
    _, cache = NET.forward(NET.init(np.random.default_rng(0)), np.zeros((6, 4, 3)))
    for _, b, *_ in cache.kept:
        assert b.base is None and b.shape == (5, 4)


def test_theta_holds_no_zeros_of_the_candidate():
    assert NET.size == (3 + 5) * 3 * 5 + 4 * 5 + 5 + 5 * 2 + 2
    theta = np.random.default_rng(0).normal(size=(7, NET.size))
    V = NET.assemble(theta)
    p = NET.layout.unpack(theta)
    assert np.array_equal(V[:, :3, :15], p.W) and not V[:, :3, 15:].any()
    assert np.array_equal(V[:, 3:8, 5:], p.U) and not V[:, 3:8, :5].any()
    assert np.array_equal(V[:, 8], p.b)


def test_an_open_update_gate_keeps_the_state_and_a_closed_one_forgets_it():
    rng = np.random.default_rng(1)
    h, x = rng.normal(size=(4, 5)), rng.normal(size=(1, 4, 3))
    for bias, kept in ((40.0, True), (-40.0, False)):
        blocks = NET.layout.unpack(NET.init(rng))._asdict()
        b = np.array(blocks["b"])
        b[5:10] = bias
        _, cache = NET.unroll(NET.layout.pack(**blocks | {"b": b}), (h,), x)
        assert (np.abs(NET.state_after(cache)[0] - h).max() < 1e-12) == kept


def test_the_update_gate_begins_open_and_the_learned_state_at_zero():
    p = NET.layout.unpack(NET.init(np.random.default_rng(0)))
    assert p.b.reshape(4, 5).tolist() == [[0] * 5, [1] * 5, [0] * 5, [0] * 5]
    assert not p.h0.any()
