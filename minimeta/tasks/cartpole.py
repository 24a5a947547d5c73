"""A cart has to swing up a pole that hangs from it, and to balance the pole. Of the
pole's length, its mass, gravity and the motor's force one may be hidden.
cart_mechanics.py has the equations of motion.

Letters: K tasks, B episodes.
"""
from dataclasses import dataclass
from math import ceil, pi

import numpy as np

from .. import require
from .cart_mechanics import CartAndPole
from .family import Box, Family
from .mechanics import STABLE, Simulated, stacked, unstacked

TRACK = 2.4            # m from the centre, where 1 / (1 + (x / TRACK)^2) is 1/2
VARY = dict.fromkeys(("nothing", "length", "mass", "gravity", "force"))
SPREAD = 2.0           # what is hidden has 1 / SPREAD to SPREAD times its usual size
NEAR = 0.7             # radians from upright within which the expert balances, ..
CATCH = 0.8            # .. if this share of its force can stop the fall
COSTS = (1, 20, 1, 1)  # of the squares of (x, q, v, w) when it balances, ..
EFFORT = 0.01          # .. and of the force in newtons
FORESIGHT = 4.0        # s: the time for which these are summed
AIM = 1.2              # the energy E / (b g) to reach; standing upright has 1
PUMP, PULL, BRAKE = 2.0, 3.0, 3.0  # 1, 1/s^2 and 1/s: how the expert swings up
MANY = 4096            # episodes that tell what chance earns, if there is only one task


@dataclass(frozen=True)
class CartPole(Family):
    """A cart on a rail that has no ends, with a pole on a pin. The pole hangs down at
    first, and shall stand up.

    sees      (x, cos q, sin q, v, w): the place of the cart and its speed, in units of
              2.4 m and 2.4 m/s; the angle of the pole from upright; its rate, in turns
              per second. At first the cart is in the centre, and all is at rest
    does      pushes with `force` (N) times its action, clipped to [-1, 1]
    earns     after each step, (1 + cos q) / 2 times 1 / (1 + (x / 2.4 m)^2): up to 1
              where the pole is upright and the cart is in the centre
    ends      after `horizon` steps of `dt` seconds. No step ends it early: where each
              step pays, an end of the rail would be one more thing to learn, and where
              the next episode begins at once, leaving the rail would cost nothing
    a task    what shall `vary`: "nothing", or the "length" of the pole, its "mass",
              "gravity", or the "force" of the motor. It is from 1/2 to 2 times its
              usual size, log-uniform. A motor whose force varies is also wired the
              wrong way round in half of the tasks: its force is negative then

    cart, mass   of cart and pole, kg
    length       of the pole, m
    gravity      m/s^2
    force        N, of an action of 1
    friction     of the cart on the rail, N s/m, and of the pin, N m s per radian
    dt           between actions, s
    substeps     of the integrator in each dt

    A force is held until the next action. The motion is integrated by the classical
    Runge-Kutta method of fourth order, with steps of dt / substeps. Without force and
    friction a fall from upright conserves the energy to 1e-6 of the largest kinetic
    energy, for an episode. The numbers and the reward are ours.
    Source of the task: Barto, Sutton & Anderson (1983), who balance alone.
    """

    vary: str = "nothing"
    horizon: int = 100
    episodes: int = 1
    cart: float = 1.0
    mass: float = 0.5
    length: float = 1.0
    gravity: float = 9.81
    force: float = 10.0
    friction: tuple = (0.1, 0.01)
    dt: float = 0.05
    substeps: int = 6

    obs_size = 5
    action = Box(1)

    def draw(self, K, rng):
        usual = {name: np.full(K, getattr(self, name)) for name in VARY if
                 name != "nothing"}
        if self.vary != "nothing":
            usual[self.vary] = usual[self.vary] * SPREAD ** rng.uniform(-1, 1, K)
        if self.vary == "force":
            usual["force"] = usual["force"] * rng.choice([-1.0, 1.0], K)
        return CartPoleTasks(self, **usual)

    def __post_init__(self):
        require.choice("vary", self.vary, VARY)
        require.fields(self, count=("horizon", "episodes", "substeps"), positive=(
            "cart", "mass", "length", "gravity", "force", "dt"), sequence="friction")
        friction = tuple(
            require.number("each of friction", f, 0) for f in self.friction)
        if len(friction) != 2:
            raise ValueError(f"friction must be two numbers, got {friction}")
        object.__setattr__(self, "friction", friction)
        least = {name: np.array([getattr(self, name) / SPREAD ** (self.vary == name)])
                 for name in ("length", "mass", "gravity")}
        fastest = CartAndPole.of(self.cart, **least, friction=friction).decay()
        needed = ceil(fastest * self.dt / STABLE)
        if self.substeps < needed:
            raise ValueError(
                f"substeps must be at least {needed} for this friction, inertia and "
                f"dt, or the integrator may diverge, got {self.substeps}")


