"""The README's code runs as it stands, its numbers are those of the docstrings, and what it names
exists."""
import ast
import inspect
import re
import runpy
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = {path.relative_to(ROOT / "examples").as_posix(): path
            for folder in ("examples", "examples/by_hand") for path in (ROOT / folder).glob("*.py")}
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
RUN_BY_HAND = {  # in a new clone, and by .ci/run
    "pip install -e . && python examples/rl2_bandit.py",
    'pip install -e ".[test]" && python -m pytest',
    "python examples/exercises.py tanh_vjp",
}
ALONE = ("A network of your own", "A surrogate of your own", "A learner of your own")
EXAMPLE = r"`((?:by_hand/)?\w+\.py)`"


def code(kind):
    return "\n".join(text for found, text in BLOCKS if found == kind)


def section(head):
    return README.split(f"\n## {head}\n")[1].split("\n## ")[0]


def table(head):
    """The rows of the table in a section, each a list of cells."""
    lines = [line for line in section(head).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


# ---- the code

def how_to(head):
    """The code of a section, which begins with its own imports."""
    return re.search(r"^```python\n(.*?)^```$", section(head), re.S | re.M)[1]


def test_the_python_of_the_readme_runs_from_top_to_bottom(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, alone = tmp_path / "readme.py", [how_to(head) for head in ALONE]
    path.write_text("\n".join(text for kind, text in BLOCKS
                              if kind == "python" and text not in alone))
    names = runpy.run_path(str(path), run_name="readme")
    assert "relative error" in capsys.readouterr().out
    before, after = names["curve"].interval
    assert before[1] < -2.5 and after[0] > -1.5
    assert len(names["run"].log) == 40 and names["phi"].shape == (1, len(names["run"].theta))
    assert names["table"].difference("MAML", "pretrained")[0] > 0


@pytest.mark.parametrize("head", ALONE)
def test_the_code_of_a_how_to_runs_alone_and_passes_its_laws(head, tmp_path, capsys):
    path = tmp_path / "block.py"
    path.write_text(how_to(head))
    runpy.run_path(str(path), run_name="block")
    out = capsys.readouterr().out
    assert "law  " in out and "BROKEN" not in out
    assert len(how_to(head).splitlines()) <= 60


def test_the_lines_of_the_readme_about_gymnasium_run_where_it_is_installed(tmp_path):
    pytest.importorskip("gymnasium")
    path = tmp_path / "readme.py"
    path.write_text(code("py"))
    assert len(runpy.run_path(str(path), run_name="readme")["run"].log) == 2


def test_every_other_block_is_a_drawing_or_a_command_that_was_run_by_hand():
    assert {kind for kind, _ in BLOCKS} == {"python", "py", ""}
    assert len(BLOCKS) == README.count("\n```") / 2
    lines = code("").splitlines()
    commands = {line for line in lines if re.match(r"(pip|python|git|cd|export) ", line)}
    assert commands == RUN_BY_HAND


def test_the_two_commands_stand_on_the_first_screen():
    screen = README.splitlines()[:24]
    assert sorted(RUN_BY_HAND & set(screen)) == sorted(
        line for line in RUN_BY_HAND if line.startswith("pip"))


def test_the_workflow_runs_the_readmes_test_command_and_ci_finds_it():
    command = [line for line in README.splitlines()
               if line.startswith("pip install ") and "pytest" in line]
    assert len(command) == 1
    assert f"run: {command[0]}\n" in (ROOT / ".github/workflows/tests.yml").read_text()


def test_a_family_of_ones_own_takes_25_lines_and_public_names_alone():
    block = README.split("## A family of your own")[1].split("```python\n")[1]
    imports, rest = block.split("@dataclass", 1)
    modules = set(re.findall(r"^(?:from|import) ([\w.]+)", imports, re.M))
    assert modules <= {"dataclasses", "numpy", "minimeta", "minimeta.tasks", "minimeta.testing"}
    classes = ("@dataclass" + rest).split("\n\n\nprint(")[0]
    assert len([line for line in classes.splitlines() if line.strip()]) <= 25


# ---- names and numbers

def test_every_example_that_the_readme_names_exists():
    named = set(re.findall(r"examples/((?:by_hand/)?\w+\.py)", README))
    assert named and named <= set(EXAMPLES)


def test_every_example_has_one_row_of_results():
    named = [re.fullmatch(EXAMPLE, row[0])[1] for row in table("Results")]
    assert sorted(named) == sorted(EXAMPLES)


def untold(row):
    """The numbers of a row of results that are not in the docstring of its example."""
    source = EXAMPLES[row[0].strip("`")].read_text(encoding="utf-8")
    told = ast.get_docstring(ast.parse(source))
    return [number for number in re.findall(r"-?\d+\.\d+%?", " ".join(row[3:5]))
            if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", told)]


@pytest.mark.parametrize("row", table("Results"), ids=lambda row: row[0])
def test_the_numbers_of_the_results_stand_in_the_examples_docstring(row):
    assert not untold(row)


def test_a_number_that_an_example_does_not_tell_would_be_seen():
    row = ["`rl2_bandit.py`", "", "", "6.655, 6.65, 55.6", "99.92%, 9.92%", ""]
    assert untold(row) == ["6.65", "55.6", "9.92%"]


@pytest.mark.parametrize("name, begins", [
    ("rl2_bandit.py", "5 arms"), ("rl2_gridworld.py", " 4   5   6")])
def test_what_an_example_prints_is_what_its_docstring_says(name, begins):
    block, = (text for _, text in BLOCKS if text.startswith(begins))
    told = [line.strip() for line in EXAMPLES[name].read_text(encoding="utf-8").splitlines()]
    assert not [line for line in block.splitlines() if line.strip() not in told]


def found(where):
    """What `file.py:name` is, if that file is where it is written."""
    path, name = re.fullmatch(r"`([\w/]+)\.py:([\w.]+)`", where).groups()
    it = import_module("minimeta." + path.replace("/", "."))
    for part in name.split("."):
        it = getattr(it, part)
    it = inspect.unwrap(getattr(it, "fget", it))
    return it if f"{path}.py" in Path(inspect.getsourcefile(it)).as_posix() else None


def test_a_name_that_is_not_there_or_from_another_file_would_be_seen():
    assert found("`meta/maml.py:MAML.meta_loss`")
    assert found("`meta/maml.py:ThroughSteps`") is None
    with pytest.raises(AttributeError):
        found("`meta/maml.py:MAML.loss`")


def test_every_row_of_the_equations_leads_to_a_line_and_to_an_example():
    for idea, _, where, shown in table("From equation to line"):
        assert found(where), idea
        assert shown == "README" or re.fullmatch(EXAMPLE, shown)[1] in EXAMPLES, idea


def test_a_row_that_says_readme_names_what_the_code_of_the_readme_uses():
    for _, _, where, shown in table("From equation to line"):
        if shown == "README":
            assert f"{where.strip('`').split(':')[1].split('.')[0]}(" in code("python")


# ---- each example runs with --quick: its main in a test of its own, its last lines here

def quick_tests(source):
    """The tests in a file that are not slow."""
    return [node.name for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            and not any("slow" in ast.unparse(mark) for mark in node.decorator_list)]


def test_a_slow_test_is_no_quick_one():
    source = "@pytest.mark.slow\ndef test_a(): pass\ndef test_b(): pass\nx = 1"
    assert quick_tests(source) == ["test_b"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_has_a_quick_test(name):
    folder = ROOT / "tests" / "examples"
    word = re.compile(rf"\b{Path(name).stem}\b")
    sources = [path.read_text(encoding="utf-8") for path in folder.glob("test_*.py")]
    assert any(quick_tests(source) for source in sources if word.search(source))


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "by_hand" not in name
                                  and name != "exercises.py"])
def test_the_command_line_of_an_example_fits_its_main(name, monkeypatch, capsys):
    path, calls = EXAMPLES[name], []
    monkeypatch.syspath_prepend(str(path.parent))
    scope = runpy.run_path(str(path))
    last = ast.parse(path.read_text(encoding="utf-8")).body[-1]
    assert ast.unparse(last.test) == "__name__ == '__main__'"

    def stub(main):
        return lambda *args, **kwargs: calls.append(
            (kwargs, inspect.signature(main).bind(*args, **kwargs).arguments))

    monkeypatch.setattr(sys, "argv", [name, "--quick", "--seed", "3"])
    program = compile(ast.Module(last.body, []), name, "exec")
    exec(program, scope | {"main": stub(scope["main"])})
    quick = calls.copy()
    monkeypatch.setattr(sys, "argv", [name, "--seed", "3"])
    exec(program, scope | {"main": stub(scope["main"])})
    assert len(calls) == 2 * len(quick) > 0
    if name != "property_test_your_layer.py":  # which is quick in any case
        assert quick != calls[len(quick):]
        assert all(3 in bound.values() or range(3, 4) in bound.values() for _, bound in calls)


# ---- the page itself

def test_the_picture_of_the_readme_is_that_of_the_package():
    import minimeta
    picture, = (text for _, text in BLOCKS if text.startswith("        a map"))
    assert picture.strip() in minimeta.__doc__


def test_links_inside_the_page_lead_to_a_head():
    heads = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
             for head in re.findall(r"^##+ (.*)$", README, re.M)}
    links = re.findall(r"\]\(#([\w-]+)\)", README)
    assert links and set(links) <= heads


def test_every_image_that_is_shown_exists_and_is_small():
    shown = re.sub(r"<!--.*?-->", "", README, flags=re.S)
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", shown):
        assert (ROOT / path).stat().st_size <= 100_000, path
        assert f"--plot {path}" in shown, path
