"""Measures how much a learner earns on new tasks, after how much experience.

The learner begins each task with theta, and adapts after each collection but the last.
Every episode of a trial, and every round of adaptation, is one more amount of
experience.
"""
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .. import require
from .learner import stream
from .slices import pieces
from .workers import as_map

LEVEL = 0.95  # of all intervals


def interval(values):
    """The mean of values [n, ..] over the first axis, and half of its interval.

    mean -+ t standard errors holds the true mean in 95 of 100 cases. t is the quantile
    of Student's distribution with n - 1 degrees of freedom: 12.7 for two values, 1.96
    for many. Exact where values are normal, and nearly so where their variance is
    finite and there are many. NaN for a single value.
    """
    from scipy.special import stdtrit  # costs as much as the rest of the package
    n = len(values)
    if n == 1:
        return values.mean(0), np.full(values.shape[1:], np.nan)
    error = values.std(0, ddof=1) / np.sqrt(n)
    return values.mean(0), stdtrit(n - 1, (1 + LEVEL) / 2) * error


@dataclass(frozen=True)
class Curve:
    """Undiscounted returns of an episode [K, points]: one row for each task, one column
    for each amount of experience before it.

    tasks       the K tasks, in the order of the rows
    experience  its unit: "rounds" of adaptation, or "episodes" of a trial
    episodes    [points]     the same in episodes of the task
    steps       [K, points]  the same in steps of the environment
    """

    returns: np.ndarray
    tasks: Any = None
    experience: str = "experience"
    episodes: Any = None
    steps: Any = None

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
        """[points, 2]  ends of the interval of the mean; see the function interval."""
        mean, half = interval(self.returns)
        return np.stack([mean - half, mean + half], 1)

    def __str__(self):
        rows = [f"{self.experience:>10} {'return':>10}   95 % interval of {self.n} "
                f"tasks"]
        for i, (mean, (low, high)) in enumerate(zip(self.mean, self.interval)):
            rows.append(f"{i:10d} {mean:10.3f}   [{low:.3f}, {high:.3f}]")
        return "\n".join(rows)


def evaluate(learner, theta, family, *, tasks, seed=0, rounds=None, executor=None,
             shards=1):
    """Plays tasks of the family, adapting as the learner does.

    theta   [P]; None for an agent without parameters
    tasks   how many fresh tasks to draw, or tasks of the family themselves
    seed    of the tasks, and of all luck in them
    rounds  of adaptation; the learner's own number if None
    executor, shards  as those of meta_train: each shard of the tasks is played apart,
            with luck of its own, by the workers of the executor if there is one

    Returns a Curve of (rounds + 1) * learner.episodes points.
    Raises NotFinite if the family shows or pays NaN or inf, and NonFiniteError if the
    adaptation diverges.
    """
    require.able(learner, "learner", "MAML(..)", "collect")
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    if hasattr(learner, "layout"):
        require.parameters(learner.layout, theta)
    seed = require.count("seed", seed, 0)
    batch = tasks_of(family, tasks, stream(seed, 0, "evaluate"))
    rounds = learner.rounds if rounds is None else require.count("rounds", rounds, 0)
    require_adapts(learner, rounds)
    parts, rngs = pieces(batch, require.count("shards", shards),
                         partial(stream, seed, 1, "evaluate"))
    share = as_map(executor)
    returns, numbers, steps = zip(*share(partial(played, learner, theta, rounds), parts,
                                         rngs))
    experience = "rounds" if rounds else "episodes"
    return Curve(np.concatenate(returns), batch, experience, numbers[0],
                 np.concatenate(steps))


def played(learner, theta, rounds, tasks, rng):
    """The returns [k, points] of some of the tasks, and the experience before them."""
    columns, history, phi = [], [], theta
    for round in range(rounds + 1):
        history.append(learner.collect(phi, tasks, rng))
        if not hasattr(history[-1], "episode_returns"):
            raise TypeError(f"{type(learner).__name__} earns no returns; use its "
                            f"errors()")
        columns.append(history[-1].episode_returns(learner.episodes).mean(-1))
        if round < rounds:
            phi = learner.adapt(theta, history)
    return (np.concatenate(columns, 1), *consumed(history, learner.episodes))


def consumed(history, episodes):
    """How much of its task a learner has met before each point: episodes [points] and
    steps [K, points]. Adaptation reads all trials of a batch. Within a trial, an agent
    has met the earlier episodes of that trial alone, and `steps` is a mean over
    trials."""
    n, steps, points = 0, 0, []
    for batch in history:
        played = getattr(batch, "tried", batch)
        read = getattr(batch, "shown", batch)  # imitation adapts to what it is shown
        which = np.cumsum(played.end, 1) - played.end
        for e in range(episodes):
            points.append((n + e, steps + (which < e).sum(1).mean(-1)))
        n = n + episodes * read.mask.shape[-1]
        steps = steps + read.mask.sum((1, 2))
    numbers, steps = zip(*points)
    return np.array(numbers), np.stack(steps, -1)


def tasks_of(family, tasks, rng):
    """`tasks` fresh tasks, or the tasks themselves."""
    if not hasattr(tasks, "family"):
        return family.sample(require.count("tasks", tasks), rng)
    if tasks.family != family:
        raise ValueError(f"tasks must be of the family {family}, got tasks of "
                         f"{tasks.family}")
    return tasks


def require_adapts(learner, rounds):
    """Raises ValueError if the learner adapts within a trial alone, or not at all."""
    adapts = hasattr(learner, "adapt") and getattr(
        learner, "adapts_between_trials", True)
    if rounds and not adapts:
        raise ValueError(f"rounds must be 0 for {type(learner).__name__}, which adapts "
                         f"within a trial, got {rounds}")
