"""The folder of a run holds all that is needed to look at a training and to resume it.

    config.json             every option, and the versions it was made with
    log.csv                 a row of numbers for each iteration
    checkpoint.npz          theta, and what else goes from one iteration to the next
    checkpoint.before.npz   the same, one save earlier
    lock                    who is training here now; see lock.py

A run that is resumed must be the same run: the same learner, family, tasks and seed.
The number of iterations may grow. Versions may change too, and then the last bits of
theta may differ.
"""
import hashlib
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import log
from .checkpoint import (REMEDY, STRAY, CheckpointError, load, remove, replace_file,
                         save)
from .description import describe, differences

MAY_CHANGE = ("iterations", "made_with")
SECONDS = "seconds_"  # the columns of the log that are not the same each time
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Folder:
    """The files of one run."""

    path: Path

    @classmethod
    def at(cls, run_dir):
        """The folder that a user names."""
        try:
            return cls(Path(run_dir))
        except TypeError:
            raise TypeError(f"run_dir must be a path, got {run_dir!r}") from None

    @property
    def config_file(self):
        return self.path / "config.json"

    @property
    def log_file(self):
        return self.path / "log.csv"

    @property
    def checkpoint_file(self):
        return self.path / "checkpoint.npz"

    # A run begins, or goes on.

    def require_new(self):
        """Raises CheckpointError if the folder holds a run."""
        if self.config_file.exists():
            raise CheckpointError(
                f"{self.path} holds a run already; use resume=True to go on with it, "
                f"or another run_dir")

    def require_same(self, options):
        """Raises CheckpointError unless the folder holds a run with these options."""
        changed = differences(unchanging(self.config()),
                              unchanging(configuration(options)))
        if changed:
            raise CheckpointError(
                f"{self.path} holds a run with other options; pass the same, or use "
                f"another run_dir:\n  " + "\n  ".join(changed))

    def make(self):
        """Makes the folder, if it is not there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"run_dir {self.path} cannot be made: "
                                  f"{error.strerror}; use another one") from error

    def begin(self, options, n):
        """Begins to keep a run with these options. n iterations of it are done; rows of
        the log beyond them are dropped."""
        self.make()
        for stray in self.path.glob(f"*{STRAY}"):
            remove(stray)
        config = json.dumps(configuration(options), indent=1).encode()
        if not self.config_file.exists() or self.config_file.read_bytes() != config:
            replace_file(self.config_file, lambda file: file.write(config))
        if self.log_file.exists():
            log.write(self.log_file, log.read(self.log_file)[:n])

    def config(self):
        """The options as JSON."""
        if not self.config_file.exists():
            raise CheckpointError(f"{self.path} holds no run: config.json is not "
                                  f"there; check run_dir, or leave resume=True out")
        try:
            config = json.loads(self.config_file.read_text(encoding="utf-8"))
            config["learner"], config["family"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CheckpointError(f"{self.config_file} is damaged, or no configuration "
                                  f"of minimeta ({error!r}); {REMEDY}") from error
        return config

    # Each iteration.

    def append(self, row, seconds):
        """Appends a row to the log, with the seconds of each phase of the iteration."""
        log.append(self.log_file, row | {
            f"{SECONDS}{phase}": round(spent, 6) for phase, spent in seconds.items()})

    def save(self, theta, state, n):
        """Saves a checkpoint after n iterations, whose rows are in the log."""
        log.sync(self.log_file)
        save(self.checkpoint_file, {"theta": theta, "state": state, "iterations": n,
                                    "of": self.fingerprint()})

    def load(self):
        """theta, state, and a row for each iteration, or None before the first save."""
        if not any(self.path.glob("checkpoint*.npz")):
            return None
        saved = load(self.checkpoint_file)
        if not isinstance(saved, dict) or saved.get("of") != self.fingerprint():
            raise CheckpointError(f"{self.checkpoint_file} is of another run than "
                                  f"config.json; {REMEDY}")
        rows = self.rows()[:saved["iterations"]]
        if len(rows) < saved["iterations"]:
            raise CheckpointError(
                f"{self.log_file} has {len(rows)} rows, and the checkpoint comes after "
                f"{saved['iterations']} iterations; {REMEDY}")
        return saved["theta"], saved["state"], rows

    def rows(self):
        """The log without the seconds: the same seed gives it again to the bit."""
        return tuple({name: number for name, number in row.items()
                      if not name.startswith(SECONDS)}
                     for row in log.read(self.log_file))

    def fingerprint(self):
        """A short word for the options; other options have another one."""
        options = json.dumps(unchanging(self.config()), sort_keys=True)
        return digest(options.encode())


def digest(data):
    """A short word for the data; other data have another one."""
    return hashlib.sha256(data).hexdigest()[:16]


def unchanging(config):
    """The options that a resumed run must have in common with the folder."""
    return {name: config[name] for name in config if name not in MAY_CHANGE}


def configuration(options):
    """All options as JSON, with versions and machine. A theta to begin with becomes its
    digest."""
    theta = options.get("theta")
    if theta is not None:
        options = options | {"theta": digest(theta.tobytes())}
    made_with = {"minimeta": version(), "numpy": np.__version__,
                 "python": platform.python_version(), "machine": platform.machine(),
                 "cores": os.cpu_count()}
    threads = {name: os.environ[name] for name in THREADS if name in os.environ}
    return describe(options) | {"made_with": made_with | threads}


def version():
    """The version of this package."""
    from importlib import metadata  # costs as much as the rest of this chapter
    try:
        return metadata.version("minimeta")
    except metadata.PackageNotFoundError:
        return "not installed"
