"""A recurrent network of one's own, made of public names alone: h = tanh(z), of Elman
(1990). Its four forms are those of tanh."""
import numpy as np

from minimeta import Cell, Recurrent


def elman(z, state):
    h = np.tanh(z)
    return (h,), h


def elman_jvp(h, z_dot, state_dot):
    h_dot = (1 - h * h) * z_dot
    return (h_dot,), h_dot


def elman_vjp(h, state_bar):
    h_bar, = state_bar
    return (1 - h * h) * h_bar, (0,)


def elman_vjp_dot(h, state_bar, h_dot, state_bar_dot):
    (h_bar,), (h_bar_dot,) = state_bar, state_bar_dot
    return (1 - h * h) * h_bar_dot - 2 * h * h_dot * h_bar, (0,)


class Elman(Recurrent):
    """h_t = tanh(x_t W + h_{t-1} U + b)"""

    cell = Cell(("h",), (0,), elman, elman_jvp, elman_vjp, elman_vjp_dot)
