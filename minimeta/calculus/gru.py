"""The gated recurrent unit (GRU) is a recurrent network with one state, h, and two
gates. This file holds its cell in four forms.

    u, r = sigmoid(z_u), sigmoid(z_r)      update gate, reset gate
    n = tanh(a + r b)                      candidate: a is made of x, b of h_prev
    h = (1 - u) n + u h_prev               a weighted mean of candidate and h_prev

z holds a, z_u, z_r and b, one below the other. x and h_prev both act on z_u and z_r, x
alone acts on a, and h_prev alone on b. In this order the two sigmoids are one array,
s = (u, r), and the weights of each number that the cell sees are one block of z. h_prev
acts through z, and also directly on h. The transpose goes through the same lines from
the last to the first:

    u_bar = h_bar (h_prev - n),  h_prev_bar = h_bar u       h = (1 - u) n + u h_prev
    a_bar = tanh_vjp(n, h_bar (1 - u))                      n = tanh(a + r b)
    r_bar = a_bar b,  b_bar = a_bar r
    z_bar = (a_bar, sigmoid_vjp(s, s_bar), b_bar)           s_bar = (u_bar, r_bar)

Every line of gru_vjp_dot is the product rule applied to one of these lines.

Letters: ... leading task axes, H hidden, B episodes; z [..., 4H, B], s [..., 2H, B],
the rest [..., H, B].
Source: Cho et al. (2014), Learning phrase representations using RNN encoder-decoder,
arXiv 1406.1078. As in cuDNN and PyTorch, r multiplies what h_prev gives to the
candidate after its product with U.
"""
import numpy as np

from .maps import (sigmoid, sigmoid_jvp, sigmoid_vjp, sigmoid_vjp_dot, tanh, tanh_jvp,
                   tanh_vjp, tanh_vjp_dot)
from .recurrence import Cell, flat, gates, join
from .recurrent import Recurrent


def split(z):
    """z -> a, (z_u, z_r) and b, as views."""
    H = z.shape[-2] // 4
    return z[..., :H, :], z[..., H:3 * H, :], z[..., 3 * H:, :]


def gru(z, state):
    a, z_s, b = split(z)
    h_prev, = state
    s = sigmoid(z_s)
    u, r = gates(s, 2)
    n = tanh(a + r * b)
    h = (1 - u) * n + u * h_prev
    return (h,), (s, b.copy(), n, h_prev)   # a view would keep all of z alive


def gru_jvp(kept, z_dot, state_dot):
    (s, b, n, h_prev), (a_dot, z_s_dot, b_dot) = kept, split(z_dot)
    h_prev_dot, = state_dot
    s_dot = sigmoid_jvp(s, z_s_dot)
    (u, r), (u_dot, r_dot) = gates(s, 2), gates(s_dot, 2)
    n_dot = tanh_jvp(n, a_dot + r_dot * b + r * b_dot)
    h_dot = u_dot * (h_prev - n) + (1 - u) * n_dot + u * h_prev_dot
    return (h_dot,), (s_dot, b_dot, n_dot, h_prev_dot)


def gru_vjp(kept, state_bar):
    s, b, n, h_prev = kept
    h_bar, = state_bar
    u, r = gates(s, 2)
    a_bar = tanh_vjp(n, h_bar * (1 - u))
    s_bar = join(h_bar * (h_prev - n), a_bar * b)
    z_bar = join(a_bar, sigmoid_vjp(s, s_bar), a_bar * r)
    return z_bar, (h_bar * u,)


def gru_vjp_dot(kept, state_bar, kept_dot, state_bar_dot):
    (s, b, n, h_prev), (s_dot, b_dot, n_dot, h_prev_dot) = kept, kept_dot
    (h_bar,), (h_bar_dot,) = state_bar, state_bar_dot
    (u, r), (u_dot, r_dot) = gates(s, 2), gates(s_dot, 2)
    a_bar = tanh_vjp(n, h_bar * (1 - u))
    a_bar_dot = tanh_vjp_dot(
        n, h_bar * (1 - u), n_dot, h_bar_dot * (1 - u) - h_bar * u_dot)
    s_bar = join(h_bar * (h_prev - n), a_bar * b)
    s_bar_dot = join(h_bar_dot * (h_prev - n) + h_bar * (h_prev_dot - n_dot),
                     a_bar_dot * b + a_bar * b_dot)
    z_bar_dot = join(a_bar_dot, sigmoid_vjp_dot(s, s_bar, s_dot, s_bar_dot),
                     a_bar_dot * r + a_bar * r_dot)
    return z_bar_dot, (h_bar_dot * u + h_bar * u_dot,)


class GRU(Recurrent):
    """A network of gated recurrent units. theta holds W [n_in, 3H] of (a, u, r),
    U [H, 3H] of (u, r, b), b [4H] of all, the learned state h0 [H], and the read-out
    Wy [H, n_out], by [n_out].

    Before training the bias of the update gate is 1, so most of the state is kept.
    """

    cell = Cell(("h",), (0, 1, 0, 0), gru, gru_jvp, gru_vjp, gru_vjp_dot)

    def weights(self):
        n, H = self.n_in, self.n_hidden
        return {"W": (n, 3 * H), "U": (H, 3 * H), "b": (4 * H,)}

    def assemble(self, theta):
        """V = [W 0; 0 U; b]: a does not see h, and b does not see x."""
        p, n, H = self.layout.unpack(theta), self.n_in, self.n_hidden
        V = np.zeros_like(theta, shape=theta.shape[:-1] + (n + H + 1, 4 * H))
        V[..., :n, :3 * H], V[..., n:-1, H:], V[..., -1, :] = p.W, p.U, p.b
        return V

    def assemble_vjp(self, V_bar):
        n, H = self.n_in, self.n_hidden
        blocks = V_bar[..., :n, :3 * H], V_bar[..., n:-1, H:], V_bar[..., -1:, :]
        return np.concatenate([flat(block) for block in blocks], -1)
