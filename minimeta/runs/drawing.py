"""Draws arrays, in the one style of all pictures; see pictures.py.

The pictures of what an agent does take a dict {title: array}, with a panel for each
title, such as {"before": .., "after": ..} adaptation. Letters: K tasks, T steps.
"""
from functools import wraps

import numpy as np

WIDTH, HEIGHT = 4.6, 3.2   # inches, of one panel
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def styled(draw):
    """Draws in the one style of all pictures."""
    @wraps(draw)
    def drawn(*args, **options):
        matplotlib = required()
        with matplotlib.rc_context({
                "axes.prop_cycle": matplotlib.cycler(color=COLORS), "font.size": 9,
                "axes.spines.top": False, "axes.spines.right": False,
                "axes.titlesize": 9, "legend.frameon": False, "lines.linewidth": 1.5,
                "lines.markersize": 4, "errorbar.capsize": 2, "image.cmap": "viridis"}):
            return draw(*args, **options)

    return drawn


def required(file=True):
    """Matplotlib, if there is a file to draw. Examples ask before a long training."""
    try:
        import matplotlib.figure
    except ImportError as error:
        if file:
            raise ImportError("pictures need Matplotlib; use pip install matplotlib"
                              ) from error
        return None
    return matplotlib


def panels(rows=1, columns=1, width=WIDTH, height=HEIGHT, **shared):
    """A figure, and its axes [rows, columns]."""
    from matplotlib.figure import Figure
    figure = Figure((width * columns, height * rows), layout="constrained", dpi=110)
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


@styled
def curves(lines, xlabel, ylabel, levels=None, **options):
    """Lines with intervals.

    lines    {name: (x, y)} or {name: (x, mean, half of the interval)}
    levels   {name: y}: dashed lines
    options  of the axes, such as xscale="log"
    """
    figure, [[ax]] = panels()
    for name, (x, y, *half) in lines.items():
        ax.errorbar(x, y, *half, marker="o" if len(x) < 30 else "", label=name)
    for (name, y), style in zip((levels or {}).items(), ("--", ":", "-.")):
        ax.axhline(y, color="0.5", linewidth=1, linestyle=style, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, **options)
    last_in_legend(figure, ax, levels or ())
    return figure


def last_in_legend(figure, ax, names):
    """A legend beside the axes, in which these names stand last."""
    handles, labels = ax.get_legend_handles_labels()
    order = np.argsort([label in names for label in labels], kind="stable")
    figure.legend([handles[i] for i in order], [labels[i] for i in order],
                  loc="outside right upper")


@styled
def bars(heights, names, ylabel):
    """Bars with intervals.

    heights  {title: [(height, half of the interval), ..]}, a panel for each
    names    of the bars
    """
    figure, [row] = panels(1, len(heights), 2.6, 2.8, sharey=True)
    for ax, (title, pairs) in zip(row, heights.items()):
        height, half = np.transpose(pairs)
        ax.bar(range(len(names)), height, yerr=half, color=COLORS[:len(names)])
        ax.set_xticks(range(len(names)), names)
        ax.set(title=title)
    row[0].set(ylabel=ylabel)
    return figure


# ---- what an agent does

@styled
def raster(actions, names, xlabel="step"):
    """Choices: a row for each task, a column for each step.

    actions  {title: [K, T]}, indices of `names`, NaN where there is none
    names    of the actions
    """
    from matplotlib.colors import ListedColormap
    figure, [row] = panels(1, len(actions), max(1.8, 5.2 / len(actions)))
    n = len(names)
    palette = ListedColormap(COLORS[:n]) if n <= len(COLORS) else "tab20"
    for ax, (title, each) in zip(row, actions.items()):
        image = ax.imshow(each, aspect="auto", interpolation="nearest", vmin=-0.5,
                          vmax=n - 0.5, cmap=palette)
        ax.set(xlabel=xlabel, title=title)
        ax.spines[:].set_visible(False)
    row[0].set(ylabel="task")
    bar = figure.colorbar(image, ax=row, ticks=range(n), label="action")
    bar.ax.set_yticklabels(names)
    return figure


@styled
def rooms(walks, goals, size):
    """Walks through a grid: a row for each task. A number says at which step a cell was
    first entered, and a frame marks the goal.

    walks  {title: [K, T]}, numbers row * size + column of cells; row 0 is at the bottom
    goals  [K]  numbers of cells
    """
    K = len(goals)
    figure, axes = panels(K, len(walks), 2.0, 2.1)
    for column, (title, walk) in zip(axes.T, walks.items()):
        column[0].set(title=title)
        for ax, cells, goal in zip(column, walk, goals):
            path = cells[~np.isnan(cells)].astype(int)
            entered, first = np.unique(path, return_index=True)
            when = np.full(size * size, np.nan)
            when[entered] = first
            ax.imshow(when.reshape(size, size), origin="lower", cmap="YlGnBu", vmin=0,
                      vmax=1.6 * len(path))
            for cell, t in zip(entered, first):
                ax.text(cell % size, cell // size, t, ha="center", va="center",
                        fontsize=8)
            ax.plot(goal % size, goal // size, "s", markersize=90 / size,
                    markerfacecolor="none", markeredgecolor=COLORS[1],
                    markeredgewidth=2.5)
            ax.set_xticks(np.arange(size + 1) - 0.5, [])
            ax.set_yticks(np.arange(size + 1) - 0.5, [])
            ax.grid(color="0.85")
            ax.tick_params(length=0)
    return figure


@styled
def ways(paths, goals=None):
    """Paths in the plane, from the small dot on, in a colour for each task, with a star
    at its goal.

    paths  {title: [K, T, 2]}
    goals  [K, 2], or None
    """
    figure, [row] = panels(1, len(paths), 3.0, 3.2, sharex=True, sharey=True)
    for ax, (title, each) in zip(row, paths.items()):
        for k, path in enumerate(each):
            color = COLORS[k % len(COLORS)]
            ax.plot(*path.T, color=color, linewidth=1.2)
            ax.plot(*path[0], "o", color="black")
            if np.shape(goals)[1:] == (2,):
                ax.plot(*goals[k], "*", color=color, markersize=11,
                        markeredgecolor="white")
        ax.set(title=title, xlabel="x", aspect="equal")
    row[0].set(ylabel="y")
    return figure


@styled
def sweeps(poses, targets, every=4):
    """Poses of an arm, later ones brighter, with a star at the target: a row for each
    task.

    poses    {title: [K, T, 2, 2]}, where the elbow and the hand are; the shoulder is at
             (0, 0)
    targets  [K, 2]
    every    number of steps from one pose to the next
    """
    from matplotlib import colormaps
    figure, axes = panels(len(targets), len(poses), 2.4, 2.0, sharex=True, sharey=True)
    for column, (title, tasks) in zip(axes.T, poses.items()):
        column[0].set(title=title)
        for ax, arm, target in zip(column, tasks, targets):
            for t in range(0, len(arm), every):
                ax.plot(*np.vstack([np.zeros(2), arm[t]]).T, "-",
                        color=colormaps["viridis"](0.9 * t / len(arm)))
            ax.plot(*target, "*", color=COLORS[1], markersize=11, zorder=9)
            ax.set(aspect="equal")
    return figure
