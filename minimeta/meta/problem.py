"""A problem is what a learner makes of some of the tasks of a meta-batch, a shard: the
losses that they adapt by, and the loss that judges them. Shards are independent, so
problems are what is mapped over the workers.

Letters: k tasks of a shard, P parameters.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..objective.composite import Kept
from .adaptation import share
from .slices import as_it_lies


@dataclass(frozen=True)
class Problem:
    """Some of the tasks of a meta-batch: what they are adapted to, and judged by.

    theta    where the data were collected
    history  batches to adapt to
    data     the batch after adaptation; None where there is only adapting to do
    known    what learner.knows of these tasks

    It is also the tuple (inner, outer, ..) that learner.losses makes of the data when
    it is first asked for. The pickle has the data alone: a worker elsewhere makes the
    losses again, to the same bits.
    """

    learner: Any
    theta: np.ndarray
    history: list
    data: Any = None
    known: tuple = ()

    @property
    def n(self):
        """k, the number of tasks."""
        return len(self.history[0].x if self.data is None else self.data.x)

    @Kept
    def losses(self):
        return self.learner.losses(self.theta, self.history, self.data, *self.known)

    def __iter__(self):
        return iter(self.losses)

    def __reduce__(self):
        *history, data = map(as_it_lies, [*self.history, self.data])
        return Problem, (self.learner, self.theta, history, data, self.known)


def adapted(problem):
    """phi [k, P] of the tasks of a shard."""
    inner = problem.learner.inner_losses(problem.history)
    theta = share(problem.theta, problem.n)
    return problem.learner.adaptation(inner).at(theta).phi


def means(columns):
    """Means over the tasks of all shards: of (a [k, ..], b [k, ..]) for each shard."""
    return tuple(np.concatenate(column).mean(0) for column in zip(*columns))
