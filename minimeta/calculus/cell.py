"""The cell of the long short-term memory network, in the four forms: gates, no time.

    z = V' (x, h_prev, 1)                    pre-activations of the four gates
    i, f, o = sigmoid(z),   g = tanh(z)      input, forget, output gate; candidate
    c = f c_prev + i g,     q = tanh(c),    h = o q

An episode is a column here, and the gates i, f, o, g lie one below the other in z and
in a, their activations: so each gate is one block of memory. `gates` makes a of z;
`cell` is the rest. The derivative forms go from h, c back to z.

    cell           h, c, q                         the map
    cell_jvp       h_dot, c_dot, a_dot, q_dot      its tangent
    cell_vjp       z_bar, c_prev_bar               its transpose
    cell_vjp_dot   z_bar_dot, c_prev_bar_dot       the tangent of its transpose

Letters: ... leading task axes, H hidden, B episodes; z, a [..., 4H, B], the rest
[..., H, B].
Source: Hochreiter & Schmidhuber (1997); the forget gate is of Gers et al. (2000).
"""
import numpy as np


def split(a):
    """The gates i, f, o, g as views of a [..., 4H, B]."""
    H = a.shape[-2] // 4
    return (a[..., :H, :], a[..., H:2 * H, :],
            a[..., 2 * H:3 * H, :], a[..., 3 * H:, :])


def kinds(a):
    """The three sigmoids, as one view, and the tanh of a [..., 4H, B]."""
    H = a.shape[-2] // 4
    return a[..., :3 * H, :], a[..., 3 * H:, :]


def gates(z):
    """a = [sigmoid(z_i), sigmoid(z_f), sigmoid(z_o), tanh(z_g)], by one call of tanh.

    sigmoid(z) = (1 + tanh(z / 2)) / 2, so z is halved for three gates. Overwrites z.
    """
    sigmoids, _ = kinds(z)
    sigmoids *= 0.5
    np.tanh(z, out=z)
    sigmoids += 1
    sigmoids *= 0.5
    return z


def slopes(a):
    """da/dz, written in a: a - a^2 for the sigmoids, 1 - a^2 for the tanh."""
    s = a * a
    (sigmoids, tanh), (a_sigmoids, _) = kinds(s), kinds(a)
    np.subtract(a_sigmoids, sigmoids, out=sigmoids)
    np.subtract(1, tanh, out=tanh)
    return s


def slopes_dot(a, a_dot):
    s_dot = -2 * a * a_dot
    (sigmoids_dot, _), (a_sigmoids_dot, _) = kinds(s_dot), kinds(a_dot)
    sigmoids_dot += a_sigmoids_dot
    return s_dot


def cell(a, c_prev):
    i, f, o, g = split(a)
    c = f * c_prev + i * g
    q = np.tanh(c)
    h = o * q
    return h, c, q


def cell_jvp(a, c_prev, q, z_dot, c_prev_dot):
    i, f, o, g = split(a)
    a_dot = slopes(a) * z_dot
    i_dot, f_dot, o_dot, g_dot = split(a_dot)
    c_dot = f_dot * c_prev + f * c_prev_dot + i_dot * g + i * g_dot
    q_dot = (1 - q * q) * c_dot
    h_dot = o_dot * q + o * q_dot
    return h_dot, c_dot, a_dot, q_dot


def cell_vjp(a, c_prev, q, h_bar, c_bar):
    i, f, o, g = split(a)
    c_bar = c_bar + h_bar * o * (1 - q * q)    # h = o q,  q = tanh(c)
    a_bar = np.empty_like(a, c_bar.dtype)
    i_bar, f_bar, o_bar, g_bar = split(a_bar)
    np.multiply(c_bar, g, out=i_bar)           # c = f c_prev + i g
    np.multiply(c_bar, c_prev, out=f_bar)
    np.multiply(h_bar, q, out=o_bar)           # h = o q
    np.multiply(c_bar, i, out=g_bar)
    z_bar = np.multiply(slopes(a), a_bar, out=a_bar)
    c_prev_bar = c_bar * f
    return z_bar, c_prev_bar


def cell_vjp_dot(a, c_prev, q, h_bar, c_bar,
                 a_dot, c_prev_dot, q_dot, h_bar_dot, c_bar_dot):
    (i, f, o, g), (i_dot, f_dot, o_dot, g_dot) = split(a), split(a_dot)
    c_bar_dot = c_bar_dot + (h_bar_dot * o + h_bar * o_dot) * (1 - q * q) \
        - 2 * h_bar * o * q * q_dot
    c_bar = c_bar + h_bar * o * (1 - q * q)
    a_bar = np.concatenate([c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i], -2)
    a_bar_dot = np.concatenate([
        c_bar_dot * g + c_bar * g_dot,
        c_bar_dot * c_prev + c_bar * c_prev_dot,
        h_bar_dot * q + h_bar * q_dot,
        c_bar_dot * i + c_bar * i_dot,
    ], -2)
    z_bar_dot = slopes_dot(a, a_dot) * a_bar + slopes(a) * a_bar_dot
    c_prev_bar_dot = c_bar_dot * f + c_bar * f_dot
    return z_bar_dot, c_prev_bar_dot
