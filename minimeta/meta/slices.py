"""The tasks of a meta-batch in slices: this file cuts the tasks, and joins what was
collected from them.

Letters: K tasks, k tasks of a slice, T steps.
"""
from functools import partial

import numpy as np

from ..testing.nests import rebuild


def cut(K, n):
    """n slices of K tasks that differ by one task at most; K if there are fewer."""
    n = min(n, K)
    return [slice(K * i // n, K * (i + 1) // n) for i in range(n)]


def pieces(tasks, shards, stream):
    """The tasks in `shards` slices, and a random stream for each: stream() if there is
    one slice alone, else stream(i)."""
    if shards == 1:
        return [tasks], [stream()]
    parts = [tasks[each] for each in cut(len(tasks), shards)]
    return parts, [stream(i) for i in range(len(parts))]


class Collector:
    """Collects from the tasks of one iteration, slice by slice.

    theta       what all tasks begin with; any other phi has a row for each task
    parts, rngs   the slices, and a random stream for each
    """

    def __init__(self, learner, theta, share, parts, rngs):
        self.learner, self.theta, self.share = learner, theta, share
        self.parts, self.rngs = parts, rngs

    def __call__(self, phi):
        """The batch of all tasks."""
        phis = [phi] * len(self.parts)
        if phi is not self.theta and len(phis) > 1:
            phis = [phi[each] for each in cut(len(phi), len(phis))]
        batches, self.rngs = zip(*self.share(
            partial(collected, self.learner), phis, self.parts, self.rngs))
        return joined(batches)


def collected(learner, phi, tasks, rng):
    """The batch, and the stream as collecting leaves it: a worker may have a copy."""
    return learner.collect(phi, tasks, rng), rng


def joined(batches):
    """Batches of some tasks each -> the batch of all. Where batches differ in length,
    padding with zeros, and so a mask of False, follows the shorter ones."""
    if len(batches) == 1:
        return batches[0]
    columns = iter([together(column) for column in zip(*map(arrays, batches))])
    return rebuild(lambda array: next(columns), batches[0])


def arrays(batch):
    """All arrays in a batch."""
    found = []
    rebuild(found.append, batch)
    return found


def together(column):
    """Arrays [K, ..] or [K, T, ..] -> one array, in memory with time first, however the
    arrays lie: the last bits of a sum depend on how an array lies."""
    if column[0].ndim == 1:
        return np.concatenate(column)
    K, T = sum(map(len, column)), max(array.shape[1] for array in column)
    whole, stop = np.zeros((T, K) + column[0].shape[2:], column[0].dtype), 0
    for array in column:
        start, stop = stop, stop + len(array)
        whole[:array.shape[1], start:stop] = np.moveaxis(array, 1, 0)
    return np.moveaxis(whole, 0, 1)


class AsItLies:
    """A pickled array comes back with its axes in another order in memory. The pickle
    of this comes back as the array, in its own order."""

    def __init__(self, array):
        self.array = array

    def __reduce__(self):
        order = np.argsort(self.array.strides)[::-1]
        return np.transpose, (self.array.transpose(order).copy(), np.argsort(order))


def as_it_lies(batch):
    """The batch, to be pickled."""
    return rebuild(AsItLies, batch)
