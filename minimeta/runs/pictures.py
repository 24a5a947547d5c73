"""Pictures of trainings and of trained agents. Each function returns a figure of
Matplotlib, which is imported when the first picture is drawn:

    pip install "minimeta[plot]"

    learning(runs)              return against steps, while training
    adaptation(comparison)      return against experience in a new task
    steps(run, tasks)           theta -> phi in two parameters, with a loss beneath
    trial(run, tasks)           what an agent does in some tasks, by one of

        raster(actions, ..)     choices of an agent, a colour for each action
        rooms(walks, ..)        walks through a grid
        ways(paths, ..)         paths in the plane
        sweeps(poses, ..)       poses of an arm

    curves(lines, ..)           any lines with intervals
    bars(heights, ..)           any bars with intervals

    figure = learning([run]);  figure.savefig("learning.png")

The last six draw arrays; drawing.py holds them, and the one style of all.
"""
import numpy as np

from ..tasks import Discrete, GridNavigation, PlanarArm
from ..trace import adapt
from .drawing import (COLORS, bars, curves, last_in_legend, panels, raster, required,
                      rooms, styled, sweeps, ways)
from .episodes import cells, joints, lived
from .estimate import FEWEST, over_seeds

POINTS = 300               # of a learning curve, at most
KNOWN = {"random": ":", "oracle": "--"}   # styles of the lines of what is known
FEW = 8                    # a longer span of experience is drawn on a log scale
GRID = 25                  # points along each side of a loss

__all__ = ["adaptation", "bars", "curves", "learning", "raster", "required", "rooms",
           "steps", "sweeps", "trial", "ways"]


@styled
def learning(runs, of="return", smooth=20):
    """A logged number against steps of the environments, or against iterations if steps
    were not logged. Of 5 or more seeds it draws the mean and its interval, of fewer
    each.

    runs     runs of several seeds; or {name: runs} for several learners
    of       the name of the number in the log
    smooth   number of iterations in a running mean
    """
    figure, [[ax]] = panels()
    for i, (name, seeds) in enumerate(
            (runs if isinstance(runs, dict) else {"": runs}).items()):
        logs = [run.log[:min(len(run.log) for run in seeds)] for run in seeds]
        has_steps, n = "steps" in logs[0][0], min(smooth, len(logs[0]))
        y = np.stack([np.convolve([row[of] for row in log], np.full(n, 1 / n), "valid")
                      for log in logs])
        x = np.array([row["steps"] for row in logs[0]] if has_steps else
                     range(1, len(logs[0]) + 1))[-y.shape[1]:]
        few = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
        x, y, color = x[few], y[:, few], COLORS[i % len(COLORS)]
        if len(seeds) >= FEWEST:
            mean, low, high, _ = over_seeds(y)
            ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
            ax.plot(x, mean, color=color, label=name)
        else:
            ax.plot(x, y.T, color=color, label=[name] + [None] * (len(y) - 1))
    ax.set(xlabel="steps of the environments" if has_steps else "iteration", ylabel=of)
    if isinstance(runs, dict):
        figure.legend(loc="outside right upper")
    return figure


@styled
def adaptation(comparisons, against="episodes"):
    """Return against experience in the task, a line for each learner, with intervals; a
    panel for each family. What a random agent earns, and one that knows the task, are
    the dotted and the dashed line.

    comparisons  a Comparison, or {name of a family: Comparison}
    against      "episodes" or "steps"
    """
    if not isinstance(comparisons, dict):
        comparisons = {"": comparisons}
    figure, [row] = panels(1, len(comparisons))
    for ax, (title, comparison) in zip(row, comparisons.items()):
        for name in comparison.returns:
            x = getattr(comparison, against)[name]
            mean, low, high, _ = comparison.estimate(name)
            ax.errorbar(x, mean, (mean - low, high - mean), marker="o", label=name)
        for name, values in comparison.known.items():
            ax.axhline(values.mean(), color="0.5", linewidth=1, linestyle=KNOWN[name],
                       label=name)
        spread_out(ax, np.concatenate(list(getattr(comparison, against).values())))
        ax.set(xlabel=f"{against} in the task before", title=title)
    row[0].set(ylabel="return of an episode")
    last_in_legend(figure, row[0], KNOWN)
    return figure


