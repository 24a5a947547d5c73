"""The multi-layer perceptron (MLP) is a loop over elementary maps, in the four forms.

    y_0 = x,    y_l = act(y_{l-1} W_l + b_l),    y = y_{L-1} W_L + b_L

    forward(theta, x)                  -> y, cache           cache = y_0 .. y_{L-1}
    jvp(theta, cache, theta_dot, ..)   -> y_dot, cache_dot
    vjp(theta, cache, y_bar)           -> theta_bar, x_bar
    vjp_dot(theta, cache, y_bar, ..)   -> theta_bar_dot, x_bar_dot

If y_bar is the gradient of a scalar s(y), vjp gives the gradient of s in theta. If
y_bar_dot is the tangent of y_bar, vjp_dot gives the Hessian of s in theta times
theta_dot (Pearlmutter 1994, Fast exact multiplication by the Hessian).

Letters: ... leading task axes, R rows, P parameters, n_in inputs, n_out outputs.
"""
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import require
from .layout import Layout
from .maps import (ACTIVATIONS, affine, affine_jvp, affine_vjp, affine_vjp_dot,
                   transpose)
from .pullback import Layered, served_by


@dataclass(frozen=True)
class MLP:
    """A fully connected network with a linear last layer.

    sizes       (n_in, hidden .., n_out)
    activation  "tanh", "sigmoid" or "relu", after each layer but the last
    """

    sizes: tuple
    activation: str = "tanh"

    @cached_property
    def layout(self):
        blocks = {}
        for layer, (n, m) in enumerate(zip(self.sizes, self.sizes[1:]), 1):
            blocks |= {f"W{layer}": (n, m), f"b{layer}": (m,)}
        return Layout(**blocks)

    @property
    def size(self):
        """P, the number of parameters."""
        return self.layout.size

    def init(self, rng, dtype=np.float64, output_scale=1.0):
        """A random theta [P]: weights N(0, 1/n) for n inputs of the layer, those of the
        last layer times output_scale; biases zero."""
        blocks = self.layout.random(rng, dtype)
        blocks[f"W{len(self.sizes) - 1}"] *= output_scale
        return self.layout.pack(**blocks)

    def layers(self, theta):
        """The pairs (W, b), first layer first."""
        blocks = self.layout.unpack(theta)
        return list(zip(blocks[::2], blocks[1::2]))

    def forward(self, theta, x):
        """x [..., R, n_in] -> y [..., R, n_out], cache; leading axes as theta's."""
        self._require(theta, x)
        return self._run(theta, x)

    def step(self, theta, x):
        """y alone, for acting; theta and x are not checked."""
        return self._run(theta, x)[0]

    def _run(self, theta, x):
        act = ACTIVATIONS[self.activation][0]
        *hidden, (W, b) = self.layers(theta)
        ys = [x]
        for W_l, b_l in hidden:
            ys.append(act(affine(ys[-1], W_l, b_l)))
        return affine(ys[-1], W, b), ys

    def jvp(self, theta, cache, theta_dot, x_dot=None):
        act_jvp = ACTIVATIONS[self.activation][1]
        *hidden, ((W, _), (W_dot, b_dot)) = zip(
            self.layers(theta), self.layers(theta_dot))
        ys_dot = [np.zeros_like(cache[0]) if x_dot is None else x_dot]
        for layer, ((W_l, _), (W_l_dot, b_l_dot)) in enumerate(hidden):
            if layer == 0 and x_dot is None:    # what an x_dot of 0 gives
                a_dot = affine(cache[0], W_l_dot, b_l_dot)
            else:
                a_dot = affine_jvp(cache[layer], W_l, ys_dot[-1], W_l_dot, b_l_dot)
            ys_dot.append(act_jvp(cache[layer + 1], a_dot))
        return affine_jvp(cache[-1], W, ys_dot[-1], W_dot, b_dot), ys_dot

    @served_by(Layered)
    def vjp(self, theta, cache, y_bar):
        act_vjp = ACTIVATIONS[self.activation][2]
        blocks, layers = [], self.layers(theta)
        for layer in reversed(range(len(layers))):
            y_bar, W_bar, b_bar = affine_vjp(cache[layer], layers[layer][0], y_bar)
            blocks = [W_bar, b_bar] + blocks
            if layer > 0:
                y_bar = act_vjp(cache[layer], y_bar)
        return self.pack(blocks), y_bar

    @served_by(Layered)
    def vjp_dot(self, theta, cache, y_bar, theta_dot, cache_dot, y_bar_dot):
        _, _, act_vjp, act_vjp_dot = ACTIVATIONS[self.activation]
        blocks, layers, layers_dot = [], self.layers(theta), self.layers(theta_dot)
        for layer in reversed(range(len(layers))):
            y, y_dot, W, W_dot = (
                cache[layer], cache_dot[layer], layers[layer][0], layers_dot[layer][0])
            y_bar_dot, W_bar_dot, b_bar_dot = affine_vjp_dot(
                y, W, y_bar, y_dot, W_dot, y_bar_dot)
            blocks = [W_bar_dot, b_bar_dot] + blocks
            if layer > 0:
                y_bar = y_bar @ transpose(W)
                y_bar_dot = act_vjp_dot(y, y_bar, y_dot, y_bar_dot)
                y_bar = act_vjp(y, y_bar)
        return self.pack(blocks), y_bar_dot

    def pack(self, blocks):
        return self.layout.pack(**dict(zip(self.layout.names, blocks)))

    def _require(self, theta, x):
        """Raises ValueError if theta or x is not finite or has the wrong shape."""
        require.parameters(self.layout, theta)
        require.data("x", x, theta.shape[:-1], (None, self.sizes[0]),
                     f"[..., R, {self.sizes[0]}]")

    def __post_init__(self):
        sizes = require.sequence("sizes", self.sizes)
        if len(sizes) < 2:
            raise ValueError(f"sizes must be (n_in, .., n_out), got {self.sizes}")
        sizes = tuple(require.count("each of sizes", n) for n in sizes)
        object.__setattr__(self, "sizes", sizes)
        require.choice("activation", self.activation, ACTIVATIONS)


def fold_steps(x):
    """[..., T, B, n] -> [..., T B, n]: an MLP has no memory, so steps are rows."""
    return x.reshape(x.shape[:-3] + (-1, x.shape[-1]))


def unfold_steps(x, n_steps):
    """The inverse of fold_steps, and its transpose."""
    return x.reshape(x.shape[:-2] + (n_steps, -1, x.shape[-1]))
