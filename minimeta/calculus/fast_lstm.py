"""This file holds the LSTM's loops through time, written for speed. `recurrence` with
the cell of `lstm` does the same in plain lines, which are the test of these.

    recur(V, seen, hs, state)                the loop of recurrence.recur
    recur_vjp(V, cache, h_bars, state_bar)   the loop of recurrence.recur_vjp

A step of a few thousand numbers costs as much for the calls as for the arithmetic. So
every line here writes into an array that is made once, the last argument of the call,
and one line serves as many gates as it can. A constant is an array of no axes, which
NumPy takes faster than a Python number.

The letters are those of `recurrence` and `lstm`. Here a has a fifth block, c_prev:
[..., 5H, B] holds i, f, o, g and c_prev, one below the other. So (i, f) (g, c_prev) is
one product of neighbours, and c is the sum of its halves.
"""
import numpy as np
from numpy import add, matmul, multiply, subtract, tanh

from .maps import transpose


class Kept(list):
    """What the cell keeps of each step, (a, c_prev, q), and the same of all steps as
    two arrays, (a, c_prev) and q, so that nobody has to stack them."""

    arrays = None


def arrays(kept):
    """(a, c_prev) [T, ..., 5H, B] and q [T, ..., H, B] of all steps."""
    if getattr(kept, "arrays", None):
        return kept.arrays
    a, c_prev, q = (np.stack(column) for column in zip(*kept))
    return np.concatenate([a, c_prev], -2), q


def blocks(a, H, *bounds):
    """The rows of a [..., n H, B] from each (start, stop) of the bounds, in blocks of H
    rows; views."""
    return [a[..., start * H:stop * H, :] for start, stop in bounds]


ALL, S, IF, GC, I, F, O, G, C = (
    (0, 4), (0, 3), (0, 2), (3, 5), (0, 1), (1, 2), (2, 3), (3, 4), (4, 5))


def recur(V, seen, hs, state):
    """Fills hs. Returns states and kept.

        i, f, o, g = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o), tanh(z_g)
        c = f c_prev + i g,    q = tanh(c),    h = o q

    sigmoid(z) = (1 + tanh(z / 2)) / 2. So the columns of V that make z_i, z_f and z_o
    are halved once, and one tanh serves all four.
    """
    n_steps, (_, c_first) = len(seen) - 1, state
    *lead, H, B = c_first.shape
    a = np.empty((n_steps + 1, *lead, 5 * H, B), seen.dtype)
    q, products = np.empty_like(a[1:, ..., :H, :]), np.empty_like(a[0, ..., :2 * H, :])
    ig, fc = blocks(products, H, I, F)
    fours, sigmoids, i_fs, os, g_cs, cs = blocks(a, H, ALL, S, IF, O, GC, C)
    cs[0], half = c_first, np.array(0.5, seen.dtype)
    halved = np.array(transpose(V), order="C")
    halved[..., :3 * H, :] *= 0.5
    for seen_t, h, four, s, i_f, o, g_c, c, q_t in zip(
            seen, hs[1:], fours, sigmoids, i_fs, os, g_cs, cs[1:], q):
        matmul(halved, seen_t, four)
        tanh(four, four)
        multiply(s, half, s)
        add(s, half, s)
        multiply(i_f, g_c, products)
        add(fc, ig, c)
        tanh(c, q_t)
        multiply(o, q_t, h)
    kept = Kept(zip(fours, cs, q))
    kept.arrays = a[:-1], q
    return list(zip(hs, cs)), kept


def recur_vjp(V, cache, h_bars, state_bar):
    """Returns V_bar, x_bar and state_bar.

        c_bar += (1 - q^2) o h_bar
        slope  = i - i^2, f - f^2, o - o^2, 1 - g^2
        z_bar  = slope * (g c_bar, c_prev c_bar, q h_bar, i c_bar)
        c_prev_bar = f c_bar
    """
    (n_steps, *lead, H, B), (seen, _, kept), WU = h_bars.shape, cache, V[..., :-1, :]
    a, q = arrays(kept)
    dtype = np.result_type(V, seen, a, h_bars, *state_bar)
    h_bar, c_bar = (np.array(np.broadcast_to(bar, (*lead, H, B)), dtype, order="C")
                    for bar in state_bar)
    xh_bars = np.empty((n_steps, *lead, WU.shape[-2], B), dtype)
    V_bar, z_bar = np.zeros_like(transpose(V), dtype, "C"), np.empty((*lead, 4 * H, B), dtype)
    of_V, by_q, one, after = V_bar.copy(), h_bar.copy(), np.array(1, dtype), h_bar
    z_s, z_if, z_i, z_f, z_o, z_g = blocks(z_bar, H, S, IF, I, F, O, G)
    columns = blocks(a, H, ALL, S, GC, I, F, O)
    for seen_t, four, s, g_c, i, f, o, q_t, h_bar_t, xh_bar in zip(*(
            array[n_steps - 1::-1]
            for array in (transpose(seen), *columns, q, h_bars, xh_bars))):
        add(h_bar_t, after, h_bar)
        multiply(q_t, q_t, by_q)
        subtract(one, by_q, by_q)
        multiply(by_q, o, by_q)
        multiply(by_q, h_bar, by_q)
        add(c_bar, by_q, c_bar)
        multiply(four, four, z_bar)
        subtract(s, z_s, z_s)
        subtract(one, z_g, z_g)
        multiply(z_if, g_c, z_if)
        multiply(z_o, q_t, z_o)
        multiply(z_g, i, z_g)
        multiply(z_i, c_bar, z_i)
        multiply(z_f, c_bar, z_f)
        multiply(z_o, h_bar, z_o)
        multiply(z_g, c_bar, z_g)
        multiply(c_bar, f, c_bar)
        matmul(z_bar, seen_t, of_V)
        add(V_bar, of_V, V_bar)
        matmul(WU, z_bar, xh_bar)
        after = xh_bar[..., -H:, :]
    return transpose(V_bar), xh_bars[..., :-H, :], (after, c_bar)
