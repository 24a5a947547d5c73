"""Compares several learners on the same fresh tasks, in one table and one figure.

    table = compare({"RL2": run, "MAML": (learner, theta)}, family, tasks=400)
    print(table)
    table.plot("compare.png")

The table gives the mean return of an episode against the experience in that task before
it, in episodes and in steps of the environment. Tasks differ more than learners do, so
the differences between learners are taken task by task, with intervals of their own.

The table says over what an interval was taken; see estimate.py.

Letters: K tasks, S seeds, that is trainings of one learner.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..meta.evaluate import LEVEL, evaluate
from ..policy.policies import Act
from ..rivals.rival import Rival
from ..trace.agent import adapts_between_trials
from .estimate import Estimate, difference, estimate, over_tasks


def compare(runs, family, *, tasks, seed=0, rounds=None, executor=None, shards=1):
    """Evaluates all learners on the same fresh tasks of the family.

    runs    {name: run}. A run is a Result of meta_train or of load, (learner, theta),
            or an agent that does not learn, such as those of minimeta.rivals. A list of
            runs stands for one learner that was trained with several seeds
    family  the one that they were trained on, or another; or {name: family} for several
    tasks   K, of each family
    rounds  of adaptation; each learner's own number if None
    executor, shards  as those of evaluate

    Returns a Comparison; Comparisons if there are several families.
    """
    if not isinstance(runs, dict) or not runs:
        raise TypeError(f"runs must be a dict {{name: run}} with one run at least, got "
                        f"{runs!r}")
    runs = {name: all_trained(name, run) for name, run in runs.items()}
    options = dict(tasks=tasks, seed=seed, executor=executor, shards=shards)
    if isinstance(family, dict) and family:
        return Comparisons({name: compared(runs, each, rounds, options)
                            for name, each in family.items()})
    return compared(runs, family, rounds, options)


def compared(runs, family, rounds, options):
    """The Comparison of {name: [(learner, theta), ..]}; options of evaluate."""
    curves = {name: [
        evaluate(learner, theta, family, **options,
                 rounds=rounds if adapts_between_trials(learner) else None)
        for learner, theta in seeds] for name, seeds in runs.items()}
    same = next(iter(curves.values()))[0].tasks
    known = {"random": same.random() if hasattr(same, "random") else evaluate(
        Uniform(family.action), None, family, **options).returns[:, 0]}
    if hasattr(same, "oracle"):
        known["oracle"] = same.oracle()
    return Comparison(
        {name: np.stack([curve.returns for curve in seeds])
         for name, seeds in curves.items()},
        {name: seeds[0].episodes for name, seeds in curves.items()},
        {name: np.mean([curve.steps.mean(0) for curve in seeds], 0)
         for name, seeds in curves.items()}, known)


def all_trained(name, run):
    """[(learner, theta), ..] of a run, or of a list of runs."""
    if hasattr(run, "learner") and hasattr(run, "theta"):
        return [(run.learner, run.theta)]
    if hasattr(run, "collect") and not hasattr(run, "init"):
        return [(run, None)]
    if isinstance(run, tuple) and len(run) == 2 and hasattr(run[0], "collect"):
        return [run]
    if isinstance(run, (tuple, list)) and run:
        return [pair for each in run for pair in all_trained(name, each)]
    raise TypeError(f"runs[{name!r}] must be a run, (learner, theta), an agent that "
                    f"does not learn, or a list of those, got {run!r}")


@dataclass(frozen=True)
class Uniform(Rival):
    """Acts uniformly at random in any family whose space of actions this is."""

    space: Any

    def begin(self, theta, n_rows):
        """No memory."""

    def see(self, obs, last, dtype):
        return obs

    def act(self, theta, memory, x, rng):
        none = np.zeros(len(x))
        return Act(self.space.sample((len(x),), rng), none, none), memory


@dataclass(frozen=True)
class Comparison:
    """What the learners earned on the same K tasks.

    returns    {name: [S, K, points]}, of an episode, undiscounted
    episodes   {name: [points]}, episodes of the task before that one
    steps      {name: [points]}, steps of the environment before it, mean over tasks
    known      {"random": [K], "oracle": [K]}: acting at random, and knowing the task if
               the family knows what that earns
    """

    returns: dict
    episodes: dict
    steps: dict
    known: dict

    @property
    def n(self):
        """K, the number of tasks."""
        return next(iter(self.returns.values())).shape[1]

    @property
    def best(self):
        """The name of the learner that earns most in the end."""
        return max(self.returns, key=lambda name: self.returns[name][..., -1].mean())

    def estimate(self, name):
        """The Estimate of the mean return [points]."""
        return estimate(require.choice("name", name, self.returns))

    def difference(self, one, other):
        """How much more `one` earns than `other` in the end, on the same tasks: an
        Estimate, over seeds if both have enough of them."""
        return difference(*(require.choice("name", name, self.returns)[..., -1]
                            for name in (one, other)))

    def gain(self, name):
        """How much more a learner earns in the end than at first, on the same tasks: an
        Estimate."""
        returns = require.choice("name", name, self.returns)
        return estimate(returns[..., -1] - returns[..., 0])

    def __str__(self):
        return str(Comparisons({"": self}))

    def plot(self, file=None, against="episodes"):
        """The figure; saved if a file is given.

        against  "episodes" or "steps" of experience in the task
        """
        return Comparisons({"": self}).plot(file, against)


@dataclass(frozen=True)
class Comparisons:
    """The same learners on tasks of several families.

    families   {name: Comparison}
    """

    families: dict

    def __getitem__(self, name):
        """The Comparison on one of the families."""
        return require.choice("name", name, self.families)

    def __str__(self):
        names = {name for one in self.families.values() for name in one.returns}
        wide = max(map(len, [*names, "random"])) + 4
        rows = [f"{'':{wide}}{'episodes':>10}{'steps':>10}{'return':>12}   "
                f"{f'{LEVEL:.0%} interval':<22}over"]
        for family, comparison in self.families.items():
            rows.append(f"{comparison.n} fresh tasks{', ' * bool(family)}{family}")
            rows += lines(comparison, wide)
        return "\n".join(rows)

    def plot(self, file=None, against="episodes"):
        """The figure, a panel for each family; saved if a file is given."""
        from .pictures import adaptation
        figure = adaptation(self.families, against)
        if file is not None:
            figure.savefig(file)
        return figure


# ---- the lines of a table

def lines(comparison, wide):
    """Those of one family."""
    each = [line(name, wide, over_tasks(values))
            for name, values in comparison.known.items()]
    for name in comparison.returns:
        mean, low, high, over = comparison.estimate(name)
        each += [line(name, wide, Estimate(*numbers, over), n, steps)
                 for n, steps, *numbers in zip(comparison.episodes[name],
                                               comparison.steps[name], mean, low, high)]
    return (each
            + block("more in the end than at first, on the same tasks:", wide, {
                name: comparison.gain(name) for name in comparison.returns
                if comparison.returns[name].shape[-1] > 1})
            + block(f"less than {comparison.best} in the end, on the same tasks:", wide,
                    {name: comparison.difference(comparison.best, name)
                     for name in comparison.returns if name != comparison.best}))


def block(title, wide, estimates):
    """A title and a line for each name; nothing if there is no name."""
    return [title] * bool(estimates) + [
        line(name, wide, estimate) for name, estimate in estimates.items()]


def line(name, wide, estimate, n="", steps=""):
    """A line of the table."""
    steps = f"{steps:.0f}" if n != "" else ""
    interval = f"[{estimate.low:.3f}, {estimate.high:.3f}]"
    return (f"  {name:{wide - 2}}{n:>10}{steps:>10}{estimate.mean:12.3f}   "
            f"{interval:<22}{estimate.over}")
