"""Chapter 2, how to know that derivatives are right: laws (each returns an error),
suites of them (conformance), and Hypothesis strategies (strategies, which alone needs
Hypothesis and is imported by name). They are public: run them on your own code.
"""
from .conformance import check_map, map_report
from .families import check_tasks
from .laws import (central_difference, complex_step, memory, precision, purity, second,
                   symmetry, tangent, tasks, taylor_order, transpose)
from .report import Error, Report, compare

__all__ = [
    "complex_step", "central_difference", "tangent", "second", "transpose", "symmetry",
    "taylor_order", "tasks", "purity", "memory", "precision", "compare", "Error",
    "check_map", "check_tasks", "map_report", "Report",
]
