"""Prints lines that tell how a training goes, by a callback for meta_train."""
import sys
import time
from collections import deque

import numpy as np

from .. import require

WIDTH = 79      # of a line that is redrawn
PAUSE = 0.1     # seconds between two drawings of the line
MEAN_OF = 50    # iterations whose mean the redrawn line shows


def print_progress(iterations, *, of="return", name="", lines=10):
    """A callback that prints the mean of a logged number, and the time.

    A terminal and a notebook show one line, drawn anew: iteration, percent, the return
    before and after adaptation, steps of the environments a second, time left. A file
    gets plain lines: the seconds gone, and the mean since the line before.

    iterations  of the whole training
    of          the name of the number in the log
    name        printed first, to tell one training from the next
    lines       number of plain lines in all
    """
    iterations = require.count("iterations", iterations)
    lines = require.count("lines", lines)
    draws = redrawn if is_redrawn(sys.stdout) else plain
    return draws(iterations, of, name, lines)


def is_redrawn(stream):
    """Whether a line that begins with a carriage return replaces the line before."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


def plain(iterations, of, name, lines):
    start, recent = time.perf_counter(), []

    def callback(iteration, row, theta):
        recent.append(require.choice("of", of, row))
        if (iteration + 1) * lines // iterations > iteration * lines // iterations:
            print(f"{time.perf_counter() - start:6.1f} s   {name:<{16 if name else 0}}"
                  f"iteration {iteration + 1:6d}   {of} {np.mean(recent):.3f}",
                  flush=True)
            recent.clear()

    return callback


def redrawn(iterations, of, name, lines):
    drawn, recent, first = 0.0, deque(maxlen=MEAN_OF), None

    def callback(iteration, row, theta):
        nonlocal drawn, first
        require.choice("of", of, row)
        recent.append(row)
        now, is_last = time.perf_counter(), iteration + 1 == iterations
        if first is None:  # it may be far into the training, if that was resumed
            first = (now, iteration, row)
        if now - drawn >= PAUSE or is_last:
            text = sentence(iteration, iterations, of, name, recent, first, now)
            end = "\n" if is_last else ""
            print(f"\r{text[:WIDTH]:<{WIDTH}}", end=end, flush=True)
            drawn = now

    return callback


def sentence(iteration, iterations, of, name, recent, first, now):
    """The line as it stands at an iteration."""
    def mean(key):
        return f"{np.mean([row[key] for row in recent]):.3f}"

    then, at_first, row = first
    done, seconds = iteration - at_first, now - then
    before = f"{mean('before')} -> " if of == "return" and "before" in row else ""
    parts = [f"{name} {iteration + 1}/{iterations}".strip(),
             f"{(iteration + 1) / iterations:4.0%}", f"{of} {before}{mean(of)}"]
    if done and "steps" in row:
        speed = (recent[-1]["steps"] - row["steps"]) / seconds
        parts.append(f"{speed:,.0f} steps/s")
    if done:
        parts.append(f"{clock((iterations - 1 - iteration) * seconds / done)} left")
    return "   ".join(parts)


def clock(seconds):
    """Seconds as 1:02:03 or 2:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{seconds:02d}"
