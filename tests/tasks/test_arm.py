"""The arm as a family: what is hidden, its expert, and what it refuses."""
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from minimeta.tasks import PlanarArm
from minimeta.tasks.arm import HIDDEN, START
from minimeta.tasks.mechanics import STABLE, TwoLinks
from minimeta.testing import check_tasks
from minimeta.testing.strategies import seeds

RNG = np.random.default_rng(0)  # for what draws nothing


# ---- the family

@pytest.mark.parametrize("hidden", HIDDEN)
def test_whatever_is_hidden_every_law_of_families_holds(hidden):
    check_tasks(PlanarArm(hidden, horizon=20, substeps=2))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_only_what_is_hidden_differs_between_tasks(hidden):
    tasks = PlanarArm(hidden).sample(50, np.random.default_rng(0))
    differs = {name for name in ("lengths", "payload", "gain", "target")
               if np.ptp(getattr(tasks, name), 0).any()}
    fields = {"target": {"target"}, "payload": {"payload"}, "lengths": {"lengths"},
              "gains": {"gain"}, "weak joint": {"gain"},
              "dynamics": {"payload", "lengths", "gain"}}
    assert differs == fields[hidden]


def spans(values, low, high):
    """Uniform values reach both ends of their interval, and do not go beyond."""
    gap = 10 * (high - low) / values.size
    return low <= values.min() < low + gap and high - gap < values.max() <= high


def test_what_is_hidden_is_uniform_on_the_intervals_of_the_docstring():
    def sampled(hidden):
        return PlanarArm(hidden, lengths=(0.5, 0.4)).sample(4000, np.random.default_rng(0))

    x, y = sampled("target").target.T
    assert spans(np.hypot(x, y), 0.36, 0.81) and spans(np.arctan2(y, x), -np.pi / 2, np.pi / 2)
    assert spans(sampled("payload").payload, 0, 0.5)
    lengths = sampled("lengths").lengths
    assert spans(lengths[:, 0], 0.4, 0.6) and spans(lengths[:, 1], 0.32, 0.48)
    gain = sampled("gains").gain
    assert spans(np.abs(gain), 0.7, 1.3) and abs((gain > 0).mean() - 0.5) < 0.03
    for number in (np.abs(gain), np.sign(gain)):   # the two motors have nothing in common
        assert abs(np.corrcoef(number.T)[0, 1]) < 0.06
    assert sampled("payload").gain.shape == (4000, 2)
    weak = sampled("weak joint").gain
    assert spans(weak.min(-1), 0.3, 0.7) and np.all(weak.max(-1) == 1)
    assert abs((weak[:, 0] < 1).mean() - 0.5) < 0.03
    assert np.all(sampled("payload").target == [0.1, 0.4])


def test_observations_are_a_function_of_angles_and_rates_alone():
    family, rng = PlanarArm("dynamics"), np.random.default_rng(0)
    one, other = family.sample(5, rng), family.sample(5, rng)
    state = rng.normal(size=(5, 3, 4))
    assert np.array_equal(one.observe(state), other.observe(state))


def test_a_hidden_target_changes_the_reward_and_nothing_else():
    family, rng = PlanarArm("target"), np.random.default_rng(0)
    one, other = family.sample(5, rng), family.sample(5, rng)
    state, action = one.reset(3, rng)[0], rng.uniform(-1, 1, (5, 3, 2))
    (s, x, r, _), (s2, x2, r2, _) = (t.step(state, action, rng) for t in (one, other))
    assert np.array_equal(s, s2) and np.array_equal(x, x2) and (r != r2).all()


def test_torques_beyond_the_limit_are_clipped():
    tasks, rng = PlanarArm().sample(2, np.random.default_rng(0)), RNG
    state = tasks.reset(3, rng)[0]
    for sign in (1, -1):
        wild, full = (tasks.step(state, np.full((2, 3, 2), sign * a), rng) for a in (7.0, 1.0))
        assert all(np.array_equal(a, b) for a, b in zip(wild, full))


def test_the_reward_is_minus_distance_and_effort():
    tasks = PlanarArm("payload", effort=0.1).sample(2, np.random.default_rng(0))
    action = np.full((2, 1, 2), 0.5)
    state, _, reward, _ = tasks.step(tasks.reset(1, RNG)[0], action, RNG)
    q1, q2 = state[0, 0, :2]
    hand = 0.5 * np.array([np.cos(q1) + np.cos(q1 + q2), np.sin(q1) + np.sin(q1 + q2)])
    away = np.hypot(*(hand - [0.1, 0.4]))
    assert abs(reward[0, 0] + away + 0.05) < 1e-12


def test_the_hand_is_on_the_x_axis_at_first():
    tasks = PlanarArm().sample(1, np.random.default_rng(0))
    state = tasks.reset(1, RNG)[0]
    assert np.array_equal(state[0, 0], [*START, 0, 0])
    assert abs(tasks.hand(state)[0, 0, 1]) < 1e-15


