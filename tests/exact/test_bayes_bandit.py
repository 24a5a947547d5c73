"""The Bayes-optimal bandit against an enumeration that knows no multisets."""
from fractions import Fraction
from functools import lru_cache
from itertools import combinations_with_replacement, product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minimeta.exact import bayes_bandit
from minimeta.exact.bayes_bandit import _level_sizes, bayes_optimal_bandit

SMALL = [(1, 1), (1, 4), (2, 1), (2, 2), (2, 5), (3, 2), (3, 4), (4, 3), (5, 3)]
SOLUTION = bayes_optimal_bandit(4, 7)


def mean(s, f):
    return Fraction(s + 1, s + f + 2)


def pulled(state, arm, reward):
    """The ordered tuple of (successes, failures) after a pull."""
    s, f = state[arm]
    return state[:arm] + ((s + reward, f + 1 - reward),) + state[arm + 1:]


def enumerated(arms, pulls, choose=None):
    """The expected total, exactly: of the best arm everywhere, or of choose(state)."""
    @lru_cache(maxsize=None)
    def value(state, left):
        if left == 0:
            return Fraction(0)

        def earns(arm):
            m = mean(*state[arm])
            return (m * (1 + value(pulled(state, arm, 1), left - 1))
                    + (1 - m) * value(pulled(state, arm, 0), left - 1))

        if choose is not None:
            return earns(choose(state))
        return max(earns(arm) for arm in range(arms))

    return value(((0, 0),) * arms, pulls)


@pytest.mark.parametrize("arms, pulls, value", [
    (2, 1, .5), (2, 2, 1.08333), (2, 3, 1.66667), (2, 5, 2.88889), (2, 10, 6.02179),
    (2, 20, 12.43126), (2, 50, 31.99671), (2, 100, 64.91842),
    (5, 10, 6.65999), (10, 10, 6.71395), (50, 10, 6.71395),
])
def test_the_value_is_the_one_computed_elsewhere_to_five_places(arms, pulls, value):
    assert abs(bayes_optimal_bandit(arms, pulls).value - value) < 5.1e-6


@pytest.mark.parametrize("arms, pulls", SMALL)
def test_the_value_is_that_of_exact_enumeration(arms, pulls):
    exact = float(enumerated(arms, pulls))
    assert abs(bayes_optimal_bandit(arms, pulls).value - exact) < 1e-13


@pytest.mark.parametrize("arms, pulls", SMALL)
def test_the_policy_earns_the_value(arms, pulls):
    solution = bayes_optimal_bandit(arms, pulls)

    def choose(state):
        return int(solution.best_arm(*np.array(state).T[:, None])[0])

    assert abs(float(enumerated(arms, pulls, choose)) - solution.value) < 1e-13


def test_enumeration_tells_a_worse_policy_apart():
    assert enumerated(3, 4, lambda state: 0) == 2 < enumerated(3, 4)


@pytest.mark.parametrize("arms, pulls", [(1, 6), (2, 5), (3, 4)])
def test_there_is_one_state_for_every_multiset_of_counts(arms, pulls):
    kinds = [(s, n - s) for n in range(pulls) for s in range(n + 1)]
    states = combinations_with_replacement(kinds, arms)
    reached = sum(sum(map(sum, state)) < pulls for state in states)
    assert len(bayes_optimal_bandit(arms, pulls).keys) == reached


def test_one_arm_is_worth_a_half_per_pull():
    assert abs(bayes_optimal_bandit(1, 17).value - 8.5) < 1e-13


@settings(max_examples=15, deadline=None)
@given(arms=st.integers(1, 7), pulls=st.integers(1, 9))
def test_an_arm_more_never_hurts_and_beyond_the_pulls_changes_nothing(arms, pulls):
    fewer = bayes_optimal_bandit(arms, pulls).value
    more = bayes_optimal_bandit(arms + 1, pulls).value
    assert more == fewer if arms >= pulls else more >= fewer - 1e-13


