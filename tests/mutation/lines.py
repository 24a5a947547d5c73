"""Which test runs which line: found once by tracing the suite, kept between runs.

What is kept of a test file is named after the contents of the file and of all that it may
use, so that a new test costs the tracing of its own file alone.
"""
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from time import process_time

from .suite import SURVIVED, Children


class Tracer:
    """The lines of files below `folder` that are run between start and stop."""

    def __init__(self, folder):
        self.folder = str(folder) + os.sep

    def start(self):
        self.unseen = {}   # id of a code -> (code, all its lines, those not yet run)
        sys.settrace(self.call)

    def stop(self):
        sys.settrace(None)
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


def digest(*paths):
    return hashlib.sha256(b"".join(
        str(path).encode() + path.read_bytes() for path in sorted(paths))).hexdigest()[:32]


def sources(root, *folders):
    return [path for folder in folders for path in (root / folder).rglob("*.py")]


def caches(root, package, test_files):
    """{test file: where its lines are kept}, a name made of the contents of all it uses."""
    folder = Path(tempfile.gettempdir()) / f"mutants-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    helpers = [p for p in sources(root, "tests") if not p.name.startswith("test_")]
    common = digest(*sources(root, package, "examples"), *helpers)
    return {file: folder / f"{common[:16]}-{digest(root / file)[:16]}.json"
            for file in test_files}


def lines_of_tests(items, root, package, judge, jobs):
    """{test: [seconds, passed, {file: lines}]}, traced where no cache has it."""
    by_file, found = {}, {}
    for item in items:
        by_file.setdefault(item.nodeid.split("::")[0], []).append(item)
    children, lost = Children(jobs), []
    for file, cache in caches(root, package, by_file).items():
        if not cache.exists():
            children.start(
                lambda _, group=by_file[file], cache=cache: traced(
                    group, root / package, root, judge, cache),
                lambda status, _, file=file: status and lost.append(file))
    children.finish()
    if lost:
        raise SystemExit(f"tests that could not be traced: {', '.join(lost)}")
    for cache in caches(root, package, by_file).values():
        found |= json.loads(cache.read_text())
    return found


class Map:
    """Which tests run a line."""

    def __init__(self, found):
        self.failing = sorted(test for test, (_, passed, _) in found.items() if not passed)
        self.seconds = {test: row[0] for test, row in found.items()}
        self.by_line, self.by_file = {}, {}
        for test, (_, passed, lines) in found.items():
            for file, numbers in lines.items() if passed else ():
                self.by_file.setdefault(file, set()).add(test)
                for number in numbers:
                    self.by_line.setdefault((file, number), set()).add(test)

    def tests(self, mutant):
        """Those that run the mutant's lines, or, of what runs at import, the module's;
        the fastest first."""
        first, last = mutant.lines
        lines = [(mutant.module, number) for number in range(first, last + 1)]
        chosen = (self.by_file.get(mutant.module, set()) if mutant.at_import
                  else set().union(*(self.by_line.get(line, ()) for line in lines)))
        quick = {test for test in chosen if not test.startswith("tests/examples")}
        return sorted(quick or chosen, key=lambda test: (self.seconds[test], test))
