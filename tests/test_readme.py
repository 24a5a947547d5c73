"""The README's code runs as it stands, and its commands are those that exist."""
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_of_the_readme_runs_from_top_to_bottom(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "readme.py"
    path.write_text("\n".join(re.findall(r"```python\n(.*?)```", README, re.S)))
    names = runpy.run_path(str(path), run_name="readme")
    assert "relative error" in capsys.readouterr().out
    before, after = names["curve"].interval
    assert before[1] < -2.5 and after[0] > -1.5
    assert len(names["run"].log) == 40 and names["phi"].shape == (1, len(names["run"].theta))
    assert names["table"].difference("MAML", "pretrained")[0] > 0


def test_the_lines_of_the_readme_about_gymnasium_run_where_it_is_installed(tmp_path):
    pytest.importorskip("gymnasium")
    path = tmp_path / "readme.py"
    path.write_text("from minimeta import MAML, MLPPolicy, meta_train\n" + "\n".join(
        re.findall(r"```py\n(.*?)```", README, re.S)))
    assert len(runpy.run_path(str(path), run_name="readme")["run"].log) == 2


def test_a_family_of_ones_own_takes_25_lines_and_public_names_alone():
    code = README.split("## A family of your own")[1].split("```python\n")[1]
    imports, rest = code.split("@dataclass", 1)
    modules = set(re.findall(r"^(?:from|import) ([\w.]+)", imports, re.M))
    assert modules <= {"dataclasses", "numpy", "minimeta", "minimeta.tasks", "minimeta.testing"}
    classes = ("@dataclass" + rest).split("\n\n\nprint(")[0]
    assert len([line for line in classes.splitlines() if line.strip()]) <= 25


def test_every_example_that_the_readme_names_exists():
    named = set(re.findall(r"examples/(\w+\.py)", README))
    assert named and named <= {path.name for path in (ROOT / "examples").glob("*.py")}


def test_the_picture_of_the_readme_is_that_of_the_package():
    import minimeta
    picture = README.split("```\n")[1]
    assert picture.strip() in minimeta.__doc__
