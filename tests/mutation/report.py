"""What tests/mutants.py prints at the end: the survivors, and a table of the chapters."""
import re
from collections import Counter


def chapter(module):
    """minimeta/meta/maml.py -> meta; a file that is in no chapter is one by itself."""
    return module.split("/")[1].removesuffix(".py")


def table(made, listed, outcomes):
    """A row for each chapter, and one for all."""
    rows = [(chapter(m.module), outcomes.get(m), m in listed) for m in made]
    yield f"{'chapter':12}{'mutants':>9}{'tried':>9}{'killed':>9}{'equivalent':>12}" \
          f"{'survivors':>11}{'killed of the others':>22}"
    for name in [*dict.fromkeys(name for name, *_ in rows), "all"]:
        own = [row[1:] for row in rows if name in (row[0], "all")]
        n = Counter(outcome for outcome, _ in own if outcome)
        killed, equivalent = n.total() - n["survived"], sum(known for _, known in own)
        yield f"{name:12}{len(own):9}{n.total():9}{killed:9}{equivalent:12}" \
              f"{n['survived']:11}{100 * killed / max(n.total(), 1):20.1f} %"


def report(made, listed, outcomes, stale, failing):
    """The lines that are printed at the end."""
    yield from (f"fails without a mutant, so left out: {test}" for test in failing)
    yield from (f"stale in the list of equivalents: {key.module} {key.function}: "
                f"{key.before} -> {key.after}" for key in stale)
    for mutant in sorted(outcomes, key=lambda m: (m.module, m.lines)):
        if outcomes[mutant] == "survived":
            yield str(mutant)
    timed_out = sum(outcome == "timed out" for outcome in outcomes.values())
    yield f"{timed_out} of the killed ran out of time"
    yield from table(made, listed, outcomes)


def survivors(text):
    """What an earlier report says of the mutants that survived, without their lines."""
    return {re.sub(r"^(\S+\.py):\d+ ", r"\1 ", line) for line in text.splitlines()}