@dataclass(frozen=True)
class CartPoleTasks(Simulated):
    """K carts. The state is (x, q, v, w), [K, B, 4]."""

    family: CartPole
    length: np.ndarray   # [K]  m
    mass: np.ndarray     # [K]  kg
    gravity: np.ndarray  # [K]  m/s^2
    force: np.ndarray    # [K]  N

    @property
    def mechanics(self):
        f = self.family
        return CartAndPole.of(f.cart, self.length, self.mass, self.gravity, f.friction)

    def begin(self, B, rng):
        state = np.zeros((len(self), B, 4))
        state[..., 1] = pi
        return state, self.observe(state)

    def observe(self, state):
        x, q, v, w = unstacked(state)
        return np.stack([x / TRACK, np.cos(q), np.sin(q), v / TRACK, w / (2 * pi)], -1)

    def move(self, state, action, rng):
        f, force = self.family, self.force[:, None] * np.clip(action[..., 0], -1, 1)
        state = stacked(
            self.mechanics.move(unstacked(state), force, f.dt, f.substeps))
        if not np.isfinite(state).all():
            raise ValueError("the cart moves too fast for its integrator; use more "
                             "substeps, more friction or less force")
        x, q = state[..., 0], state[..., 1]
        reward = (1 + np.cos(q)) / 2 / (1 + (x / TRACK) ** 2)
        return state, self.observe(state), reward, np.zeros(reward.shape, bool)

    def energy(self, state):
        """Kinetic plus potential energy, [K, B] joules; 0 at rest with the pole level.
        """
        return self.mechanics.energy(unstacked(state))

    def expert(self, state, gains=None):
        """The actions [K, B, 1] of an agent that knows the task and is good but not the
        best. Far from upright it accelerates the cart so that the pole's own energy
        E = c w^2 / 2 + b g cos q comes to a little more than the b g of standing up:

            dE/dt = -b cos q w dv/dt          without friction
            dv/dt = -PUMP g clip(e w cos q / w0) - PULL x - BRAKE v
            e     = AIM - E / (b g)           w0 = sqrt(b g / c)

        so that E grows where it is too small. At rest, |w| < w0 / 10, no way is better:
        there 0.1 is added to w / w0. Near upright it balances, with a force that is
        linear in the state; `gains` are its factors, self.gains() if None.
        """
        cart, (x, q, v, w) = self.mechanics, unstacked(state)
        q, torque = (q + pi) % (2 * pi) - pi, cart.b * cart.gravity
        w0 = np.sqrt(torque / cart.c)
        e = AIM - np.cos(q) - w * w / w0 ** 2 / 2
        kicked = w / w0 + 0.1 * (np.abs(w) < 0.1 * w0)
        pump = np.clip(e * kicked * np.cos(q), -1, 1)
        swing = cart.force(np.stack([x, q, v, w]), -PUMP * cart.gravity * pump
                           - PULL * x - BRAKE * v)
        gains = self.gains() if gains is None else gains
        balance = -(stacked(np.stack([x, q, v, w])) * gains[:, None]).sum(-1)
        # Near upright z = q + w / rate grows alone, with rate = cart.falling:
        #   dz/dt = rate (z - F / (a g)),    so |F| > a g |z| stops the fall
        falls = cart.a * cart.gravity * np.abs(q + w / cart.falling)
        is_near = (np.abs(q) < NEAR) & (falls < CATCH * np.abs(self.force[:, None]))
        action = np.where(is_near, balance, swing) / self.force[:, None]
        return np.clip(action, -1, 1)[..., None]

    def gains(self):
        """[K, 4]  the force that balances, for each unit of (x, q, v, w): the linear
        regulator of the motion near upright, by Riccati's recursion from P = COSTS.

            G = (EFFORT + B' P B)^-1 B' P A,    P <- COSTS + A' P (A - B G)
        """
        A, B = linearised(self.mechanics, self.family.dt, self.family.substeps)
        P = costs = np.diag(COSTS)
        for _ in range(ceil(FORESIGHT / self.family.dt)):
            BP = np.swapaxes(B, -1, -2) @ P
            G = BP @ A / (EFFORT + BP @ B)
            P = costs + np.swapaxes(A, -1, -2) @ P @ (A - B @ G)
        return G[:, 0]

    def random(self):
        """By simulation: 16 episodes of each task; 4096 if there is only one task."""
        if self.family.vary != "nothing":
            return super().random()
        return np.repeat(self[:1].uniform(MANY), len(self))

    def oracle(self):
        """By simulation: an episode of the expert."""
        gains = self.gains()
        return self.simulated(lambda t, state: self.expert(state, gains), 1)


def linearised(cart, dt, substeps):
    """The matrices A [K, 4, 4] and B [K, 4, 1] of one step near upright at rest,
    state <- A state + B force, by small steps in each direction."""
    small, K = 1e-6, len(cart.a)
    there = np.zeros((4, K, 5))
    there[:, :, :4] = small * np.eye(4)[:, None]
    force = np.zeros((K, 5))
    force[:, 4] = small
    after = cart.move(there, force, dt, substeps) / small
    after = np.moveaxis(after, 0, 1)
    return after[..., :4], after[..., 4:]
