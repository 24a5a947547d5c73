"""The Bayes-optimal bandit, against published values, plain recursion and its own policy."""
from fractions import Fraction
from functools import lru_cache
from itertools import product

import numpy as np
import pytest

from minimeta.exact import bayes_optimal_bandit
from minimeta.exact.bandits import count_states, type_of, types

PUBLISHED = {  # exact dynamic programming, five digits
    (2, 1): 0.5, (2, 2): 1.08333, (2, 3): 1.66667, (2, 5): 2.88889, (2, 10): 6.02179,
    (2, 20): 12.43126, (2, 50): 31.99671, (5, 10): 6.65999, (10, 10): 6.71395,
    (50, 10): 6.71395,
}
SMALL = [(1, 4), (2, 3), (2, 6), (3, 4), (4, 3)]


def recursion(arms, pulls):
    """The definition, in fractions, over ordered counts."""
    @lru_cache(maxsize=None)
    def V(state, left):
        if left == 0:
            return Fraction(0)
        values = []
        for k, (s, f) in enumerate(state):
            p = Fraction(s + 1, s + f + 2)
            won, lost = (state[:k] + (arm,) + state[k + 1:] for arm in ((s + 1, f), (s, f + 1)))
            values.append(p * (1 + V(won, left - 1)) + (1 - p) * V(lost, left - 1))
        return max(values)

    return V(((0, 0),) * arms, pulls)


def value_of_policy(solution):
    """The expected reward of best_arm, going forward over all ordered counts."""
    states, earned = {((0, 0),) * solution.arms: 1.0}, 0.0
    for _ in range(solution.pulls):
        counts = np.array(list(states)).reshape(len(states), solution.arms, 2)
        arms, after = solution.best_arm(counts[..., 0], counts[..., 1]), {}
        for (state, weight), k in zip(states.items(), arms):
            s, f = state[k]
            p = (s + 1) / (s + f + 2)
            earned += weight * p
            for arm, chance in (((s + 1, f), p), ((s, f + 1), 1 - p)):
                key = state[:k] + (arm,) + state[k + 1:]
                after[key] = after.get(key, 0.0) + weight * chance
        states = after
    return earned


@pytest.mark.parametrize("arms, pulls", PUBLISHED)
def test_published_values_are_reproduced(arms, pulls):
    assert abs(bayes_optimal_bandit(arms, pulls).value - PUBLISHED[arms, pulls]) < 6e-6


@pytest.mark.slow
def test_the_published_value_of_two_arms_and_a_hundred_pulls_is_reproduced():
    assert abs(bayes_optimal_bandit(2, 100).value - 64.91842) < 6e-6


@pytest.mark.parametrize("arms, pulls", SMALL)
def test_the_value_is_that_of_plain_recursion_in_fractions(arms, pulls):
    assert abs(bayes_optimal_bandit(arms, pulls).value - float(recursion(arms, pulls))) < 1e-13


@pytest.mark.parametrize("arms, pulls", SMALL + [(6, 4)])
def test_the_policy_earns_the_value(arms, pulls):
    solution = bayes_optimal_bandit(arms, pulls)
    assert abs(value_of_policy(solution) - solution.value) < 1e-12


def test_more_arms_never_hurt_and_beyond_the_pulls_they_change_nothing():
    values = [bayes_optimal_bandit(arms, 6).value for arms in range(1, 10)]
    assert np.all(np.diff(values[:6]) > 0)
    assert values[5:] == [values[5]] * 4


def test_one_arm_is_pulled_at_even_odds():
    assert abs(bayes_optimal_bandit(1, 7).value - 3.5) < 1e-14


def test_permuting_the_arms_permutes_the_choice():
    solution, rng = bayes_optimal_bandit(4, 9), np.random.default_rng(0)
    counts = np.array([(2, 1, 0, 1, 0, 1, 1, 0), (3, 0, 0, 2, 1, 0, 0, 0)]).reshape(2, 4, 2)
    choice = solution.best_arm(counts[..., 0], counts[..., 1])
    for _ in range(5):
        order = rng.permutation(4)
        moved = counts[:, order]
        picked = order[solution.best_arm(moved[..., 0], moved[..., 1])]
        rows = np.arange(2)
        assert np.array_equal(counts[rows, picked], counts[rows, choice])


def test_with_one_pull_left_the_best_mean_is_pulled():
    solution = bayes_optimal_bandit(3, 6)
    for s in product(range(3), repeat=3):
        f = np.array([1, 0, 0])
        if sum(s) + 1 == 5:
            mean = (np.array(s) + 1) / (np.array(s) + f + 2)
            arm = solution.best_arm(np.array([s]), f[None])[0]
            assert mean[arm] == mean.max()


def test_types_are_numbered_without_gaps():
    successes, failures = types(5)
    assert np.array_equal(type_of(successes, failures), np.arange(21))


def test_multisets_of_types_are_counted_as_enumeration_counts_them():
    def brute(slots, pulls):
        arms = [(s, n - s) for n in range(pulls + 1) for s in range(n + 1)]
        found = {tuple(sorted(c)) for c in product(arms, repeat=slots)}
        return [sum(sum(map(sum, c)) == t for c in found) for t in range(pulls + 1)]

    assert count_states(3, 4).tolist() == brute(3, 4)
    assert count_states(2, 5).tolist() == brute(2, 5)


@pytest.mark.parametrize("arms, pulls, error, message", [
    (0, 3, ValueError, "arms must be at least 1, got 0"),
    (2, 0, ValueError, "pulls must be at least 1, got 0"),
    (2.0, 3, TypeError, "arms must be a whole number, got 2.0"),
    (5, 100, ValueError, "too many for exact dynamic programming"),
])
def test_bad_sizes_are_refused_by_name(arms, pulls, error, message):
    with pytest.raises(error, match=message):
        bayes_optimal_bandit(arms, pulls)


def test_counts_that_do_not_fit_are_refused():
    solution = bayes_optimal_bandit(2, 3)
    with pytest.raises(ValueError, match=r"must be \[R, 2\]"):
        solution.best_arm(np.zeros((4, 3), int), np.zeros((4, 3), int))
    with pytest.raises(ValueError, match="fewer than 3 pulls, got 4"):
        solution.best_arm(np.array([[2, 2]]), np.array([[0, 0]]))
