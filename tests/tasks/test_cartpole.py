"""The cart and its pole: the equations of motion against Lagrange, energy and work; the reward;
the expert."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta.tasks import CartPole, cartpole
from minimeta.tasks.cart_mechanics import CartAndPole
from minimeta.tasks.cartpole import linearised

STEP = 1e-30
RNG = np.random.default_rng(0)


def some_cart(seed, K=3, B=4, friction=None):
    """K carts with their numbers, a state [4, K, B] and a force [K, B]."""
    rng = np.random.default_rng(seed)
    f = tuple(rng.uniform(0, 1, 2)) if friction is None else friction
    numbers = (rng.uniform(0.5, 2), *rng.uniform(0.3, 3, (2, K)), rng.uniform(1, 15, K), f)
    return numbers, rng.normal(0, 2, (4, K, B)), rng.normal(0, 5, (K, B))


def lagrangian(numbers, x, q, v, w):
    """T - V from the places and speeds of cart and rod. Two points at 1/2 -+ 1/sqrt(12) of its
    length, each of half its mass, move as the rod does: Gauss's rule is exact for squares."""
    cart, length, mass, gravity, _ = numbers
    total = cart * v * v / 2
    for share in (0.5 - 12 ** -0.5, 0.5 + 12 ** -0.5):
        r, m = share * length[:, None], mass[:, None] / 2
        speed = (v + r * w * np.cos(q)) ** 2 + (r * w * np.sin(q)) ** 2
        total = total + m * speed / 2 - m * gravity[:, None] * r * np.cos(q)
    return total


def slope(f, z, i):
    """df / dz_i by complex step."""
    z = [a.astype(complex) for a in z]
    z[i] = z[i] + STEP * 1j
    return f(*z).imag / STEP


@pytest.mark.parametrize("seed", range(4))
def test_the_motion_is_that_of_lagrange(seed):
    """d/dt dL/dv - dL/dx = F - f_x v, with the derivative of the momentum by the chain rule: L is
    quadratic in the speeds, so differences over a width of 1 are exact."""
    numbers, state, force = some_cart(seed)
    rates = CartAndPole.of(*numbers).flow(state, force)
    assert np.array_equal(rates[:2], state[2:])

    def momentum(i, z):
        z = list(z)
        up, down = z[i] + 0.5, z[i] - 0.5
        return (lagrangian(numbers, *z[:i], up, *z[i + 1:])
                - lagrangian(numbers, *z[:i], down, *z[i + 1:]))

    frictions, pushes = numbers[-1], (force, 0)
    for i in (2, 3):
        turned = sum(slope(lambda *z: momentum(i, z), state, j) * rates[j] for j in range(4))
        left = turned - slope(lambda *z: lagrangian(numbers, *z), state, i - 2)
        assert np.allclose(left, pushes[i - 2] - frictions[i - 2] * state[i], atol=1e-10)


def test_the_power_of_force_and_friction_is_the_change_of_energy():
    numbers, state, force = some_cart(5)
    cart = CartAndPole.of(*numbers)
    rates = cart.flow(state, force)
    gained = sum(slope(lambda *z: cart.energy(np.stack(z)), state, i) * rates[i] for i in range(4))
    (f_x, f_q), (_, _, v, w) = numbers[-1], state
    assert np.allclose(gained, force * v - f_x * v * v - f_q * w * w, atol=1e-10)


def test_inverse_dynamics_gives_the_acceleration_that_was_asked_for():
    numbers, state, wanted = some_cart(6)
    cart = CartAndPole.of(*numbers)
    assert np.allclose(cart.flow(state, cart.force(state, wanted))[2], wanted, rtol=1e-10)


@pytest.mark.parametrize("vary", ["nothing", "length", "mass", "gravity"])
def test_without_force_and_friction_the_energy_is_kept_to_1e_6_for_an_episode(vary):
    """From nearly upright, over the whole range of what varies."""
    family = CartPole(vary, friction=(0, 0))
    tasks = family.sample(40, np.random.default_rng(0))
    state, _ = tasks.reset(2, RNG)
    state[..., 1] = 0.01, np.pi / 2
    first, most, drift = tasks.energy(state), 0, 0
    for _ in range(family.horizon):
        state, *_ = tasks.step(state, np.zeros((40, 2, 1)), RNG)
        energy = tasks.energy(state)
        most = np.maximum(most, tasks.mechanics.kinetic(np.moveaxis(state, -1, 0)))
        drift = np.maximum(drift, abs(energy - first))
    assert (drift / most).max() < 1e-6
    assert (drift / most).max() > 1e-9      # a drift of nothing would mean that nothing moved


