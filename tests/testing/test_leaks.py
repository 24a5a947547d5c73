"""The law `silent`: what the first observation tells of the task is found in whatever form and
beside whatever noise, and noise alone is not accused."""
from dataclasses import dataclass

import numpy as np
import pytest

from minimeta.tasks import Discrete, Family, Tasks
from minimeta.testing import families as laws
from minimeta.testing.task_number import share_told


@dataclass(frozen=True)
class Shown(Family):
    """A goal in the plane, and what the first observation tells: `look` of (goal, noise)."""

    look: object
    width: int
    horizon, action = 2, Discrete(2)

    @property
    def obs_size(self):
        return self.width

    def draw(self, K, rng):
        return ShownTasks(self, rng.normal(size=(K, 2)))


@dataclass(frozen=True)
class ShownTasks(Tasks):
    family: Shown
    goal: np.ndarray

    def begin(self, B, rng):
        state = np.zeros((len(self), B), int)
        noise = rng.normal(size=(len(self), B, self.family.width))
        return state, self.family.look(self.goal[:, None], noise)


def first_and_noise(goal, noise):
    return np.concatenate([noise[..., 1:], goal[..., :1] + 0 * noise[..., :1]], -1)


def distance(goal, noise):
    noise[..., 0] = np.hypot(*np.moveaxis(goal, -1, 0))
    return noise


def hidden_in_a_sum(goal, noise):
    noise[..., -1] = goal[..., 1] - 3 * noise[..., :-1].sum(-1)
    return noise


def cell_one_hot(goal, noise):
    cell = np.clip(goal[..., 0] * 20 + 60, 0, 119).astype(int) * 7 % 120
    return (cell[..., None] == np.arange(120)) + 0 * noise


def faintly(goal, noise):
    noise[..., 5] += 0.8 * goal[..., 0]
    return noise


def explosively(goal, noise):
    noise[..., 0] = np.exp(9 * goal[..., 0])
    return noise


@pytest.mark.parametrize("look, width", [
    (explosively, 40), (first_and_noise, 2), (first_and_noise, 151), (distance, 4), (distance, 100),
    (hidden_in_a_sum, 3), (hidden_in_a_sum, 20), (cell_one_hot, 120), (faintly, 151)])
def test_what_gives_the_task_away_is_found_beside_any_noise(look, width):
    for seed in range(3):
        with pytest.raises(AssertionError, match="tells .*% of the task"):
            laws.silent(Shown(look, width), seed)


def noise_alone(goal, noise):
    return noise


def heavy_tails(goal, noise):
    return np.tan(noise)


def rare_events(goal, noise):
    return (noise > 2.5).astype(float)


@pytest.mark.parametrize("look", [noise_alone, heavy_tails, rare_events])
@pytest.mark.parametrize("width", [1, 30, 151])
def test_noise_alone_is_not_accused(look, width):
    for seed in range(4 if width > 100 else 20):
        laws.silent(Shown(look, width), seed)


def test_noise_is_not_accused_where_much_is_hidden():
    rng = np.random.default_rng(0)
    hidden = rng.random((400, 500))
    hidden[:, 250:] = hidden[:, 250:] > 0.9
    assert share_told(rng.normal(size=(400, 30)), hidden) < 0.1
    assert share_told(rng.normal(size=(400, 30)), np.zeros((400, 2))) == 0


def test_two_tasks_that_share_a_rare_event_are_a_coincidence():
    rng = np.random.default_rng(0)
    rare = np.isin(np.arange(1000), [3, 700])[:, None].astype(float)
    often = np.isin(np.arange(1000) % 25, [3])[:, None].astype(float)
    noise = rng.normal(size=(1000, 2))
    assert share_told(rare, np.concatenate([rare, noise], 1)) < 0.1
    assert share_told(often, np.concatenate([often, noise], 1)) > 0.9


def test_what_is_told_in_one_half_and_denied_in_the_other_is_not_told():
    k = np.arange(1000)[:, None]
    coin = (k // 2 % 2).astype(float)
    seen = np.where(k % 10, coin, 1 - coin)   # right in nine of ten tasks
    turned = np.where(k < 500, seen, 1 - seen)
    assert share_told(turned, coin) == 0 and 0.63 < share_told(seen, coin) < 0.65


def test_what_stands_out_in_four_tasks_of_a_thousand_is_no_sign():
    rng = np.random.default_rng(0)
    rare = np.isin(np.arange(1000), [3, 50, 700, 800])[:, None].astype(float)
    hidden = rare + np.isin(np.arange(1000) % 50, [7])[:, None]
    obs = np.concatenate([rare, rng.normal(size=(1000, 600))], 1)
    assert share_told(obs, hidden) < 0.1


def test_a_length_that_no_coordinate_tells_is_told_by_all_together():
    rng = np.random.default_rng(0)
    length, way = rng.uniform(1, 3, (3000, 1)), rng.normal(size=(3000, 20))
    way /= np.sqrt((way ** 2).sum(1, keepdims=True))
    assert share_told(length * way, length) > 0.8 and share_told(way, length) < 0.1
    for sign in (1, -1):
        assert share_told(sign * length * way[:, :1], length) < 0.3
