"""The grid: moves, walls, goals, and the exact returns."""
from dataclasses import replace

import numpy as np
import pytest

from minimeta.tasks import GridNavigation
from minimeta.tasks.gridworld import GridTasks, distances, neighbours, visits
from minimeta.tasks import value_iteration

STAY, UP, RIGHT, DOWN, LEFT = range(5)
RNG = np.random.default_rng(0)  # for what draws nothing
MAZE = GridNavigation(4, 12, walls=((0, 1), (1, 1), (2, 1)))


def walk(family, goal, actions):
    """Cells and rewards of a walk from the start."""
    tasks = GridTasks(family, np.array([goal[0] * family.size + goal[1]]))
    state, _ = tasks.reset(1, RNG)
    cells, rewards = [], []
    for action in actions:
        state, obs, reward, _ = tasks.step(state, np.array([[action]]), RNG)
        assert obs.argmax() == state[0, 0] and obs.sum() == 1
        cells.append(divmod(int(state[0, 0]), family.size))
        rewards.append(float(reward[0, 0]))
    return cells, rewards


def test_up_and_right_count_rows_and_columns_and_the_rim_stops():
    way = [LEFT, DOWN, UP, UP, UP, RIGHT, DOWN, STAY]
    cells, _ = walk(GridNavigation(3), (2, 2), way)
    assert cells == [(0, 0), (0, 0), (1, 0), (2, 0), (2, 0), (2, 1), (1, 1), (1, 1)]


def test_a_wall_is_not_entered_from_any_side():
    way = [RIGHT, UP, RIGHT, UP, UP, RIGHT, DOWN, RIGHT, DOWN, LEFT]
    cells, _ = walk(MAZE, (3, 3), way)
    assert cells == [(0, 0), (1, 0), (1, 0), (2, 0), (3, 0), (3, 1), (3, 1), (3, 2),
                     (2, 2), (2, 2)]


def test_a_move_goes_one_cell_on_unless_a_wall_or_the_rim_is_there():
    size, walls = 5, ((0, 3), (2, 2), (4, 1))
    after = neighbours.__wrapped__(size, walls)   # what is kept would tell nothing
    for row, column in np.ndindex(size, size):
        for action, (up, right) in enumerate([(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)]):
            there = row + up, column + right
            if there in walls or not 0 <= min(there) <= max(there) < size:
                there = row, column
            assert after[row * size + column, action] == there[0] * size + there[1]


def test_random_walks_enter_a_cell_as_often_as_powers_of_their_matrix_say():
    family = GridNavigation(3, 4, walls=((1, 1),))
    P = np.zeros((9, 9))
    for cell, after in enumerate(neighbours(3, family.walls)):
        np.add.at(P[cell], after, 0.2)
    told = sum(np.linalg.matrix_power(P, t)[0] for t in (1, 2, 3, 4))
    assert np.allclose(visits.__wrapped__(family), told, rtol=1e-12)


def test_a_row_and_a_column_are_seen_in_place_of_a_cell_and_nothing_else_changes():
    families = GridNavigation(4), GridNavigation(4, sees="row and column")
    cells, others = (family.sample(6, np.random.default_rng(0)) for family in families)
    state = np.random.default_rng(1).integers(16, size=(6, 9))
    row, column = others.observe(state).reshape(6, 9, 2, 4).transpose(2, 0, 1, 3)
    assert np.array_equal(row[..., None] * column[..., None, :],
                          cells.observe(state).reshape(6, 9, 4, 4))
    assert np.array_equal(cells.oracle(), others.oracle())
    assert np.array_equal(cells.random(), others.random())
    assert all(np.array_equal(a, b) for a, b in zip(cells.tables(), others.tables()))


def test_the_goal_pays_on_arrival_and_keeps_paying():
    _, rewards = walk(GridNavigation(3), (0, 2), [RIGHT, RIGHT, STAY, RIGHT, UP])
    assert rewards == [-0.1, 1, 1, 1, -0.1]


def test_knowing_the_goal_earns_11_07_on_average_over_the_21_goals():
    family = GridNavigation()
    assert len(family.goal_cells) == 21
    tasks = GridTasks(family, np.array(family.goal_cells) @ [5, 1])
    assert abs(tasks.oracle().mean() - (16.1 - 1.1 * 96 / 21)) < 1e-12  # 11.0714
    assert (tasks.oracle().min(), tasks.oracle().max()) == pytest.approx((7.3, 13.9))


