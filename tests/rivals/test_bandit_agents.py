"""The classical bandit agents, run by the same rollout as the learned ones."""
import copy
import pickle

import numpy as np
import pytest

from minimeta import evaluate
from minimeta.rl import rollout
from minimeta.exact import bayes_optimal_bandit, gittins_index
from minimeta.exact.finite_gittins import finite_gittins_table
from minimeta.rivals import bandit_agents as agents
from minimeta.tasks import BernoulliBandit, DependentBandit, InformativeBandit

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
                  agents.epsilon_greedy(0.1), agents.ucb1(0.3), agents.gittins(6, 0.9),
                  agents.finite_gittins(6), agents.majority(30)):
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
    score, draws = (f(*counts, np.random.default_rng(1)) for f in (agents.ots, agents.thompson))
    assert np.array_equal(score, np.maximum(draws, agents.mean(*counts)))
    assert 0.3 < (score > draws).mean() < 0.7


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
    assert np.array_equal(agent.begin(None, 5), np.zeros((2, 5, 2)))
    _, counts = agent.act(None, agent.begin(None, 2), x, np.random.default_rng(0))
    assert counts.tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 0]]]


def test_ucb1_is_the_mean_and_the_width_of_its_interval_by_hand():
    # Arms with 3 and 1 successes, 1 and 0 failures: n = 6 and 3, t = 9, means 2/3 and 2/3.
    score = agents.ucb1(0.7)(np.array([[3, 1]]), np.array([[1, 0]]), None)
    by_hand = [4 / 6 + 0.7 * np.sqrt(2 * np.log(9) / 6), 2 / 3 + 0.7 * np.sqrt(2 * np.log(9) / 3)]
    assert np.allclose(score, [by_hand], rtol=1e-15)


def test_epsilon_is_the_probability_of_exploring():
    counts, rng = np.random.default_rng(0).integers(0, 5, (2, 4000, 3)), np.random.default_rng(1)
    mean = agents.mean(*counts)
    assert np.array_equal(agents.epsilon_greedy(0)(*counts, rng), mean)
    assert not np.any(agents.epsilon_greedy(1)(*counts, rng) == mean)
    explores = np.all(agents.epsilon_greedy(0.3)(*counts, rng) != mean, -1)
    assert abs(explores.mean() - 0.3) < 4 * np.sqrt(0.21 / 4000)


def test_the_majority_counts_the_draws_in_which_an_arm_is_the_best():
    counts = np.broadcast_to(np.array([[2, 0], [0, 1]])[:, None], (2, 3000, 2))
    votes = agents.majority(7)(*counts, np.random.default_rng(0))
    assert np.all(votes.sum(-1) == 7)
    # P(Beta(3, 1) > Beta(1, 2)) = 1 - E (1 - x)^2 = 1 - 1/10,   x ~ Beta(3, 1)
    assert abs(votes[:, 0].mean() / 7 - 0.9) < 4 * np.sqrt(0.09 / 21_000)


@pytest.mark.parametrize("arms, pulls, published, spread", [
    (5, 10, 6.5, 0.08), (10, 10, 6.2, 0.08), (5, 100, 77.9, 0.45)])
