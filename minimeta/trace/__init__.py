"""Chapter 7, what a training leaves.

    checkpoint      files that no crash can damage
    log             a row of numbers for each iteration
    description     all options as JSON
    folder, lock    the folder that holds these three, for one training at a time
    result          the last good result, whatever happens
    progress        lines that tell how a training goes
    agent           the trained agent at work
"""
from .agent import Agent, adapt
from .checkpoint import CheckpointError
from .folder import Folder
from .lock import Lock
from .progress import Callbacks, print_progress
from .result import Keeper, NonFiniteError, Result, Training, load

__all__ = ["Agent", "Callbacks", "CheckpointError", "Folder", "Keeper", "Lock",
           "NonFiniteError", "Result", "Training", "adapt", "load", "print_progress"]
