"""The optimal search of a grid: known figures, a search over all beliefs that assumes nothing,
and an agent that earns what is promised."""
import pickle
from functools import lru_cache

import numpy as np
import pytest

from minimeta import evaluate
from minimeta.exact import bayes_optimal_search, bayes_search
from minimeta.rivals import BayesOptimalSearcher
from minimeta.tasks import BernoulliBandit, GridNavigation
from minimeta.tasks.gridworld import GridTasks, distances, neighbours

SMALL = [
    GridNavigation(3, 5, 2), GridNavigation(3, 4, 3, walls=((1, 1),)),
    GridNavigation(3, 3, 2, goals=((0, 0), (0, 1), (2, 2))),
    GridNavigation(2, 3, 1, goals=((1, 1),)),
    GridNavigation(4, 5, 2, walls=((0, 2), (1, 1)), goals=((0, 1), (1, 2), (3, 0), (3, 3))),
    GridNavigation(3, 2, 3), GridNavigation(3, 7, 1),
    GridNavigation(3, 1, 2, goals=((0, 1), (2, 2))),
    GridNavigation(3, 2, 2, goals=((2, 2),))]      # too far away for an episode


def by_belief(family):
    """The optimum over all actions and all beliefs: nothing is assumed of what is best."""
    after = neighbours(family.size, family.walls)
    T, S = family.horizon, family.size

    @lru_cache(maxsize=None)
    def V(cell, may_be, clock):
        if clock == family.episodes * T:
            return 0.0
        if clock % T == 0:
            cell = 0
        values = []
        for c in after[cell]:
            p = (c in may_be) / len(may_be)
            value = 0.0
            if p > 0:
                value += p * (1 + V(c, frozenset([c]), clock + 1))
            if p < 1:
                value += (1 - p) * (-0.1 + V(c, may_be - {c}, clock + 1))
            values.append(value)
        return max(values)

    return V(0, frozenset(r * S + c for r, c in family.goal_cells), 0)


@pytest.mark.parametrize("family, value", [
    (GridNavigation(3, 6, 2), 6.72), (GridNavigation(4, 10, 3), 17.258333)], ids=str)
def test_the_value_is_the_one_computed_elsewhere(family, value):
    found = bayes_optimal_search(family).value
    assert abs(found - value) < 5.1e-7 and type(found) is float


@pytest.mark.parametrize("family", SMALL, ids=str)
def test_the_value_is_that_of_a_search_over_all_beliefs(family):
    assert abs(bayes_optimal_search(family).value - by_belief(family)) < 1e-12


@pytest.mark.parametrize("width", [1, 2])
def test_the_value_does_not_depend_on_how_good_the_first_search_is(monkeypatch, width):
    monkeypatch.setattr(bayes_search, "WIDTH", width)
    assert abs(bayes_optimal_search(GridNavigation(4, 10, 3)).value - 17.258333) < 5.1e-7


@pytest.mark.parametrize("family", [*SMALL, GridNavigation(4, 9, 3)], ids=str)
def test_what_is_dropped_could_not_have_become_the_best(family):
    # With a least gain of 0 and no width nothing is dropped but the worse of two equal paths.
    gain, actions = bayes_search.best_path(family, least_gain=0)
    whole = bayes_search.Search(family, actions)
    assert abs(bayes_optimal_search(family).value - whole.value) < 1e-12
    promised = -0.1 * family.horizon * family.episodes + 1.1 * gain / len(family.goal_cells)
    assert abs(whole.value - promised) < 1e-12


@pytest.mark.parametrize("family", [*SMALL, GridNavigation(sees="row and column"),
                                    GridNavigation(5, 10, 6)], ids=str)
