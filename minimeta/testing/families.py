"""Checks that a family of tasks keeps its promises.

    found = check_tasks(MyFamily(..), seed=0)    LawBroken if a law is broken
    print(found)                                 a line for each law
    found["silent"].detail                       what a law found

    shapes       sample, reset and step give arrays of the promised shapes and types
    pure         arguments are left as they were, and the same stream of random numbers
                 gives the same result
    whole        a pickled copy does the same; global random numbers are left alone
    separate     with equal luck, tasks[i:j] does what the same tasks do among others
    untimed      the horizon is not `done`
    guarded      bad sizes, bad actions and bad generators are refused
    silent       the first observation predicts the task no better than chance
    learnable    knowing the task earns clearly more than acting at random
    simulated    tasks.random() is what simulation gives

minimeta/tasks/family.py says what a family is. A law, in task_form.py or
task_number.py, is a function of (family, seed) that returns in words what it found. A
law that does not apply is skipped, and the report says why: oracle() and random() are
optional, for example.
"""
from typing import Any, NamedTuple

import numpy as np

from .. import require
from .report import Error
from .suite import Law, Suite, check
from .task_form import guarded, pure, separate, shapes, untimed, whole
from .task_number import learnable, silent, simulated


class Case(NamedTuple):
    family: Any
    seed: int

    @property
    def context(self):
        return f"seed {self.seed}"


def in_words(law):
    """The Law of a function that returns words, or raises AssertionError with words."""
    def answer(case):
        try:
            return Error(law.__name__, 0.0, law(*case))
        except AssertionError as words:
            return Error(law.__name__, np.inf, str(words))
    return Law(law.__name__, answer)


LAWS = tuple(map(in_words, (shapes, pure, whole, separate, untimed, guarded, silent,
                            learnable, simulated)))


@check
def check_tasks(family, seed=0, *, skip=(), expect_failure={}):
    """Checks every law on a family, also if others are broken.

    Returns the Report. Raises LawBroken, which shows the most basic broken law first.
    """
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    return Suite(f"{family}, seed {seed}", LAWS, lambda: [Case(family, seed)], skip,
                 expect_failure)
