"""This file holds the elementary maps that networks are made of. Each map has four
forms; those of the affine map  y = x W + b  are

    affine           y                                 the map
    affine_jvp       y_dot                             its tangent
    affine_vjp       x_bar, W_bar, b_bar               its transpose
    affine_vjp_dot   x_bar_dot, W_bar_dot, b_bar_dot   the tangent of its transpose

Every line of a *_dot form is the product rule applied to one line of the form above it.
A _dot is a tangent, a _bar is the gradient of some scalar with respect to that
quantity, a _bar_dot is a tangent of a cotangent (Giles 2008, Collected matrix
derivative results for forward and reverse mode algorithmic differentiation).

The derivatives of an activation are functions of its output y, which the network keeps
for the next layer in any case.

Letters: ... leading task axes, R rows, n inputs, m outputs.
"""
import numpy as np

from . import fast
from .fast import plus, sum_rows


def transpose(A):
    """The transpose of the last two axes, without a conjugate, so that complex steps
    flow through."""
    return A.swapaxes(-1, -2)


# ---- affine: x [..., R, n], W [..., n, m], b [..., m] -> y [..., R, m]

def affine(x, W, b):
    return plus(x @ W, b[..., None, :])


def affine_jvp(x, W, x_dot, W_dot, b_dot):
    return plus(plus(x_dot @ W, x @ W_dot), b_dot[..., None, :])


def affine_vjp(x, W, y_bar):
    x_bar = y_bar @ transpose(W)
    W_bar = transpose(x) @ y_bar
    b_bar = sum_rows(y_bar)
    return x_bar, W_bar, b_bar


def affine_vjp_dot(x, W, y_bar, x_dot, W_dot, y_bar_dot):
    x_bar_dot = y_bar_dot @ transpose(W) + y_bar @ transpose(W_dot)
    W_bar_dot = transpose(x_dot) @ y_bar + transpose(x) @ y_bar_dot
    b_bar_dot = sum_rows(y_bar_dot)
    return x_bar_dot, W_bar_dot, b_bar_dot


# ---- tanh:  y = tanh(x),  dy/dx = 1 - y^2,  whose tangent is -2 y y_dot

def tanh(x):
    return np.tanh(x)


def tanh_jvp(y, x_dot):
    return (1 - y * y) * x_dot


def tanh_vjp(y, y_bar):
    return (1 - y * y) * y_bar


def tanh_vjp_dot(y, y_bar, y_dot, y_bar_dot):
    return (1 - y * y) * y_bar_dot - 2 * y * y_dot * y_bar


# ---- sigmoid:  y = 1 / (1 + exp(-x)),  dy/dx = y (1 - y),  tangent (1 - 2 y) y_dot

def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))  # no overflow for large |x|, complex or not


def sigmoid_jvp(y, x_dot):
    return y * (1 - y) * x_dot


def sigmoid_vjp(y, y_bar):
    return y * (1 - y) * y_bar


def sigmoid_vjp_dot(y, y_bar, y_dot, y_bar_dot):
    return y * (1 - y) * y_bar_dot + (1 - 2 * y) * y_dot * y_bar


# ---- relu:  y = max(x, 0),  dy/dx = [y > 0], 0 at the corner; its tangent is 0

def relu(x):
    return np.where(x.real > 0, x, 0)


def relu_jvp(y, x_dot):
    return np.where(y.real > 0, x_dot, 0)


def relu_vjp(y, y_bar):
    return np.where(y.real > 0, y_bar, 0)


def relu_vjp_dot(y, y_bar, y_dot, y_bar_dot):
    return np.where(y.real > 0, y_bar_dot, 0)


ACTIVATIONS = {  # where a form has a quick twin in fast, that twin
    "tanh": (tanh, fast.slope_times, fast.slope_times, fast.tanh_vjp_dot),
    "sigmoid": (sigmoid, sigmoid_jvp, sigmoid_vjp, sigmoid_vjp_dot),
    "relu": (relu, relu_jvp, relu_vjp, relu_vjp_dot),
}
