"""Chapter 6, learning to adapt: the loop that every learner shares (learner), recurrence (rl2),
and how well it went (evaluate).
"""
from .evaluate import Curve, evaluate
from .learner import NonFiniteError, Result, meta_train
from .rl2 import RL2

__all__ = ["Curve", "evaluate", "NonFiniteError", "Result", "meta_train", "RL2"]
