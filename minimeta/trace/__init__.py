"""Chapter 7, what a training leaves: files that no crash can lose (checkpoint), a row
of numbers for each iteration (log), what the training was made of as JSON
(description), the folder that holds these three (folder), the last good result whatever
happens (result), and lines that tell how a training goes (progress).
"""
from .checkpoint import CheckpointError
from .folder import Folder
from .progress import print_progress
from .result import Keeper, NonFiniteError, Result, Training

__all__ = ["CheckpointError", "Folder", "Keeper", "NonFiniteError", "Result",
           "Training", "print_progress"]