def test_more_pulls_earn_more_than_the_first_pull_again():
    values = [bayes_optimal_bandit(3, pulls).value for pulls in range(1, 13)]
    assert (np.diff(values) > 0.5).all() and (np.diff(values, 2) > 0).all()


def histories(rows, rng, arms=SOLUTION.arms, pulls=SOLUTION.pulls):
    """Counts [rows, arms] after any number of random pulls that leaves one."""
    steps = rng.integers(pulls, size=rows)
    counts = np.zeros((2, rows, arms), int)
    for t in range(pulls - 1):
        paid, arm = rng.integers(2, size=rows), rng.integers(arms, size=rows)
        counts[paid, np.arange(rows), arm] += t < steps
    return counts


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_permuting_the_arms_permutes_the_choice(seed):
    rng = np.random.default_rng(seed)
    s, f = histories(50, rng)
    order = rng.permutation(SOLUTION.arms)
    row = np.arange(50)
    here, there = SOLUTION.best_arm(s, f), SOLUTION.best_arm(s[:, order], f[:, order])
    # up to arms with equal counts, which are the same arm
    assert (s[row, here] == s[row, order[there]]).all()
    assert (f[row, here] == f[row, order[there]]).all()


def test_rows_are_answered_alone_as_together():
    s, f = histories(40, np.random.default_rng(1))
    alone = [SOLUTION.best_arm(s[i:i + 1], f[i:i + 1])[0] for i in range(40)]
    assert (SOLUTION.best_arm(s, f) == alone).all()
    assert SOLUTION.best_arm(s[:0], f[:0]).shape == (0,)


def test_the_last_pull_is_greedy():
    s, f = histories(400, np.random.default_rng(2))
    last = (s + f).sum(-1) == SOLUTION.pulls - 1
    m = ((s + 1) / (s + f + 2))[last]
    best = SOLUTION.best_arm(s[last], f[last])
    assert last.sum() > 20
    assert (m[np.arange(len(m)), best] == m.max(-1)).all()


def test_an_early_pull_prefers_the_arm_less_known_at_equal_means():
    best = bayes_optimal_bandit(2, 10).best_arm(np.array([[1, 0]]), np.array([[1, 0]]))
    assert best == 1


def test_an_rng_draws_evenly_from_arms_with_equal_counts():
    zeros = np.zeros((9000, SOLUTION.arms), int)
    drawn = SOLUTION.best_arm(zeros, zeros, np.random.default_rng(3))
    share = np.bincount(drawn, minlength=SOLUTION.arms) / 9000
    assert abs(share - 1 / SOLUTION.arms).max() < 4 * np.sqrt(.25 * .75 / 9000)
    assert (SOLUTION.best_arm(zeros, zeros) == 0).all()


def test_an_rng_draws_from_the_best_arms_alone():
    s, f = histories(300, np.random.default_rng(5))
    for seed in range(3):
        arm = SOLUTION.best_arm(s, f, np.random.default_rng(seed))
        assert (SOLUTION.gap(s, f, arm) < 1e-12).all()


def test_what_is_given_is_not_written_to():
    s, f = histories(10, np.random.default_rng(4))
    before = s.copy(), f.copy()
    SOLUTION.best_arm(s, f)
    assert (s == before[0]).all() and (f == before[1]).all()


@pytest.mark.parametrize("arms, pulls, error, says", [
    (0, 5, ValueError, "arms must be at least 1, got 0"),
    (2, 0, ValueError, "pulls must be at least 1, got 0"),
    (2.0, 5, TypeError, "arms must be a whole number, got 2.0"),
    (2, True, TypeError, "pulls must be a whole number, got True"),
    (5, 100, ValueError, "for 5 arms and 100 pulls; take fewer pulls"),
    (30, 30, ValueError, "for 30 arms and 30 pulls; take fewer pulls"),
    (10**9, 10**9, ValueError, "take fewer pulls or arms, or the Gittins index"),
    (6000, 6000, ValueError, "for 6000 arms and 6000 pulls"),  # to count these takes hours
])
def test_sizes_that_cannot_be_are_refused_with_the_reason(arms, pulls, error, says):
    with pytest.raises(error, match=says):
        bayes_optimal_bandit(arms, pulls)