def test_twice_the_substeps_conserve_the_energy_about_thirty_times_as_well():
    def drift(substeps):
        family = CartPole(friction=(0, 0), substeps=substeps)
        tasks = family.sample(1, RNG)
        state, _ = tasks.reset(1, RNG)
        state[..., 1] = 1.0
        first = tasks.energy(state)
        for _ in range(40):
            state, *_ = tasks.step(state, np.zeros((1, 1, 1)), RNG)
        return abs(tasks.energy(state) - first).max()

    assert 16 < drift(3) / drift(6) < 64     # fourth order; 2^5 of the energy


def test_the_reward_is_one_upright_in_the_centre_and_falls_from_there():
    tasks = CartPole(gravity=1e-9, friction=(0, 0)).sample(1, RNG)
    state = np.zeros((1, 4, 4))
    state[0, :, 0] = 0, 2.4, 0, -2.4
    state[0, :, 1] = 0, 0, np.pi / 2, np.pi
    reward = tasks.step(state, np.zeros((1, 4, 1)), RNG)[2]
    assert np.allclose(reward, [[1, 1 / 2, 1 / 2, 0]], atol=1e-8)


def test_what_is_seen_is_the_state_in_its_units():
    tasks = CartPole().sample(1, RNG)
    _, obs = tasks.reset(1, RNG)
    assert np.allclose(obs, [[[0, -1, 0, 0, 0]]], atol=1e-15) and CartPole().obs_size == 5
    seen = tasks.observe(np.array([[[1.2, np.pi / 2, -4.8, 2 * np.pi]]]))
    assert np.allclose(seen, [[[0.5, 0, 1, -2, 1]]], atol=1e-15)


def test_the_oracle_is_an_episode_of_the_expert():
    tasks = CartPole("mass", horizon=12).sample(3, np.random.default_rng(0))
    state, total = tasks.begin(1, None)[0], 0
    for _ in range(12):
        state, _, reward, _ = tasks.move(state, tasks.expert(state), None)
        total = total + reward[:, 0]
    assert np.allclose(tasks.oracle(), total, rtol=1e-12)


def test_what_chance_earns_is_told_once_if_all_tasks_are_alike(monkeypatch):
    monkeypatch.setattr(cartpole, "MANY", 5)
    tasks = CartPole(horizon=9).sample(3, RNG)
    assert tasks.random().tolist() == 3 * tasks[:1].uniform(5).tolist()


def test_a_push_to_the_right_moves_the_cart_to_the_right_and_a_longer_push_is_clipped():
    tasks = CartPole().sample(1, RNG)
    state, _ = tasks.reset(1, RNG)
    one, two, left, far = (tasks.step(state, np.full((1, 1, 1), a), RNG)[0]
                           for a in (1.0, 7.0, -1.0, -1.5))
    assert one[0, 0, 0] > 0 > left[0, 0, 0]
    assert np.array_equal(one, two) and np.array_equal(left, far)


@pytest.mark.parametrize("vary", ["length", "mass", "gravity", "force"])
def test_what_varies_is_log_uniform_within_a_factor_of_two_and_nothing_else_varies(vary):
    family = CartPole(vary)
    tasks = family.sample(4000, np.random.default_rng(0))
    for name in ("length", "mass", "gravity", "force"):
        ratio = getattr(tasks, name) / getattr(family, name)
        if name == vary == "force":
            is_wrong = ratio < 0
            assert abs(is_wrong.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)
            ratio = np.abs(ratio)
        if name == vary:
            share = np.log2(ratio)
            assert share.min() > -1 and share.max() < 1 and ratio.max() > 1.99
            assert abs(share.mean()) < 4 / np.sqrt(3 * 4000)
        else:
            assert np.all(ratio == 1)


def test_a_motor_of_the_wrong_way_round_pushes_as_the_opposite_action_does():
    tasks = CartPole("force").sample(9, np.random.default_rng(0))
    state, _ = tasks.reset(2, RNG)
    action = np.full((9, 2, 1), 0.3)
    there, back = (tasks.step(state, a, RNG)[0] for a in (action, -action))
    rewired = replace(tasks, force=-tasks.force)
    assert np.array_equal(rewired.step(state, action, RNG)[0], back)
    assert np.array_equal(np.sign(there[:, 0, 0]), np.sign(tasks.force))


@pytest.mark.parametrize("vary", ["nothing", "length", "mass", "gravity", "force"])
def test_the_expert_swings_up_more_than_four_poles_of_five_and_keeps_them_up(vary):
    family = CartPole(vary, horizon=160)
    tasks = family.sample(60, np.random.default_rng(1))
    state, up, gains = tasks.begin(1, None)[0], [], tasks.gains()
    for _ in range(family.horizon):
        state, *_ = tasks.move(state, tasks.expert(state, gains), None)
        up.append(np.cos(state[:, 0, 1]))
    assert np.mean(np.mean(up[-40:], 0) > 0.9) > 0.8


