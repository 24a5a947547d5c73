"""The script that looks for holes in tests finds those of a small package with known holes."""
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import mutants
import pytest
from mutants import equivalents, key_of, sample
from mutation.lines import Map, Tracer
from mutation.report import survivors
from mutation.suite import CANNOT, KILLED, SURVIVED, Children, patch
from mutation.walk import mutants_of

SCRIPT = Path(__file__).with_name("mutants.py")


# ---- the list of equivalents

LIST = """# a comment
[area.py square]
- return x * x
+ return x
= the only x is 1,
= in this world
"""


def test_an_entry_is_matched_by_code_and_not_by_line():
    [key] = equivalents(LIST)
    assert equivalents(LIST)[key] == "the only x is 1, in this world"
    for blank in ("", "\n\n\n"):
        made = mutants_of(blank + "def square(x):\n    return x * x\n", "area.py")
        assert sum(key_of(mutant) == key for mutant in made) == 1


@pytest.mark.parametrize("text, message", [
    (LIST.split("=")[0], "needs a reason"), ("return x", "must begin with one of")])
def test_a_list_that_cannot_be_read_says_why(text, message):
    with pytest.raises(ValueError, match=message):
        equivalents(text)


def test_a_mistake_that_python_warns_of_is_a_mistake_like_others():
    made = mutants_of("def f(a):\n    return (a + 1)[0]\n", "m.py")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [m.after for m in made if m.code("m.py")].count("return 1[0]") == 1


# ---- which test runs which line

def test_the_lines_that_ran_are_found(tmp_path):
    file = tmp_path / "m.py"
    file.write_text("def f(x):\n    if x:\n        return 1\n    return 2\n"
                    "def g():\n    return 3\n")
    space = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    tracer = Tracer(tmp_path)
    tracer.start()
    space["f"](0)
    assert tracer.stop() == {str(file): {1, 2, 4}}


def test_a_tracer_gives_back_the_one_before_it(tmp_path, monkeypatch):
    now = ["theirs"]
    monkeypatch.setattr(sys, "gettrace", lambda: now[-1])
    monkeypatch.setattr(sys, "settrace", now.append)
    tracer = Tracer(tmp_path)
    tracer.start()
    assert now[-1] == tracer.call
    tracer.stop()
    assert now[-1] == "theirs"


def test_a_module_s_own_tests_come_first_unless_they_are_slow_and_patience_ends():
    rows = {"tests/test_m.py::slow": [3, True, {"m.py": [2]}],
            "tests/test_m.py::quick": [1, True, {"m.py": [2]}],
            "tests/test_other.py::quicker": [.5, True, {"m.py": [2]}],
            "tests/test_m.py::broken": [.1, False, {"m.py": [2]}]}
    found = Map(rows)
    on_two, = [m for m in mutants_of("def f():\n    return -1\n", "m.py")
               if m.after == "return 1"]
    assert [t.split("::")[1] for t in found.tests(on_two, 10)] == ["quick", "quicker", "slow"]
    assert [t.split("::")[1] for t in found.tests(on_two, 4.2)] == ["quick", "quicker"]
    assert found.failing == ["tests/test_m.py::broken"]


# ---- children

def test_what_a_child_tells_and_how_it_ends_come_back():
    heard, children = [], Children(2)
    for code, word in [(SURVIVED, "a"), (KILLED, "b"), (CANNOT, "c")]:
        children.start(lambda pipe, code=code, word=word: os.write(pipe, word.encode()) * code,
                       lambda status, told: heard.append((os.WEXITSTATUS(status), told)))
    children.finish()
    assert sorted(heard) == [(SURVIVED, "a"), (KILLED, "b"), (CANNOT, "c")]


def test_what_a_child_leaves_behind_is_not_waited_for():
    def leave(pipe):
        os.write(pipe, b"x")
        if os.fork() == 0:
            time.sleep(60)    # it holds the pipe, too
        return KILLED

    heard, children, start = [], Children(1), time.monotonic()
    children.start(leave, lambda status, told: heard.append(told))
    children.finish()
    assert heard == ["x"] and time.monotonic() - start < 30


def test_a_fault_of_the_script_is_not_taken_for_a_test_that_fails():
    children = Children(1)
    children.start(lambda pipe: 1 / 0, lambda *_: None)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        children.finish()


def test_a_function_gets_new_code_in_place_if_there_is_one_of_its_name_and_line():
    source = "def f(x):\n    return x\n"
    space = {}
    exec(compile(source, "m.py", "exec"), space)
    assert patch([space["f"]], compile(source.replace("x\n", "x + 1\n"), "m.py", "exec"))
    assert space["f"](2) == 3
    assert not patch([space["f"]], compile("def g(): 0", "m.py", "exec"))


# ---- a run, from the command line

