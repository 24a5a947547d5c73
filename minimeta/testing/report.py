"""What a law answers (an error that can speak) and what a suite answers (a report).

    error = compare("tangent", claimed, true, name=layout.name)
    error < 1e-12      it is a float: |claimed - true| / the larger of the two norms
    print(error)       tangent: relative error 2.1e-01, worst at U[3, 4]: claimed ..

The error is 0 if both are zero, inf if anything is not finite or the shapes differ.
"""
import numpy as np

from .nests import leaves


class Error(float):
    """A relative error that says, printed, what was compared and where it is worst."""

    def __new__(cls, law, number, detail):
        error = super().__new__(cls, number)
        error.law, error.detail = law, detail
        return error

    def __str__(self):
        return f"{self.law}: relative error {float(self):.1e}, {self.detail}"

    __repr__ = __str__


def compare(law, claimed, true, name=None):
    """The Error of `claimed` against `true`, [..., P]; name(i) is of the last axis."""
    claimed, true = np.asarray(claimed), np.asarray(true)
    if claimed.shape != true.shape:
        return Error(law, np.inf, f"claimed has shape {list(claimed.shape)}, true has "
                                  f"shape {list(true.shape)}")
    if claimed.size == 0:
        return Error(law, 0.0, "nothing to compare")
    finite = np.isfinite(claimed) & np.isfinite(true)
    gap = np.abs(np.where(finite, claimed, 0) - np.where(finite, true, 0))
    gap = np.where(finite, gap, np.inf)
    index = np.unravel_index(gap.argmax(), gap.shape)
    detail = (f"worst at {place(index, name)}: claimed {claimed[index]:.10g}, "
              f"true {true[index]:.10g}")
    if not finite.all():
        return Error(law, np.inf, detail)
    largest = max(np.abs(claimed).max(), np.abs(true).max())
    if largest == 0:
        return Error(law, 0.0, "both are zero")
    claimed, true = claimed / largest, true / largest  # so that no square underflows
    number = norm(claimed - true) / max(norm(claimed), norm(true))
    return Error(law, number, detail + hint(claimed, true, index, name, number))


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
    if number > 1e-9 and left:
        detail += explain(right / left, "the second is {} the first")
    return Error(law, number, detail)


def worst(errors):
    return max(errors, key=float)


def flat(nest):
    return np.concatenate([leaf.ravel() for leaf in leaves(nest)])


def norm(a):
    return float(np.sqrt((np.abs(a) ** 2).sum()))


# ---- where and why

def place(index, name):
    """The words for an index: W[1, 2] of task 0."""
    index = [int(i) for i in index]
    if name is None or not index:
        return f"index {index}"
    lead = index[0] if len(index) == 2 else index[:-1]
    return str(name(index[-1])) + (f" of task {lead}" if len(index) > 1 else "")


def hint(claimed, true, index, name, number):
    """What the two have to do with each other, where it can be recognised."""
    if number < 1e-9:
        return ""
    if not true.any():
        return "; true is zero throughout: did complex numbers flow (abs, buffers)?"
    ratio = (claimed * true).sum() / (true * true).sum()
    if norm(claimed - ratio * true) <= 1e-6 * norm(true):
        return explain(ratio, "claimed is {} true, throughout")
    elsewhere = np.isclose(true, claimed[index], rtol=1e-9, atol=0)
    if claimed[index] and elsewhere.any():
        other = np.unravel_index(elsewhere.argmax(), true.shape)
        return (f"; claimed is what is true at {place(other, name)}: "
                f"transposed or swapped?")
    return explain(claimed[index] / true[index], "claimed is {} true, here") \
        if true[index] else ""


def explain(ratio, words):
    """A recognised ratio in words: 0, -1, a whole number or one over it."""
    if abs(ratio - 1) < 1e-5:
        return ""
    if abs(ratio) < 1e-9:
        factor = "zero, not"
    elif abs(ratio + 1) < 1e-6:
        factor = "minus"
    elif is_whole(ratio):
        factor = f"{ratio:.0f} times"
    elif is_whole(1 / ratio):
        factor = f"1/{1 / ratio:.0f} of"
    elif "throughout" in words:
        factor = f"{ratio:.6g} times"
    else:
        return ""
    return "; " + words.format(factor)


def is_whole(ratio):
    return 0.5 < abs(ratio) < 1e4 and abs(ratio - np.round(ratio)) < 1e-6


# ---- the report of a suite

class Report:
    """Every check made on a subject, law by law: how many, how many failed, the worst.

    gates     law -> the largest error that passes
    declared  law -> how many checks there must be; fewer is a failure
    """

    def __init__(self, subject, gates, declared):
        self.subject, self.gates, self.declared = subject, gates, declared
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
    def failed(self):
        """law -> its worst Error, of the laws that are broken."""
        return {law: worst(errors) for law, errors in self.errors.items()
                if errors and not worst(errors) <= self.gates[law]}

    def __str__(self):
        rows = [self.subject, f"{'law':20}{'checks':>8}{'worst error':>14}{'gate':>10}"]
        for law, errors in self.errors.items():
            number = f"{float(worst(errors)):.1e}" if errors else "-"
            verdict = "  BROKEN" if law in self.failed else ""
            rows.append(f"{law:20}{len(errors):8}{number:>14}{self.gates[law]:10.0e}"
                        + verdict)
        return "\n".join(rows)

    def settle(self):
        """Returns itself if every declared check was made and passed, or raises."""
        if self.counts != self.declared:
            raise AssertionError(f"{self.subject}: checks made {self.counts}, declared "
                                 f"{self.declared}")
        if self.failed:
            error = worst(self.failed.values())
            raise AssertionError(f"{error}\n(gate {self.gates[error.law]:.0e}; "
                                 f"{error.context})\n{self}")
        return self
