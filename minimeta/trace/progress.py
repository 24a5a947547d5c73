"""Tells how a training goes.

    meta_train(.., progress=True)                        the line below, anywhere
    meta_train(.., callback=print_progress(iterations))  the same, with options

    MAML 195/200   98%   return -20.312 -> -8.250   51,200 steps/s   0:05 left

A terminal and a notebook show one line, drawn anew. A file gets plain lines, every so
often.
"""
import shutil
import sys
import time
from collections import deque

import numpy as np

from .. import require

WIDTH = 79      # of a line that is redrawn, at most
PAUSE = 0.1     # seconds between two drawings of the line
MEAN_OF = 50    # iterations whose mean the redrawn line shows
LINES = 10      # plain lines in all


def print_progress(iterations, *, of=None, name="", lines=LINES):
    """A callback for meta_train that prints iteration, percent, return before and after
    adaptation, steps of the environments a second, and time left.

    iterations  of the whole training
    of          the name of the number in the log; None: "return", or "loss" if returns
                are not logged
    name        printed first, to tell one training from the next
    lines       number of plain lines in all

    The redrawn line shows means of the last 50 iterations, a plain line means since
    the line before.
    """
    iterations = require.count("iterations", iterations)
    lines = require.count("lines", lines)
    if is_redrawn(sys.stdout):
        return Redrawn(iterations, of, name)
    return Plain(iterations, of, name, lines)


def is_redrawn(stream):
    """Whether a line that begins with a carriage return replaces the line before."""
    if stream is None or getattr(stream, "closed", False):
        return False
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


class Teller:
    """A callback of meta_train that prints. `recent` are the rows whose means are
    told."""

    recent, first = (), None

    def __init__(self, iterations, of, name):
        self.iterations, self.of, self.name = iterations, of, name

    def __call__(self, iteration, row, theta):
        if self.of is None:
            self.of = "return" if "return" in row else "loss"
        require.choice("of", self.of, row)
        now = time.perf_counter()
        if self.first is None:  # it may be far into the training, if that was resumed
            self.first = (now, iteration, row)
        self.recent.append(row)
        self.tell(iteration, now, iteration + 1 == self.iterations)

    def sentence(self, iteration, now):
        """The line as it stands at an iteration."""
        then, at_first, row = self.first
        done, seconds = iteration - at_first, now - then
        before = ""
        if self.of == "return" and "before" in row:
            before = f"{self.mean('before')} -> "
        parts = [f"{self.name} {iteration + 1}/{self.iterations}".strip(),
                 f"{(iteration + 1) / self.iterations:4.0%}",
                 f"{self.of} {before}{self.mean(self.of)}"]
        if done and "steps" in row:
            speed = (self.recent[-1]["steps"] - row["steps"]) / seconds
            parts.append(f"{speed:,.0f} steps/s")
        left = self.iterations - 1 - iteration
        if done:
            parts.append(f"{clock(left * seconds / done)} left" if left else
                         f"in {clock(seconds)}")
        return "   ".join(parts)

    def mean(self, name):
        return f"{np.mean([row[name] for row in self.recent]):.3f}"

    def close(self):
        """Ends the line, if one has begun."""


class Redrawn(Teller):
    """One line, drawn a few times a second."""

    drawn, is_open = 0.0, False

    def __init__(self, *options):
        super().__init__(*options)
        self.recent = deque(maxlen=MEAN_OF)

    def tell(self, iteration, now, is_last):
        if now - self.drawn >= PAUSE or is_last:
            width = min(WIDTH, shutil.get_terminal_size().columns - 1)
            text = self.sentence(iteration, now)[:width]
            print(f"\r{text:<{width}}", end="", flush=True)
            self.drawn, self.is_open = now, True
        if is_last:
            self.close()

    def close(self):
        if self.is_open:
            print(flush=True)
        self.is_open = False


class Plain(Teller):
    """A line every so often."""

    def __init__(self, iterations, of, name, lines):
        super().__init__(iterations, of, name)
        self.recent, self.lines = [], lines

    def tell(self, iteration, now, is_last):
        so_far, before = ((n * self.lines) // self.iterations
                          for n in (iteration + 1, iteration))
        if so_far > before:
            print(self.sentence(iteration, now), flush=True)
            self.recent.clear()


def clock(seconds):
    """Seconds as 1:02:03 or 2:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{start}:{seconds:02d}"


class Callbacks:
    """What meta_train calls after each iteration: the progress line and the callback.
    A `with` block ends the line, whatever happens in it.

    progress   True, False, or None: a terminal and a notebook show the line unless
               there is a callback
    """

    def __init__(self, progress, callback, iterations):
        if progress is None:
            progress = callback is None and is_redrawn(sys.stdout)
        is_shown = require.truth("progress", progress)
        self.line = print_progress(iterations) if is_shown else None
        self.all = [each for each in (self.line, callback) if each is not None]

    def __call__(self, iteration, row, theta):
        for callback in self.all:
            callback(iteration, row, theta)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.line is not None:
            self.line.close()
