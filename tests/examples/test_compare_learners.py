"""The examples that compare learners: on a grid, in the plane, in Gymnasium's worlds."""
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def main_of(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]


def test_four_learners_meet_the_same_tasks_in_two_worlds(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    table = main_of("compare_learners")(0.01, tasks=5, plot_to=tmp_path / "a.png")
    for name in ("grid", "plane"):
        assert list(table[name].returns) == ["RL^2", "MAML", "ProMP", "pretrained"]
        assert all(returns.shape == (1, 5, 4) for returns in table[name].returns.values())
        assert table[name].episodes["MAML"].tolist() == [0, 20, 40, 60]
        assert (table[name].known["oracle"] > table[name].known["random"]).all()
    assert str(table) in capsys.readouterr().out and (tmp_path / "a.png").stat().st_size > 9000


def test_without_gymnasium_its_worlds_say_what_to_install(capsys):
    main = main_of("gymnasium_worlds")
    main.__globals__["find_spec"] = lambda name: None
    assert main() is None
    assert capsys.readouterr().out == "This example needs Gymnasium: pip install gymnasium\n"


def test_gymnasium_s_worlds_are_learned_in():
    pytest.importorskip("gymnasium")
    table = main_of("gymnasium_worlds")(0.005, tasks=4)
    assert [list(part.returns) for part in table.families.values()] == [["RL^2", "MAML"]] * 2
