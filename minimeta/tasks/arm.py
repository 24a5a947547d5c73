"""A robot arm of two links has to bring its hand to a place, without knowing all about
the place or about itself. mechanics.py has its equation of motion.

Letters: K tasks, B episodes.
"""
from dataclasses import dataclass
from math import ceil, pi

import numpy as np

from .. import require
from .family import Box, Family
from .mechanics import STABLE, Simulated, TwoLinks, stacked, unstacked

START = (-pi / 4, pi / 2)  # radians: the hand is on the x axis, the elbow below it
TARGET = (0.1, 0.4)        # m: where the hand has to go if something else is hidden
NEAR, FAR = 0.4, 0.9       # distances of hidden targets, in lengths of the arm
SIDE = pi / 2              # radians: largest angle of hidden targets with the x axis
PAYLOAD = 0.5              # kg: the largest load
STRETCH = 0.2              # links are longer or shorter by up to this share
GAINS = (0.7, 1.3)         # the size of a motor's gain
WEAK = (0.3, 0.7)          # the share of its gain that a weak joint keeps
STIFFNESS = 6.0            # 1/s: the rate at which the expert's error dies out

DYNAMICS = ("payload", "lengths", "gains", "weak joint")
HIDDEN = {name: (name,) for name in ("target",) + DYNAMICS} | {"dynamics": DYNAMICS}


@dataclass(frozen=True)
class PlanarArm(Family):
    """A robot arm of two links, with a motor at each joint.

    sees      (cos q1, cos q2, sin q1, sin q2, v1, v2): angles of shoulder and elbow,
              and their rates in radians per second. At first the hand is on the x axis,
              at rest
    does      asks for torques: `torque` (N m) times its action, with each coordinate
              clipped to [-1, 1]. The motors give `gain` times what is asked
    earns     after each step, minus the distance from hand to target (m), minus
              `effort` times the sum of squares of the clipped action
    ends      after `horizon` steps of `dt` seconds (no step ends it early)
    a task    what is `hidden`, as below. All else is as usual: the target at
              (0.1, 0.4) m, no payload, gains of 1
        "target"      uniform in distance, from 0.4 to 0.9 times the arm's length, and
                      in angle, within 90 degrees of the x axis
        "payload"     in the hand, uniform from 0 to 0.5 kg
        "lengths"     each link uniform within 20 % of its length; its mass is the same
        "gains"       of each motor, uniform from 0.7 to 1.3; with probability 1/2 the
                      motor is wired the wrong way round, and the gain is negative
        "weak joint"  the shoulder or the elbow has 0.3 to 0.7 (uniform) of its gain
        "dynamics"    payload, lengths, gains and a weak joint at once

    lengths, masses   of the links, m and kg
    friction          of shoulder and elbow, N m s per radian
    gravity           m/s^2, along -y; 0 if the arm moves in a horizontal plane
    dt                between actions, s
    substeps          of the integrator in each dt

    A torque is held until the next action. The motion is integrated by the classical
    Runge-Kutta method of fourth order, with steps of dt / substeps. An arm that falls
    freely for an episode, without torque and friction, conserves its energy to 1e-4 of
    the largest kinetic energy. The robot, its numbers and its reward are ours.
    """

    hidden: str = "target"
    horizon: int = 50
    episodes: int = 1
    lengths: tuple = (0.5, 0.5)
    masses: tuple = (1.0, 1.0)
    friction: tuple = (0.6, 0.6)
    gravity: float = 0.0
    torque: float = 3.0
    effort: float = 0.01
    dt: float = 0.05
    substeps: int = 4

    obs_size = 6
    action = Box(2)

    def draw(self, K, rng):
        hides = HIDDEN[self.hidden]
        lengths = np.full((K, 2), self.lengths)
        payload, gain, target = np.zeros(K), np.ones((K, 2)), np.full((K, 2), TARGET)
        if "target" in hides:
            distance = sum(self.lengths) * rng.uniform(NEAR, FAR, K)
            target = distance[:, None] * direction(rng.uniform(-SIDE, SIDE, K))
        if "payload" in hides:
            payload = rng.uniform(0, PAYLOAD, K)
        if "lengths" in hides:
            lengths = lengths * rng.uniform(1 - STRETCH, 1 + STRETCH, (K, 2))
        if "gains" in hides:
            gain = rng.uniform(*GAINS, (K, 2)) * rng.choice([-1, 1], (K, 2))
        if "weak joint" in hides:
            is_weak = rng.integers(2, size=(K, 1)) == np.arange(2)
            gain = np.where(is_weak, rng.uniform(*WEAK, (K, 1)), 1) * gain
        return ArmTasks(self, lengths, payload, gain, target)

    def __post_init__(self):
        require.choice("hidden", self.hidden, HIDDEN)
        require.fields(self, count=("horizon", "episodes", "substeps"),
                       positive=("torque", "dt"), nonnegative="effort",
                       number="gravity")
        for name in ("lengths", "masses", "friction"):
            pair = two_numbers(name, getattr(self, name), is_open=name != "friction")
            object.__setattr__(self, name, pair)
        shortest = 1 - STRETCH * ("lengths" in HIDDEN[self.hidden])
        fastest = TwoLinks.of(shortest * np.array([self.lengths]), self.masses,
                              np.zeros(1), self.friction, 0.0).decay()
        least = ceil(fastest * self.dt / STABLE)
        if self.substeps < least:
            raise ValueError(
                f"substeps must be at least {least} for this friction, inertia and dt, "
                f"or the integrator diverges, got {self.substeps}")


