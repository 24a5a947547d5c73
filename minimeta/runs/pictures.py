"""Pictures of trainings and of trained agents. Each function returns a figure of
Matplotlib, which is imported when the first picture is drawn:

    pip install "minimeta[plot]"

    learning(runs)            return against steps of the environments
    adaptation(comparison)    return against experience in a new task
    trial(run, tasks)         what an agent does in some tasks

    figure = learning([run]);  figure.savefig("learning.png")
"""
from dataclasses import replace

import numpy as np

from ..meta.evaluate import interval
from ..rl import rollout
from ..trace import adapt
from ..trace.agent import adapts_between_trials

SIZE = (6.0, 3.6)   # inches
FEWEST = 5          # runs, to draw their interval


def axes():
    """A figure and its axes, in the one style of all pictures."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need Matplotlib; use pip install matplotlib"
                          ) from error
    figure = Figure(SIZE, layout="constrained", dpi=120)
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return figure, ax


def learning(runs, of="return", smooth=20):
    """A logged number against steps of the environments, or against iterations if steps
    were not logged. Draws the mean of 5 or more runs and its interval, else every run.

    of       the name of the number in the log
    smooth   number of iterations in a running mean
    """
    figure, ax = axes()
    logs = [run.log[:min(len(run.log) for run in runs)] for run in runs]
    y = np.stack([running_mean([row[of] for row in log], smooth) for log in logs])
    has_steps = "steps" in logs[0][0]
    x = np.array([row["steps"] for row in logs[0]] if has_steps else
                 range(1, len(logs[0]) + 1))[-y.shape[1]:]
    if len(runs) >= FEWEST:
        mean, half = interval(y)
        ax.fill_between(x, mean - half, mean + half, alpha=0.25, linewidth=0)
        ax.plot(x, mean)
    else:
        ax.plot(x, y.T)
    ax.set(xlabel="steps" if has_steps else "iteration", ylabel=of)
    return figure


def running_mean(values, n):
    """[len - n + 1]  means of n values in a row."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    n = min(n, len(values))
    return (sums[n:] - sums[:-n]) / n


def adaptation(families, against="episodes"):
    """Return against experience in the task, a line for each learner, with intervals;
    random acting and knowing the task as dashed lines."""
    figure, ax = axes()
    for comparison in families.values():
        for name in comparison.returns:
            mean, low, high, _ = comparison.estimate(name)
            ax.errorbar(getattr(comparison, against)[name], mean,
                        (mean - low, high - mean), marker="o", label=name)
        for name, values in comparison.known.items():
            ax.axhline(values.mean(), color="0.5", linewidth=1,
                   linestyle="--" if name == "oracle" else ":", label=name)
    ax.set(xlabel="episodes of experience in the task", ylabel="return of an episode")
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def trial(run, tasks, seed=0):
    """What the trained agent does in each of the tasks: the episodes of a trial if the
    learner is recurrent, else an episode before adaptation and one after it.

    Discrete actions are drawn as a raster, with a row for each task, a column for each
    step and a white line between two episodes. Moves in a plane are drawn as paths,
    later episodes darker, with a star at the goal.
    """
    figure, ax = axes()
    episodes = lived(run, tasks, np.random.default_rng(seed))
    if episodes[0].action.ndim == 3:
        shown = [np.where(e.mask, e.action, np.nan)[..., 0] for e in episodes]
        ax.imshow(np.concatenate(shown, 1), aspect="auto", interpolation="nearest")
        for column in np.cumsum([each.shape[1] for each in shown])[:-1]:
            ax.axvline(column - 0.5, color="white", linewidth=3)
        ax.set(xlabel="step", ylabel="task", title="action")
        return figure
    for k in range(len(tasks)):
        for e, episode in enumerate(episodes):
            x, y = episode.x[k, episode.mask[k, :, 0], 0, :2].T
            ax.plot(x, y, color=f"C{k}", alpha=(e + 1) / len(episodes))
        if np.shape(getattr(tasks, "goal", None))[1:] == (2,):
            ax.plot(*tasks.goal[k], "*", color=f"C{k}", markersize=12)
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    return figure


def lived(run, tasks, rng):
    """A Rollout for each episode, one row of each task."""
    learner = run.learner
    policy, theta = learner.policy, run.theta[:learner.policy.size]
    if adapts_between_trials(learner):
        phi = adapt(run, tasks)[:, :policy.size]
        return [rollout(policy, each, tasks, trials=1, episodes=1, rng=rng)
                for each in (theta, phi)]
    data = rollout(policy, theta, tasks, trials=1, episodes=learner.episodes, rng=rng)
    which = np.cumsum(data.end, 1) - data.end
    steps = [(which == e).any((0, 2)) for e in range(learner.episodes)]
    return [replace(data, **{name: array[:, step] for name, array in vars(data).items()}
                    | {"mask": (data.mask & (which == e))[:, step]})
            for e, step in enumerate(steps)]