@pytest.mark.parametrize("family", [
    GridNavigation(), MAZE, GridNavigation(6, 4), GridNavigation(3, 5, goals=((0, 0), (2, 1)))])
def test_the_oracle_is_value_iteration_on_the_tables(family):
    tasks = GridTasks(family, np.array(family.goal_cells) @ [family.size, 1])
    P, R, start = tasks.tables()
    value = value_iteration(P, R, family.horizon).value[:, 0]
    assert np.allclose((start * value).sum(-1), tasks.oracle(), rtol=1e-13)


def test_steps_follow_the_tables():
    tasks = MAZE.sample(3, np.random.default_rng(0))
    P, R, _ = tasks.tables()
    assert P.shape == (3, 16, 5, 16) and np.all(P.sum(-1) == 1)
    state = np.broadcast_to(np.repeat(np.arange(16), 5), (3, 80))
    action = np.broadcast_to(np.tile(np.arange(5), 16), (3, 80))
    after, _, reward, done = tasks.step(state, action, RNG)
    k = np.arange(3)[:, None]
    assert np.all(P[k, state, action, after] == 1)
    assert np.array_equal(R[k, state, action], reward) and not done.any()


def test_distances_go_around_walls_and_say_where_no_way_leads():
    shut = distances.__wrapped__(4, ((0, 1), (1, 1), (2, 1), (3, 1))).reshape(4, 4)
    assert np.array_equal(shut[:, 0], [0, 1, 2, 3]) and np.all(shut[:, 1:] == -1)
    around = distances.__wrapped__(4, MAZE.walls).reshape(4, 4)
    assert around[0, 2] == 8 and around[3, 3] == 6 and around[1, 1] == -1


def test_goals_are_free_cells_that_can_be_reached_outside_the_start_corner():
    assert (1, 1) not in MAZE.goal_cells and (2, 1) not in MAZE.goal_cells
    assert len(MAZE.goal_cells) == 11
    pocket = GridNavigation(4, 9, walls=((2, 3), (3, 2)))       # (3, 3) is shut in
    assert (3, 3) not in pocket.goal_cells
    goal = MAZE.sample(11_000, np.random.default_rng(0)).goal
    counts = np.bincount(goal, minlength=16)[np.array(MAZE.goal_cells) @ [4, 1]]
    assert counts.sum() == 11_000 and np.all(np.abs(counts - 1000) < 5 * np.sqrt(1000))


def test_goals_may_be_chosen_to_train_on_some_and_test_on_others():
    family = GridNavigation(goals=((4, 4), (0, 3), (4, 4)))
    assert family.goal_cells == ((0, 3), (4, 4))
    assert set(family.sample(50, np.random.default_rng(0)).goal) == {3, 24}
    assert len(replace(GridNavigation(), size=7).goal_cells) == 45


def test_equal_layouts_are_equal_families_and_hash():
    one = GridNavigation(5, walls=((3, 3), (1, 2)))
    other = GridNavigation(5, walls=[(1, 2), (3, 3)])
    assert one == other and hash(one) == hash(other)


@pytest.mark.parametrize("settings, error, message", [
    (dict(size=2), ValueError, "got no free cell; take a larger size or fewer walls"),
    (dict(walls=((0, 1), (1, 0))), ValueError, "got no free cell"),
    (dict(goals=((4, 4),), walls=((3, 4), (4, 3))), ValueError, r"got \[\(4, 4\)\]"),
    (dict(goals=((2, 2),), walls=((2, 2),)), ValueError, r"got \[\(2, 2\)\]"),
    (dict(goals=()), ValueError, "got no free cell"),
    (dict(walls=((0, 0),)), ValueError, r"walls must leave the start \(0, 0\) free"),
    (dict(walls=((5, 1),)), ValueError, r"walls .* grid of 5 x 5, got \(5, 1\)"),
    (dict(walls=((1, 2, 3),)), ValueError, "walls must hold cells"),
    (dict(goals=((1.5, 2),)), TypeError, "a coordinate of goals must be a whole"),
    (dict(walls=((-1, 2),)), ValueError, "a coordinate of walls must be at least 0"),
    (dict(horizon=0), ValueError, "horizon must be at least 1"),
    (dict(sees="cells"), ValueError, "sees must be one of 'cell', 'row and column', got"),
])
def test_bad_layouts_are_refused_by_name(settings, error, message):
    with pytest.raises(error, match=message):
        GridNavigation(**settings)