# ---- knowing the task

@given(seeds())
def test_the_posture_brings_the_hand_to_the_target(seed):
    rng = np.random.default_rng(seed)
    for hidden in ("target", "lengths"):
        tasks = PlanarArm(hidden).sample(20, rng)
        posture = np.concatenate([tasks.posture(), np.zeros((20, 2))], -1)[:, None]
        assert tasks.distance(posture).max() < 1e-9


def test_a_target_out_of_reach_is_approached_as_far_as_the_arm_goes():
    tasks = PlanarArm().sample(3, np.random.default_rng(0))
    target = np.array([[1.2, 0.5], [1.0, 0.0], [0.6, -0.9]])   # m; the arm is 1 m long
    posture = np.concatenate([replace(tasks, target=target).posture(), np.zeros((3, 2))], -1)
    hand = tasks.hand(posture[:, None])[:, 0]
    assert np.allclose(hand, target / np.hypot(*target.T)[:, None], rtol=0, atol=1e-12)


def test_the_expert_ends_on_the_target_whatever_is_hidden():
    for hidden in HIDDEN:
        family = PlanarArm(hidden, gravity=0.2, horizon=90)
        tasks = family.sample(40, np.random.default_rng(0))
        state = tasks.reset(1, RNG)[0]
        for _ in range(family.horizon):
            state = tasks.step(state, tasks.expert(state), RNG)[0]
        assert tasks.distance(state).max() < 0.01


def test_with_torque_enough_the_experts_error_dies_out_as_it_says():
    family = PlanarArm("target", torque=1e3, dt=0.001, horizon=300)
    tasks = family.sample(6, np.random.default_rng(0))
    state, s = tasks.reset(1, RNG)[0], 6.0
    first = tasks.posture()[:, None] - state[..., :2]
    for _ in range(family.horizon):
        state = tasks.step(state, tasks.expert(state), RNG)[0]
    left = (1 + s * 0.3) * np.exp(-s * 0.3)
    # The torque is held for a millisecond: an error of the order of s dt.
    assert np.abs(tasks.posture()[:, None] - state[..., :2] - left * first).max() < 0.01


def test_the_return_at_random_is_the_same_twice_and_for_a_task_alone():
    tasks = PlanarArm("dynamics").sample(4, np.random.default_rng(0))
    assert np.array_equal(tasks.random(), tasks.random())
    assert np.allclose(tasks[2:3].random(), tasks.random()[2], rtol=1e-12, atol=0)


# ---- what it refuses

@pytest.mark.parametrize("wrong, message", [
    ({"hidden": "goal"}, "hidden must be one of 'target', 'payload', 'lengths', "
                         "'gains', 'weak joint', 'dynamics', got 'goal'"),
    ({"lengths": (0.5, 0)}, r"each of lengths must be .* in \(0, inf\), got 0"),
    ({"lengths": (0.5,)}, r"lengths must be two numbers, got \(0.5,\)"),
    ({"masses": (-1.0, 1)}, r"each of masses must be .* in \(0, inf\), got -1"),
    ({"friction": (0.1, -0.1)}, "each of friction must be .* got -0.1"),
    ({"dt": 0.0}, r"dt must be a finite number in \(0, inf\), got 0.0"),
    ({"dt": np.nan}, "dt must be a finite number"),
    ({"torque": -1.0}, "torque must be"),
    ({"substeps": 0}, "substeps must be at least 1, got 0"),
    ({"horizon": 0}, "horizon must be at least 1, got 0"),
    ({"effort": -1}, "effort must be"),
    ({"gravity": np.inf}, "gravity must be"),
])
def test_an_arm_that_cannot_be_is_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        PlanarArm(**wrong)


@pytest.mark.parametrize("hidden, shortest", [("target", 1), ("payload", 1), ("lengths", 0.8)])
def test_the_substeps_are_enough_for_the_shortest_arm_without_a_load(hidden, shortest):
    lengths = shortest * np.array([[0.5, 0.3]])
    arm = dict(hidden=hidden, lengths=(0.5, 0.3), masses=(1.0, 0.7), friction=(2.0, 1.5))
    fastest = TwoLinks.of(lengths, (1.0, 0.7), np.zeros(1), (2.0, 1.5), 0.0).decay()
    needed = int(np.ceil(fastest * PlanarArm.dt / STABLE))
    assert PlanarArm(**arm, substeps=needed).substeps == needed > 4
    with pytest.raises(ValueError, match=f"substeps must be at least {needed} for"):
        PlanarArm(**arm, substeps=needed - 1)


def test_the_expert_of_a_weak_arm_asks_for_all_that_there_is_and_no_more():
    family = PlanarArm("target", torque=0.1)
    tasks = family.sample(20, np.random.default_rng(0))
    action = tasks.expert(tasks.reset(2, RNG)[0])
    assert action.max() == 1 and action.min() == -1
