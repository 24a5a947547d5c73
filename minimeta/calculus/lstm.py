"""The long short-term memory (LSTM) is a recurrent network with two states, h and c,
and three gates. This file holds its cell in four forms.

    i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)      input, forget, output gate
    g = tanh(z_g)                                           candidate
    c = f c_prev + i g                                      the memory of the cell
    q = tanh(c)
    h = o q                                                 the output of the cell

z holds z_i, z_f, z_o and z_g, one below the other; a holds i, f, o and g in the same
order:

    slope = da/dz = a (1 - a) for i, f and o,         1 - a^2    for g
    slope_dot     = (1 - 2 a) a_dot for i, f and o,   -2 a a_dot for g

h_prev acts through z alone. The transpose goes through the lines above from the last to
the first:

    o_bar = h_bar q,  c_bar += tanh_vjp(q, h_bar o)         h = o q,  q = tanh(c)
    i_bar = c_bar g,       g_bar = c_bar i                  c = f c_prev + i g
    f_bar = c_bar c_prev,  c_prev_bar = c_bar f
    z_bar = slope a_bar                                     a_bar = (i_bar, .., g_bar)

Every line of lstm_vjp_dot is the product rule applied to one of these lines.

One cell in the head. With z_i = z_f = z_o = 0 the gates are half open, with z_g = log 2
the candidate is 3/5, and c_prev is such that c = (c_prev + 3/5) / 2 = log 2. So q = 3/5
and h = 3/10. Back from h_bar = 1: c_bar = 1/2 (1 - 9/25) = 8/25 and c_prev_bar is half
of that; a_bar is 8/25 (3/5, c_prev) for i and f, 3/5 for o, 4/25 for g; and the slopes
are 1/4, 1/4, 1/4 and 16/25.

>>> z, c_prev = np.log([[1.], [1.], [1.], [2.]]), np.log([[4.]]) - 3/5
>>> (h, c), kept = lstm(z, (np.zeros((1, 1)), c_prev))
>>> z_bar, (_, c_prev_bar) = lstm_vjp(kept, (np.ones((1, 1)), np.zeros((1, 1))))
>>> h.round(9), c_prev_bar.round(9)
(array([[0.3]]), array([[0.16]]))
>>> np.allclose(z_bar.ravel(), [0.048, 0.08 * c_prev[0, 0], 0.15, 0.1024])
True

Letters: ... leading task axes, H hidden, B episodes; z, a [..., 4H, B], the rest
[..., H, B].
Source: Hochreiter & Schmidhuber (1997); the forget gate is from Gers et al. (2000).
"""
from . import fast_lstm
from .maps import sigmoid, tanh, tanh_jvp, tanh_vjp, tanh_vjp_dot
from .recurrence import Cell, gates, join
from .recurrent import Recurrent


def slope(a):
    i, f, o, g = gates(a, 4)
    return join(i * (1 - i), f * (1 - f), o * (1 - o), 1 - g * g)


def slope_dot(a, a_dot):
    (i, f, o, g), (i_dot, f_dot, o_dot, g_dot) = gates(a, 4), gates(a_dot, 4)
    return join((1 - 2 * i) * i_dot, (1 - 2 * f) * f_dot, (1 - 2 * o) * o_dot,
                -2 * g * g_dot)


def lstm(z, state):
    _, c_prev = state
    z_i, z_f, z_o, z_g = gates(z, 4)
    a = join(sigmoid(z_i), sigmoid(z_f), sigmoid(z_o), tanh(z_g))
    i, f, o, g = gates(a, 4)
    c = f * c_prev + i * g
    q = tanh(c)
    h = o * q
    return (h, c), (a, c_prev, q)


def lstm_jvp(kept, z_dot, state_dot):
    (a, c_prev, q), (_, c_prev_dot) = kept, state_dot
    a_dot = slope(a) * z_dot
    (i, f, o, g), (i_dot, f_dot, o_dot, g_dot) = gates(a, 4), gates(a_dot, 4)
    c_dot = f_dot * c_prev + f * c_prev_dot + i_dot * g + i * g_dot
    q_dot = tanh_jvp(q, c_dot)
    h_dot = o_dot * q + o * q_dot
    return (h_dot, c_dot), (a_dot, c_prev_dot, q_dot)


def lstm_vjp(kept, state_bar):
    (a, c_prev, q), (h_bar, c_bar) = kept, state_bar
    i, f, o, g = gates(a, 4)
    c_bar = c_bar + tanh_vjp(q, h_bar * o)
    a_bar = join(c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i)
    return slope(a) * a_bar, (0, c_bar * f)


def lstm_vjp_dot(kept, state_bar, kept_dot, state_bar_dot):
    (a, c_prev, q), (h_bar, c_bar) = kept, state_bar
    (a_dot, c_prev_dot, q_dot), (h_bar_dot, c_bar_dot) = kept_dot, state_bar_dot
    (i, f, o, g), (i_dot, f_dot, o_dot, g_dot) = gates(a, 4), gates(a_dot, 4)
    c_bar_dot = c_bar_dot + tanh_vjp_dot(
        q, h_bar * o, q_dot, h_bar_dot * o + h_bar * o_dot)
    c_bar = c_bar + tanh_vjp(q, h_bar * o)
    a_bar = join(c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i)
    a_bar_dot = join(c_bar_dot * g + c_bar * g_dot,
                     c_bar_dot * c_prev + c_bar * c_prev_dot,
                     h_bar_dot * q + h_bar * q_dot,
                     c_bar_dot * i + c_bar * i_dot)
    z_bar_dot = slope(a) * a_bar_dot + slope_dot(a, a_dot) * a_bar
    return z_bar_dot, (0, c_bar_dot * f + c_bar * f_dot)


lstm.loop, lstm_jvp.loop = fast_lstm.recur, fast_lstm.recur_jvp
lstm_vjp.loop, lstm_vjp_dot.loop = fast_lstm.recur_vjp, fast_lstm.recur_vjp_dot


class LSTM(Recurrent):
    """A long short-term memory network. theta holds W [n_in, 4H], U [H, 4H], b [4H],
    the learned state h0 [H] and c0 [H], and the read-out Wy [H, n_out], by [n_out].

    The forget gate begins open: its bias is 1 before training.
    """

    cell = Cell(("h", "c"), (0, 1, 0, 0), lstm, lstm_jvp, lstm_vjp, lstm_vjp_dot)