def test_the_agent_earns_the_returns_of_each_goal_to_the_last_digit(family):
    agent, goals = BayesOptimalSearcher(family), bayes_search.goal_numbers(family)
    data = agent.collect(None, GridTasks(family, goals), np.random.default_rng(0))
    returns = data.episode_returns(family.episodes)[..., 0]
    search = bayes_optimal_search(family)
    assert np.allclose(returns, search.returns(), rtol=0, atol=1e-12)
    assert abs(returns.sum(1).mean() - search.value) < 1e-12
    assert np.allclose(search.episodes.sum(), search.value, rtol=0, atol=1e-12)


def test_the_searcher_of_the_default_room_lies_between_sampling_and_knowing():
    """Knowing the goal, four episodes earn 4 x 11.07; the best way to look costs 7.07 in the first
    and, where the goal was not found, nothing in the second: it lies on the way."""
    family = GridNavigation()
    search = bayes_optimal_search(family)
    known = GridTasks(family, bayes_search.goal_numbers(family)).oracle().mean()
    assert np.allclose(search.episodes, [4.0, known, known, known], rtol=0, atol=1e-12)


def test_an_episode_more_only_adds_to_the_value_and_a_goal_less_never_takes_from_it():
    values = [bayes_optimal_search(GridNavigation(4, 6, episodes)).value for episodes in (1, 2, 3)]
    assert values[0] < values[1] < values[2]
    goals = GridNavigation(3).goal_cells
    known = [bayes_optimal_search(GridNavigation(3, 6, 2, goals=(goal,))).value for goal in goals]
    assert np.mean(known) > bayes_optimal_search(GridNavigation(3, 6, 2)).value


def test_a_large_room_with_few_goals_is_searched():
    family = GridNavigation(9, 4, 2, goals=((0, 2), (2, 1)))
    assert abs(bayes_optimal_search(family).value - by_belief(family)) < 1e-12


def test_returns_of_chosen_cells_are_the_rows_of_all():
    search = bayes_optimal_search(GridNavigation(4, 9, 2))
    goals, rows = bayes_search.goal_numbers(search.family), np.array([7, 0, 7, 3])
    assert np.array_equal(search.returns(goals[rows]), search.returns()[rows])
    nowhere = search.returns(np.array([0]))  # the start, which the path may never enter
    assert nowhere.shape == (1, 2)


def test_the_cells_are_those_that_the_actions_lead_to():
    search = bayes_optimal_search(GridNavigation(4, 7, 2))
    after = neighbours(4, ())
    for actions, cells in zip(search.actions, search.cells):
        before = np.append(0, cells[:-1])
        assert np.array_equal(after[before, actions], cells)


def test_the_searcher_pickles_and_is_evaluated_like_a_learner():
    family = GridNavigation(3, 6, 2)
    agent = pickle.loads(pickle.dumps(BayesOptimalSearcher(family)))
    assert agent == BayesOptimalSearcher(family)
    curve = evaluate(agent, None, family, tasks=300)
    gap = abs(curve.mean - bayes_optimal_search(family).episodes)
    assert np.all(gap < 4 * curve.standard_error)


def test_what_cannot_be_searched_is_refused_with_the_reason(monkeypatch):
    with pytest.raises(TypeError, match=r"family must be a GridNavigation\(..\), got Bern"):
        bayes_optimal_search(BernoulliBandit(2, 3))
    with pytest.raises(ValueError, match="take a smaller room, fewer goals or fewer steps"):
        bayes_optimal_search(GridNavigation(10))
    monkeypatch.setattr(bayes_search, "MOST", 100)
    with pytest.raises(ValueError, match=r"fewer paths .* got more than 1e\+02 for GridN"):
        bayes_optimal_search(GridNavigation(4, 10, 3))
    with pytest.raises(ValueError, match="the family that the searcher knows"):
        evaluate(BayesOptimalSearcher(GridNavigation(3, 6, 2)), None, GridNavigation(3, 5, 2),
                 tasks=2)