def spread_out(ax, x):
    """A log scale from the least x above 0 on, if others are far from it."""
    x = np.unique(np.round(x).astype(int))
    if x[-1] > FEW * x[x > 0].min(initial=x[-1]):
        least = x[x > 0][0]
        ax.set_xscale("symlog", linthresh=least, linscale=0.4)
        ax.set_xticks(x, x)
        ax.minorticks_off()
        ax.set_xlim(-0.2 * least, 1.15 * x[-1])


# ---- theta -> phi

@styled
def steps(run, tasks, pair=None, of=0, colors=COLORS[:-1], seed=0):
    """Where a round of adaptation takes two parameters in each of the tasks, and what
    one of the tasks loses there: minus its return, with the other parameters as in
    theta.

    pair    the indices of the two parameters; None: two whose phi differ much between
            tasks, and not in the same way
    of      the task whose loss is drawn, and whose arrow is black
    colors  of the arrows
    """
    figure, [[ax]] = panels()
    phi = adapt(run, tasks, rounds=1, seed=seed)
    pair = apart(phi) if pair is None else np.array(pair)
    start, ends = run.theta[pair], phi[:, pair]
    low, high = (bound(np.vstack([ends, start]), 0) for bound in (np.min, np.max))
    margin = 0.15 * (high - low)
    sides = np.linspace(low - margin, high + margin, GRID).T
    theta = np.repeat(run.theta[None], GRID * GRID, 0)
    theta[:, pair] = np.stack(np.meshgrid(*sides), -1).reshape(-1, 2)
    data = run.learner.collect(theta, tasks[np.full(len(theta), of)],
                               np.random.default_rng(seed))
    loss = -data.reward.sum(1).mean(-1).reshape(GRID, GRID)
    beneath = ax.contourf(*sides, loss, levels=12, cmap="Greys", alpha=0.8)
    figure.colorbar(beneath, label="loss of the task with the black arrow")
    for k, end in enumerate(ends):
        ax.annotate("", end, start, zorder=3 + (k == of), arrowprops={
            "arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2,
            "color": "black" if k == of else colors[k % len(colors)]})
    ax.plot(*start, "o", color="black")
    names = [run.learner.policy.layout.name(int(i)) for i in pair]
    ax.set(xlabel=names[0], ylabel=names[1])
    return figure


def apart(phi):
    """The coordinate of phi [K, P] that varies most over tasks, and the one that varies
    most in a way that the first does not tell."""
    away = phi - phi.mean(0)
    first = (away ** 2).sum(0).argmax()
    one = away[:, first:first + 1]
    rest = away - one * ((one * away).sum(0) / max((one ** 2).sum(), 1e-30))
    return np.array([first, (rest ** 2).sum(0).argmax()])


# ---- what an agent does

def trial(run, tasks, seed=0):
    """What the trained agent does in each of the tasks: the episodes of a trial if the
    learner is recurrent, else an episode before adaptation and one after it."""
    shown, family = lived(run, tasks, seed), tasks.family
    if isinstance(family, GridNavigation):
        return rooms({title: cells(family, obs) for title, (obs, _) in shown.items()},
                     tasks.goal, family.size)
    if isinstance(family, PlanarArm):
        return sweeps({title: joints(tasks, obs) for title, (obs, _) in shown.items()},
                      tasks.target)
    if isinstance(family.action, Discrete):
        return raster({title: action for title, (_, action) in shown.items()},
                      range(family.action.n))
    return ways({title: obs[..., :2] for title, (obs, _) in shown.items()},
                getattr(tasks, "goal", None))