@pytest.mark.parametrize("successes, failures, error, says", [
    ([[7, 0, 0, 0]], [[0, 0, 0, 0]], ValueError, "leave at least one of 7 pulls"),
    ([[2, 1, 0, 0]], [[0, 0, 3, 1]], ValueError, "of 7 pulls, got a row with 7"),
    ([[1, 0, 0, 0], [4, 4, 0, 1]], [[0] * 4] * 2, ValueError, "of 7 pulls, got a row with 9"),
    (3, 4, ValueError, r"successes must have shape \[R, 4\], .* got \[\]"),
    ([[-1, 0, 0, 0]], [[0, 0, 0, 0]], ValueError, "successes must be at least 0, got"),
    ([[0., 0, 0, 0]], [[0, 0, 0, 0]], TypeError, "successes must be whole numbers"),
    ([0, 0, 0, 0], [0, 0, 0, 0], ValueError, r"must have shape \[R, 4\]"),
    ([[0, 0, 0, 0]], [[0, 0, 0]], ValueError, r"failures must have shape \[R, 4\]"),
    ([[0, 0, 0, 0]], [[0, 0, 0, 0]] * 2, ValueError, "failures must have shape"),
])
def test_counts_that_cannot_be_are_refused_with_the_reason(
        successes, failures, error, says):
    with pytest.raises(error, match=says):
        SOLUTION.best_arm(np.array(successes), np.array(failures))


def every_trial(arms, pulls, choose):
    """All sequences of rewards [1, pulls, 2 ** pulls], the arms that a policy pulls
    after them, and the probability of each."""
    rewards = np.array(list(product([0., 1.], repeat=pulls)))
    actions, chances = np.zeros(rewards.shape, int), np.ones(len(rewards))
    for b, row in enumerate(rewards):
        state = ((0, 0),) * arms
        for t, reward in enumerate(row):
            actions[b, t] = arm = choose(state)
            m = mean(*state[arm])
            chances[b] *= m if reward else 1 - m
            state = pulled(state, arm, int(reward))
    return SimpleNamespace(action=actions.T[None], reward=rewards.T[None]), chances


@pytest.mark.parametrize("choose", [
    lambda state: 0,
    lambda state: max(range(3), key=lambda arm: mean(*state[arm])),
    lambda state: sum(map(sum, state)) % 3,
], ids=["one arm", "greedy", "in turn"])
def test_the_mean_shortfall_is_what_a_policy_earns_less_than_the_value(choose):
    data, chances = every_trial(3, 5, choose)
    solution = bayes_optimal_bandit(3, 5)
    lost = solution.value - float(enumerated(3, 5, choose))
    assert abs(chances @ solution.shortfall(data)[0] - lost) < 1e-13


def test_the_shortfall_of_a_trial_does_not_depend_on_those_beside_it():
    rng = np.random.default_rng(0)
    arm, reward = rng.integers(4, size=(2, 7, 3)), rng.integers(2, size=(2, 7, 3)) * 1.0
    whole = SOLUTION.shortfall(SimpleNamespace(action=arm, reward=reward))
    assert whole.shape == (2, 3) and len(set(whole.ravel())) == 6
    for k, b in np.ndindex(2, 3):
        one = SimpleNamespace(action=arm[k, None, :, b, None], reward=reward[k, None, :, b, None])
        assert abs(SOLUTION.shortfall(one)[0, 0] - whole[k, b]) < 1e-12


