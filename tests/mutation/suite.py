"""Runs the tests of one mutant in a forked child of a process that has collected them.

A mutant of a function is put in place by giving the function its new code, so that a
child starts in milliseconds. A mutant of what runs at import is tried "afresh": the child
forgets the package and the tests and imports both again, with the mutant in the module's
place. Whatever survived the quick way is tried afresh too, by the nearest tests alone,
since imports take long.

The child stops at the first test that fails. A test that takes much longer than it
takes without a mutant ends the child by a signal.
"""
import contextlib
import gc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import traceback
import types

import pytest

SURVIVED, KILLED, CANNOT, BROKEN = 0, 17, 18, 19  # exit codes of a child
OPTIONS = ["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--tb=no", "-s",
           "--ignore=tests/test_mutants.py", "--ignore=tests/examples"]
SLACK = 1.0   # seconds that a test may take beside ..
TIMES = 5     # .. so many times what it takes without a mutant
MEMORY = 8 << 30
EXAMPLES = 15  # of Hypothesis, where a test does not say how many


class Judge:
    """A pytest plugin: few examples and the same ones each time; in a child, the first
    failure and the clock end the process."""

    def __init__(self, seconds=None, tests=None):
        self.seconds, self.tests = seconds or {}, tests
        self.tell, self.failed = None, set()

    def pytest_configure(self, config):
        try:
            from hypothesis import HealthCheck, Phase, settings
        except ImportError:
            return
        settings.register_profile(
            "mutants", max_examples=EXAMPLES, derandomize=True, database=None,
            deadline=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items):
        if self.tests is not None:
            by_name = {item.nodeid: item for item in items}
            items[:] = [by_name[test] for test in self.tests if test in by_name]

    def pytest_runtest_logstart(self, nodeid):
        if self.tell is not None:
            limit = SLACK + TIMES * self.seconds.get(nodeid, SLACK)
            signal.setitimer(signal.ITIMER_PROF, limit)        # of this process
            signal.setitimer(signal.ITIMER_REAL, 20 * limit)   # if it only waits

    def pytest_runtest_logfinish(self):
        if self.tell is not None:  # what follows the last test takes its time
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(report.nodeid)
            if self.tell is not None:
                os.write(self.tell, report.nodeid.encode())
                os._exit(KILLED)


class Children:
    """At most `jobs` children at once; each tells a few bytes and an exit status. A child
    leads a process group, so that what its tests have forked ends with it: it would hold
    the child's end of the pipe."""

    def __init__(self, jobs):
        self.jobs, self.running = jobs, {}

    def start(self, work, done):
        """Forks; the child runs work(pipe) -> exit code, then done(status, told) here."""
        while len(self.running) >= self.jobs:
            self.wait()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os._exit(in_child(work, writer))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # here too: whoever comes first, the group is there
        os.close(writer)
        self.running[pid] = reader, done

    def wait(self):
        pid, status = os.wait()
        reader, done = self.running.pop(pid)
        end(pid)
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read().decode()
        if os.waitstatus_to_exitcode(status) == BROKEN:
            raise RuntimeError(f"the script itself failed in a child:\n{told}")
        done(status, told)

    def finish(self):
        while self.running:
            self.wait()

    def stop(self):
        for pid in self.running:
            end(pid)
        self.running = {}


def end(group):
    """Ends what is left of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def in_child(work, writer):
    for name in (signal.SIGPROF, signal.SIGALRM, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    try:
        return work(writer)
    except (KeyboardInterrupt, pytest.exit.Exception, MemoryError):
        return KILLED
    except Exception:  # of the script itself: pytest keeps those of the tests
        os.write(writer, traceback.format_exc()[-4000:].encode())
        return BROKEN


def is_time_out(status):
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)


# ---- the quick way: new code for the functions of a module that is imported

def codes(code):
    """The code and all that is nested in it, by (first line, name)."""
    found = [((code.co_firstlineno, code.co_name), code)]
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            found += codes(const)
    return found


def functions_of(file):
    """All functions that were made of the code in that file."""
    return [f for f in gc.get_objects() if type(f) is types.FunctionType
            and f.__code__.co_filename == file]


def patch(functions, code):
    """Gives functions of a module the code of the mutated module; returns whether it can:
    not if two have one name and line, nor if other variables are enclosed."""
    pairs = codes(code)
    new = dict(pairs)
    names = {(f.__code__.co_firstlineno, f.__code__.co_name) for f in functions}
    if any(sum(key == name for key, _ in pairs) != 1 for name in names):
        return False
    for function in functions:
        old = function.__code__
        replaced = new[old.co_firstlineno, old.co_name]
        if replaced.co_freevars != old.co_freevars:
            return False
        function.__code__ = replaced
    return True


# ---- afresh: another import

class Mutated(importlib.machinery.SourceFileLoader):
    """Finds and loads one module, with other code."""

    def __init__(self, name, path, code):
        super().__init__(name, path)
        self.mutant = code

    def find_spec(self, name, path=None, target=None):
        if name == self.name:
            return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, name):
        return self.mutant


def forget(root):
    """The modules below root, as if they had never been imported."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name != "__main__" and file.startswith(str(root) + os.sep) \
                and not file.startswith(HERE):
            del sys.modules[name]


HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep + "mutation"


# ---- running

def run(items, judge, tell):
    """Runs collected items in their order, in a child."""
    judge.tell = tell
    for item, following in zip(items, [*items[1:], None]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    return SURVIVED


def run_afresh(tests, judge, tell, root, mutated=None):
    """Imports everything anew, one module `mutated`, and runs the tests."""
    forget(root)
    if mutated is not None:
        sys.meta_path.insert(0, mutated)
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    fresh = Judge(judge.seconds, tests)
    fresh.tell = tell
    result = pytest.main([*OPTIONS, *files], plugins=[fresh])
    return SURVIVED if result == pytest.ExitCode.OK else KILLED
