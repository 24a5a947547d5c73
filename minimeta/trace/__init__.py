"""Chapter 7, what a training leaves: files that no crash can lose (checkpoint), a row
of numbers for each iteration (log), what the training was made of as JSON
(description), the folder that holds these three (folder), the last good result whatever
happens (result), lines that tell how a training goes (progress), and the trained agent
at work (agent).
"""
from .agent import Agent, adapt
from .checkpoint import CheckpointError
from .folder import Folder
from .progress import print_progress
from .result import Keeper, NonFiniteError, Result, Training, load

__all__ = ["Agent", "CheckpointError", "Folder", "Keeper", "NonFiniteError", "Result",
           "Training", "adapt", "load", "print_progress"]