def test_no_pull_gains_and_the_best_arm_loses_nothing():
    s, f = histories(300, np.random.default_rng(3))
    gaps = np.stack([SOLUTION.gap(s, f, np.full(300, arm))
                     for arm in range(SOLUTION.arms)], 1)
    best = SOLUTION.best_arm(s, f)
    assert (gaps > -1e-12).all() and gaps.max() > .1
    assert (gaps[np.arange(300), best] < 1e-12).all()
    assert np.array_equal(SOLUTION.gap(s, f, [2] * 300), gaps[:, 2])


def enumerated_sizes(arms, pulls):
    """How many multisets of counts there are after 0 .. pulls - 1 pulls."""
    kinds = [(s, n - s) for n in range(pulls) for s in range(n + 1)]
    pulled = [sum(map(sum, state)) for state in combinations_with_replacement(kinds, arms)]
    return [pulled.count(n) for n in range(pulls)]


@pytest.mark.parametrize("arms, pulls", [
    (1, 1), (1, 2), (1, 7), (2, 1), (2, 2), (2, 3), (2, 6), (3, 2), (3, 5), (4, 4), (4, 2)])
def test_the_work_is_counted_exactly_and_its_limit_is_itself_allowed(arms, pulls, monkeypatch):
    sizes = enumerated_sizes(arms, pulls)
    work = sum(min(n + 1, arms, pulls) * size for n, size in enumerate(sizes))
    monkeypatch.setattr(bayes_bandit, "MOST", work)
    assert _level_sizes(arms, pulls).tolist() == sizes
    monkeypatch.setattr(bayes_bandit, "MOST", work - 1)
    with pytest.raises(ValueError, match="states times arms"):
        _level_sizes(arms, pulls)


@pytest.mark.parametrize("arms, pulls, told", [(1, 5, 15), (2, 5, 70), (3, 5, 70), (3, 6, 126)])
def test_a_refusal_tells_the_pairs_of_counts_of_one_arm_or_two_without_counting_all(
        arms, pulls, told, monkeypatch):
    ordered = product([(s, n - s) for n in range(pulls) for s in range(n + 1)],
                      repeat=min(arms, 2))
    assert told == sum(sum(map(sum, state)) < pulls for state in ordered)
    monkeypatch.setattr(bayes_bandit, "MOST", 3)
    with pytest.raises(ValueError, match=rf"got at least {told:.1e} for".replace("+", r"\+")):
        _level_sizes(arms, pulls)
    sizes = enumerated_sizes(arms, pulls)
    assert told <= sum(min(n + 1, arms) * size for n, size in enumerate(sizes))


def test_arms_that_there_are_no_pulls_for_change_nothing():
    few, many = bayes_optimal_bandit(11, 11), bayes_optimal_bandit(40, 11)
    assert few.value == pytest.approx(many.value, rel=1e-13) and len(few.keys) == len(many.keys)
    countless = bayes_optimal_bandit(10**18, 3)
    assert countless.value == bayes_optimal_bandit(3, 3).value and countless.arms == 10**18


def test_sizes_are_kept_as_python_numbers():
    solution = bayes_optimal_bandit(np.int64(2), np.uint8(3))
    assert type(solution.arms) is type(solution.pulls) is int


def test_a_solution_shows_its_value_and_not_its_tables_and_is_equal_to_itself_alone():
    shown = repr(bayes_optimal_bandit(2, 3))
    assert type(SOLUTION.value) is float
    assert shown == f"BayesOptimal(arms=2, pulls=3, value={bayes_optimal_bandit(2, 3).value!r})"
    assert SOLUTION == SOLUTION != bayes_optimal_bandit(4, 7) and len({SOLUTION, SOLUTION}) == 1


def test_marks_by_which_two_states_look_alike_are_noticed(monkeypatch):
    alike = SimpleNamespace(integers=lambda most, size, dtype: np.ones(size, dtype))
    monkeypatch.setattr(bayes_bandit.np.random, "default_rng", lambda seed: alike)
    with pytest.raises(RuntimeError, match="keys collide: .* of [0-9]+ states differ"):
        bayes_optimal_bandit(2, 3)
