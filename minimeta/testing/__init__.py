"""Chapter 2, how to know that derivatives are right: laws (each returns an error),
suites of them (check_function, check_map, ..: each returns a report) and Hypothesis
strategies (strategies, which alone needs Hypothesis and is imported by name). They are
public: run them on your own code.
"""
from .behaviour import memory, precision, purity, tasks
from .conformance import check_map, map_report
from .families import check_tasks
from .function_laws import check_function
from .laws import (central_difference, complex_step, second, symmetry, tangent,
                   taylor_order, transpose)
from .report import Error, LawBroken, Report, compare
from .suite import Suite, parametrize_with_checks

__all__ = [
    "complex_step", "central_difference", "tangent", "second", "transpose", "symmetry",
    "taylor_order", "tasks", "purity", "memory", "precision", "compare", "Error",
    "check_function", "check_map", "check_tasks", "map_report", "Report", "LawBroken",
    "Suite", "parametrize_with_checks",
]
