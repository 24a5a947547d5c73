"""Keeps what a training has learned, whatever interrupts the training.

    with Keeper(Training(theta, None, ()), learner, family, folder, lock) as kept:
        for ..:
            .. kept.theta, kept.state ..
            kept.keep(theta, state, row)       assigned once, so Ctrl-C tears nothing
    kept.result

Ctrl-C ends the block as if the training were over. Any other exception gets an
attribute `result`, which holds what was learned before, and leaves the block.
"""
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .. import require
from .agent import agent
from .checkpoint import CheckpointError
from .description import NotOurs, describe, differences, rebuild
from .folder import Folder

EVERY = 5.0   # seconds between two checkpoints, at least
SHARE = 0.05  # of the time is spent on checkpoints, at most


class Training(NamedTuple):
    """All that training carries from one iteration to the next."""

    theta: np.ndarray
    state: object  # the optimizer's, and whatever else the learner keeps
    log: tuple     # one dict of numbers for each iteration so far


@dataclass(frozen=True)
class Result:
    """A run: what a training gives back.

    theta        [P]
    log          a dict of numbers for each iteration
    learner, family   what was trained, and on which tasks
    interrupted  True if Ctrl-C stopped the training; theta and log are whole even so
    state        of the optimizer, with which training goes on
    """

    theta: np.ndarray
    log: tuple
    learner: object = field(repr=False)
    family: object = field(repr=False)
    interrupted: bool = False
    state: object = field(default=None, repr=False)

    def agent(self, tasks=None, *, rounds=None, seed=0):
        """An Agent for a loop of your own, adapted to the one task in `tasks`; see
        trace/agent.py.

        rounds  of adaptation; the learner's own number if None, 1 at least
        seed    of the agent's and the tasks' luck
        """
        return agent(self, tasks, rounds, seed)


def load(run_dir, learner=None, family=None):
    """The Result of the training in run_dir up to its last checkpoint. The training may
    still be running.

    learner, family  those that were trained; needed only if they are made of classes or
                     functions of your own
    """
    folder = Folder.at(run_dir)
    config, saved = folder.config(), folder.load()
    if saved is None:
        raise CheckpointError(f"{run_dir} has no checkpoint yet; use resume=True to go "
                              f"on with the training")
    theta, state, log = saved
    learner, family = (made(config, run_dir, name, given) for name, given in (
        ("learner", learner), ("family", family)))
    return Result(theta, log, learner, family, state=state)


def made(config, run_dir, name, given):
    """The learner or family of the configuration."""
    if given is not None:
        changed = differences(config[name], describe(given), name)
        if changed:
            raise CheckpointError(f"{run_dir} holds another {name}:\n  "
                                  + "\n  ".join(changed))
        return given
    try:
        return rebuild(config[name])
    except NotOurs as error:
        raise CheckpointError(
            f"the {name} in {run_dir} is made of {error}, which minimeta does not "
            f"define; use load(run_dir, {name}=..)") from None
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"the {name} in {run_dir} cannot be made again: {error}; "
                              f"use load(run_dir, {name}=..)") from error


class NonFiniteError(ArithmeticError):
    """Training met NaN or inf. If meta_train raises it, `result` holds what was learned
    before."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


class Keeper:
    """Keeps the last good result, in memory and in a folder.

    training          what it begins with
    learner, family   what is trained
    folder            a Folder, or None
    lock              of the folder, which the keeper releases in the end
    """

    def __init__(self, training, learner, family, folder, lock):
        self.training, self.learner, self.family = training, learner, family
        self.folder, self.lock, self.interrupted = folder, lock, False
        self.seconds, self.began = {}, time.perf_counter()
        self.n_saved, self.next_save = len(training.log), 0.0

    @property
    def result(self):
        theta, state, log = self.training
        return Result(theta, log, self.learner, self.family, self.interrupted, state)

    def lap(self, phase):
        """Counts the time since the last lap as spent on this phase."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.began
        self.began = now

    def keep(self, theta, state, row):
        """Keeps the result of one more iteration, and saves it if it is time."""
        training = Training(theta, state, self.training.log + (row,))
        if self.folder is not None:
            self.folder.append(row, self.seconds)
        self.training, self.seconds = training, {}
        if self.folder is not None and time.perf_counter() >= self.next_save:
            self.save()
        self.began = time.perf_counter()

    def save(self):
        """Saves a checkpoint if there is anything new."""
        theta, state, log = self.training
        if self.folder is None or len(log) == self.n_saved:
            return
        start = time.perf_counter()
        self.folder.save(theta, state, len(log))
        self.n_saved, end = len(log), time.perf_counter()
        self.next_save = end + max(EVERY, (end - start) / SHARE)

    def __enter__(self):
        self.began = time.perf_counter()
        return self

    def __exit__(self, kind, error, traceback):
        try:
            return self.end(error)
        finally:
            self.lock.release()

    def end(self, error):
        """Saves what is new. Returns True if Ctrl-C ended the training."""
        self.interrupted = isinstance(error, KeyboardInterrupt)
        if error is None or self.interrupted:
            try:
                self.save()
            except Exception as failed:
                failed.result = self.result
                raise
            return self.interrupted
        with suppress(CheckpointError):  # the first error says more
            self.save()
        if isinstance(error, (NonFiniteError, require.NotFinite)):
            raise NonFiniteError(
                f"iteration {len(self.training.log)}: {error}; `result` of this error "
                f"holds what was learned before", self.result) from None
        error.result = self.result
        return False