PACKAGE = {
    "shapes/__init__.py": "",
    "shapes/area.py": '''"""Areas."""
from dataclasses import dataclass

SIDES = {"square": 4}


@dataclass(frozen=True)
class Box:
    """A box."""

    side: float
    depth: float = 2.0

    def __post_init__(self):
        if self.side < 0:
            raise ValueError("side")

    def volume(self):
        return self.side ** 2 * self.depth


def clipped(x):
    return x if x > 0 else 0


def down(n):
    while n > 0:
        n = n // 2
    return n


def untested(x):
    return -x
''',
    "tests/test_area.py": '''from shapes.area import SIDES, Box, clipped, down
import pytest

BOX = Box(3.0)


def test_volume():
    assert BOX.volume() == 18 and Box(3.0, 5.0).volume() == 45


def test_a_negative_side_is_refused():
    with pytest.raises(ValueError):
        Box(-1.0)


def test_clipped():
    assert clipped(2) == 2 and clipped(-3) == 0


def test_down():
    assert down(3) == 0


def test_sides():
    assert SIDES["square"] == 4


def test_that_fails_anyway():
    assert Box(3.0).volume() == 0
''',
    "tests/mutants_equivalent.txt": """[shapes/area.py clipped]
- return x if x > 0 else 0
+ return x if x >= 0 else 0
= at 0 both are 0

[shapes/area.py clipped]
- return x if x > 7 else 0
+ return x
= nobody has this line any more
""",
}


COLUMNS = ("mutants", "tried", "killed", "equivalent", "survivors")


def totals(lines):
    """The numbers of the last line."""
    return dict(zip(COLUMNS, map(int, lines[-1].split()[1:6])))


def run(root, *options):
    command = [sys.executable, str(SCRIPT), "--root", str(root), "shapes/area.py", *options]
    return subprocess.run(command, capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(root)})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    for name, text in PACKAGE.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture(scope="module")
def lines(root):
    done = run(root, "--jobs", "2")
    assert done.returncode == 1, done.stderr
    return done.stdout.splitlines()


def test_what_no_test_notices_is_reported_with_its_place(lines):
    survived = [line for line in lines if line.startswith("shapes/area.py")]
    assert "shapes/area.py:33 untested: return -x -> return x" in survived
    assert "shapes/area.py:15 Box.__post_init__: if self.side < 0 -> if self.side <= 0" \
        in survived


def test_what_tests_notice_is_not_reported(lines):
    told = "\n".join(lines)
    for code in ("depth: float", "self.side ** 2", "SIDES", "raise", "while"):
        assert code not in told


def test_a_loop_without_end_is_stopped(lines):
    said = next(line for line in lines if line.endswith("of the killed ran out of time"))
    assert int(said.split()[0]) >= 1


def test_an_equivalent_is_honoured_and_a_stale_entry_reported(lines):
    assert totals(lines)["equivalent"] == 1
    assert not any(line.startswith("shapes/area.py") and "if x >= 0" in line for line in lines)
    assert ("stale in the list of equivalents: shapes/area.py clipped: "
            "return x if x > 7 else 0 -> return x") in lines


def test_a_test_that_fails_anyway_kills_nothing_and_is_reported(lines):
    assert lines[0] == ("fails without a mutant, so left out: "
                        "tests/test_area.py::test_that_fails_anyway")


def test_the_last_lines_count_and_add_up(lines):
    number = totals(lines)
    assert number["mutants"] == number["tried"] + number["equivalent"]
    assert number["tried"] == number["killed"] + number["survivors"]
    assert number["survivors"] == sum(line.startswith("shapes/area.py:") for line in lines)
    rate = 100 * (1 - number["survivors"] / number["tried"])
    assert lines[-1].endswith(f" {rate:.1f} %")
    chapter, everything = (line.split() for line in lines[-2:])
    assert chapter[0] == "area" and chapter[1:] == everything[1:]   # the only chapter


def test_a_run_that_is_stopped_reports_what_it_has_tried(root, monkeypatch, capsys):
    def stopped(root, made, chosen):
        return {made[0]: "survived", made[1]: "killed"}, [], KeyboardInterrupt()

    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(mutants, "tried", stopped)
    with pytest.raises(KeyboardInterrupt):
        mutants.main(["--root", str(root), "shapes/area.py"])
    number = totals(capsys.readouterr().out.splitlines())
    assert number["tried"] == 2 and number["survivors"] == 1 < number["mutants"]


def test_survivors_of_an_earlier_report_are_known_again_where_lines_have_moved(lines):
    made = mutants_of("\n\n" + PACKAGE["shapes/area.py"], "shapes/area.py")
    again = [m for m in made if f"{m.module} {m.text}" in survivors("\n".join(lines))]
    assert len(again) == totals(lines)["survivors"] > 2


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another():
    made = list(mutants_of(PACKAGE["shapes/area.py"], "shapes/area.py"))
    assert len(set(sample(made, 0, 5))) == 5
    assert sample(made, 0, 5) == sample(made, 0, 5) != sample(made, 1, 5)
    assert sample(made, 0, 9)[:5] == sample(made, 0, 5)
    assert set(sample(made, 3, None)) == set(made)
