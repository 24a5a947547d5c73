"""The rules of the house: imports point backwards, dependencies are few, complex
numbers flow through what depends on theta."""
import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "minimeta").rglob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
CHAPTERS = ["calculus", "testing", "policy", "objective", "tasks", "rl", "trace", "meta",
            "exact", "rivals", "runs"]
OPTIONAL = {"hypothesis": ("testing/strategies.py",), "matplotlib": ("runs/",),
            "pytest": ("testing/for_pytest.py",)}
STOPS_COMPLEX = {"abs", "absolute", "fabs", "vdot", "conj", "conjugate", "norm", "var",
                 "std", "nanvar", "nanstd", "sign", "slogdet", "cholesky"}
ALLOWED = {("calculus/layout.py", "norm")}   # a table for people
SECONDS = 0.3


def ids(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def every(paths):
    return pytest.mark.parametrize("path", paths, ids=ids(paths))


def inside(path):
    return path.relative_to(ROOT / "minimeta").as_posix()


def imports(tree, package):
    """The full names of all that is imported; `package` is where the file lies."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) + 1 - node.level] if node.level else []
            stem = base + (node.module.split(".") if node.module else [])
            yield from (".".join(stem + [alias.name]) for alias in node.names)


def imported(path, at_load_only=False):
    tree = ast.parse(path.read_text())
    if at_load_only:
        tree.body = [n for n in tree.body if not isinstance(n, ast.FunctionDef)]
    return set(imports(tree, list(path.relative_to(ROOT).parent.parts)))


def forward_imports(chapter, names):
    """Those of `names` that lie in a later chapter; `require` stands before them all."""
    rank = CHAPTERS.index(chapter)
    chapters = {name.split(".")[1] for name in names if name.startswith("minimeta.")}
    return {c for c in chapters if c not in ["require", *CHAPTERS[:rank + 1]]}


def stops_complex(source):
    """Names of the calls in it through which a complex step does not pass."""
    nodes = ast.walk(ast.parse(source))
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    names = {getattr(func, "attr", getattr(func, "id", None)) for func in calls}
    return names & STOPS_COMPLEX


@every([path for path in SOURCES if path.parent.name in CHAPTERS])
def test_imports_only_point_backwards(path):
    assert not forward_imports(path.parent.name, imported(path))


def test_no_two_files_of_the_package_have_one_name():
    names = [path.stem for path in SOURCES if path.stem != "__init__"]
    assert len(set(names)) == len(names)
    assert not {f"{name}s" for name in names} & set(names)


def test_every_folder_is_a_chapter():
    folders = {path.parent.name for path in SOURCES} - {"minimeta"}
    assert folders <= set(CHAPTERS)


@every(SOURCES)
def test_only_numpy_and_scipy_are_needed(path):
    for name in imported(path):
        top = name.split(".")[0]
        if top in OPTIONAL:
            assert inside(path).startswith(OPTIONAL[top])
        else:
            assert top in {"numpy", "scipy", "minimeta"} | sys.stdlib_module_names


@every(EXAMPLES)
def test_an_example_needs_matplotlib_only_where_it_draws(path):
    tops = {name.split(".")[0] for name in imported(path, at_load_only=True)}
    assert tops <= {"numpy", "scipy", "minimeta"} | sys.stdlib_module_names


@every([p for p in SOURCES if p.parent.name in ("calculus", "policy", "objective")])
def test_complex_steps_flow_through_what_depends_on_theta(path):
    found = {(inside(path), name) for name in stops_complex(path.read_text())}
    assert not found - ALLOWED


@every(SOURCES + EXAMPLES)
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_package_is_imported_in_a_moment():
    """Beyond NumPy itself; processor time, the best of five, since the machine may be
    busy."""
    program = ("import time, numpy; start = time.process_time(); import minimeta; "
               "print(time.process_time() - start)")
    times = []
    while len(times) < 5 and min(times, default=1) > SECONDS:
        run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True,
                             capture_output=True, text=True)
        times.append(float(run.stdout))
    assert min(times) <= SECONDS


def test_neither_hypothesis_nor_matplotlib_is_loaded_with_the_package():
    program = ("import sys, minimeta, minimeta.testing; "
               "print({'hypothesis', 'matplotlib', 'pytest'} & set(sys.modules))")
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True,
                         capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


# ---- these rules are rules only if they can be broken

@pytest.mark.parametrize("source", [
    "np.abs(x)", "abs(x)", "np.vdot(x, y)", "x.conj()", "np.linalg.norm(x)", "x.std(0)",
    "from numpy.linalg import norm\nnorm(x)", "np.linalg.slogdet(A)"])
def test_the_lint_sees_what_stops_complex_numbers(source):
    assert stops_complex(source)


def test_the_lint_lets_harmless_names_pass():
    assert not stops_complex("rng.normal(size=3); np.where(x.real > 0, x, 0)")


@pytest.mark.parametrize("source, later", [
    ("from ..rl import returns", {"rl"}), ("from minimeta.meta import maml", {"meta"}),
    ("import minimeta.exact.expected_return", {"exact"}),
    ("def f():\n    from ..rl import gae", {"rl"}),
    ("from .heads import Head\nfrom ..calculus import MLP\nimport numpy", set())])
def test_a_forward_import_is_seen(source, later):
    names = imports(ast.parse(source), ["minimeta", "policy"])
    assert forward_imports("policy", names) == later
