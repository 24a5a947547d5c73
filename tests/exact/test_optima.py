"""Exact optima of bandits and of the two-step task: the known figures, enumeration, and
agents that reach them."""
import pickle
from functools import lru_cache
from itertools import product

import numpy as np
import pytest

from minimeta import evaluate
from minimeta.rivals import bandit_agents as agents
from minimeta.exact.optima import (belief, dependent_floor, dependent_optimum,
                                   informative_optimum, informative_thompson,
                                   two_step_optimum)
from minimeta.rivals.two_step_agents import Stays, TwoStepAgent, stays
from minimeta.tasks import DependentBandit, TwoStep


@pytest.mark.parametrize("kind, floor", [
    ("easy", 0.625), ("medium", 1.000), ("hard", 2.312), ("uniform", 1.221),
    ("independent", 1.748)])
def test_the_regret_floors_of_100_pulls_are_the_known_ones(kind, floor):
    assert abs(dependent_floor(kind, 100) - floor) < 5e-4


@pytest.mark.parametrize("episodes, optimum", [
    (10, 0.66882), (20, 0.68438), (100, 0.69688)])
def test_the_two_step_optimum_is_the_known_one(episodes, optimum):
    assert abs(two_step_optimum(episodes) - optimum) < 5e-6


def test_the_informative_bandit_is_worth_what_is_known():
    # The hint, .55 on average, and four pulls of the target. Thompson sampling finds
    # the target at pull k = 1 .. 5 with probability .1 each: (k - 1) + 5 (6 - k); else 5.
    by_hand = sum(0.1 * ((k - 1) + 5 * (6 - k)) for k in range(1, 6)) + 0.5 * 5
    assert abs(informative_optimum(5) - 20.55) < 1e-12
    assert abs(informative_thompson(5) - by_hand) < 1e-12
    assert abs(by_hand - 11.0) < 1e-12
    assert abs(informative_optimum(1) - 1.4) < 1e-12  # a lone pull buys no knowledge


@pytest.mark.parametrize("pulls", [1, 2, 3, 4])
def test_the_informative_optimum_is_that_of_a_search_over_all_that_may_be_seen(pulls):
    """A belief is the set of targets that would have paid what was paid."""
    worth = np.ones((10, 11))
    worth[range(10), range(10)], worth[:, 10] = 5, np.arange(1, 11) / 10

    @lru_cache(maxsize=None)
    def V(left, may_be):
        if left == 0:
            return 0.0
        values = []
        for arm in range(11):
            paid, row = {}, 0.0
            for target in may_be:
                paid.setdefault(worth[target, arm], []).append(target)
            for reward, targets in paid.items():
                row += len(targets) * (reward + V(left - 1, frozenset(targets)))
            values.append(row / len(may_be))
        return max(values)

    assert informative_optimum(pulls) == pytest.approx(V(pulls, frozenset(range(10))), rel=1e-14)


def test_with_more_pulls_than_arms_thompson_sampling_finds_every_target():
    # At pull k = 1 .. 10 with probability .1 each: k - 1 pulls of 1, and the others of 5.
    by_hand = sum(0.1 * ((k - 1) + 5 * (12 - (k - 1))) for k in range(1, 11))
    assert informative_thompson(12) == pytest.approx(by_hand, rel=1e-14)
    assert informative_optimum(12) == pytest.approx(0.55 + 5 * 11, rel=1e-14)


@pytest.mark.parametrize("q, pulls", [(0.9, 4), (0.6, 5)])
def test_the_optimum_by_votes_is_that_of_a_search_over_all_histories(q, pulls):
    """Both arms, both outcomes, after each history of (arm, reward): nothing
    assumed."""

    def likelihood(p1, history):
        p = (p1, 1 - p1)
        return np.prod([p[a] if r else 1 - p[a] for a, r in history])

    @lru_cache(maxsize=None)
    def V(history):
        if len(history) == pulls:
            return 0.0
        one, two = likelihood(q, history), likelihood(1 - q, history)
        means = [(one * p + two * o) / (one + two) for p, o in ((q, 1 - q), (1 - q, q))]
        return max(m + m * V(history + ((a, 1),)) + (1 - m) * V(history + ((a, 0),))
                   for a, m in enumerate(means))

    kind = {0.9: "easy", 0.6: "hard"}[q]
    assert abs(V(()) - dependent_optimum(kind, pulls)) < 1e-12


def test_the_two_step_optimum_is_that_of_a_search_over_all_histories():
    episodes = 3

    def p_reward(good, led):
        return 0.9 if led == good else 0.1

    @lru_cache(maxsize=None)
    def V(history):
        if len(history) == episodes:
            return 0.0
        like = np.array([np.prod([p_reward(g, s) if r else 1 - p_reward(g, s)
                                  for s, r in history]) for g in (0, 1)])
        like /= like.sum()
        values = []
        for action in (0, 1):
            value = 0.0
            for led, r in product((0, 1), (0, 1)):
                p = like @ [p_reward(g, led) for g in (0, 1)]
                chance = (0.75 if led == action else 0.25) * (p if r else 1 - p)
                value += chance * (r + V(history + ((led, r),)))
            values.append(value)
        return max(values)

    assert abs(V(()) / episodes - two_step_optimum(episodes)) < 1e-12


