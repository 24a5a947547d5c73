"""Compares several learners on the same fresh tasks, in one table and one figure.

    table = compare({"RL2": run, "MAML": (learner, theta)}, family, tasks=400)
    print(table)
    table.plot("compare.png")

The table gives the mean return of an episode, with its interval over tasks, against the
number of episodes of that task before it. Tasks differ more than learners do, so the
differences between learners are taken task by task, with intervals of their own.

Letters: K tasks.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from ..meta.evaluate import LEVEL, evaluate, interval
from ..meta.learner import stream
from ..trace.agent import adapts_between_trials


def compare(runs, family, *, tasks, seed=0, rounds=None, executor=None, shards=1):
    """Evaluates all learners on the same fresh tasks of the family.

    runs    {name: run, or (learner, theta)}; a run is a Result of meta_train or of load
    family  the one that they were trained on, or another
    tasks   K
    rounds  of adaptation; each learner's own number if None
    executor, shards  as those of evaluate

    Returns a Comparison.
    """
    if not isinstance(runs, dict) or not runs:
        raise TypeError(f"runs must be a dict {{name: run}} with one run at least, got "
                        f"{runs!r}")
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    tasks, seed = require.count("tasks", tasks), require.count("seed", seed, 0)
    returns, episodes = {}, {}
    for name, run in runs.items():
        learner, theta = trained(name, run)
        adapts = adapts_between_trials(learner)
        curve = evaluate(learner, theta, family, tasks=tasks, seed=seed,
                         rounds=rounds if adapts else None, executor=executor,
                         shards=shards)
        returns[name] = curve.returns
        each = getattr(learner, "trials", getattr(learner, "tries", 1)) if adapts else 1
        episodes[name] = each * np.arange(curve.returns.shape[1])
    same = family.sample(tasks, stream(seed, 0, "evaluate"))  # those of `evaluate`
    known = {name: getattr(same, name)() for name in ("random", "oracle")
             if hasattr(same, name)}
    return Comparison(returns, episodes, known)


def trained(name, run):
    """learner, theta of a run."""
    if hasattr(run, "learner") and hasattr(run, "theta"):
        return run.learner, run.theta
    if isinstance(run, tuple) and len(run) == 2:
        return run
    raise TypeError(f"runs[{name!r}] must be a run, or (learner, theta), got {run!r}")


@dataclass(frozen=True)
class Comparison:
    """What the learners earned on the same K tasks.

    returns    {name: [K, points]}, of an episode, undiscounted
    episodes   {name: [points]}, episodes of the task before that one
    known      {"random": [K], "oracle": [K]}, those that the family knows
    """

    returns: dict
    episodes: dict
    known: dict

    @property
    def n(self):
        """K, the number of tasks."""
        return len(next(iter(self.returns.values())))

    @property
    def best(self):
        """The name of the learner that earns most in the end."""
        return max(self.returns, key=lambda name: self.returns[name][:, -1].mean())

    def difference(self, one, other):
        """How much more `one` earns than `other` in the end, task by task: the mean,
        and half of its interval."""
        last = [require.choice("name", name, self.returns)[:, -1]
                for name in (one, other)]
        return interval(last[0] - last[1])

    def __str__(self):
        best, wide = self.best, max(map(len, ["episodes", *self.returns])) + 2
        lines = [f"{self.n} fresh tasks{'':{max(0, wide - 10)}}"
                 f"{'episodes before':>15} {'return':>10}   {LEVEL:.0%} interval"]
        lines += [row(name, wide, "", self.known[name]) for name in self.known]
        for name, returns in self.returns.items():
            lines += [row(name, wide, n, column)
                      for n, column in zip(self.episodes[name], returns.T)]
        lines.append(f"less than {best} in the end, on the same tasks:")
        for name in self.returns:
            if name != best:
                less, half = self.difference(best, name)
                lines.append(f"{name:<{wide}}{'':15} {less:10.3f}   "
                             f"[{less - half:.3f}, {less + half:.3f}]")
        return "\n".join(lines[:-1] if len(self.returns) == 1 else lines)

    def plot(self, file=None):
        """The figure; saved if a file is given."""
        from .pictures import adaptation
        figure = adaptation(self)
        if file is not None:
            figure.savefig(file)
        return figure


def row(name, wide, n, returns):
    """A line of the table."""
    mean, half = interval(returns)
    return (f"{name:<{wide}}{n:>15} {mean:10.3f}   "
            f"[{mean - half:.3f}, {mean + half:.3f}]")
