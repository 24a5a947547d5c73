"""The command `python -m minimeta`: lists families, learners and runs, or shows a run.

    python -m minimeta                       families, learners, and the runs found here
    python -m minimeta show runs/bandit      options, and the last rows of the log
    .. show runs/bandit --plot curve.png     saves the learning curve too
"""
import argparse
import inspect
import json
from pathlib import Path
from types import SimpleNamespace

from .. import meta, tasks
from ..trace import CheckpointError, Folder, log

ROWS = 5
DEPTHS = ("config.json", "*/config.json", "*/*/config.json", "*/*/*/config.json")
NO_FAMILIES = ("Box", "Discrete", "Family", "Tasks")  # though minimeta.tasks has them


def main(arguments=None):
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        "minimeta", description="Meta-reinforcement learning written by hand in NumPy.")
    commands = parser.add_subparsers(dest="command")
    command = commands.add_parser("show", help="options and last rows of a run")
    command.add_argument("run_dir", type=Path)
    command.add_argument("--plot", metavar="FILE", help="save the learning curve")
    options = parser.parse_args(arguments)
    try:
        if options.command == "show":
            show(options.run_dir, options.plot)
        else:
            listing(Path())
    except (CheckpointError, ImportError) as error:
        print(f"minimeta: {error}")
        return 1
    return 0


def listing(here):
    """Prints the families, the learners, and the runs at or below the folder `here`."""
    print("families (minimeta.tasks)")
    for name, family in members(tasks, "sample"):
        print(f"    {name:<22}{summary(family)}")
    print("learners (minimeta)")
    for name, learner in members(meta, "update"):
        print(f"    {name:<22}{summary(learner)}")
    print("runs")
    for config in sorted(path for depth in DEPTHS for path in here.glob(depth)):
        folder = Folder(config.parent)
        try:
            kind = folder.config()["learner"]["class"].rpartition(".")[2]
        except (CheckpointError, KeyError, TypeError):
            continue  # a configuration of something else
        print(f"    {str(config.parent):<22}{kind}, {len(folder.rows())} iterations")


def members(module, verb):
    """The public classes of a module that have a method `verb`."""
    for name in sorted(module.__all__):
        it = getattr(module, name)
        if hasattr(it, verb) and name not in NO_FAMILIES:
            yield name, it


def summary(it):
    """The first sentence of its docstring, in one line."""
    return " ".join(inspect.getdoc(it).split()).partition(". ")[0].rstrip(".")


def show(run_dir, plot):
    """Prints the options and the last rows of a run; saves its learning curve."""
    folder = Folder(run_dir)
    print(json.dumps(folder.config(), indent=2))
    rows = log.read(folder.log_file)
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [["iteration", *names]] + [
        [str(len(rows[:-ROWS]) + i), *(short(row.get(name)) for name in names)]
        for i, row in enumerate(rows[-ROWS:])]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        print("  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths)))
    if plot is not None and rows:
        from .pictures import learning
        of = "return" if "return" in rows[0] else "loss"
        learning([SimpleNamespace(log=folder.rows())], of).savefig(plot)
        print(f"saved {plot}")


def short(number):
    """A number in a few digits."""
    if number is None:
        return ""
    return f"{number:.5g}" if isinstance(number, float) else str(number)
