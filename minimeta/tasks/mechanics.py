"""The mechanics of a robot arm that has two links in a plane, with a motor at the
shoulder and one at the elbow. The integrator and the base of tasks that are simulated
stand at the end of this file.

The equation of motion, with q = (q1, q2) the angles (radians; q1 from the x axis, q2
from the first link) and v = (v1, v2) their rates (radians per second):

    M(q) dv/dt + c(q, v) + g(q) + friction v = torque                      all in N m

    M = | I1 + I2 + 2 r cos q2    I2 + r cos q2 |     inertia, kg m^2
        | I2 + r cos q2           I2            |
    c = r sin q2 (-2 v1 v2 - v2^2, v1^2)              Coriolis and centrifugal torques
    g = (G1 cos q1 + G2 cos(q1 + q2), G2 cos(q1 + q2))

    I1 = (m1 / 3 + m2 + load) l1^2        links are uniform rods, of mass m (kg) and
    I2 = (m2 / 3 + load) l2^2             length l (m); the load (kg) is a point at the
    r  = (m2 / 2 + load) l1 l2            end of the second
    G1 = (m1 / 2 + m2 + load) l1 gravity
    G2 = (m2 / 2 + load) l2 gravity

det M = I1 I2 - r^2 cos^2 q2 > 0 in every posture: M is positive definite.

States are (q1, q2, v1, v2), [4, K, B], and torques are [2, K, B].
Letters: K tasks, B episodes.
Source: Spong, Hutchinson & Vidyasagar (2006), Robot Modeling and Control, chapter on
dynamics, "planar elbow manipulator".
"""
from typing import NamedTuple

import numpy as np

from .family import Tasks

STABLE = 2.78  # the integrator is stable while decay rate times step is below 2.785
EPISODES = 16  # to estimate the return of acting at random


class TwoLinks(NamedTuple):
    """K arms, as the constants of their equations of motion, each [K, 1]."""

    I1: np.ndarray
    I2: np.ndarray
    r: np.ndarray
    G1: np.ndarray
    G2: np.ndarray
    friction: tuple  # of shoulder and elbow, N m s per radian

    @classmethod
    def of(cls, lengths, masses, load, friction, gravity):
        """lengths [K, 2] m, load [K] kg, masses (m1, m2) kg, gravity m/s^2 along -y."""
        l1, l2 = np.moveaxis(lengths[:, None], -1, 0)
        (m1, m2), load = masses, load[:, None]
        upper, middle, lower = m1 / 2 + m2 + load, m2 / 2 + load, m2 / 3 + load
        return cls((m1 / 3 + m2 + load) * l1 ** 2, lower * l2 ** 2, middle * l1 * l2,
                   upper * l1 * gravity, middle * l2 * gravity, friction)

    def inertia(self, state):
        """M11, M12 and M22."""
        r_cos = self.r * np.cos(state[1])
        return self.I1 + self.I2 + 2 * r_cos, self.I2 + r_cos, self.I2

    def resistance(self, state):
        """c + g + friction v, of shoulder and elbow."""
        q1, q2, v1, v2 = state
        r_sin, g2 = self.r * np.sin(q2), self.G2 * np.cos(q1 + q2)
        return (-r_sin * (2 * v1 + v2) * v2 + self.G1 * np.cos(q1) + g2
                + self.friction[0] * v1,
                r_sin * v1 * v1 + g2 + self.friction[1] * v2)

    def torque(self, state, acceleration):
        """Inverse dynamics: the torque that gives dv/dt = acceleration [2, K, B]."""
        (M11, M12, M22), (a1, a2) = self.inertia(state), acceleration
        f1, f2 = self.resistance(state)
        return np.stack([M11 * a1 + M12 * a2 + f1, M12 * a1 + M22 * a2 + f2])

    def flow(self, state, torque):
        """Forward dynamics: d state / dt."""
        M11, M12, M22 = self.inertia(state)
        f1, f2 = self.resistance(state)
        f1, f2, det = torque[0] - f1, torque[1] - f2, M11 * M22 - M12 * M12
        return np.stack([state[2], state[3], (M22 * f1 - M12 * f2) / det,
                         (M11 * f2 - M12 * f1) / det])

    def move(self, state, torque, dt, substeps):
        """The state after `dt` seconds under a constant torque, in `substeps` steps h.
        They are stable while decay() h is at most STABLE."""
        return runge_kutta(lambda state: self.flow(state, torque), state, dt, substeps)

    def decay(self):
        """The fastest rate at which friction stops a motion, 1/s, over all postures and
        arms. The rate is the largest eigenvalue of M^-1 friction, a root of

            det(rate M - friction)  =  det M rate^2 - trace rate + f1 f2  =  0

        It grows with the trace f1 M22 + f2 M11, and where det M falls. The trace
        is largest and det M is least where the arm is stretched out: q2 = 0.
        """
        M11, M12, M22 = self.inertia((0, 0))
        f1, f2 = self.friction
        trace, det = f1 * M22 + f2 * M11, M11 * M22 - M12 * M12
        root = np.sqrt(trace * trace - 4 * det * f1 * f2)
        return float(((trace + root) / (2 * det)).max())

    def energy(self, state):
        """Kinetic plus potential energy, [K, B] joules. It is 0 at rest along x."""
        q1, q2, v1, v2 = state
        M11, M12, M22 = self.inertia(state)
        kinetic = M11 * v1 ** 2 / 2 + M12 * v1 * v2 + M22 * v2 ** 2 / 2
        return kinetic + self.G1 * np.sin(q1) + self.G2 * np.sin(q1 + q2)


def runge_kutta(flow, state, dt, substeps):
    """The state after `dt` seconds of d state / dt = flow(state), by the classical
    Runge-Kutta method of fourth order, in `substeps` equal steps."""
    h = dt / substeps
    for _ in range(substeps):
        k1 = flow(state)
        k2 = flow(state + h / 2 * k1)
        k3 = flow(state + h / 2 * k2)
        k4 = flow(state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return state


def unstacked(array):
    """[..., n] -> [n, ...]: the coordinates come first, each contiguous."""
    return np.moveaxis(array, -1, 0).copy()


def stacked(array):
    """[n, ...] -> [..., n]: the inverse of unstacked."""
    return np.moveaxis(array, 0, -1).copy()


class Simulated(Tasks):
    """Tasks without luck, whose returns are told by simulation."""

    def random(self):
        """By simulation: 16 episodes. Their actions depend on the task alone, so the
        result is always the same."""
        return self.uniform(EPISODES)

    def uniform(self, episodes):
        """The mean return [K] of so many episodes of uniform actions."""
        shape = (self.family.horizon, episodes)
        actions = np.stack([self.family.action.sample(shape, self.luck(k))
                            for k in range(len(self))])
        return self.simulated(lambda t, state: actions[:, t], episodes)

    def luck(self, k):
        """A random stream, seeded by the numbers of task k."""
        numbers = np.concatenate([a[k].ravel() for a in self.arrays().values()])
        return np.random.default_rng(numbers.view(np.uint32))

    def simulated(self, act, B):
        """The mean return [K] of B episodes with actions act(t, state)."""
        state, total = self.begin(B, None)[0], 0
        for t in range(self.family.horizon):
            state, _, reward, _ = self.move(state, act(t, state), None)
            total = total + reward
        return total.mean(-1)
