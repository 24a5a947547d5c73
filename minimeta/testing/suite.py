"""A suite: all the laws that apply to a thing, in several cases, with counts.

    check_map(net, (7, 3))            LawBroken if a law is broken, else the Report
    check_map.report(net, (7, 3))     the Report, whatever it says
    check_map.suite(net, (7, 3))      the Suite itself, law by law, for test runners

A law is run in every case, whatever became of the laws before: all are reported. The
laws stand from the most basic to the least, and the first broken one is the headline.
A law that raises is broken, one that returns nothing is broken too. A law that does not
apply returns the reason as DoesNotApply.

    skip=("symmetry",)                          is not run, and reported as skipped
    expect_failure={"second": "relu only"}      must fail; reported with the reason
"""
import traceback
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Callable

import numpy as np

from .nests import CouldNotLook
from .report import Error, Report, worst


class DoesNotApply(Exception):
    """A law has nothing to say of this subject; the message is the reason."""


@dataclass(frozen=True)
class Law:
    """A law of a suite.

    check   case -> an Error, or several, the worst of which counts
    gate    the largest error that passes
    """

    name: str
    check: Callable
    gate: float = 0.0

    def __call__(self, case):
        """The Error in a case; CouldNotLook and what the subject raises are errors."""
        try:
            found = self.check(case)
            found = [found] if isinstance(found, float) else list(found or ())
            if not found:
                raise CouldNotLook("nothing was compared")
        except DoesNotApply:
            raise
        except CouldNotLook as reason:
            found = [Error(self.name, np.inf, f"could not look: {reason}")]
        except Exception as error:
            found = [Error(self.name, np.inf, raised(error))]
        error = worst(found)
        error.law = self.name
        return error


def raised(error):
    """What was raised and where, in words."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return f"raised {kind}{error} ({Path(where.filename).name}, line {where.lineno})"


@dataclass(frozen=True)
class Suite:
    """Laws on one subject. `cases()` makes the cases; each has a `context`, the words
    for its seed and shapes."""

    subject: str
    laws: tuple
    cases: Callable
    skip: Any = ()
    expect_failure: dict = field(default_factory=dict)
    explain: Callable = None   # (case, law's name) -> a better hint, or nothing

    def run(self, names=None):
        """The Report; of some laws only, if `names` are given."""
        self.require_known()
        reasons = self.skip if isinstance(self.skip, dict) else {
            name: "skip=" for name in self.skip}
        wanted = [law for law in self.laws if names is None or law.name in names]
        report = Report(self.subject, {law.name: law.gate for law in wanted}, {},
                        {law.name: reasons[law.name] for law in wanted
                         if law.name in reasons})
        cases = self.cases()
        for law in wanted:
            if law.name not in report.skipped:
                self.examine(law, cases, report)
        report.expected = {law: why for law, why in self.expect_failure.items()
                           if law in report.errors}
        for case in cases:
            report.notes += [note for note in getattr(case, "notes", ())
                             if note not in report.notes]
        return report

    def examine(self, law, cases, report):
        """One law in all cases in which it applies."""
        found = []
        for case in cases:
            try:
                error = law(case)
            except DoesNotApply as reason:
                report.skipped[law.name] = str(reason)
                continue
            found.append((error, case))
        if not found:
            return
        report.skipped.pop(law.name, None)
        report.declared[law.name], report.errors[law.name] = len(found), []
        error, case = max(found, key=lambda pair: float(pair[0]))
        if self.explain and not error <= law.gate:
            error.hint = self.explain(case, law.name) or error.hint
        for error, case in found:
            report.add(error, case.context)

    def require_known(self):
        known = [law.name for law in self.laws]
        for option in ("skip", "expect_failure"):
            names = getattr(self, option)
            if isinstance(names, str) or not set(names) <= set(known):
                raise ValueError(f"{option} must hold names of laws, of {known}, got "
                                 f"{names!r}")


def check(make):
    """Makes a check of a function that returns a Suite."""
    @wraps(make)
    def checked(*args, **kwargs):
        return make(*args, **kwargs).run().settle()

    @wraps(make)
    def report(*args, **kwargs):
        return make(*args, **kwargs).run()

    checked.suite, checked.report = make, report
    return checked
