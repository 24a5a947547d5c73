"""What the README and the examples use is public: `minimeta`, or a chapter, lists the name."""
import ast
import importlib
import re
import sys
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import minimeta

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
CHAPTERS = ["minimeta", *sorted(f"minimeta.{path.parent.name}" for path in
                                (ROOT / "minimeta").glob("*/__init__.py"))]
ALONE = {"minimeta.testing.strategies"}  # needs Hypothesis, and is imported by name


def used(source):
    """The (module, name) pairs that a program takes from minimeta."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minimeta"):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names
                        if alias.name.startswith("minimeta."))


def is_public(module, name):
    if module in ALONE:
        return True
    return module.count(".") < 2 and (
        name is None or name in importlib.import_module(module).__all__)


def not_public(source):
    return [pair for pair in used(source) if not is_public(*pair)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_uses_public_names_alone(path):
    assert not not_public(path.read_text())


def test_the_readme_uses_public_names_alone():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert blocks and not not_public("\n".join(blocks))


def test_every_public_name_is_there():
    for chapter in CHAPTERS:
        module = importlib.import_module(chapter)
        assert all(hasattr(module, name) for name in module.__all__), chapter
        assert len(set(module.__all__)) == len(module.__all__), chapter


def not_frozen(module):
    """The names of the dataclasses in it, or in files that it has loaded, that can change."""
    public = [getattr(module, name) for name in module.__all__]
    files = [f for name, f in sys.modules.items() if name.startswith(f"{module.__name__}.")]
    inside = [it for file in files for it in vars(file).values()]
    return {it.__name__ for it in public + inside if isinstance(it, type)
            and is_dataclass(it) and not it.__dataclass_params__.frozen}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_dataclass_is_frozen(chapter):
    assert not not_frozen(importlib.import_module(chapter))


def test_a_dataclass_that_can_change_is_seen():
    module = ModuleType("chapter")
    module.Frozen, module.Soft = dataclass(frozen=True)(type("Frozen", (), {})), \
        dataclass(type("Soft", (), {}))
    module.__all__ = ["Frozen", "Soft"]
    assert not_frozen(module) == {"Soft"}


def test_a_name_from_inside_is_seen():
    assert not_public("from minimeta.meta.learner import stream")
    assert not_public("from minimeta import require")
    assert not not_public("from minimeta.tasks import Box\nimport minimeta.rl")
    assert minimeta.__all__
