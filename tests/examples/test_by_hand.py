"""The files by hand: flat, short, and in agreement with the library (each asserts that)."""
import ast
import re
import runpy
from pathlib import Path

import pytest

BY_HAND = Path(__file__).parents[2] / "examples" / "by_hand"
FILES = sorted(BY_HAND.glob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def run(name, **constants):
    """Runs a file, with some of its constants changed; returns its globals."""
    source = (BY_HAND / f"{name}.py").read_text()
    for constant, value in constants.items():
        source, n = re.subn(rf"^{constant} = .*?(  |$)", f"{constant} = {value}\\1", source,
                            count=1, flags=re.M)
        assert n == 1, f"{constant} is not a constant of {name}"
    scope = {}
    exec(compile(source, f"{name}.py", "exec"), scope)
    return scope


@every_file
def test_a_file_by_hand_fits_on_a_long_screen_and_has_no_class(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 130
    assert max(map(len, source.splitlines())) <= 88
    assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(ast.parse(source)))


@every_file
def test_the_library_comes_in_at_the_last_paragraph(path):
    before, _, after = path.read_text().partition("from minimeta import")
    assert after and "import" not in before.split("import numpy as np")[1]
    assert before.rstrip().splitlines()[-1].startswith("# ---- The library computes")
    assert len(after.splitlines()) <= 16 and "< 1e-12" in after


def test_maml_by_hand_learns_to_explore_unless_the_hessian_forgets_the_sampling(capsys):
    scope = run("maml", **{"ITERATIONS, SEEDS": "300, 1"})
    rows = [line.rsplit(maxsplit=2) for line in capsys.readouterr().out.splitlines()[1:6]]
    before, after = ({row[0]: float(row[i]) for row in rows} for i in (1, 2))
    assert set(before) == {"untrained", *scope["CURVATURE"]}
    for name in ("ratio", "dice", "e-maml"):
        assert after[name] > 5.5 and before[name] > 2
    assert after["untrained"] < after["log-likelihood"] < 4.9


def test_the_lstm_by_hand_is_the_complex_step_of_itself(capsys):
    runpy.run_path(str(BY_HAND / "lstm.py"))
    for line in capsys.readouterr().out.splitlines()[:2]:
        claimed, true = map(float, re.findall(r"-?\d+\.\d+", line))
        assert abs(claimed - true) < 2e-12 * max(abs(true), 1)


def test_rl2_by_hand_becomes_better_than_chance_in_a_few_iterations():
    totals = run("rl2", **{"ITERATIONS, RATE": "150, 1e-2"})["totals"]
    mean = {name: total.mean() for name, total in totals.items()}
    assert abs(mean["random, as at first"] - 5) < 0.1
    assert mean["RL^2"] > 5.5 and mean["greedy"] < 6.41 + 4 * 0.016


@pytest.mark.slow
def test_rl2_by_hand_is_as_good_as_greedy():
    totals = run("rl2")["totals"]
    assert totals["RL^2"].mean() > totals["greedy"].mean() - 0.03
