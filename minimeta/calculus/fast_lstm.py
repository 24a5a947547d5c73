"""This file holds the LSTM's loops through time, written for speed. `recurrence` with
the cell of `lstm` does the same in plain lines, which are the test of these.

    recur, recur_jvp, recur_vjp, recur_vjp_dot     those of recurrence, without the cell

A step of a few thousand numbers costs as much for the calls as for the arithmetic. So
every line here writes into an array that is made once, the last argument of the call,
and one line serves as many gates as it can. A constant is an array of no axes, which
NumPy takes faster than a Python number. At B = 64, T = 100, H = 48 a gradient and a
Hessian-vector product take 0.6 of the time of the plain lines; at H = 256, where the
products of matrices prevail, 0.8.

The letters are those of `recurrence` and `lstm`. What is kept of a step is one array of
six blocks, [..., 6H, B]: i, f, o, g, c_prev and q, one below the other. So a product
with the neighbours (g, c_prev, q) serves i, f and o. The tangent lies in the same way.
"""
import numpy as np
from numpy import add, matmul, multiply, negative, subtract, tanh

from .maps import transpose

ALL, SIGMOIDS, IF, GC, GCQ = (0, 4), (0, 3), (0, 2), (3, 5), (3, 6)
I, F, O, G, C, Q = ((k, k + 1) for k in range(6))
WIDE = 1 << 16   # numbers of a V for which V_bar is summed from several steps at once,
COLUMNS = 256    # so many that a product has this number of columns


def blocks(array, H, *bounds):
    """Of each (start, stop) the blocks of H rows from start to stop, as views."""
    return [array[..., start * H:stop * H, :] for start, stop in bounds]


class Kept(list):
    """What the cell keeps of each step, (a, c_prev, q), and the same of all steps as an
    array [T, ..., 6H, B], so that nobody has to stack them."""

    six = None