def test_a_cell_and_the_goals_seen_must_fit_into_64_bits():
    cells = [(r, c) for r in range(8) for c in range(8)][1:]     # 2^6 cells
    family = GridNavigation(8, 1, 1, goals=tuple(cells[:57]))
    assert abs(bayes_optimal_search(family).value - by_belief(family)) < 1e-12
    with pytest.raises(ValueError, match="fewer paths"):
        bayes_optimal_search(GridNavigation(8, 1, 1, goals=tuple(cells[:58])))


def test_a_search_is_equal_to_itself_alone_and_may_be_a_key():
    one, other = (bayes_optimal_search(SMALL[3]) for _ in range(2))
    assert one == one != other and len({one, other}) == 2


def test_as_many_paths_as_are_allowed_are_themselves_allowed(monkeypatch):
    family, kept, real = GridNavigation(3, 4, 2), [], bayes_search.Paths.rows
    monkeypatch.setattr(bayes_search.Paths, "rows", lambda paths, index: (
        kept.append(len(index)) or real(paths, index)))
    gain, _ = bayes_search.best_path(family, least_gain=0)
    monkeypatch.setattr(bayes_search, "MOST", max(kept))
    assert bayes_search.best_path(family, least_gain=0)[0] == gain
    monkeypatch.setattr(bayes_search, "MOST", max(kept) - 1)
    with pytest.raises(ValueError, match="fewer paths"):
        bayes_search.best_path(family, least_gain=0)
    assert bayes_search.best_path(family, least_gain=0, width=max(kept))[0] == gain


@pytest.mark.parametrize("E, T, N, first, least", [
    (3, 4, 5, 1, 2), (2, 3, 4, 3, 1), (1, 2, 3, 2, 0)])
def test_the_most_that_a_path_may_add_is_its_formula(E, T, N, first, least):
    @lru_cache(maxsize=None)
    def U(e, t, n):
        if e == E:
            return n * least
        return max(sum(T - t - i + 1 for i in range(1, k + 1))
                   + U(e + 1, first - 1, n - k) - (n - k) * least
                   for k in range(min(n, T - t) + 1))

    table = bayes_search.most_more(E, T, N, first, least)
    assert table.shape == (E + 1, T + 1, N + 1)
    for index in np.ndindex(*table.shape):
        assert table[index] == U(*index)


def test_the_best_path_to_a_cell_is_kept_of_those_that_have_seen_the_same_goals():
    room = bayes_search.Room.of(SMALL[3])
    cell, seen = np.array([0, 1, 1, 0, 2, 0, 1, 1]), np.array([1, 0, 1, 2, 1, 1, 1, 4], np.uint64)
    gain = np.array([3, 1, 5, 2, 7, 6, 4, 0])
    paths = bayes_search.Paths(cell, seen, gain, gain, gain)
    kept = room.best_of_each(paths)
    best = {}
    for i in range(8):
        pair = cell[i], seen[i]
        best[pair] = max(best.get(pair, i), i, key=lambda i: gain[i])
    assert sorted(kept) == sorted(best.values()) and len(kept) == 6


@pytest.mark.parametrize("family", [SMALL[4], SMALL[5], SMALL[8]], ids=str)
def test_a_path_promises_its_gain_and_the_most_that_the_goals_not_seen_may_add(family):
    room, E, T = bayes_search.Room.of(family), family.episodes, family.horizon
    first = np.maximum(distances(family.size, family.walls)[room.goals], 1)
    v = np.maximum(T - first + 1, 0)
    U = bayes_search.most_more(E, T, len(v), min(first.min(), T), v.min())
    paths = room.start()
    for e, t in np.ndindex(E, T):
        paths = room.step(paths, e, t)
        paths = paths.rows(room.best_of_each(paths))
        for seen, gain, n, promise in zip(
                paths.seen, paths.gain, paths.unseen, room.promise(paths, e, t)):
            left = [v[i] for i in range(len(v)) if not int(seen) >> i & 1]
            assert n == len(left)
            assert promise == gain + (E - 1 - e) * sum(left) + U[e, t + 1, n]
    assert np.array_equal(room.promise(paths, e, t), paths.gain)
