"""What a suite of laws found, where a law answers in words: kept, broken, or skipped
with the reason. Every law is run, and every law is in the report.
"""
import traceback
from dataclasses import dataclass

KEPT, BROKEN, SKIPPED = "", "BROKEN", "skipped"


class Skipped(Exception):
    """Raised by a law that has nothing to look at. The message is the reason."""


@dataclass(frozen=True)
class Finding:
    """What one law found."""

    law: str
    verdict: str
    words: str

    def __str__(self):
        return f"{self.law:12}{self.verdict:9}{self.words}"


@dataclass(frozen=True)
class Findings:
    """What all laws found, the most basic law first.

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
    """Runs a law, a function that returns words, or raises."""
    try:
        return Finding(law.__name__, KEPT, law(*arguments))
    except Skipped as reason:
        return Finding(law.__name__, SKIPPED, str(reason))
    except AssertionError as error:
        return Finding(law.__name__, BROKEN, str(error))
    except Exception as error:  # of the subject: it is a finding, whatever it is
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Finding(law.__name__, BROKEN,
                       f"{type(error).__name__}: {error} (in {place.name}, "
                       f"{place.filename}, line {place.lineno})")
