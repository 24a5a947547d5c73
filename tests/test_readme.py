"""The README's code runs as it stands, and its commands are those that exist."""
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_python_of_the_readme_runs_from_top_to_bottom(capsys):
    names = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(block, "README.md", "exec"), names)
    assert "relative error" in capsys.readouterr().out


def test_every_example_that_the_readme_names_exists():
    named = set(re.findall(r"examples/(\w+\.py)", README))
    assert named and named <= {path.name for path in (ROOT / "examples").glob("*.py")}


def test_the_picture_of_the_readme_is_that_of_the_package():
    import minimeta
    picture = README.split("```\n")[1]
    assert picture.strip() in minimeta.__doc__
