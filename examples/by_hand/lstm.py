"""An LSTM by hand: forward, backpropagation through time, and a Hessian times a vector.

    python examples/by_hand/lstm.py            1 second

A line of `backward` answers a line of `forward`, from the last line to the first; a
line of `hessian_times` is the product rule on a line of the two. The run ends with

    v . grad    -5.103795027712   complex step   -5.103795027712
    v . H v      9.694627082980   complex step    9.694627082980
    minimeta gives the same gradient and product, to 1e-12
"""
import numpy as np

T, B, n, H = 6, 5, 2, 4        # steps, sequences, inputs, hidden
SHAPES = [(n, 4 * H), (H, 4 * H), (4 * H,),    # W, U, b: of the gates i, f, o, g
          (H,), (H,), (H, 1), (1,)]            # h0, c0 (learned); Wy, by: the read-out
ENDS = np.cumsum([np.prod(shape) for shape in SHAPES])
TANH = np.arange(4 * H) >= 3 * H               # g is a tanh; i, f, o are sigmoids

# A sequence is a row.  i, f, o, g = act(x_t W + h_prev U + b)   input, forget and
#   c = f c_prev + i g       what the cell remembers             output gate; candidate
#   h = o tanh(c)            what it shows


def unpack(theta):  # [P] -> the blocks
    return [p.reshape(s) for p, s in zip(np.split(theta, ENDS[:-1]), SHAPES)]


def pack(blocks):
    return np.concatenate([block.ravel() for block in blocks])


def forward(theta, x, target):
    """The loss  sum (y - target)^2 / 2 B,  and what the way back needs."""
    W, U, b, h0, c0, Wy, by = unpack(theta)
    h, c, kept, e = h0 + np.zeros((B, H)), c0 + np.zeros((B, H)), [], []
    for t in range(T):
        h_prev, c_prev = h, c
        z = x[t] @ W + h_prev @ U + b
        a = np.where(TANH, np.tanh(z), 0.5 + 0.5 * np.tanh(z / 2))
        i, f, o, g = np.split(a, 4, -1)
        c = f * c_prev + i * g
        q = np.tanh(c)
        h = o * q
        kept.append((h_prev, c_prev, a, q, h))
        e.append(h @ Wy + by - target[t])
    return 0.5 * (np.array(e) ** 2).sum() / B, kept, e


def backward(theta, x, kept, e):
    """The gradient [P]. A _bar is the derivative of the loss in that quantity."""
    W, U, b, h0, c0, Wy, by = unpack(theta)
    W_bar, U_bar, b_bar, h_bar, c_bar, Wy_bar, by_bar = unpack(0 * theta)
    for t in reversed(range(T)):
        (h_prev, c_prev, a, q, h), y_bar = kept[t], e[t] / B
        i, f, o, g = np.split(a, 4, -1)
        Wy_bar, by_bar = Wy_bar + h.T @ y_bar, by_bar + y_bar.sum(0)    # y = h Wy + by
        h_bar = h_bar + y_bar @ Wy.T             # h goes to y and to the next step
        c_bar = c_bar + h_bar * o * (1 - q * q)  # h = o q,  q = tanh(c)
        a_bar = np.concatenate(                  # c = f c_prev + i g,  h = o q
            [c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i], -1)
        z_bar = a_bar * (np.where(TANH, 1, a) - a * a)  # da/dz: a - a^2, tanh: 1 - a^2
        W_bar, b_bar = W_bar + x[t].T @ z_bar, b_bar + z_bar.sum(0)
        U_bar = U_bar + h_prev.T @ z_bar         # z = x W + h_prev U + b
        h_bar, c_bar = z_bar @ U.T, c_bar * f    # to the step before
    return pack([W_bar, U_bar, b_bar, h_bar.sum(0), c_bar.sum(0), Wy_bar, by_bar])


