"""The arm's mechanics against Lagrange, and its integrator against energy and work."""
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from minimeta.tasks import PlanarArm
from minimeta.tasks.mechanics import STABLE, TwoLinks
from minimeta.testing.strategies import seeds

STEP = 1e-30  # of the complex step
RNG = np.random.default_rng(0)  # for what draws nothing


def some_arm(seed, K=3, B=4):
    """K arms as (lengths, masses, load, friction, gravity), states and torques."""
    rng = np.random.default_rng(seed)
    physique = (rng.uniform(0.1, 2, (K, 2)), tuple(rng.uniform(0.1, 3, 2)),
                rng.uniform(0, 2, K), tuple(rng.uniform(0, 1, 2)), rng.uniform(-10, 10))
    return physique, rng.normal(0, 2, (4, K, B)), rng.normal(0, 3, (2, K, B))


def lagrangian(physique, state):
    """T - V [K, B], from the places and speeds of rods and load; nothing of M is used.

    A rod whose ends move with velocities a and b has T = m (a.a + a.b + b.b) / 6.
    """
    lengths, masses, load, _, gravity = physique
    (q1, q2, v1, v2), (l1, l2) = state, lengths.T[:, :, None]

    def arm(angle, length):
        return length * np.stack([np.cos(angle), np.sin(angle)])

    def moving(angle, rate, length):
        return length * rate * np.stack([-np.sin(angle), np.cos(angle)])

    elbow, hand = arm(q1, l1), arm(q1, l1) + arm(q1 + q2, l2)
    a = moving(q1, v1, l1)
    b = a + moving(q1 + q2, v1 + v2, l2)
    kinetic = (masses[0] * (a * a).sum(0) / 6
               + masses[1] * (a * a + a * b + b * b).sum(0) / 6
               + load[:, None] * (b * b).sum(0) / 2)
    height = masses[0] * elbow[1] / 2 + masses[1] * (elbow + hand)[1] / 2
    return kinetic - gravity * (height + load[:, None] * hand[1])


def slope(function, state, direction):
    """The derivative of function(state) along a direction, by complex step."""
    return function(state + STEP * 1j * direction).imag / STEP


def euler_lagrange(physique, state, acceleration):
    """d/dt dL/dv - dL/dq  [2, K, B].

    L is quadratic in v: a central difference of any width is dL/dv, but for rounding.
    """
    def unit(i):
        return np.eye(4)[i][:, None, None]

    def momentum(state, i):
        return (lagrangian(physique, state + unit(2 + i))
                - lagrangian(physique, state - unit(2 + i))) / 2

    motion = np.concatenate([state[2:], acceleration])
    return np.stack([
        slope(lambda s: momentum(s, i), state, motion)
        - slope(lambda s: lagrangian(physique, s), state, unit(i)) for i in range(2)])


def off(one, other):
    return np.abs(one - other).max() / np.abs(other).max()


# ---- the equation of motion

@given(seeds())
def test_the_equation_of_motion_is_lagranges(seed):
    physique, state, torque = some_arm(seed)
    links = TwoLinks.of(*physique)
    acceleration = links.flow(state, torque)[2:]
    friction = np.array(physique[3])[:, None, None] * state[2:]
    assert off(euler_lagrange(physique, state, acceleration) + friction, torque) < 1e-10


def test_the_check_against_lagrange_catches_a_wrong_coriolis_torque():
    physique, state, torque = some_arm(0)

    class Wrong(TwoLinks):
        def resistance(self, state):
            f1, f2 = super().resistance(state)
            return f1 + 1e-3 * self.r * np.sin(state[1]) * state[2] * state[3], f2

    acceleration = Wrong.of(*physique).flow(state, torque)[2:]
    friction = np.array(physique[3])[:, None, None] * state[2:]
    assert off(euler_lagrange(physique, state, acceleration) + friction, torque) > 1e-5


@given(seeds())
def test_the_inertia_is_positive_definite_in_every_posture(seed):
    physique, state, _ = some_arm(seed)
    M11, M12, M22 = TwoLinks.of(*physique).inertia(state)
    assert (M11 > 0).all() and (M22 > 0).all() and (M11 * M22 - M12 ** 2 > 0).all()


