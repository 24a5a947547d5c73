"""The laws that grade exercises.py: what every right answer obeys, basic laws first.

No law knows the answer. Derivatives are held against complex steps of what they are the
derivative of, recursions against their own equations, estimators against sums over all
that can happen.
"""
from . import chapters_1_to_4, chapters_6_to_9  # noqa: F401  (they enter the exercises)
from .grade import EXERCISES, grade, main

__all__ = ["EXERCISES", "grade", "main"]