def hessian_times(theta, v, x, kept, e):
    """How the gradient moves when theta moves along v. A _bd is a _bar_dot."""
    W, U, b, h0, c0, Wy, by = unpack(theta)
    W_dot, U_dot, b_dot, h_dot, c_dot, Wy_dot, by_dot = unpack(v)
    h_dot, c_dot, kept_dot, e_dot = h_dot + 0 * kept[0][0], c_dot, [], []
    for t in range(T):
        (h_prev, c_prev, a, q, h), h_prev_dot, c_prev_dot = kept[t], h_dot, c_dot
        z_dot = x[t] @ W_dot + h_prev_dot @ U + h_prev @ U_dot + b_dot
        a_dot = (np.where(TANH, 1, a) - a * a) * z_dot
        i, f, o, g = np.split(a, 4, -1)
        i_dot, f_dot, o_dot, g_dot = np.split(a_dot, 4, -1)
        c_dot = f_dot * c_prev + f * c_prev_dot + i_dot * g + i * g_dot
        q_dot = (1 - q * q) * c_dot
        h_dot = o_dot * q + o * q_dot
        kept_dot.append((h_prev_dot, c_prev_dot, a_dot, q_dot, h_dot))
        e_dot.append(h_dot @ Wy + h @ Wy_dot + by_dot)
    W_bd, U_bd, b_bd, h_bd, c_bd, Wy_bd, by_bd = unpack(0 * theta)
    h_bar = c_bar = 0
    for t in reversed(range(T)):
        (h_prev, c_prev, a, q, h), y_bar, y_bd = kept[t], e[t] / B, e_dot[t] / B
        h_prev_dot, c_prev_dot, a_dot, q_dot, h_dot = kept_dot[t]
        i, f, o, g = np.split(a, 4, -1)
        i_dot, f_dot, o_dot, g_dot = np.split(a_dot, 4, -1)
        Wy_bd, by_bd = Wy_bd + h_dot.T @ y_bar + h.T @ y_bd, by_bd + y_bd.sum(0)
        h_bar, h_bd = h_bar + y_bar @ Wy.T, h_bd + y_bd @ Wy.T + y_bar @ Wy_dot.T
        c_bd = c_bd + (h_bd * o + h_bar * o_dot) * (1 - q * q)
        c_bd, c_bar = c_bd - h_bar * o * 2 * q * q_dot, c_bar + h_bar * o * (1 - q * q)
        a_bar = np.concatenate([c_bar * g, c_bar * c_prev, h_bar * q, c_bar * i], -1)
        a_bd = np.concatenate([
            c_bd * g + c_bar * g_dot, c_bd * c_prev + c_bar * c_prev_dot,
            h_bd * q + h_bar * q_dot, c_bd * i + c_bar * i_dot], -1)
        slope, slope_dot = np.where(TANH, 1, a) - a * a, (~TANH - 2 * a) * a_dot
        z_bar, z_bd = a_bar * slope, a_bd * slope + a_bar * slope_dot
        W_bd, b_bd = W_bd + x[t].T @ z_bd, b_bd + z_bd.sum(0)
        U_bd = U_bd + h_prev_dot.T @ z_bar + h_prev.T @ z_bd
        h_bar, h_bd = z_bar @ U.T, z_bd @ U.T + z_bar @ U_dot.T
        c_bar, c_bd = c_bar * f, c_bd * f + c_bar * f_dot
    return pack([W_bd, U_bd, b_bd, h_bd.sum(0), c_bd.sum(0), Wy_bd, by_bd])


# ---- Against the complex step: f(theta + i h v).imag / h is the derivative along v.
rng = np.random.default_rng(0)
x, (theta, v) = rng.normal(size=(T, B, n)), rng.normal(size=(2, ENDS[-1]))
target = x.sum(-1, keepdims=True).cumsum(0)      # a toy: the sum of all inputs so far
_, kept, e = forward(theta, x, target)
grad, hvp = backward(theta, x, kept, e), hessian_times(theta, v, x, kept, e)
moved, *data = forward(theta + 1e-30j * v, x, target)
print(f"v . grad  {v @ grad:17.12f}   complex step {moved.imag * 1e30:17.12f}")
moved = backward(theta + 1e-30j * v, x, *data)
print(f"v . H v   {v @ hvp:17.12f}   complex step {v @ moved.imag * 1e30:17.12f}")

# ---- The library computes the same numbers.

from minimeta import LSTM

net = LSTM(n, H, 1)
y, cache = net.forward(theta, x)
y_bar, (y_dot, cache_dot) = (y - target) / B, net.jvp(theta, cache, v)
for mine, (its, _) in [(grad, net.vjp(theta, cache, y_bar)), (
        hvp, net.vjp_dot(theta, cache, y_bar, v, cache_dot, y_dot / B))]:
    assert np.abs(mine - its).max() < 1e-12 * np.abs(its).max()
print("minimeta gives the same gradient and product, to 1e-12")