@given(seeds())
def test_inverse_dynamics_undoes_forward_dynamics(seed):
    physique, state, torque = some_arm(seed)
    links = TwoLinks.of(*physique)
    assert off(links.torque(state, links.flow(state, torque)[2:]), torque) < 1e-10


@given(seeds())
def test_the_energy_is_kinetic_plus_potential(seed):
    physique, state, _ = some_arm(seed)
    still = state * np.array([1, 1, 0, 0])[:, None, None]
    T = lagrangian(physique, state) - lagrangian(physique, still)
    V = -lagrangian(physique, still)
    assert off(TwoLinks.of(*physique).energy(state), T + V) < 1e-12


# ---- the integrator

def fall(substeps, friction=(0, 0)):
    """Energy [T + 1] and largest kinetic energy of an arm that falls for an episode."""
    family = PlanarArm(gravity=9.81, friction=friction, substeps=substeps)
    tasks = family.sample(1, np.random.default_rng(0))
    weightless = replace(tasks, family=replace(family, gravity=0.0))
    states = [tasks.reset(1, RNG)[0]]
    for _ in range(family.horizon):
        states.append(tasks.step(states[-1], np.zeros((1, 1, 2)), RNG)[0])
    kinetic = max(weightless.energy(state).item() for state in states)
    return np.array([tasks.energy(state).item() for state in states]), kinetic


def test_energy_is_conserved_without_torque_and_friction():
    energy, kinetic = fall(PlanarArm().substeps)
    assert np.abs(energy - energy[0]).max() < 1e-4 * kinetic and kinetic > 5


def test_the_energys_error_is_of_fourth_order_or_better():
    (coarse, _), (fine, _) = fall(4), fall(8)
    assert np.abs(coarse - coarse[0]).max() > 2 ** 4 * np.abs(fine - fine[0]).max()


def test_friction_only_takes_energy():
    energy, _ = fall(4, friction=(0.3, 0.1))
    assert (np.diff(energy) < 0).all()


def test_the_work_of_the_motors_is_the_energy_gained():
    family = PlanarArm(friction=(0, 0), substeps=16, dt=0.01)
    tasks = family.sample(1, np.random.default_rng(0))
    state, work = tasks.reset(1, RNG)[0], 0
    action = np.array([[[0.5, -0.3]]])
    for _ in range(40):
        after = tasks.step(state, action, RNG)[0]
        work = work + (family.torque * action * (after - state)[..., :2]).sum()
        state = after
    assert abs(tasks.energy(state).item() / work - 1) < 1e-9 and work > 1


def test_a_stiff_arm_stays_bounded():
    family = PlanarArm("dynamics", friction=(0.9, 0.9), horizon=200)
    tasks, rng = family.sample(30, np.random.default_rng(0)), np.random.default_rng(1)
    state = tasks.reset(2, rng)[0]
    for _ in range(family.horizon):
        state = tasks.step(state, rng.choice([-1.0, 1.0], (30, 2, 2)), rng)[0]
    assert np.abs(state[..., 2:]).max() < 40


def test_the_least_number_of_substeps_is_where_the_integrator_stops_being_stable():
    # y' = -rate y: the factor of a step of Runge-Kutta, below 1 up to z = 2.7853.
    def factor(z):
        return 1 - z + z ** 2 / 2 - z ** 3 / 6 + z ** 4 / 24

    assert factor(STABLE) < 1 and factor(2.79) > 1 and 2.75 < STABLE


@pytest.mark.parametrize("seed", range(4))
def test_the_fastest_decay_is_the_largest_eigenvalue_of_the_inverse_inertia_times_friction(seed):
    physique, _, _ = some_arm(seed)
    links, q2 = TwoLinks.of(*physique), np.linspace(0, np.pi, 65)
    M11, M12, M22 = np.broadcast_arrays(*links.inertia((0, q2)))
    M = np.stack([np.stack([M11, M12], -1), np.stack([M12, M22], -1)], -1)
    rates = np.linalg.eigvals(np.linalg.solve(M, np.diag(physique[3])))
    assert links.decay() == pytest.approx(rates.real.max(), rel=1e-9)
    assert links._replace(friction=(0.0, 0.0)).decay() == 0
