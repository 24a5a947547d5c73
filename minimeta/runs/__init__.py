"""Chapter 11, trained agents at work.

    adapter, spaces     environments with Gymnasium's interface, as tasks
    compare, estimate   several learners on the same tasks; means and their intervals
    sweep               several seeds of the same training
    pictures, drawing   of trainings and of trained agents; of arrays
    episodes            what an agent does
    command_line        python -m minimeta
"""
from . import pictures
from .adapter import from_gymnasium
from .compare import Comparison, Comparisons, compare
from .sweep import sweep

__all__ = ["Comparison", "Comparisons", "compare", "from_gymnasium", "pictures",
           "sweep"]
