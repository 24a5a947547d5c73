"""Checks that a family of tasks keeps its promises.

    found = check_tasks(MyFamily(..), seed=0)    AssertionError if a law is broken
    print(found)                                 a line for each law

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
from .. import require
from .findings import SKIPPED, Finding, Findings, examine
from .task_form import guarded, pure, separate, shapes, untimed, whole
from .task_number import learnable, silent, simulated

LAWS = (shapes, pure, whole, separate, untimed, guarded, silent, learnable, simulated)


def check_tasks(family, seed=0, skip=()):
    """Checks every law on a family, also if others are broken.

    skip  names of laws to leave out

    Returns Findings; found["silent"] is what a law found.
    Raises AssertionError, which shows the most basic broken law first, then all laws.
    """
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    laws = {law.__name__: law for law in LAWS}
    for name in require.sequence("skip", skip):
        require.choice("each of skip", name, laws)
    left_out = "left out by skip="
    return Findings(f"{family}, seed {seed}", tuple(
        Finding(name, SKIPPED, left_out) if name in skip else examine(law, family, seed)
        for name, law in laws.items())).settle()