def test_the_majority_earns_what_the_published_table_calls_ots(arms, pulls, published, spread):
    # The table is a mean over 1000 bandits, and `spread` its own standard error.
    family = BernoulliBandit(arms, pulls)
    mean, error = total(agents.majority(), family, 200_000 // (arms * pulls))
    assert abs(mean - published) < 2 * np.hypot(spread, error)
    assert total(agents.ots, family, 2000)[0] < mean - 3 * error


# ---- agents travel

SCORES = [agents.random, agents.greedy, agents.thompson, agents.ots, agents.majority(5),
          agents.epsilon_greedy(0.1), agents.ucb1(0.3), agents.gittins(7, 0.9),
          agents.finite_gittins(7), agents.bayes_optimal(2, 7), agents.dependent_thompson("hard"),
          agents.dependent_thompson("uniform"), agents.dependent_thompson("independent")]


@pytest.mark.parametrize("score", SCORES, ids=lambda s: getattr(s, "__name__", repr(s)))
def test_every_agent_pickles_copies_compares_and_plays_on_as_before(score):
    agent = agents.BanditAgent(2, score)
    kind = getattr(score, "kind", "hard")
    tasks = DependentBandit(kind, 7).sample(50, np.random.default_rng(0))
    played = agent.collect(None, tasks, np.random.default_rng(1))
    for other in (pickle.loads(pickle.dumps(agent)), copy.deepcopy(agent)):
        assert other == agent and repr(other) == repr(agent)
        again = other.collect(None, tasks, np.random.default_rng(1))
        assert np.array_equal(again.action, played.action)


def test_settings_are_kept_as_plain_numbers():
    two, half = np.int64(2), np.float32(0.5)
    for score, shown in [
            (agents.bayes_optimal(two, two), "bayes_optimal(arms=2, pulls=2)"),
            (agents.gittins(two, half), "gittins(pulls=2, discount=0.5)"),
            (agents.finite_gittins(two), "finite_gittins(pulls=2)"),
            (agents.majority(two), "majority(n=2)"), (agents.ucb1(half), "ucb1(c=0.5)"),
            (agents.epsilon_greedy(half), "epsilon_greedy(epsilon=0.5)")]:
        assert repr(score) == shown


# ---- agents know what they play

@pytest.mark.parametrize("score, family, message", [
    (agents.gittins(5, 0.9), BernoulliBandit(3, 8), r"must be at least .*use gittins\(8, 0.9\)"),
    (agents.finite_gittins(5), BernoulliBandit(3, 8), r"use finite_gittins\(8\)"),
    (agents.finite_gittins(9), BernoulliBandit(3, 8), r"use finite_gittins\(8\)"),
    (agents.bayes_optimal(3, 5), BernoulliBandit(3, 8), r"use bayes_optimal\(3, 8\)"),
    (agents.bayes_optimal(3, 9), BernoulliBandit(3, 8), r"use bayes_optimal\(3, 8\)"),
    (agents.dependent_thompson("easy"), DependentBandit("hard", 5),
     r"must play a DependentBandit\('easy', ..\), got DependentBandit\(kind='hard'"),
    (agents.dependent_thompson("easy"), BernoulliBandit(2, 5), "must play a DependentBandit"),
    (agents.thompson, InformativeBandit(6), "rewards must be 0 or 1 .*, got "),
    (agents.greedy, InformativeBandit(6), "rewards must be 0 or 1 .*, got "),
])
def test_an_agent_is_refused_where_it_does_not_know_the_task(score, family, message):
    agent = agents.BanditAgent(family.arms, score)
    with pytest.raises(ValueError, match=message):
        evaluate(agent, None, family, tasks=30)


def test_an_arm_pulled_more_often_than_the_gittins_table_goes_is_refused_in_any_rollout():
    agent, rng = agents.BanditAgent(2, agents.gittins(3, 0.9)), np.random.default_rng(0)
    tasks = BernoulliBandit(2, 9).sample(5, rng)
    with pytest.raises(ValueError, match="at least those of an arm, got an arm with 4"):
        rollout(agent, None, tasks, trials=1, episodes=1, rng=rng)


def test_the_finite_gittins_index_loses_next_to_nothing_and_the_discounted_one_more():
    optimum, tasks = bayes_optimal_bandit(5, 12), BernoulliBandit(5, 12).sample(
        1000, np.random.default_rng(0))
    lost = [optimum.shortfall(rollout(
        agents.BanditAgent(5, score), None, tasks, trials=1, episodes=1,
        rng=np.random.default_rng(1))).mean()
        for score in (agents.finite_gittins(12), agents.gittins(12, 0.9))]
    assert -1e-12 < lost[0] < 5e-4 * optimum.value and lost[1] > 1.5 * lost[0]


def test_the_gittins_indices_of_agents_are_those_of_the_arms_they_see():
    won, lost = np.array([[2, 0, 1], [0, 3, 0]]), np.array([[0, 1, 1], [1, 0, 4]])
    score = agents.gittins(7, 0.9)(won, lost, None)
    assert np.abs(score - gittins_index(won, lost, 0.9)).max() < 2e-6
    finite, table = agents.finite_gittins(9)(won, lost, None), finite_gittins_table(9)
    for row, left in enumerate([4, 1]):
        assert np.array_equal(finite[row], table[left, won[row], lost[row]])
    with pytest.raises(ValueError, match="at least those of an arm, got an arm with 8"):
        agents.gittins(7, 0.9)(won, lost + [0, 0, 4], None)


def test_the_finite_gittins_index_knows_no_arm_after_the_last_pull():
    score = agents.finite_gittins(3)
    with pytest.raises(ValueError, match="must be more than those made before"):
        score(np.array([[1, 1], [1, 2]]), np.zeros((2, 2), int), None)


def test_a_gittins_table_may_be_larger_than_the_trial():
    one, other = (total(agents.gittins(pulls, 0.9), bandits=200) for pulls in (6, 40))
    assert one == other


def test_thompson_sampling_of_a_known_kind_plays_that_kind():
    agent = agents.BanditAgent(2, agents.dependent_thompson("easy"))
    assert evaluate(agent, None, DependentBandit("easy", 9), tasks=500).mean[0] > 6


@pytest.mark.parametrize("kind", ["independent", "uniform", "easy", "medium", "hard"])
def test_thompson_sampling_of_every_kind_prefers_the_arm_that_has_paid(kind):
    paid, not_paid = np.array([[200, 0]]), np.array([[0, 200]])
    score = agents.dependent_thompson(kind)(paid, not_paid, np.random.default_rng(0))
    assert score.argmax(-1) == [0]


@pytest.mark.parametrize("make, message", [
    (lambda: agents.epsilon_greedy(1.5), r"epsilon must be a finite number in \[0, 1\]"),
    (lambda: agents.ucb1(-1), "c must be"),
    (lambda: agents.majority(0), "n must be at least 1"),
    (lambda: agents.gittins(0, 0.9), "pulls must be at least 1"),
    (lambda: agents.gittins(5, 1.0), "discount must be"),
    (lambda: agents.bayes_optimal(0, 5), "arms must be at least 1"),
])
def test_bad_settings_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
