"""The classical bandit agents, run by the same rollout as the learned ones."""
import numpy as np
import pytest

from minimeta import evaluate
from minimeta.exact import bayes_optimal_bandit
from minimeta.rivals import bandit_agents as agents
from minimeta.tasks import BernoulliBandit

FAMILY = BernoulliBandit(arms=3, pulls=6)


def total(score, family=FAMILY, bandits=20_000, seed=0):
    curve = evaluate(agents.BanditAgent(family.arms, score), None, family,
                     tasks=bandits, seed=seed)
    return curve.mean[0], curve.standard_error[0]


def test_the_bayes_optimal_agent_earns_the_exact_value():
    mean, error = total(agents.bayes_optimal(3, 6))
    assert abs(mean - bayes_optimal_bandit(3, 6).value) < 4 * error


def test_no_classical_agent_is_above_the_exact_optimum():
    optimum = bayes_optimal_bandit(3, 6).value
    for score in (agents.random, agents.greedy, agents.thompson, agents.ots,
                  agents.epsilon_greedy(0.1), agents.ucb1(0.3), agents.gittins(6, 0.9)):
        mean, error = total(score)
        assert mean < optimum + 4 * error


def test_a_random_agent_earns_a_half_per_pull():
    mean, error = total(agents.random)
    assert abs(mean - 3.0) < 4 * error


def test_greedy_alone_is_worth_what_enumeration_says_for_two_pulls_of_two_arms():
    # 1/2 for the first pull; then after a success the same arm (2/3), after a failure the
    # other one (1/2): 1/2 + (2/3 + 1/2) / 2 = 13/12, the optimum for two pulls.
    mean, error = total(agents.greedy, BernoulliBandit(2, 2), 40_000)
    assert abs(mean - 13 / 12) < 4 * error


def test_thompson_sampling_draws_from_the_posterior():
    rng = np.random.default_rng(0)
    counts = np.broadcast_to(np.array([[3, 0], [1, 4]])[:, None], (2, 50_000, 2))
    draws = agents.thompson(*counts, rng)
    assert np.allclose(draws.mean(0), [4 / 6, 1 / 6], atol=5e-3)


def test_optimistic_sampling_never_scores_below_the_mean():
    counts = np.random.default_rng(0).integers(0, 5, (2, 1000, 3))
    score = agents.ots(*counts, np.random.default_rng(1))
    assert np.all(score >= agents.mean(*counts))


def test_ucb1_prefers_the_less_tried_of_two_arms_with_equal_means():
    score = agents.ucb1(0.5)(np.array([[1, 4]]), np.array([[1, 4]]), None)
    assert score[0, 0] > score[0, 1]


def test_ties_are_broken_at_random():
    agent = agents.BanditAgent(4, agents.greedy)
    rng = np.random.default_rng(0)
    act, _ = agent.act(None, agent.begin(None, 8000), np.zeros((8000, 5)), rng)
    assert np.all(np.abs(np.bincount(act.action) / 8000 - 0.25) < 0.03)


def test_memory_counts_what_happened():
    agent = agents.BanditAgent(2, agents.greedy)
    x = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    _, counts = agent.act(None, agent.begin(None, 2), x, np.random.default_rng(0))
    assert counts.tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 0]]]


@pytest.mark.parametrize("make, message", [
    (lambda: agents.epsilon_greedy(1.5), r"epsilon must be a finite number in \[0, 1\]"),
    (lambda: agents.ucb1(-1), "c must be"),
])
def test_bad_settings_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
