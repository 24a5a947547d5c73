"""Slices of the tasks: how they are cut, and how what was collected is joined."""
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from minimeta import MAML, Categorical, Gaussian, Imitation, MLPPolicy
from minimeta.meta.learner import stream
from minimeta.meta.slices import Collector, arrays, as_it_lies, cut, joined, pieces, together
from minimeta.rl import Rollout
from minimeta.tasks import GridNavigation, PointNavigation

PLANE = PointNavigation(horizon=9, radius=0.2)           # some episodes end early
LEARNER = MAML(MLPPolicy(2, Gaussian(2), (5,)), trials=3)


def test_a_cut_covers_all_tasks_once_in_parts_that_differ_by_one_at_most():
    for K in (1, 5, 12):
        for n in (1, 2, 5, 9):
            parts = [list(range(K))[part] for part in cut(K, n)]
            assert sum(parts, []) == list(range(K)) and len(parts) == min(n, K)
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_shard_has_the_stream_of_the_iteration_and_several_have_one_each():
    tasks = PLANE.sample(5, np.random.default_rng(0))
    make = partial(stream, 7, 2, "collect")
    whole, (rng,) = pieces(tasks, 1, make)
    assert whole == [tasks] and rng.random() == make().random()
    parts, rngs = pieces(tasks, 3, make)
    assert sorted(map(len, parts)) == [1, 2, 2]
    assert len({rng.random() for rng in [make(), *rngs]}) == 4


def test_batches_of_other_lengths_are_joined_with_padding():
    family = replace(PLANE, radius=0.3)
    learner, tasks = LEARNER, family.sample(6, np.random.default_rng(0))
    theta = learner.init(np.random.default_rng(1))
    batches = [learner.collect(theta, tasks[part], np.random.default_rng(2))
               for part in cut(6, 4)]
    lengths = [batch.x.shape[1] for batch in batches]
    whole, start = joined(batches), 0
    assert whole.x.shape == (6, max(lengths), 3, 2) and len(set(lengths)) > 1
    for batch, T in zip(batches, lengths):
        k = slice(start, start := start + len(batch.x))
        for name in Rollout.__dataclass_fields__:
            joint = getattr(whole, name)[k]
            assert np.array_equal(joint[:, :T], getattr(batch, name))
            assert joint.dtype == getattr(batch, name).dtype
            assert not joint[:, T:].any()


def test_one_batch_is_joined_as_it_is_and_numbers_of_tasks_stand_behind_one_another():
    theta, tasks = LEARNER.init(np.random.default_rng(1)), PLANE.sample(2, np.random.default_rng(0))
    batch = LEARNER.collect(theta, tasks, np.random.default_rng(2))
    assert joined([batch]) is batch
    numbers = together([np.array([3, 1]), np.array([4, 1, 5])])
    assert numbers.tolist() == [3, 1, 4, 1, 5] and numbers.dtype == int


def test_demonstrations_are_joined_too():
    family = GridNavigation(3, horizon=4)
    learner = Imitation(MLPPolicy(9, Categorical(5), (4,)))
    theta = learner.init(np.random.default_rng(0))
    tasks = family.sample(5, np.random.default_rng(0))
    batches = [learner.collect(theta, tasks[part], np.random.default_rng(1)) for part in cut(5, 2)]
    whole, start = arrays(joined(batches)), 0
    for batch in batches:
        parts, stop = arrays(batch), start + len(arrays(batch)[0])
        assert len(parts) == len(whole) > 7     # of the demonstration and of what is tried
        for array, part in zip(whole, parts):
            assert np.array_equal(array[start:stop], part) and array.dtype == part.dtype
        start = stop


def test_a_second_round_begins_where_each_task_was_adapted_to():
    tasks, told = PLANE.sample(5, np.random.default_rng(0)), []

    class Told(MAML):
        def collect(self, theta, tasks, rng):
            told.append((theta.shape, len(tasks)))
            return super().collect(theta, tasks, rng)

    learner = Told(LEARNER.policy, trials=3)
    theta = learner.init(np.random.default_rng(0))
    collect = Collector(learner, theta, map, *pieces(tasks, 2, partial(stream, 0, 0, "collect")))
    first = collect(theta)
    second = collect(learner.adapt(theta, [first]))
    P = len(theta)
    assert told == [((P,), 2), ((P,), 3), ((2, P), 2), ((3, P), 3)]
    assert not np.array_equal(first.x[..., :3, :, :], second.x[..., :3, :, :])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
def test_a_pickled_batch_lies_in_memory_as_it_lay(order):
    axes = np.argsort(order)
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).transpose(axes)
    back = pickle.loads(pickle.dumps(as_it_lies({"x": x, "n": 3})))
    assert back["n"] == 3 and np.array_equal(back["x"], x) and back["x"].strides == x.strides
