"""The report on laws that answer in words: each is kept, broken, or skipped with the
reason.
"""
import traceback
from dataclasses import dataclass

from .suite import DoesNotApply

KEPT, BROKEN, SKIPPED = "", "BROKEN", "skipped"


@dataclass(frozen=True)
class Finding:
    """The answer of one law."""

    law: str
    verdict: str
    words: str

    def __str__(self):
        return f"{self.law:12}{self.verdict:9}{self.words}"


@dataclass(frozen=True)
class Findings:
    """The answers of all laws, the most basic law first.

        found["silent"]                a law's words
        found.broken, found.skipped    {law: words}
        print(found)                   the table
    """

    subject: str
    each: tuple

    def __getitem__(self, law):
        return {one.law: one.words for one in self.each}[law]

    def __iter__(self):
        return (one.law for one in self.each)

    @property
    def broken(self):
        return self.of(BROKEN)

    @property
    def skipped(self):
        return self.of(SKIPPED)

    def of(self, verdict):
        return {one.law: one.words for one in self.each if one.verdict == verdict}

    def __str__(self):
        head = Finding("law", "verdict", "what was found")
        return "\n".join([self.subject, *map(str, (head, *self.each))])

    def settle(self):
        """Returns itself, or raises AssertionError with the most basic broken law."""
        for law, words in self.broken.items():
            raise AssertionError(f"{law}: {words}\n{self}")
        return self


def examine(law, *arguments):
    """The Finding of a law, which returns words or raises."""
    try:
        return Finding(law.__name__, KEPT, law(*arguments))
    except DoesNotApply as reason:
        return Finding(law.__name__, SKIPPED, str(reason))
    except AssertionError as error:
        return Finding(law.__name__, BROKEN, str(error))
    except Exception as error:  # the subject raised it: that breaks the law
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Finding(law.__name__, BROKEN,
                       f"{type(error).__name__}: {error} (in {place.name}, "
                       f"{place.filename}, line {place.lineno})")