@pytest.mark.parametrize("kind", ["easy", "medium", "hard", "uniform"])
def test_acting_greedily_on_the_votes_earns_the_optimum(kind):
    def votes(successes, failures, rng):
        s, f = successes[:, 0] + failures[:, 1], failures[:, 0] + successes[:, 1]
        return np.stack([s, f], -1)

    curve = evaluate(agents.BanditAgent(2, votes), None, DependentBandit(kind, 12),
                     tasks=8000)
    gap = abs(curve.mean[0] - dependent_optimum(kind, 12))
    assert gap < 4 * curve.standard_error[0]


def test_the_belief_is_bayes_rule_and_does_not_overflow():
    assert abs(belief(0.75, 2, 3) - 0.75) < 1e-15  # one vote ahead
    assert belief(0.9, 0, 10_000) == 0 and belief(0.9, 10_000, 10_000) == 1


@pytest.mark.parametrize("kind, mean", [
    ("easy", 0.9), ("uniform", 6 / 9), ("hard", 0.6)])
def test_dependent_thompson_draws_from_the_true_posterior(kind, mean):
    # Five votes to two for arm 1: successes (3, 1), failures (1, 2).
    counts = np.broadcast_to(np.array([[3, 1], [1, 2]])[:, None], (2, 40_000, 2))
    p1, p2 = agents.dependent_thompson(kind)(*counts, np.random.default_rng(0)).T
    assert np.all(p1 + p2 == 1)
    b = mean ** 3 / (mean ** 3 + (1 - mean) ** 3)
    expected = mean if kind == "uniform" else b * mean + (1 - b) * (1 - mean)
    assert abs(p1.mean() - expected) < 5e-3


@pytest.mark.parametrize("kind", ["model-based", "model-free"])
def test_a_two_step_agent_without_votes_chooses_either_action(kind):
    agent, rng = TwoStepAgent(kind, 10), np.random.default_rng(0)
    n = 200_000
    act, memory = agent.act(None, agent.begin(None, n), np.eye(6)[np.zeros(n, int)], rng)
    assert abs(act.action.mean() - 0.5) < 4 * 0.5 / n ** 0.5 and not memory[0].any()


def test_a_vote_is_for_the_state_or_for_the_action_and_counts_one():
    """Action 1 led to the first state (a rare transition), and paid or not."""
    for kind, sign in (("model-based", -1), ("model-free", 1)):
        agent, rng = TwoStepAgent(kind, 10), np.random.default_rng(0)
        memory = np.array([[7, 7, -3, -3], [0] * 4, [0] * 4])
        there = np.array([[0, 1, 0, 1, 0, 0]] * 4)       # S2, after action 1
        _, memory = agent.act(None, memory, there, rng)
        assert memory.tolist() == [[7, 7, -3, -3], [1] * 4, [0] * 4]
        paid = np.array([1, 0, 1, 0])
        back = np.stack([[1] * 4, [0] * 4, [0] * 4, [0] * 4, paid, [1] * 4], -1)
        act, memory = agent.act(None, memory, back, rng)
        votes = np.array([7, 7, -3, -3]) + sign * (2 * paid - 1)
        assert memory[0].tolist() == votes.tolist() and act.action.tolist() == [1, 1, 0, 0]


def test_the_model_based_agent_is_optimal_and_the_model_free_one_is_not():
    means = {}
    for kind in ("model-based", "model-free"):
        curve = evaluate(TwoStepAgent(kind, 10), None, TwoStep(10), tasks=4000)
        earned = curve.returns.mean(1)
        means[kind] = earned.mean(), earned.std() / np.sqrt(len(earned))
    mean, error = means["model-based"]
    assert abs(mean - two_step_optimum(10)) < 4 * error
    assert means["model-free"][0] < mean - 10 * error


def test_the_two_kinds_of_learner_are_told_apart_by_when_they_stay():
    tasks, signs = TwoStep(10).sample(3000, np.random.default_rng(0)), {}
    for kind in ("model-based", "model-free"):
        data = TwoStepAgent(kind, 10).collect(None, tasks, np.random.default_rng(1))
        signs[kind] = stays(data)
    based, free = signs["model-based"], signs["model-free"]
    assert based.interaction()[0] > 0.9 and abs(based.reward_effect()[0]) < 0.05
    assert free.reward_effect()[0] > 0.35 and free.interaction()[0] < 0.35
    # A vote for the action chosen never makes them leave: rewarded and common; for the
    # one that goes by actions, rewarded at all.
    assert based.cell(True, True)[0] == 1 and free.cell(True, False)[0] == 1