def jacobian(cart, K):
    """The linear motion near upright: M [K, 4, 4] and N [K, 4, 1], by complex step."""
    def rate(i, forced):
        state, force = np.zeros((4, K, 1), complex), np.full((K, 1), forced * STEP * 1j)
        state[:, :, 0] += STEP * 1j * np.eye(5)[i, :4, None]
        return cart.flow(state, force)[..., 0].T.imag / STEP

    return np.stack([rate(i, 0) for i in range(4)], -1), rate(4, 1)[..., None]


def test_the_linear_motion_of_a_step_is_runge_and_kuttas_of_the_derivative():
    """On a linear motion d/dt z = L z a step of their method is exp(h L) to fourth order. A force
    that is held is one more number that does not move."""
    cart, dt, substeps = CartAndPole.of(*some_cart(7)[0]), 0.12, 3
    A, B = linearised(cart, dt, substeps)
    hL = np.zeros((3, 5, 5))
    hL[:, :4] = np.concatenate(jacobian(cart, 3), -1) * dt / substeps
    step = term = np.eye(5)
    for n in range(1, 5):
        term = term @ hL / n
        step = step + term
    whole = np.linalg.matrix_power(step, substeps)
    assert np.allclose(np.concatenate([A, B], -1), whole[:, :4], rtol=1e-7, atol=1e-9)


def test_the_gains_make_the_costs_of_four_seconds_least():
    """Where a state leads is linear in the 14 forces, so least squares finds the best of them."""
    tasks = CartPole("mass", dt=0.3, substeps=24, gravity=1.0).sample(3, np.random.default_rng(0))
    A, B = linearised(tasks.mechanics, 0.3, 24)
    root, n = np.sqrt(np.diag([1.0, 20, 1, 1])), 14
    assert tasks.gains().shape == (3, 4)
    for k, gains in enumerate(tasks.gains()):
        for z in np.eye(4):
            rows, at = [], np.zeros((4, n + 1))  # of the forces, and of 1
            at[:, n] = z
            for t in range(n):
                at = A[k] @ at
                at[:, t] += B[k, :, 0]
                rows.append(root @ at)
            rows.append(0.1 * np.eye(n, n + 1))
            whole = np.concatenate(rows)
            forces = np.linalg.lstsq(whole[:, :n], -whole[:, n], rcond=None)[0]
            assert forces[0] == pytest.approx(-gains @ z, rel=1e-6)


@pytest.mark.parametrize("settings, error, says", [
    ({"vary": "colour"}, ValueError, "vary must be one of 'nothing', 'length'"),
    ({"length": 0.0}, ValueError, "length must be a finite number in"),
    ({"friction": (1.0,)}, ValueError, "friction must be two numbers, got"),
    ({"friction": 0.1}, TypeError, "friction must be"),
    ({"friction": (-1.0, 0.0)}, ValueError, "each of friction must be a finite number"),
    ({"friction": (0.0, 60.0)}, ValueError, "substeps must be at least 9 .* got 6"),
    ({"substeps": 1.5}, TypeError, "substeps must be a whole number"),
    ({"horizon": 0}, ValueError, "horizon must be at least 1"),
])
def test_settings_that_cannot_be_are_refused_with_the_reason(settings, error, says):
    with pytest.raises(error, match=says):
        CartPole(**settings)


def test_friction_at_the_bound_is_stable_and_motion_that_is_too_fast_is_said():
    stiff = CartPole(friction=(0.0, 40.0))
    tasks = stiff.sample(1, RNG)
    state, _ = tasks.reset(1, RNG)
    for _ in range(100):
        state, *_ = tasks.step(state, np.ones((1, 1, 1)), RNG)
    assert abs(state).max() < 1e3
    tasks, wild = CartPole().sample(3, RNG), np.zeros((3, 2, 4))
    wild[1, 1] = 1e200                      # one of several
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="too fast for its integrator"):
        tasks.step(wild, np.zeros((3, 2, 1)), RNG)


@pytest.mark.parametrize("vary", ["length", "mass"])
def test_a_pole_that_may_have_half_its_size_needs_the_substeps_of_that_size(vary):
    half = CartPole(**{vary: 0.5 * getattr(CartPole, vary)}, friction=(0, 5), substeps=99)
    fastest = half.sample(1, RNG).mechanics.decay()
    needed = int(np.ceil(fastest * half.dt / 2.78))
    assert CartPole(vary, friction=(0, 5), substeps=needed).substeps == needed
    with pytest.raises(ValueError, match=f"substeps must be at least {needed} for"):
        CartPole(vary, friction=(0, 5), substeps=needed - 1)
    CartPole(friction=(0, 5), substeps=needed - 1)


