"""The long short-term memory network: its cell, in four forms.

    i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o)      input, forget, output gate
    g = tanh(z_g)                                           candidate
    c = f c_prev + i g                                      what is remembered
    q = tanh(c)
    h = o q                                                 what is shown

The gates i, f, o, g lie one below the other in z, in this order, so the three sigmoids
are one array, s = (i, f, o). h_prev acts through z alone. The transpose goes through
the same lines from the last to the first:

    o_bar = h_bar q                                         h = o q
    c_bar + tanh_vjp(q, h_bar o)  is all that reaches c     q = tanh(c)
    i_bar = c_bar g,       g_bar = c_bar i                  c = f c_prev + i g
    f_bar = c_bar c_prev,  c_prev_bar = c_bar f

Letters: ... leading task axes, H hidden, B episodes; z [..., 4H, B], s [..., 3H, B],
the rest [..., H, B].
Source: Hochreiter & Schmidhuber (1997); the forget gate is of Gers et al. (2000).
"""
from .maps import (sigmoid, sigmoid_jvp, sigmoid_vjp, sigmoid_vjp_dot, tanh, tanh_jvp,
                   tanh_vjp, tanh_vjp_dot)
from .recurrence import Cell, gates, join
from .recurrent import Recurrent


def split(z):
    """The part of the three sigmoids and the part of the tanh, as views."""
    H = z.shape[-2] // 4
    return z[..., :3 * H, :], z[..., 3 * H:, :]


def lstm(z, state):
    z_s, z_g = split(z)
    _, c_prev = state
    s, g = sigmoid(z_s), tanh(z_g)
    i, f, o = gates(s, 3)
    c = f * c_prev + i * g
    q = tanh(c)
    h = o * q
    return (h, c), (s, g, c_prev, q)


def lstm_jvp(kept, z_dot, state_dot):
    (s, g, c_prev, q), (z_s_dot, z_g_dot) = kept, split(z_dot)
    _, c_prev_dot = state_dot
    s_dot, g_dot = sigmoid_jvp(s, z_s_dot), tanh_jvp(g, z_g_dot)
    (i, f, o), (i_dot, f_dot, o_dot) = gates(s, 3), gates(s_dot, 3)
    c_dot = f_dot * c_prev + f * c_prev_dot + i_dot * g + i * g_dot
    q_dot = tanh_jvp(q, c_dot)
    h_dot = o_dot * q + o * q_dot
    return (h_dot, c_dot), (s_dot, g_dot, c_prev_dot, q_dot)


def lstm_vjp(kept, state_bar):
    s, g, c_prev, q = kept
    h_bar, c_bar = state_bar
    i, f, o = gates(s, 3)
    c_bar = c_bar + tanh_vjp(q, h_bar * o)
    s_bar = join(c_bar * g, c_bar * c_prev, h_bar * q)
    g_bar = c_bar * i
    z_bar = join(sigmoid_vjp(s, s_bar), tanh_vjp(g, g_bar))
    return z_bar, (0, c_bar * f)


def lstm_vjp_dot(kept, state_bar, kept_dot, state_bar_dot):
    (s, g, c_prev, q), (s_dot, g_dot, c_prev_dot, q_dot) = kept, kept_dot
    (h_bar, c_bar), (h_bar_dot, c_bar_dot) = state_bar, state_bar_dot
    (i, f, o), (i_dot, f_dot, o_dot) = gates(s, 3), gates(s_dot, 3)
    c_bar_dot = c_bar_dot + tanh_vjp_dot(
        q, h_bar * o, q_dot, h_bar_dot * o + h_bar * o_dot)
    c_bar = c_bar + tanh_vjp(q, h_bar * o)
    s_bar = join(c_bar * g, c_bar * c_prev, h_bar * q)
    s_bar_dot = join(c_bar_dot * g + c_bar * g_dot,
                     c_bar_dot * c_prev + c_bar * c_prev_dot,
                     h_bar_dot * q + h_bar * q_dot)
    g_bar, g_bar_dot = c_bar * i, c_bar_dot * i + c_bar * i_dot
    z_bar_dot = join(sigmoid_vjp_dot(s, s_bar, s_dot, s_bar_dot),
                     tanh_vjp_dot(g, g_bar, g_dot, g_bar_dot))
    return z_bar_dot, (0, c_bar_dot * f + c_bar * f_dot)


class LSTM(Recurrent):
    """A long short-term memory network. theta holds W [n_in, 4H], U [H, 4H], b [4H],
    the learned state h0 [H] and c0 [H], and the read-out Wy [H, n_out], by [n_out].

    The forget gate begins open: its bias is 1 before training.
    """

    cell = Cell(("h", "c"), (0, 1, 0, 0), lstm, lstm_jvp, lstm_vjp, lstm_vjp_dot)
