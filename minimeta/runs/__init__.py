"""Chapter 11, trained agents at work: environments with the interface of Gymnasium as
tasks (adapter, spaces), several learners on the same tasks (compare), several seeds
(sweep), pictures (pictures), and `python -m minimeta` (command_line).
"""
from .adapter import from_gymnasium
from .compare import Comparison, compare
from .sweep import sweep

__all__ = ["Comparison", "compare", "from_gymnasium", "sweep"]