def keep(six):
    """The Kept of this array."""
    kept = Kept(zip(*blocks(six, six.shape[-2] // 6, ALL, C, Q)))
    kept.six = six
    return kept


def stacked(kept):
    """The array of a Kept, or of a list of (a, c_prev, q)."""
    if getattr(kept, "six", None) is not None:
        return kept.six
    return np.concatenate([np.stack(column) for column in zip(*kept)], -2)


class Waiting:
    """Steps that wait until one product adds seen_t z_bar_t^T of all of them to V_bar:

        [seen_1 seen_2 ..] [z_bar_1 z_bar_2 ..]^T  =  seen_1 z_bar_1^T + ..

    To add a product to V_bar is to read and write all of V_bar. Where V is wide, to lay
    some steps side by side costs less.
    """

    def __init__(self, V_bar, z_bar):
        (*lead, n, m), B = V_bar.shape, z_bar.shape[-1]
        self.V_bar, self.n = V_bar, 0
        self.most = COLUMNS // B if n * m >= WIDE else 0
        self.seen, self.z_bar = (np.empty((*lead, rows, self.most, B), z_bar.dtype)
                                 for rows in (n, m))

    def append(self, seen_t, z_bar):
        """A step more. z_bar may change afterwards."""
        self.seen[..., self.n, :], self.z_bar[..., self.n, :] = seen_t, z_bar
        self.n += 1
        if self.n == self.most:
            self.flush()

    def flush(self):
        """Leaves no step waiting."""
        seen, z_bar = (a[..., :self.n, :].reshape(*a.shape[:-2], -1)
                       for a in (self.seen, self.z_bar))
        add(self.V_bar, matmul(seen, transpose(z_bar)), self.V_bar)
        self.n = 0


def recur(V, seen, hs, state):
    """Fills hs. Returns states and kept.

        i, f, o, g = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o), tanh(z_g)
        c = f c_prev + i g,    q = tanh(c),    h = o q

    sigmoid(z) = (1 + tanh(z / 2)) / 2. So the columns of V that make z_i, z_f and z_o
    are halved once, and one tanh serves all four.
    """
    n_steps, (_, c_first) = len(seen) - 1, state
    *lead, H, B = c_first.shape
    six = np.empty((n_steps + 1, *lead, 6 * H, B), seen.dtype)
    fours, ss, i_fs, os, g_cs, cs, qs = blocks(six, H, ALL, SIGMOIDS, IF, O, GC, C, Q)
    cs[0], half = c_first, np.array(0.5, seen.dtype)
    products = np.empty((*lead, 2 * H, B), seen.dtype)
    ig, fc = blocks(products, H, I, F)
    halved = np.array(transpose(V), order="C")
    halved[..., :3 * H, :] *= 0.5
    for seen_t, h, four, s, i_f, o, g_c, c, q in zip(
            seen, hs[1:], fours, ss, i_fs, os, g_cs, cs[1:], qs):
        matmul(halved, seen_t, four)
        tanh(four, four)
        multiply(s, half, s)
        add(s, half, s)
        multiply(i_f, g_c, products)
        add(fc, ig, c)
        tanh(c, q)
        multiply(o, q, h)
    return list(zip(hs, cs)), keep(six[:-1])


def recur_jvp(V, cache, V_dot, seen_dot, hs_dot, state_dot):
    """Fills hs_dot. Returns states_dot and kept_dot.

        a_dot = slope z_dot,    slope = i - i^2, f - f^2, o - o^2, 1 - g^2
        c_dot = (i_dot, f_dot) (g, c_prev) + (i, f) (g_dot, c_prev_dot), both halves
        q_dot = (1 - q^2) c_dot,    h_dot = o_dot q + o q_dot
    """
    n_steps, (_, c_first_dot) = len(seen_dot) - 1, state_dot
    (*lead, H, B), dtype, six = c_first_dot.shape, seen_dot.dtype, stacked(cache.kept)
    six_dot = np.empty((n_steps + 1, *lead, 6 * H, B), dtype)
    *columns, cs_dot, qs_dot = blocks(six_dot, H, ALL, IF, O, GC, C, Q)
    cs_dot[0], one = c_first_dot, np.array(1, dtype)
    z_dot, slope = np.empty((2, *lead, 4 * H, B), dtype)
    slope_s, slope_g = blocks(slope, H, SIGMOIDS, G)
    products, more = np.empty((2, *lead, 2 * H, B), dtype)
    (by_i, by_f), by_q = blocks(products, H, I, F), np.empty((*lead, H, B), dtype)
    V_transpose, V_transpose_dot = (
        np.array(transpose(W), order="C") for W in (V, V_dot))
    for (seen_t, seen_t_dot, h_dot, four, s, i_f, o, g_c, q,
         four_dot, i_f_dot, o_dot, g_c_dot, c_dot, q_dot) in zip(
            cache.seen, seen_dot, hs_dot[1:],
            *blocks(six, H, ALL, SIGMOIDS, IF, O, GC, Q),
            *columns, cs_dot[1:], qs_dot):
        matmul(V_transpose, seen_t_dot, four_dot)
        matmul(V_transpose_dot, seen_t, z_dot)
        add(four_dot, z_dot, z_dot)
        multiply(four, four, slope)
        subtract(s, slope_s, slope_s)
        subtract(one, slope_g, slope_g)
        multiply(slope, z_dot, four_dot)
        multiply(i_f_dot, g_c, products)
        multiply(i_f, g_c_dot, more)
        add(products, more, products)
        add(by_f, by_i, c_dot)
        multiply(q, q, by_q)
        subtract(one, by_q, by_q)
        multiply(by_q, c_dot, q_dot)
        multiply(o_dot, q, by_q)
        multiply(o, q_dot, h_dot)
        add(h_dot, by_q, h_dot)
    return list(zip(hs_dot, cs_dot)), keep(six_dot[:-1])


def recur_vjp(V, cache, h_bars, state_bar):
    """Returns V_bar, x_bar and state_bar.

        c_bar += (1 - q^2) o h_bar
        z_bar  = slope (g, c_prev, q, i) (c_bar, c_bar, h_bar, c_bar)
        c_prev_bar = f c_bar
    """
    (n_steps, *lead, H, B), (seen, _, kept), WU = h_bars.shape, cache, V[..., :-1, :]
    six = stacked(kept)
    dtype = np.result_type(V, seen, h_bars, *state_bar)
    h_bar, c_bar = (np.array(bar, dtype, order="C") for bar in state_bar)
    xh_bars = np.empty((n_steps, *lead, WU.shape[-2], B), dtype)
    z_bar, by_q, after = np.empty((*lead, 4 * H, B), dtype), np.empty_like(h_bar), h_bar
    (V_bar, of_V), z_bar_T = np.zeros((2,) + V.shape, dtype), transpose(z_bar)
    waiting = Waiting(V_bar, z_bar)
    z_s, z_i, z_f, z_o, z_g = blocks(z_bar, H, SIGMOIDS, I, F, O, G)
    one, read = np.array(1, dtype), (ALL, SIGMOIDS, GCQ, I, F, O, Q)
    for seen_t, four, s, g_c_q, i, f, o, q, h_bar_t, xh_bar in zip(*(
            array[n_steps - 1::-1] for array in (
                seen, *blocks(six, H, *read), h_bars, xh_bars))):
        add(h_bar_t, after, h_bar)
        multiply(q, q, by_q)
        subtract(one, by_q, by_q)
        multiply(by_q, o, by_q)
        multiply(by_q, h_bar, by_q)
        add(c_bar, by_q, c_bar)
        multiply(four, four, z_bar)
        subtract(s, z_s, z_s)
        subtract(one, z_g, z_g)
        multiply(z_s, g_c_q, z_s)
        multiply(z_g, i, z_g)
        multiply(z_i, c_bar, z_i)
        multiply(z_f, c_bar, z_f)
        multiply(z_o, h_bar, z_o)
        multiply(z_g, c_bar, z_g)
        multiply(c_bar, f, c_bar)
        if waiting.most > 1:                      # V_bar += seen_t z_bar^T
            waiting.append(seen_t, z_bar)
        else:
            matmul(seen_t, z_bar_T, of_V)
            add(V_bar, of_V, V_bar)
        matmul(WU, z_bar, xh_bar)
        after = xh_bar[..., -H:, :]
    if waiting.n:
        waiting.flush()
    return V_bar, xh_bars[..., :-H, :], (after, c_bar)


def recur_vjp_dot(V, cache, h_bars, state_bar,
                  V_dot, cache_dot, h_bars_dot, state_bar_dot):
    """Returns V_bar_dot, x_bar_dot and state_bar_dot.

        c_bar_dot += r h_bar_dot + r_dot h_bar,    r = (1 - q^2) o
        z_bar_dot  = p e_dot + p_dot e,    p = slope (g, c_prev, q, i)
                                           e = (c_bar, c_bar, h_bar, c_bar)
        c_prev_bar_dot = f c_bar_dot + f_dot c_bar
    """
    (n_steps, *lead, H, B), (seen, _, kept), WU = h_bars.shape, cache, V[..., :-1, :]
    (seen_dot, _, kept_dot), WU_dot = cache_dot, V_dot[..., :-1, :]
    six, six_dot = stacked(kept), stacked(kept_dot)
    dtype = np.result_type(V, seen, h_bars, *state_bar, V_dot, seen_dot, h_bars_dot,
                           *state_bar_dot)
    e, e_dot, slope, p, p_dot, z_bar = np.empty((6, *lead, 4 * H, B), dtype)
    (c_bar, e_f, h_bar, e_g), (c_bar_dot, e_f_dot, h_bar_dot, e_g_dot) = (
        blocks(array, H, I, F, O, G) for array in (e, e_dot))
    h_bar[...], c_bar[...], h_bar_dot[...], c_bar_dot[...] = *state_bar, *state_bar_dot
    (slope_s, slope_g), (p_s, p_g), (p_s_dot, p_g_dot) = (
        blocks(array, H, SIGMOIDS, G) for array in (slope, p, p_dot))
    r, r_dot, by_q = np.empty((3, *lead, H, B), dtype)
    V_bar_dot, of_V = np.zeros((2, *lead, 4 * H, V.shape[-2]), dtype)    # transposed
    xh_bars_dot = np.empty((n_steps, *lead, WU.shape[-2], B), dtype)
    xh_bar = np.empty((*lead, WU.shape[-2], B), dtype)
    after, after_dot = h_bar, h_bar_dot
    one, read = np.array(1, dtype), (ALL, SIGMOIDS, GCQ, I, F, O, Q)
    for (seen_t, four, s, g_c_q, i, f, o, q, h_bar_t,
         seen_t_dot, four_dot, s_dot, g_c_q_dot, i_dot, f_dot, o_dot, q_dot,
         h_bar_t_dot, xh_bar_dot) in zip(*(array[n_steps - 1::-1] for array in (
            transpose(seen), *blocks(six, H, *read), h_bars,
            transpose(seen_dot), *blocks(six_dot, H, *read), h_bars_dot, xh_bars_dot))):
        add(h_bar_t, after, h_bar)
        add(h_bar_t_dot, after_dot, h_bar_dot)
        multiply(q, q, by_q)                      # r, and r_dot = (1 - q^2) o_dot
        subtract(one, by_q, by_q)                 #                - 2 q q_dot o
        multiply(by_q, o, r)
        multiply(by_q, o_dot, r_dot)
        multiply(q, q_dot, by_q)
        multiply(by_q, o, by_q)
        subtract(r_dot, by_q, r_dot)
        subtract(r_dot, by_q, r_dot)
        multiply(r_dot, h_bar, r_dot)             # e_dot
        multiply(r, h_bar_dot, by_q)
        add(by_q, r_dot, r_dot)
        add(c_bar_dot, r_dot, e_f_dot)
        add(c_bar_dot, r_dot, e_g_dot)
        add(c_bar_dot, r_dot, c_bar_dot)
        multiply(r, h_bar, r)                     # e
        add(c_bar, r, e_f)
        add(c_bar, r, e_g)
        add(c_bar, r, c_bar)
        multiply(four, four, slope)               # p
        subtract(s, slope_s, slope_s)
        subtract(one, slope_g, slope_g)
        multiply(slope_s, g_c_q, p_s)
        multiply(slope_g, i, p_g)
        multiply(four, four_dot, p_dot)           # p_dot, with slope_dot =
        add(p_dot, p_dot, p_dot)                  #   s_dot - 2 s s_dot and -2 g g_dot
        subtract(s_dot, p_s_dot, p_s_dot)
        negative(p_g_dot, p_g_dot)
        multiply(p_s_dot, g_c_q, p_s_dot)
        multiply(p_g_dot, i, p_g_dot)
        multiply(slope_s, g_c_q_dot, slope_s)
        multiply(slope_g, i_dot, slope_g)
        add(p_dot, slope, p_dot)
        multiply(p, e, z_bar)                     # z_bar, and z_bar_dot in p
        multiply(p, e_dot, p)
        multiply(p_dot, e, p_dot)
        add(p, p_dot, p)
        multiply(c_bar_dot, f, c_bar_dot)
        multiply(c_bar, f_dot, by_q)
        add(c_bar_dot, by_q, c_bar_dot)
        multiply(c_bar, f, c_bar)
        matmul(p, seen_t, of_V)
        add(V_bar_dot, of_V, V_bar_dot)
        matmul(z_bar, seen_t_dot, of_V)
        add(V_bar_dot, of_V, V_bar_dot)
        matmul(WU, p, xh_bar_dot)
        matmul(WU_dot, z_bar, xh_bar)
        add(xh_bar_dot, xh_bar, xh_bar_dot)
        matmul(WU, z_bar, xh_bar)
        after, after_dot = xh_bar[..., -H:, :], xh_bar_dot[..., -H:, :]
    return transpose(V_bar_dot), xh_bars_dot[..., :-H, :], (after_dot, c_bar_dot)
