"""The mechanics of a cart on a straight, level rail, with a pole that turns about a pin
on the cart in the plane of the rail.

x is the place of the cart (m), v its speed (m/s), q the angle of the pole (radians, 0
upright, growing to the right) and w the rate of q (radians per second). The pole is a
uniform rod of length 2 l and mass m, whose moment about its centre is m (2 l)^2 / 12 =
m l^2 / 3. Its centre is at (x + l sin q, l cos q), so kinetic energy T and potential
energy V are

    T = M v^2 / 2 + m ((v + l w cos q)^2 + (l w sin q)^2) / 2 + (m l^2 / 3) w^2 / 2
      = a v^2 / 2 + b v w cos q + c w^2 / 2       a = M + m,  b = m l,  c = 4 m l^2 / 3
    V = b g cos q

Lagrange's equations d/dt dT/dv - dT/dx + dV/dx = F - f_x v, and the same for q, with a
force F (N) on the cart and friction f_x v and f_q w, are the equations of motion:

    a dv/dt + b cos q dw/dt = F - f_x v + b w^2 sin q              N
    b cos q dv/dt + c dw/dt = b g sin q - f_q w                    N m

Their determinant a c - b^2 cos^2 q is positive: 4 (M + m) / 3 > m.

States are (x, q, v, w), [4, K, B], and forces are [K, B].
Letters: K tasks, B episodes.
"""
from typing import NamedTuple

import numpy as np

from .mechanics import runge_kutta


class CartAndPole(NamedTuple):
    """K carts with poles, as the constants of their equations of motion, [K, 1]."""

    a: np.ndarray        # kg
    b: np.ndarray        # kg m
    c: np.ndarray        # kg m^2
    gravity: np.ndarray  # m/s^2
    friction: tuple      # f_x, N s/m, and f_q, N m s per radian

    @classmethod
    def of(cls, cart, length, mass, gravity, friction):
        """cart kg; length m, mass kg and gravity m/s^2 are [K]."""
        l, m, g = length[:, None] / 2, mass[:, None], gravity[:, None]
        return cls(cart + m, m * l, 4 / 3 * m * l * l, g, friction)

    def flow(self, state, force):
        """d state / dt: the equations of motion, solved for dv/dt and dw/dt."""
        _, q, v, w = state
        sin, b_cos = np.sin(q), self.b * np.cos(q)
        f_x, f_q = self.friction
        f1 = force - f_x * v + self.b * w * w * sin
        f2 = self.b * self.gravity * sin - f_q * w
        det = self.a * self.c - b_cos * b_cos
        return np.stack([v, w, (self.c * f1 - b_cos * f2) / det,
                         (self.a * f2 - b_cos * f1) / det])

    def force(self, state, acceleration):
        """The force that gives dv/dt = acceleration [K, B]: both equations, with dw/dt
        taken out."""
        _, q, v, w = state
        sin, b_cos = np.sin(q), self.b * np.cos(q)
        f_x, f_q = self.friction
        turn = (self.b * self.gravity * sin - f_q * w - b_cos * acceleration) / self.c
        return self.a * acceleration + b_cos * turn + f_x * v - self.b * w * w * sin

    def move(self, state, force, dt, substeps):
        """The state after `dt` seconds under a constant force."""
        return runge_kutta(lambda state: self.flow(state, force), state, dt, substeps)

    def kinetic(self, state):
        """T [K, B], joules."""
        _, q, v, w = state
        return (self.a * v * v + self.c * w * w) / 2 + self.b * v * w * np.cos(q)

    def energy(self, state):
        """T + V [K, B], joules."""
        return self.kinetic(state) + self.b * self.gravity * np.cos(state[1])

    @property
    def falling(self):
        """The rate (1/s) at which a pole falls from nearly upright, as exp(rate t), if
        nothing pushes: from both equations, with sin q = q, cos q = 1 and w^2 q = 0."""
        return np.sqrt(self.a * self.b * self.gravity
                       / (self.a * self.c - self.b * self.b))

    def decay(self):
        """A bound on the fastest rate at which friction stops a motion, 1/s, over all
        postures and carts: the trace of the inverse of the inertia times friction."""
        f_x, f_q = self.friction
        det = self.a * self.c - self.b * self.b
        return float(((self.c * f_x + self.a * f_q) / det).max())