def test_a_pole_falls_from_nearly_upright_at_the_rate_that_is_told():
    # Without friction or force, w = rate q with the cart's share of the motion keeps its direction:
    # all four numbers grow as exp(rate t).
    numbers, _, _ = some_cart(3, friction=(0.0, 0.0))
    cart = CartAndPole.of(*numbers)
    rate, q = cart.falling, np.full((3, 1), 1e-6)
    v = -cart.b / cart.a * rate * q                     # no momentum along the rail
    state = np.stack([v / rate, q, v, rate * q])
    flow = cart.flow(state, np.zeros((3, 1)))
    assert np.abs(flow / (rate * state) - 1).max() < 1e-9


def test_friction_stops_no_motion_faster_than_the_decay_that_is_told():
    numbers, _, _ = some_cart(4)
    cart, seen = CartAndPole.of(*numbers), []
    for a, b, c in zip(*(np.broadcast_to(each, (3, 1))[:, 0] for each in cart[:3])):
        for q in np.linspace(-np.pi, np.pi, 9):
            M = np.array([[a, b * np.cos(q)], [b * np.cos(q), c]])
            rates = np.linalg.inv(M) @ np.diag(cart.friction)
            assert np.linalg.eigvals(rates).max() <= cart.decay()
            seen.append(np.trace(rates))
    assert cart.decay() == pytest.approx(max(seen), rel=1e-12)


def some_states(family, K=3, B=200, reach=(1.0, np.pi, 2.0, 5.0)):
    tasks, rng = family.sample(K, np.random.default_rng(0)), np.random.default_rng(1)
    return tasks, rng.uniform(-1, 1, (K, B, 4)) * reach


def test_the_expert_does_the_mirror_image_in_a_mirror():
    tasks, state = some_states(CartPole("gravity"))
    w0 = np.sqrt(tasks.mechanics.b * tasks.mechanics.gravity / tasks.mechanics.c)
    turns = np.abs(state[..., 3]) > 0.1 * w0           # at rest there is no better way
    force, mirrored = tasks.expert(state)[..., 0], tasks.expert(-state)[..., 0]
    assert turns.mean() > 0.5 and np.abs(force + mirrored)[turns].max() < 1e-9


def test_a_whole_turn_of_the_pole_or_known_gains_change_nothing_for_the_expert():
    tasks, state = some_states(CartPole("length"))
    force = tasks.expert(state)
    assert np.array_equal(tasks.expert(state, tasks.gains()), force)
    assert not np.array_equal(tasks.expert(state, 0.5 * tasks.gains()), force)
    for turns in (-1, 2):
        turned = state + 2 * np.pi * turns * np.eye(4)[1]
        assert np.abs(tasks.expert(turned) - force).max() < 1e-9


def swinging(cart, state):
    """The force of the formula far from upright."""
    x, q, v, w = np.moveaxis(state, -1, 0)
    w0 = np.sqrt(cart.b * cart.gravity / cart.c)
    e = 1.2 - (cart.c * w * w / 2 + cart.b * cart.gravity * np.cos(q)) / (cart.b * cart.gravity)
    kicked = w / w0 + np.where(np.abs(w) < w0 / 10, 0.1, 0)        # at rest one way
    pump = np.clip(e * kicked * np.cos(q), -1, 1)
    return cart.force(np.stack([x, q, v, w]), -2 * cart.gravity * pump - 3 * x - 3 * v)


@pytest.mark.parametrize("vary, force, reach", [
    ("length", 1000.0, (1.0, np.pi, 2.0, 5.0)), ("gravity", 1000.0, (1.0, np.pi, 2.0, 1.0)),
    ("force", 10.0, (0.5, 1.0, 0.5, 3.0))])
def test_the_force_is_linear_near_upright_where_the_fall_can_be_stopped_and_else_swings(
        vary, force, reach):
    tasks, state = some_states(CartPole(vary, force=force), B=2000, reach=reach)
    cart, (x, q, v, w), F = tasks.mechanics, np.moveaxis(state, -1, 0), tasks.force[:, None]
    linear, swing = -(state * tasks.gains()[:, None]).sum(-1), swinging(cart, state)
    falls = cart.a * cart.gravity * np.abs(q + w / cart.falling)
    is_near, is_stopped = np.abs(q) < 0.7, falls < 0.8 * np.abs(F)
    wanted = np.where(is_near & is_stopped, linear, swing)
    told, most = tasks.expert(state)[..., 0] * F, np.abs(F)
    assert np.abs(told - np.clip(wanted, -most, most)).max() < 1e-9
    differ = np.abs(np.clip(linear, -most, most) - np.clip(swing, -most, most)) > 0.1
    for near, stopped in [(True, True), (False, True), (True, False)][:3 if force < 99 else 2]:
        assert (differ & (is_near == near) & (is_stopped == stopped)).sum() > 20
