"""Which test runs which line: found once by tracing the suite, kept between runs.

What is kept of a test file is named after the contents of the file and of all that it may
use, so that a new test costs the tracing of its own file alone.
"""
import hashlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from time import process_time

from .suite import SURVIVED, Children

AT_IMPORT = 3  # so many times the patience for what no test runs: any may notice it
FARTHER = 4    # of two tests the nearer one may take so many times as long to go first


class Tracer:
    """The lines of files below `folder` that are run between start and stop."""

    def __init__(self, folder):
        self.folder = str(folder) + os.sep

    def start(self):
        self.unseen = {}   # id of a code -> (code, all its lines, those not yet run)
        self.before = sys.gettrace(), threading.gettrace()
        threading.settrace(self.call)
        sys.settrace(self.call)

    def stop(self):
        here, elsewhere = self.before
        sys.settrace(here)
        threading.settrace(elsewhere)
        lines = {}
        for code, every, unseen in self.unseen.values():
            if every:
                lines.setdefault(code.co_filename, set()).update(every - unseen)
        return lines

    def call(self, frame, event, arg):
        code = frame.f_code
        known = self.unseen.get(id(code))
        if known is None:
            ours = code.co_filename.startswith(self.folder)
            every = {line for *_, line in code.co_lines() if line} if ours else set()
            known = code, every, every - {code.co_firstlineno}
            self.unseen[id(code)] = known
        return self.line if known[2] else None

    def line(self, frame, event, arg):
        if event == "line":
            self.unseen[id(frame.f_code)][2].discard(frame.f_lineno)
        return self.line


def traced(items, folder, root, judge, cache):
    """Runs the items; writes {test: [seconds, passed, {file: lines}]} to `cache`."""
    found, tracer = {}, Tracer(folder)
    for item, following in zip(items, [*items[1:], None]):
        start = process_time()
        tracer.start()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        lines = {os.path.relpath(file, root): sorted(numbers)
                 for file, numbers in tracer.stop().items()}
        found[item.nodeid] = process_time() - start, item.nodeid not in judge.failed, lines
    partial = f"{cache}.{os.getpid()}"
    with open(partial, "w") as file:
        json.dump(found, file)
    os.replace(partial, cache)
    return SURVIVED


def digest(root, paths):
    """A short name of what the files hold."""
    told = (f"{path.relative_to(root)}\n".encode() + path.read_bytes() for path in paths)
    return hashlib.sha256(b"".join(told)).hexdigest()[:16]


def caches(root, package, test_files):
    """{test file: where its lines are kept}, a name made of the contents of all it uses."""
    folder = Path(tempfile.gettempdir()) / f"mutants-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    helpers = [path for path in (root / "tests").rglob("*.py")
               if not path.name.startswith("test_") and path.parent.name != "mutation"
               and path.name != "mutants.py"]
    sources = [path for name in (package, "examples") for path in (root / name).rglob("*.py")]
    common = digest(root, sorted(helpers + sources))
    return {file: folder / f"{common}-{digest(root, [root / file])}.json"
            for file in test_files}


def lines_of_tests(items, root, package, judge, jobs):
    """{test: [seconds, passed, {file: lines}]}, traced where no cache has it."""
    by_file, found = {}, {}
    for item in items:
        by_file.setdefault(item.nodeid.split("::")[0], []).append(item)
    kept = caches(root, package, by_file)
    children, lost = Children(jobs), []
    for file, cache in kept.items():
        if not cache.exists():
            children.start(
                lambda _, group=by_file[file], cache=cache: traced(
                    group, root / package, root, judge, cache),
                lambda status, _, file=file: status and lost.append(file))
    children.finish()
    if lost:
        raise SystemExit(f"tests that could not be traced: {', '.join(lost)}")
    for cache in kept.values():
        found |= json.loads(cache.read_text())
    return found


class Map:
    """Which tests run a line."""

    def __init__(self, found):
        self.passing = {test for test, (_, passed, _) in found.items() if passed}
        self.failing = sorted(found.keys() - self.passing)
        self.seconds = {test: row[0] for test, row in found.items()}
        self.by_line, self.by_file, self.known = {}, {}, {}
        for test, (_, passed, lines) in found.items():
            for file, numbers in lines.items() if passed else ():
                self.by_file.setdefault(file, set()).add(test)
                for number in numbers:
                    self.by_line.setdefault((file, number), set()).add(test)

    def is_run(self, mutant):
        """Whether a test runs a line of the mutant; what is run at import alone is not."""
        first, last = mutant.lines
        return any((mutant.module, n) in self.by_line for n in range(first, last + 1))

    def tests(self, mutant, patience):
        """Those that run the mutant's lines, for `patience` seconds in all. Fast ones go
        first, and of those that are equally fast the module's own, then those of its chapter
        and of the house, in tests/ itself. What runs at import alone meets those that run the
        module or belong to its chapter, and those of the house."""
        key = mutant.module, mutant.lines, mutant.at_import, patience
        if key not in self.known:
            self.known[key] = self.choose(*key)
        return self.known[key]

    def choose(self, module, lines, at_import, patience):
        first, last = lines
        lines, taken = [(module, number) for number in range(first, last + 1)], []
        chosen = set().union(*(self.by_line.get(line, ()) for line in lines))
        if at_import or not chosen:
            chosen = self.by_file.get(module, set()) | {
                test for test in self.passing if distance(module, test) < 2}
            patience = AT_IMPORT * patience
        for test in sorted(chosen, key=lambda test: (
                FARTHER ** distance(module, test) * self.seconds[test], test)):
            patience -= self.seconds[test]
            if patience > 0 or not taken:
                taken.append(test)
        return taken


def distance(module, test):
    """0 of the module's own tests, 1 of those of its chapter and of the house, 2 of others."""
    path = Path(module)
    if f"/test_{path.stem}" in test:
        return 0
    return 1 if f"tests/{path.parent.name}/" in test or test.count("/") == 1 else 2
