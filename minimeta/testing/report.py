"""The answer of a law, an Error that says in words what is wrong, and the answer of a
suite, a Report.

    error = compare("tangent", claimed, true, name=layout.name)
    error < 1e-12      a float: |claimed - true| / the larger of the two norms
    print(error)       tangent: relative error 2.1e-01, worst at U[3, 4]: claimed ..

The error is 0 if both are zero, inf if anything is not finite or the shapes differ.
Errors and reports pickle, so that they travel from one process to another.
"""
import numpy as np

from .hints import explain, hint, norm, place
from .nests import leaves


class Error(float):
    """A relative error. Printed, it says what was compared and where it is worst.

    hint   the likely mistake, in words; "" if none was recognised
    """

    def __new__(cls, law, number, detail, hint=""):
        error = super().__new__(cls, number)
        error.law, error.detail, error.hint, error.context = law, detail, hint, ""
        return error

    def __str__(self):
        hint = f"; {self.hint}" if self.hint else ""
        number = f"relative error {float(self):.1e}, " if 0 < self < np.inf else ""
        return f"{self.law}: {number}{self.detail}{hint}"

    __repr__ = __str__

    def __reduce__(self):
        return Error, (self.law, float(self), self.detail, self.hint), vars(self)


class LawBroken(AssertionError):
    """A suite failed; `report` is its Report."""

    def __init__(self, message, report=None):
        super().__init__(message)
        self.report = report


def compare(law, claimed, true, name=None, sizes=None, lead="task"):
    """The Error of `claimed` against `true`, [..., P].

    name(i)   what to call coordinate i of the last axis
    sizes     {"B": 4, ..}: sizes by which a wrong factor may be recognised
    lead      what the axes before the last one count
    """
    claimed, true = np.asarray(claimed), np.asarray(true)
    if claimed.shape != true.shape:
        return Error(law, np.inf, f"claimed has shape {list(claimed.shape)}, true has "
                                  f"shape {list(true.shape)}")
    if claimed.size == 0:
        return Error(law, 0.0, "nothing to compare")
    finite = np.isfinite(claimed) & np.isfinite(true)
    gap = np.abs(np.where(finite, claimed, np.inf) - np.where(finite, true, 0))
    index = np.unravel_index(gap.argmax(), gap.shape)
    detail = (f"worst at {place(index, name, lead)}: claimed "
              f"{claimed[index]:.10g}, true {true[index]:.10g}")
    if not finite.all():
        return Error(law, np.inf, detail)
    largest = max(np.abs(claimed).max(), np.abs(true).max())
    if largest == 0:
        return Error(law, 0.0, "both are zero")
    claimed, true = claimed / largest, true / largest  # so that no square underflows
    number = norm(claimed - true) / max(norm(claimed), norm(true))
    words = hint(claimed, true, index, name, sizes, lead) if number > 1e-9 else ""
    return Error(law, number, detail, words)


def inner(law, these, those):
    """The Error of <a, b> against <c, d>: relative to max(|a| |b|, |c| |d|)."""
    (a, b), (c, d) = ([flat(x) for x in pair] for pair in (these, those))
    if a.shape != b.shape or c.shape != d.shape:
        return Error(law, np.inf, f"the sides pair {a.size} with {b.size} and {c.size} "
                                  f"with {d.size} numbers")
    left, right = (a * b).sum(), (c * d).sum()
    scales = norm(a) * norm(b), norm(c) * norm(d)
    detail = f"the sides are {left:.10g} and {right:.10g}"
    if not np.isfinite(scales).all():
        return Error(law, np.inf, detail)
    scale = max(scales)
    number = abs(left - right) / scale if scale else 0.0
    words = explain(right / left, "the second is {} the first") if left else ""
    return Error(law, number, detail, words if number > 1e-9 else "")


def worst(errors):
    return max(errors)


def flat(nest):
    return np.concatenate([leaf.ravel() for leaf in leaves(nest)])


# ---- the report of a suite

class Report:
    """The errors of every check on a subject, law by law.

    gates     law -> the largest error that passes, the most basic law first
    declared  law -> how many checks there must be; any other number is a failure
    skipped   law -> why it was not run
    expected  law -> why it is known to fail; it must fail
    notes     sentences on how the checks were made
    """

    def __init__(self, subject, gates, declared, skipped=None, expected=None, notes=()):
        self.subject, self.gates, self.declared = subject, gates, declared
        self.skipped, self.expected = dict(skipped or {}), dict(expected or {})
        self.notes = list(notes)
        self.errors = {law: [] for law in declared}

    def __getitem__(self, law):
        """The worst Error of a law."""
        return worst(self.errors[law])

    def add(self, error, context=""):
        error.context = context
        self.errors[error.law].append(error)

    @property
    def counts(self):
        return {law: len(errors) for law, errors in self.errors.items()}

    @property
    def broken(self):
        """law -> its worst Error, for all broken laws, also those known to fail."""
        return {law: worst(errors) for law, errors in self.errors.items()
                if errors and not worst(errors) <= self.gates[law]}

    @property
    def failed(self):
        """`broken` without the laws that are known to fail; the most basic first."""
        return {law: error for law, error in self.broken.items()
                if law not in self.expected}

    def verdict(self, law):
        if law in self.broken:
            reason = self.expected.get(law)
            return f"  known to fail: {reason}" if reason else "  BROKEN"
        return "  PASSED, known to fail" if law in self.expected else ""

    def __str__(self):
        rows = [self.subject, *self.notes,
                f"{'law':20}{'checks':>8}{'worst error':>14}{'gate':>10}"]
        for law, errors in self.errors.items():
            number = f"{float(worst(errors)):.1e}" if errors else "-"
            answer = f"{number:>14}{self.gates[law]:10.0e}{self.verdict(law)}"
            if errors and self.gates[law] == 0:      # such a law answers in words
                answer = f"{self.verdict(law)}  {worst(errors).detail}"
            rows.append(f"{law:20}{len(errors):8}{answer}")
        for law, why in self.skipped.items():
            rows.append(f"{law:20}{'-':>8}  skipped: {why}")
        return "\n".join(rows)

    def settle(self):
        """Returns itself if every declared check was made and passed, but for the laws
        in `expected`, which must fail.

        Raises LawBroken if another law is broken, and shows the most basic one first;
        if more or fewer checks were made than declared; if no law was run; if a law in
        `expected` passed.
        """
        surprises = [law for law in self.expected if law not in self.broken]
        if self.counts != self.declared:
            raise LawBroken(f"{self.subject}: checks made {self.counts}, declared "
                            f"{self.declared}\n{self}", self)
        if not any(self.counts.values()):
            raise LawBroken(f"{self.subject}: no law was run\n{self}", self)
        if self.failed:
            error = next(iter(self.failed.values()))
            gate = self.gates[error.law]
            where = f"gate {gate:.0e}; {error.context}" if gate else error.context
            raise LawBroken(f"{error}\n({where})\n{self}", self)
        if surprises:
            raise LawBroken(f"{self.subject}: {surprises} passed, though known to "
                            f"fail; take them off the list\n{self}", self)
        return self
