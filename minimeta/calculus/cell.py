"""The cell of the long short-term memory network, in the four forms: gates, no time.

    z = x W + b + h_prev U                             pre-activations of the four gates
    i, f, o = sigmoid(z),   g = tanh(z)                input, forget, output gate; candidate
    c = f c_prev + i g,     q = tanh(c),    h = o q

The gates i, f, o, g lie side by side in the last axis of z and of a, their activations.
`gates` makes a of z; `cell` is the rest. The derivative forms go from h, c back to z.

    cell           h, c, q                         the map
    cell_jvp       h_dot, c_dot, a_dot, q_dot      its tangent
    cell_vjp       z_bar, c_prev_bar               its transpose
    cell_vjp_dot   z_bar_dot, c_prev_bar_dot       the tangent of its transpose

Letters: ... leading task axes, B episodes, H hidden; z, a [..., B, 4H], the rest [..., B, H].
Source: Hochreiter & Schmidhuber (1997); the forget gate is of Gers et al. (2000).
"""
import numpy as np


def split(a):
    """The four gates i, f, o, g as views of a [..., 4H]."""
    H = a.shape[-1] // 4
    return a[..., :H], a[..., H:2 * H], a[..., 2 * H:3 * H], a[..., 3 * H:]


def gates(z):
    """a = [sigmoid(z_i), sigmoid(z_f), sigmoid(z_o), tanh(z_g)], by one call of tanh.

    sigmoid(z) = (1 + tanh(z / 2)) / 2, so z is halved for three gates. Overwrites z.
    """
    a, sigmoids = z, z[..., :3 * (z.shape[-1] // 4)]
    sigmoids *= 0.5
    np.tanh(a, out=a)
    sigmoids += 1
    sigmoids *= 0.5
    return a


def slopes(a):
    """da/dz, written in a: a (1 - a) for the sigmoids, 1 - a^2 for the tanh."""
    s, H = 1 - a, a.shape[-1] // 4
    s[..., :3 * H] *= a[..., :3 * H]
    s[..., 3 * H:] *= 1 + a[..., 3 * H:]
    return s


def slopes_dot(a, a_dot):
    H = a.shape[-1] // 4
    s_dot = -2 * a * a_dot
    s_dot[..., :3 * H] += a_dot[..., :3 * H]
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
    a_bar = np.concatenate([
        c_bar * g,                             # c = f c_prev + i g
        c_bar * c_prev,
        h_bar * q,                             # h = o q
        c_bar * i,
    ], -1)
    z_bar = slopes(a) * a_bar
    c_prev_bar = c_bar * f
    return z_bar, c_prev_bar


def cell_vjp_dot(a, c_prev, q, h_bar, c_bar,
                 a_dot, c_prev_dot, q_dot, h_bar_dot, c_bar_dot):
    (i, f, o, g), (i_dot, f_dot, o_dot, g_dot) = split(a), split(a_dot)
    c_bar_dot = c_bar_dot + (h_bar_dot * o + h_bar * o_dot) * (1 - q * q) \
        - 2 * h_bar * o * q * q_dot
    c_bar = c_bar + h_bar * o * (1 - q * q)
    a_bar = np.concatenate([c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i], -1)
    a_bar_dot = np.concatenate([
        c_bar_dot * g + c_bar * g_dot,
        c_bar_dot * c_prev + c_bar * c_prev_dot,
        h_bar_dot * q + h_bar * q_dot,
        c_bar_dot * i + c_bar * i_dot,
    ], -1)
    z_bar_dot = slopes_dot(a, a_dot) * a_bar + slopes(a) * a_bar_dot
    c_prev_bar_dot = c_bar_dot * f + c_bar * f_dot
    return z_bar_dot, c_prev_bar_dot
