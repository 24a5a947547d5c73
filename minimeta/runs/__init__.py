"""Chapter 11, trained agents at work.

    adapter, spaces     environments with Gymnasium's interface, as tasks
    compare             several learners on the same tasks
    sweep               several seeds of the same training
    pictures            of trainings and of trained agents
    command_line        python -m minimeta
"""
from .adapter import from_gymnasium
from .compare import Comparison, compare
from .sweep import sweep

__all__ = ["Comparison", "compare", "from_gymnasium", "sweep"]
