"""Changes a module in one small way at a time and says which changes its tests do not notice.

    python tests/mutants.py minimeta/objective/surrogates.py
    python tests/mutants.py minimeta --minutes 30 --jobs 2

A mutant is the module with one small mistake; tests/mutation/kinds.py lists the kinds. A
mutant that survives is a hole in the tests, or a change that nobody can notice. Changes
that nobody can notice stand in tests/mutants_equivalent.txt, each with its reason:

    [minimeta/calculus/mlp.py MLP.vjp_dot]
    - for layer in reversed(range(len(layers)))
    + for layer in reversed(range(len(layers_dot)))
    = theta and its tangent have the same layers

A mutant meets the tests that run its line, for --patience seconds in all: fast ones first,
and of those that are equally fast the module's own and those of its chapter. Tests of
examples do not count: that an example still works says little of a formula. The script finds
out once which test runs which line, by tracing the suite, and keeps this in a temporary
directory as long as no source changes.

With --minutes the script times the first mutants of a random order, computes how many it has
time for, and stops there. --most with that number and the same --seed tries the same ones
again, and --skip the rest. A run that is stopped reports what it has tried. --again FILE
tries the survivors of an earlier report alone. With --tests tests/meta mutants meet the tests
of that folder alone: this is quick, but what survives must meet the others too.
"""
import argparse
import contextlib
import gc
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded

import pytest
from mutation.lines import Map, distance, lines_of_tests
from mutation.report import report, survivors
from mutation.suite import (CANNOT, OPTIONS, SURVIVED, Children, Judge, Mutated, functions_of,
                            is_time_out, patch, run, run_afresh)
from mutation.walk import mutants_of

RECENT = 3        # tests that killed the last mutants of a function go first
CONTROLS = 20     # tests that must pass when imported afresh, without a mutant
EVERY = 30        # seconds between two lines on what has been done
PILOT = 200       # mutants that are timed before the size of the sample is computed


# ---- the list of equivalent mutants

@dataclass(frozen=True)
class Equivalent:
    module: str
    function: str
    before: str
    after: str


def equivalents(text):
    """{Equivalent: reason} of a list."""
    found, place, before, key = {}, None, None, None
    for number, line in enumerate(text.splitlines(), 1):
        sign, rest = line[:1], line[2:].strip()
        if sign == "[":
            place = line.strip().strip("[]").split()
        elif sign == "-":
            before = rest
        elif sign == "+":
            key = Equivalent(*place, before, rest)
            found[key] = ""
        elif sign == "=":
            found[key] = f"{found[key]} {rest}".strip()
        elif line.strip() and sign != "#":
            raise ValueError(f"line {number} of the list must begin with one of [ - + = #, "
                             f"got {line!r}")
    silent = [key for key, reason in found.items() if not reason]
    if silent:
        raise ValueError(f"each equivalent mutant needs a reason (a line '= ..'), got none "
                         f"for {silent[0]}")
    return found


def key_of(mutant):
    return Equivalent(mutant.module, mutant.function, mutant.before, mutant.after)


# ---- the run