def test_intervals_of_staying_hold_the_truth_in_95_of_100_cases():
    tasks = TwoStep(5).sample(40_000, np.random.default_rng(0))
    data = TwoStepAgent("model-based", 5).collect(None, tasks, np.random.default_rng(1))
    whole = stays(data)
    truth = whole.interaction()[0]
    hits = 0
    for i in range(0, 40_000, 100):
        hundred = type(whole)(whole.stayed[i:i + 100], whole.n[i:i + 100])
        value, half = hundred.interaction()
        hits += abs(value - truth) <= half
    assert 0.91 < hits / 400 < 0.98


def test_the_probability_of_staying_counts_what_happened():
    data = TwoStepAgent("model-based", 4).collect(
        None, TwoStep(4).sample(7, np.random.default_rng(0)), np.random.default_rng(1))
    result, stayed, n = stays(data), np.zeros((2, 2)), np.zeros((2, 2))
    for k, t in product(range(7), range(0, 6, 2)):
        action, led = data.action[k, t, 0], int(data.x[k, t + 1, 0, 2])
        case = int(data.reward[k, t + 1, 0]), int(led == action)
        n[case] += 1
        stayed[case] += data.action[k, t + 2, 0] == action
    assert np.array_equal(result.n.sum(0), n)
    assert np.array_equal(result.stayed.sum(0), stayed)


@pytest.mark.parametrize("make, message", [
    (lambda: dependent_floor("simple", 9), "kind must be one of 'easy'"),
    (lambda: agents.dependent_thompson("simple"), "kind must be one of 'easy'"),
    (lambda: TwoStepAgent("habit", 3), "kind must be one of 'model-based'"),
    (lambda: TwoStepAgent("model-free", 0), "episodes must be at least 1, got 0"),
    (lambda: two_step_optimum(0), "episodes must be at least 1, got 0"),
    (lambda: dependent_optimum("simple", 9), "kind must be one of 'easy'"),
    (lambda: dependent_optimum("easy", 0), "pulls must be at least 1, got 0"),
    (lambda: informative_optimum(0), "pulls must be at least 1, got 0"),
    (lambda: informative_thompson(0), "pulls must be at least 1, got 0"),
])
def test_bad_settings_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_two_step_agent_pickles_and_refuses_what_is_no_two_step_task():
    agent = TwoStepAgent("model-free", 3)
    assert pickle.loads(pickle.dumps(agent)) == agent
    with pytest.raises(ValueError, match=r"must play TwoStep\(..\), got DependentBandit"):
        evaluate(agent, None, DependentBandit("easy", 4), tasks=2)


def test_the_effects_are_the_sums_of_the_docstring_by_hand():
    n = np.full((1, 2, 2), 100)
    nr, nc, rr, rc = 13, 31, 57, 92     # of 100: (not, rewarded) by (rare, common)
    signs = Stays(np.array([[[nr, nc], [rr, rc]]]), n)
    assert abs(signs.reward_effect()[0] - (rc + rr - nc - nr) / 200) < 1e-15
    assert abs(signs.interaction()[0] - (rc - rr - nc + nr) / 100) < 1e-15
    assert signs.cell(False, True)[0] == 0.31
    assert {type(number) for number in signs.interaction()} == {float}


def test_half_an_interval_of_staying_is_1_96_errors_of_a_ratio_by_hand():
    # Not rewarded, common: 20 of 100 stayed in one task and 40 of 100 in the other. So p = .3, and
    # each task is 10 / 200 off: the error is sqrt(.05^2 + .05^2).
    stayed = np.full((2, 2, 2), 50)
    stayed[:, 0, 1] = 20, 40
    p, half = Stays(stayed, np.full((2, 2, 2), 100)).cell(False, True)
    assert p == pytest.approx(0.3) and half == pytest.approx(1.96 * 0.05 * 2 ** 0.5)


def test_the_interval_of_an_effect_adds_the_cells_of_a_task_before_it_squares():
    rng = np.random.default_rng(0)
    n = rng.integers(50, 99, (3, 2, 2))
    stayed = rng.integers(0, n)
    p, total = stayed.sum(0) / n.sum(0), 0.0
    for k in range(3):
        error = sum((-1) ** (r + c) * (stayed[k, r, c] - p[r, c] * n[k, r, c]) / n[:, r, c].sum()
                    for r in range(2) for c in range(2))
        total += error ** 2
    assert Stays(stayed, n).interaction()[1] == pytest.approx(1.96 * total ** 0.5, rel=1e-12)


def test_optima_are_plain_numbers():
    found = (dependent_optimum("easy", 3), dependent_floor("uniform", 3), two_step_optimum(3),
             informative_optimum(2), informative_thompson(2))
    assert {type(value) for value in found} == {float}
