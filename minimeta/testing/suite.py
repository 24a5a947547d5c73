"""A suite runs all laws on one subject, in several cases, and reports on each law.

    check_map(net, (7, 3))            LawBroken if a law is broken, else the Report
    check_map.report(net, (7, 3))     the Report, also if a law is broken
    check_map.suite(net, (7, 3))      the Suite itself, law by law, for test runners

Every law is run in every case, also after others have failed. The laws stand from the
most basic to the least, and the first broken one is the headline. A law that raises is
broken, and so is one that returns nothing. A law that does not apply raises
DoesNotApply with the reason.

    skip=("symmetry",)                          is not run, and reported as skipped
    expect_failure={"second": "relu only"}      must fail; reported with the reason
"""
import traceback
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any, Callable

import numpy as np

from .nests import CouldNotLook
from .report import Error, Report, worst


class DoesNotApply(Exception):
    """A law does not apply to this subject; the message is the reason."""


@dataclass(frozen=True)
class Law:
    """A law of a suite.

    check   case -> an Error, or several: the worst counts
    gate    the largest error that passes
    """

    name: str
    check: Callable
    gate: float = 0.0

    def __call__(self, case):
        """The Error in a case; inf if the law could not look, or the subject raised."""
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


def by_differences(rules):
    """The laws with gates of 1e-6 at least, which differences can meet."""
    return tuple(replace(law, gate=max(law.gate, 1e-6) if law.gate else 0.0)
                 for law in rules)


def raised(error):
    """The words for an exception and its place."""
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
        """The Report on all laws, or on those in `names`."""
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
        """Adds the errors of a law in all cases to the report."""
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
        """Raises ValueError if skip or expect_failure name other laws."""
        known = [law.name for law in self.laws]
        for option in ("skip", "expect_failure"):
            names = getattr(self, option)
            if isinstance(names, str) or not set(names) <= set(known):
                raise ValueError(f"{option} must hold names of laws, of {known}, got "
                                 f"{names!r}")


def check(make):
    """A decorator: makes a check of a function that returns a Suite."""
    @wraps(make)
    def checked(*args, **kwargs):
        return make(*args, **kwargs).run().settle()

    @wraps(make)
    def report(*args, **kwargs):
        return make(*args, **kwargs).run()

    checked.suite, checked.report = make, report
    return checked
