"""What the ablations turn off is what they say, and nothing else; slowly, what it costs."""
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from minimeta import RL2, Categorical
from minimeta.objective import LogLikelihood, Ratio
from minimeta.rl import gae, rollout
from minimeta.tasks import GridNavigation
from minimeta.testing import check_tasks, complex_step, second

SPEC = importlib.util.spec_from_file_location(
    "ablations", Path(__file__).parents[2] / "examples" / "ablations.py")
sys.modules["ablations"] = module = importlib.util.module_from_spec(SPEC)  # so that it pickles
SPEC.loader.exec_module(module)
example = vars(module)
main, ROWS, SETTINGS = example["main"], example["ROWS"], example["SETTINGS"]


@pytest.mark.parametrize("kind", ["ResetMemory", "ForgetEpisode"])
def test_a_memory_that_is_reset_knows_nothing_of_earlier_episodes_acting_or_learning(kind):
    room, rng = GridNavigation(size=3, horizon=4, episodes=3), np.random.default_rng(0)
    policy = example[kind](9, Categorical(5), 6, horizon=4)
    theta = policy.init(rng) + 0.3 * rng.normal(size=policy.size)
    data = rollout(policy, theta, room.sample(2, rng), trials=5, episodes=3, rng=rng)
    x = np.moveaxis(data.x, 0, 1).reshape(12, 10, -1)
    assert x[4::4, :, -1].all() and x[4::4, :, 9:-1].any() == (kind == "ResetMemory")
    assert x[5, :, 9:-1].any()
    u, _ = policy.split(policy.forward(theta, x)[0])
    acted = np.moveaxis(data.log_prob, 0, 1).reshape(12, 10)
    action = np.moveaxis(data.action, 0, 1).reshape(12, 10)
    assert np.allclose(policy.head.log_prob(u, action), acted, rtol=1e-12, atol=0)
    other = np.concatenate([rng.normal(size=(4, *x.shape[1:])), x[4:]])
    moved, _ = policy.split(policy.forward(theta, other)[0])
    assert np.array_equal(moved[4:], u[4:]) and not np.allclose(moved[:4], u[:4])


def test_a_memory_that_is_reset_has_the_right_gradient():
    policy = example["ResetMemory"](2, Categorical(3), 4, horizon=3)
    rng = np.random.default_rng(0)
    theta = policy.init(rng) + 0.3 * rng.normal(size=policy.size)
    x, y_bar = rng.normal(size=(6, 2, policy.n_in)), rng.normal(size=(6, 2, 4))
    assert complex_step(
        lambda theta: (policy.forward(theta, x)[0] * y_bar).sum(),
        lambda theta: policy.vjp(theta, policy.forward(theta, x)[1], y_bar)[0],
        theta) < 1e-12


@pytest.mark.parametrize("make", [LogLikelihood, lambda A: Ratio(A, 0.1 * A)])
def test_the_surrogate_of_a_mean_is_differentiated_as_one(make):
    A, z, v = np.random.default_rng(0).normal(size=(3, 4, 2))
    wrong = example["OfMean"](make(A))
    shape, flat = (4, 2), A.size
    assert complex_step(lambda l: wrong.value(l.reshape(shape)),
                        lambda l: wrong.grad(l.reshape(shape)).reshape(flat), z.ravel()) < 1e-12
    assert second(wrong.grad, wrong.hvp, z, v) < 1e-12
    assert np.isclose(wrong.value(z), make(A).value(z / 2), rtol=1e-12)


def test_padding_is_read_as_experience_of_zeros():
    learner, family = example["right"]("plane", example["NoMask"]), example["PLANE"]
    family = replace(family, radius=0.4)
    rng = np.random.default_rng(0)
    theta, tasks = learner.init(rng), family.sample(4, rng)
    wrong = learner.collect(theta, tasks, np.random.default_rng(1))
    true = SETTINGS["plane"].right.collect(theta, tasks, np.random.default_rng(1))
    over = ~true.mask.astype(bool)
    assert over.any() and wrong.mask.all()
    assert not wrong.x[over].any() and not wrong.action[over].any()
    assert np.array_equal(wrong.reward, true.reward)


def test_without_its_bias_the_forget_gate_is_half_open_and_all_else_is_alike():
    policies = [example["recurrent"](example["BANDIT"], policy) for policy in
                (example["NoForgetBias"], example["RecurrentPolicy"])]
    without, right = (p.layout.unpack(p.init(np.random.default_rng(0))) for p in policies)
    assert not without.b.any() and right.b.any()
    assert all(np.array_equal(getattr(without, name), getattr(right, name))
               for name in without._fields if name != "b")


def test_the_doors_are_a_family():
    check_tasks(example["DOORS"])


def test_an_interval_is_students():
    mean, half = example["interval"](np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert mean == 3 and np.isclose(half, 2.776 * 2.5 ** 0.5 / 5 ** 0.5, rtol=1e-3)


def test_every_row_is_printed_with_its_reason_and_an_effect_inside_its_interval_says_so(capsys):
    results = main(fraction=0.02, seeds=2, tasks=50)
    lines = capsys.readouterr().out.splitlines()
    for what, _, _, why in ROWS:
        row = lines.index(f"    {why}") - 1
        assert lines[row].startswith(what)
        cost, half = example["interval"](np.subtract(*results[what]))
        assert ("inside its interval" in lines[row]) == (abs(cost) <= half)


@pytest.mark.slow
def test_what_is_turned_off_costs_what_the_example_says():
    costs = {what: example["interval"](good - bad) for what, (good, bad) in main().items()}
    for what in ("all memory between episodes", "returns across episodes",
                 "last reward as an input", "Hessian of the inner step",
                 "mask of ended episodes"):
        cost, half = costs[what]
        assert cost > half, what
