"""What all rivals have in common."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta.rivals import BayesOptimalSearcher
from minimeta.rivals.bandit_agents import (BanditAgent, bayes_optimal, finite_gittins,
                                            gittins, greedy)
from minimeta.rivals.planners import Planner
from minimeta.rivals.two_step_agents import TwoStepAgent
from minimeta.tasks import BernoulliBandit, GridNavigation, RandomMDP, TwoStep

WORLD, ROOM = RandomMDP(2, 3, 4, 5), GridNavigation(3, 5, 2)


every = pytest.mark.parametrize("make, family", [
    (lambda: BanditAgent(3, greedy), BernoulliBandit(3, 4)), (lambda: Planner(WORLD), WORLD),
    (lambda: TwoStepAgent("model-based", 4), TwoStep(4)),
    (lambda: BayesOptimalSearcher(ROOM), ROOM)], ids=["bandit", "world", "two-step", "room"])


@every
def test_a_rival_plays_one_trial_of_each_task_and_tells_no_probability_and_no_value(make, family):
    tasks = family.sample(6, np.random.default_rng(0))
    data = make().collect(None, tasks, np.random.default_rng(1))
    assert data.mask.shape == (6, family.episodes * family.horizon, 1) and data.mask.all()
    assert not data.log_prob.any() and not data.value.any()
    assert data.x.dtype == float and data.action.dtype.kind == "i"


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_a_rival_sees_has_the_dtype_that_is_asked_for(make, family, dtype):
    obs = family.sample(2, np.random.default_rng(0)).reset(3, np.random.default_rng(0))[1]
    agent, zeros = make(), np.zeros((2, 3))
    first = agent.see(obs, None, dtype)
    then = agent.see(obs, (zeros.astype(int), zeros + 0.5, zeros.astype(bool)), dtype)
    assert first.dtype == then.dtype == dtype and first.shape == then.shape
    assert not np.array_equal(first, then)


@pytest.mark.parametrize("agent", [
    BanditAgent(3, greedy), BanditAgent(2, gittins(3, 0.9)), BanditAgent(2, finite_gittins(4)),
    BanditAgent(2, bayes_optimal(2, 3)), Planner(WORLD), TwoStepAgent("model-free", 2),
    BayesOptimalSearcher(ROOM)], ids=["greedy", "gittins", "finite gittins", "bayes", "planner",
                                      "two-step", "room"])
def test_a_rival_is_told_compared_and_hashed_by_its_settings_alone(agent):
    again = replace(agent)
    assert again == agent and hash(again) == hash(agent) and repr(again) == repr(agent)
    assert len(repr(agent)) < 200 and "array" not in repr(agent)