def two_numbers(name, pair, is_open):
    """A pair of numbers, at least 0, or above 0 if is_open -> tuple of floats."""
    pair = require.sequence(name, pair)
    if len(pair) != 2:
        raise ValueError(f"{name} must be two numbers, got {pair}")
    return tuple(require.number(f"each of {name}", size, 0, is_open=is_open)
                 for size in pair)


def direction(angle):
    """Angles [...] -> (cos, sin), [..., 2]."""
    return np.stack([np.cos(angle), np.sin(angle)], -1)


@dataclass(frozen=True)
class ArmTasks(Simulated):
    """K arms. The state is (q1, q2, v1, v2), [K, B, 4]."""

    family: PlanarArm
    lengths: np.ndarray  # [K, 2]  m
    payload: np.ndarray  # [K]     kg
    gain: np.ndarray     # [K, 2]
    target: np.ndarray   # [K, 2]  m

    @property
    def links(self):
        """The mechanics of the arms."""
        f = self.family
        return TwoLinks.of(self.lengths, f.masses, self.payload, f.friction, f.gravity)

    def begin(self, B, rng):
        state = np.zeros((len(self), B, 4))
        state[..., :2] = START
        return state, self.observe(state)

    def observe(self, state):
        q, v = state[..., :2], state[..., 2:]
        return np.concatenate([np.cos(q), np.sin(q), v], -1)

    def move(self, state, action, rng):
        family, action = self.family, np.clip(action, -1, 1)
        torque = unstacked(family.torque * self.gain[:, None] * action)
        state = stacked(
            self.links.move(unstacked(state), torque, family.dt, family.substeps))
        if not np.isfinite(state).all():
            raise ValueError("the arm moves too fast for its integrator; use more "
                             "substeps, more friction or less torque")
        reward = -self.distance(state) - family.effort * (action ** 2).sum(-1)
        return state, self.observe(state), reward, np.zeros(reward.shape, bool)

    def elbow(self, state):
        """Where the elbow is, [K, B, 2] m; the shoulder is at (0, 0)."""
        return self.lengths[:, 0, None, None] * direction(state[..., 0])

    def hand(self, state):
        """Where the hand is, [K, B, 2] m."""
        angle = state[..., 0] + state[..., 1]
        return self.elbow(state) + self.lengths[:, 1, None, None] * direction(angle)

    def distance(self, state):
        """From hand to target, [K, B] m."""
        away = self.hand(state) - self.target[:, None]
        return np.sqrt((away * away).sum(-1))

    def energy(self, state):
        """Kinetic plus potential energy, [K, B] joules."""
        return self.links.energy(unstacked(state))

    def posture(self):
        """Angles [K, 2] that bring the hand to the target, or as near as the arm can.
        The elbow stays on the side where it is at first."""
        (l1, l2), (x, y) = self.lengths.T, self.target.T
        cos = np.clip((x * x + y * y - l1 * l1 - l2 * l2) / (2 * l1 * l2), -1, 1)
        q2 = np.arccos(cos)
        q1 = np.arctan2(y, x) - np.arctan2(l2 * np.sin(q2), l1 + l2 * cos)
        return np.stack([q1, q2], -1)

    def expert(self, state):
        """The actions [K, B, 2] of an agent that knows the task, by inverse dynamics:

            torque = M a + c + g + friction v,    a = s^2 (posture - q) - 2 s v

        As long as the motors can give this torque, the error of the angles dies out as
        (1 + s t) exp(-s t).
        """
        s, q, v = STIFFNESS, state[..., :2], state[..., 2:]
        error = (self.posture()[:, None] - q + pi) % (2 * pi) - pi
        acceleration = s * s * error - 2 * s * v
        torque = self.links.torque(unstacked(state), unstacked(acceleration))
        largest = self.family.torque * self.gain[:, None]
        return np.clip(stacked(torque) / largest, -1, 1)

    def oracle(self):
        """By simulation: an episode of the expert, who is good but not the best."""
        return self.simulated(lambda t, state: self.expert(state), 1)