class Run:
    """A pytest plugin: pytest collects the tests, then this tries the mutants."""

    def __init__(self, root, mutants, judge, chosen):
        self.root, self.mutants, self.judge = root, mutants, judge
        self.jobs, self.minutes, self.patience = chosen.jobs, chosen.minutes, chosen.patience
        self.start = self.told = self.began = time.monotonic()
        self.outcomes, self.killers, self.again = {}, {}, []
        self.failing, self.error = [], None
        self.is_cut = False

    def pytest_runtestloop(self, session):
        try:
            self.work({item.nodeid: item for item in session.items})
        except BaseException as error:
            self.error = error
        return True

    def work(self, items):
        self.items, self.map = items, self.traced(items)
        self.judge.seconds, self.failing = self.map.seconds, self.map.failing
        self.functions = {module: functions_of(str(self.root / module))
                          for module in {m.module for m in self.mutants}}
        self.tell(f"{len(self.map.seconds)} tests, {len(self.mutants)} mutants to try")
        gc.freeze()  # children collect no garbage of all that is here
        self.children = Children(self.jobs)
        try:
            self.control()
            self.try_all()
        finally:
            self.children.stop()

    def traced(self, items):
        self.tell(f"which lines do {len(items)} tests run?")
        return Map(lines_of_tests(items.values(), self.root, self.mutants[0].module.split("/")[0],
                                  self.judge, self.jobs))

    def tell(self, text):
        print(f"{time.monotonic() - self.start:6.0f} s  {text}", file=sys.stderr, flush=True)

    def control(self):
        """Without a mutant, tests pass when all is imported afresh."""
        tests = sorted(self.map.seconds, key=self.map.seconds.get)
        tests = [t for t in tests if t in self.map.passing][:CONTROLS]
        told = []
        self.children.start(
            lambda pipe: run_afresh(tests, self.judge, pipe, self.root),
            lambda status, test: told.append((status, test)))
        self.children.finish()
        if told[0][0] != 0:
            raise SystemExit(f"without a mutant a child ends by status {told[0][0]}: "
                             f"{told[0][1] or tests}")

    def try_all(self):
        waiting, self.began = self.mutants[::-1], time.monotonic()
        while waiting or self.again or self.children.running:
            if len(self.outcomes) == PILOT and not self.is_cut:
                waiting = self.cut(waiting)
            if self.again:
                self.attempt(*self.again.pop())
            elif waiting and not self.is_late():
                mutant = waiting.pop()
                self.attempt(mutant, mutant.at_import or not self.map.is_run(mutant))
            elif self.children.running:
                self.children.wait()
            else:
                return
            if time.monotonic() - self.told > EVERY:
                self.told = time.monotonic()
                self.tell(f"{len(self.outcomes)} tried, "
                          f"{sum(o == 'survived' for o in self.outcomes.values())} survived")

    def cut(self, waiting):
        """Those of the waiting mutants, the last first, that there is time for."""
        self.is_cut, now = True, time.monotonic()
        if self.minutes is None:
            return waiting
        left = self.start + 60 * self.minutes - now
        n = max(0, int(left * PILOT / (now - self.began)))
        self.tell(f"there is time for {min(PILOT + n, len(self.mutants))} mutants")
        return waiting[max(len(waiting) - n, 0):]

    def is_late(self):
        return self.minutes is not None and \
            time.monotonic() - self.start > 60 * self.minutes

    def attempt(self, mutant, is_afresh, has_survived=False):
        """Starts the tests of a mutant in a child; `outcomes` gets what comes of it. What no
        test has noticed in the quick way meets the nearest once more, imported afresh."""
        known = self.killers.setdefault((mutant.module, mutant.function), [])
        tests = self.map.tests(mutant, self.patience)
        tests = [t for t in known if t in tests] + [t for t in tests if t not in known]
        if has_survived:
            far = min((distance(mutant.module, t) for t in tests), default=0)
            tests = [t for t in tests if distance(mutant.module, t) == far]
        if not tests:
            self.outcomes[mutant] = "survived"
            return

        def done(status, killer):
            code = os.waitstatus_to_exitcode(status)
            if not is_afresh and code in (SURVIVED, CANNOT):
                self.again.append((mutant, True, code == SURVIVED))
                return
            self.outcomes[mutant] = ("survived" if code == SURVIVED else
                                     "timed out" if is_time_out(status) else "killed")
            if code == SURVIVED:
                self.tell(f"survived {mutant}")
            if killer:
                known[:] = [killer, *(t for t in known if t != killer)][:RECENT]

        way = self.afresh if is_afresh else self.quickly
        self.children.start(lambda pipe: way(mutant, tests, pipe), done)

    def quickly(self, mutant, tests, pipe):
        code = mutant.code(str(self.root / mutant.module))
        if not patch(self.functions[mutant.module], code):
            return CANNOT
        return run([self.items[test] for test in tests], self.judge, pipe)

    def afresh(self, mutant, tests, pipe):
        file = str(self.root / mutant.module)
        name = ".".join(Path(mutant.module).with_suffix("").parts)
        mutated = Mutated(name.removesuffix(".__init__"), file, mutant.code(file))
        return run_afresh(tests, self.judge, pipe, self.root, mutated)


def tried(root, mutants, chosen):
    """Runs the mutants -> {mutant: outcome}, the tests that fail without any, and what
    ended the run before its time, or None."""
    if not mutants:
        return {}, [], None
    judge = Judge()
    run = Run(root, mutants, judge, chosen)
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        result = pytest.main([*OPTIONS, *chosen.tests], plugins=[judge, run])
    if run.error is None and result != pytest.ExitCode.OK:
        raise SystemExit(f"the tests cannot be collected, pytest says {result!r}")
    return run.outcomes, run.failing, run.error


def sample(mutants, seed, most, skip=0):
    """In a random order, so that those that time allows are a sample too. The order of two
    mutants does not depend on what others there are."""
    def luck(mutant):
        return random.Random(f"{seed} {mutant.module} {mutant.text}").random()

    return sorted(mutants, key=luck)[skip:][:most]


# ---- the command line

def modules(root, paths):
    """The files of the paths, as reports name them."""
    for path in map(Path, paths):
        path = path if path.is_absolute() else root / path
        if not path.exists():
            raise SystemExit(f"there is no {path}")
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.relative_to(root).as_posix()


def options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="modules or folders to change")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--most", type=int, help="size of the sample")
    parser.add_argument("--skip", type=int, default=0, help="so many of the random order")
    parser.add_argument("--minutes", type=float, help="after which no mutant is begun")
    parser.add_argument("--again", type=Path, help="an earlier report, for its survivors")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="files or folders")
    parser.add_argument("--patience", type=float, default=10,
                        help="seconds of tests for each mutant")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1])
    return parser.parse_args(arguments)


def main(arguments=None):
    """Returns 0 if nothing survived and nothing in the list is stale, else 1."""
    chosen = options(arguments)
    again = chosen.again and survivors(chosen.again.read_text())
    root = chosen.root.resolve()
    os.chdir(root)
    sys.path.insert(0, str(root))
    names = list(modules(root, chosen.paths))
    list_file = root / "tests" / "mutants_equivalent.txt"
    known = equivalents(list_file.read_text() if list_file.exists() else "")
    made = [m for name in names for m in mutants_of((root / name).read_text(), name)]
    listed = {m for m in made if key_of(m) in known}
    unused = known.keys() - set(map(key_of, listed))
    stale = [key for key in known if key.module in names and key in unused]
    rest = [m for m in made if m not in listed]
    if again is not None:
        rest = [m for m in rest if f"{m.module} {m.text}" in again]
    chosen_ones = sample(rest, chosen.seed, chosen.most, chosen.skip)
    outcomes, failing, error = tried(root, chosen_ones, chosen)
    print(*report(made, listed, outcomes, stale, failing), sep="\n")
    if error is not None:
        raise error
    return int(bool(stale) or "survived" in outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
