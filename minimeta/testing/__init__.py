"""Chapter 2, how to know that derivatives are right. Run these on code of your own.

A law returns an error, and a suite of laws returns a report:

    check_function    any function and its gradient, Jacobian, Hessian product
    check_map         a layer or network          check_recurrent   one with a memory
    check_scalar      a loss of outputs           check_surrogate   of log-probabilities
    check_policy      a policy and its head       check_learner     a meta-learner
    check_tasks       a family of tasks           parametrize_with_checks   for pytest

A law that does not apply is skipped, and the report says why: second order without
vjp_dot or hvp, for example, or what follows the end of a trial where none ends early.
complex_safe=False says that complex numbers do not flow through the subject. Then
differences judge its derivatives, and bugs below 1e-6 are not seen.

minimeta.testing.strategies draws cases for Hypothesis. It alone needs Hypothesis, so it
is imported by its name.
"""
from .behaviour import memory, precision, purity, tasks
from .families import check_tasks
from .for_pytest import parametrize_with_checks
from .function_laws import check_function
from .laws import (central_difference, complex_step, second, symmetry, tangent,
                   taylor_order, transpose)
from .learner_laws import check_learner
from .map_laws import check_map, map_report
from .policy_laws import check_policy
from .recurrent_laws import check_recurrent
from .report import Error, LawBroken, Report, compare
from .scalar_laws import check_scalar, check_surrogate
from .suite import Suite

__all__ = [
    "complex_step", "central_difference", "tangent", "second", "transpose", "symmetry",
    "taylor_order", "tasks", "purity", "memory", "precision", "compare", "Error",
    "check_function", "check_map", "check_recurrent", "check_scalar", "check_surrogate",
    "check_policy", "check_learner", "check_tasks", "map_report", "Report", "LawBroken",
    "Suite", "parametrize_with_checks",
]
