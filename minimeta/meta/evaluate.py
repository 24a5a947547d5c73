"""One protocol for all learners: the return against the amount of experience, on fresh
tasks.

Each task is met with theta; after each collection but the last the learner adapts.
Every episode of a trial, and every round of adaptation, is one more amount of
experience.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from .learner import stream


@dataclass(frozen=True)
class Curve:
    """Undiscounted returns [K, points]: one row for each task, one column for each
    amount of experience."""

    returns: np.ndarray

    @property
    def mean(self):
        """[points]  over tasks."""
        return self.returns.mean(0)

    @property
    def n(self):
        """K, the number of tasks."""
        return len(self.returns)

    @property
    def standard_error(self):
        """[points]  of the mean; NaN for a single task."""
        if self.n == 1:
            return np.full(self.returns.shape[1], np.nan)
        return self.returns.std(0, ddof=1) / np.sqrt(self.n)

    @property
    def interval(self):
        """[points, 2]  the mean -+ 1.96 standard errors: 95 % for many tasks."""
        half = 1.96 * self.standard_error
        return np.stack([self.mean - half, self.mean + half], -1)

    def __str__(self):
        rows = [f"{'experience':>10} {'return':>10}   95 % interval of {self.n} tasks"]
        for i, (mean, (low, high)) in enumerate(zip(self.mean, self.interval)):
            rows.append(f"{i:10d} {mean:10.3f}   [{low:.3f}, {high:.3f}]")
        return "\n".join(rows)


def evaluate(learner, theta, family, *, tasks, seed=0, rounds=None):
    """Meets `tasks` fresh tasks of the family, adapting as the learner does.

    theta   [P]; None for an agent without parameters
    rounds  of adaptation; the learner's own number if None

    Returns a Curve of (rounds + 1) * learner.episodes points.
    """
    require.able(learner, "learner", "MAML(..)", "collect")
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    if hasattr(learner, "layout"):
        require.parameters(learner.layout, theta)
    seed = require.count("seed", seed, 0)
    batch = family.sample(require.count("tasks", tasks), stream(seed, 0, "evaluate"))
    rng = stream(seed, 1, "evaluate")
    rounds = learner.rounds if rounds is None else require.count("rounds", rounds, 0)
    columns, history, phi = [], [], theta
    for round in range(rounds + 1):
        history.append(learner.collect(phi, batch, rng))
        if not hasattr(history[-1], "episode_returns"):
            raise TypeError(f"{type(learner).__name__} earns no returns; use its "
                            f"errors()")
        columns.append(history[-1].episode_returns(learner.episodes).mean(-1))
        if round < rounds:
            phi = learner.adapt(theta, history)
            if not isinstance(phi, np.ndarray):
                raise ValueError(f"rounds must be 0 for {type(learner).__name__}, "
                                 f"which adapts within a trial, got {rounds}")
    return Curve(np.concatenate(columns, 1))
