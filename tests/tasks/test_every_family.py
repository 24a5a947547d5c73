"""The one interface test: every family keeps every law, and a family that does not is
caught.

A new family gets a line in FAMILIES and, for its oracle, one in EXPERTS.
"""
from dataclasses import dataclass, replace

import numpy as np
import pytest

import minimeta.tasks
from minimeta import require
from minimeta.tasks import (BernoulliBandit, DependentBandit, Discrete,
                            GridNavigation, InformativeBandit, PlanarArm,
                            PointNavigation, RandomMDP, RestlessBandit, TwoStep)
from minimeta.tasks.family import Tasks
from minimeta.tasks import value_iteration
from minimeta.testing import families as laws

FAMILIES = [
    BernoulliBandit(5, 10), BernoulliBandit(2, 3),
    *(DependentBandit(kind, 7)
      for kind in ("easy", "medium", "hard", "uniform", "independent")),
    InformativeBandit(), RestlessBandit(20), TwoStep(4),
    GridNavigation(), GridNavigation(4, 9, 2, walls=((1, 1), (2, 1))),
    GridNavigation(3, 6, sees="row and column"),
    PlanarArm(horizon=20, substeps=1), PlanarArm("dynamics", horizon=25, substeps=2),
    PointNavigation(), PointNavigation(7, reach=2.0, max_step=0.5, radius=0.3),
    RandomMDP(), RandomMDP(3, 4, 6, 2, noise=0.1),
]
NOT_MDPS = {"Sinusoid", "Box", "Discrete"}


def best_arm(tasks, state, t):
    arms = [np.full_like(state, arm) for arm in range(tasks.family.arms)]
    return np.stack([tasks.mean(state, arm) for arm in arms]).argmax(0)


def to_the_good_state(tasks, state, t):
    return np.broadcast_to(tasks.good[:, None] - 1, state.shape)


def plan(tasks, state, t):
    """The policy of value iteration on the tasks' tables."""
    P, R, _ = tasks.tables()
    policy = value_iteration(P, R, tasks.family.horizon).policy[:, t]
    return np.take_along_axis(policy, state, -1)


def straight(tasks, state, t):
    return np.clip((tasks.goal[:, None] - state) / tasks.family.max_step, -1, 1)


EXPERTS = {
    BernoulliBandit: best_arm, DependentBandit: best_arm, InformativeBandit: best_arm,
    RestlessBandit: best_arm, TwoStep: to_the_good_state,
    GridNavigation: plan, PointNavigation: straight, RandomMDP: plan,
    PlanarArm: lambda tasks, state, t: tasks.expert(state),
}


def expert_return(tasks, episodes, rng):
    """[K, episodes]  of the one who knows the task."""
    state, _ = tasks.reset(episodes, rng)
    total, is_on = np.zeros(state.shape[:2]), np.ones(state.shape[:2], bool)
    for t in range(tasks.family.horizon):
        action = EXPERTS[type(tasks.family)](tasks, state, t)
        state, _, reward, done = tasks.step(state, action, rng)
        total, is_on = total + is_on * reward, is_on & ~done
    return total


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_every_family_keeps_every_law(family, law):
    for seed in (0, 1):
        law(family, seed)


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_knowing_the_task_earns_what_the_oracle_says(family):
    rng = np.random.default_rng(0)
    tasks = family.sample(300, rng)
    gap = expert_return(tasks, 10, rng) - tasks.oracle()[:, None]
    assert abs(gap.mean()) <= 4 * gap.std() / np.sqrt(gap.size) + 1e-12


def test_no_public_family_is_left_out():
    public = {name for name in minimeta.tasks.__all__
              if hasattr(getattr(minimeta.tasks, name), "sample")} - NOT_MDPS
    assert public == {type(family).__name__ for family in FAMILIES}


def test_the_suite_says_what_it_found():
    found = laws.check_tasks(BernoulliBandit(2, 3), seed=5)
    assert list(found) == [law.__name__ for law in laws.LAWS] and len(found) == 9
    assert found["silent"] == "all tasks look the same at first"


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_a_task_is_sliced_and_never_indexed(family):
    tasks = family.sample(4, np.random.default_rng(0))
    assert len(tasks[1:3]) == 2 and len(tasks[np.array([3, 3, 0])]) == 3
    for i in (2, np.int64(2)):
        with pytest.raises(TypeError, match=r"tasks are sliced, tasks\[2:3\]"):
            tasks[i]
