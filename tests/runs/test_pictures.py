"""Pictures and the command line."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, Gaussian, MLPPolicy, RecurrentPolicy, compare,
                      meta_train, sweep)
from minimeta.runs.command_line import main
from minimeta.tasks import GridNavigation, PlanarArm, PointNavigation
from minimeta.trace import log

ROOT = Path(__file__).parents[2]
GRID = GridNavigation(3, horizon=4, episodes=2)
RECURRENT = RL2(RecurrentPolicy(9, Categorical(5), 4), episodes=2, trials=2)
PLANE = PointNavigation(horizon=4)
MOVER = MAML(MLPPolicy(2, Gaussian(2), (4,)), trials=3)


@pytest.fixture(scope="module")
def pictures():
    pytest.importorskip("matplotlib")
    from minimeta.runs import pictures
    return pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "grid"
    meta_train(RECURRENT, GRID, iterations=7, tasks=3, run_dir=path)
    return path


def lines(figure):
    return figure.axes[0].lines


def test_few_runs_are_drawn_each_and_many_as_mean_and_interval(pictures):
    runs = sweep(MOVER, PLANE, seeds=range(5), iterations=4, tasks=2)
    few, many = pictures.learning(runs[:3], smooth=2), pictures.learning(runs, smooth=2)
    assert len(lines(few)) == 3 and not few.axes[0].collections
    assert len(lines(many)) == 1 and len(many.axes[0].collections) == 1
    returns = np.array([[row["return"] for row in run.log] for run in runs])
    x, y = lines(many)[0].get_data()
    np.testing.assert_allclose(y, ((returns[:, 1:] + returns[:, :-1]) / 2).mean(0))
    assert x.tolist() == [row["steps"] for row in runs[0].log][1:]


def test_a_comparison_is_drawn_against_episodes_of_experience(pictures, tmp_path):
    run = meta_train(MOVER, PLANE, iterations=1, tasks=2)
    table = compare({"MAML": run}, PLANE, tasks=6)
    figure = table.plot(tmp_path / "compare.png")
    assert (tmp_path / "compare.png").stat().st_size > 5000
    assert [len(lines(drawn)) for drawn in (table.plot(), figure)] == [len(lines(figure))] * 2
    x, y = lines(figure)[0].get_data()
    assert x.tolist() == [0, 3] and np.allclose(y, table.returns["MAML"].mean(0))
    texts = {text.get_text() for text in figure.legends[0].get_texts()}
    assert texts == {"MAML", "oracle", "random"}


def test_choices_are_a_raster_and_moves_are_paths(pictures):
    choose = meta_train(RECURRENT, GRID, iterations=1, tasks=2)
    raster = pictures.trial(choose, GRID.sample(3, np.random.default_rng(0)))
    assert raster.axes[0].images[0].get_array().shape == (3, 8)
    move = meta_train(MOVER, PLANE, iterations=1, tasks=2)
    paths = pictures.trial(move, PLANE.sample(3, np.random.default_rng(0)))
    assert len(lines(paths)) == 3 * (2 + 1)  # before, after, and the goal


def test_paths_on_a_grid_of_moves_are_drawn_without_a_goal_where_it_is_no_place(pictures):
    family = PlanarArm("payload", horizon=3, substeps=2)
    learner = MAML(MLPPolicy(6, Gaussian(2), (4,)), trials=3)
    move = meta_train(learner, family, iterations=1, tasks=2)
    paths = pictures.trial(move, family.sample(2, np.random.default_rng(0)))
    assert len(lines(paths)) == 2 * 2  # before and after


def test_without_matplotlib_the_remedy_is_told(monkeypatch):
    from minimeta.runs import pictures
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match="pictures need Matplotlib; use pip install"):
        pictures.axes()


# ---- the command line

def test_the_command_lists_families_learners_and_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "    GridNavigation        A walker in a room" in out and "    MAML " in out
    assert "Discrete  " not in out
    assert out.splitlines()[-1].split() == ["grid", "RL2,", "7", "iterations"]


def test_configurations_of_something_else_are_no_runs(tmp_path, monkeypatch, capsys):
    for text in ("no JSON", '{"learner": 3, "family": 4}', '{"learner": {}, "family": {}}'):
        folder = tmp_path / str(len(text))
        folder.mkdir()
        (folder / "config.json").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0 and capsys.readouterr().out.splitlines()[-1] == "runs"


def test_a_number_that_a_row_has_not_is_an_empty_cell(tmp_path, capsys):
    meta_train(MOVER, PLANE, iterations=2, tasks=2, run_dir=tmp_path / "run")
    log.append(tmp_path / "run" / "log.csv", {"return": 1.0})
    assert main(["show", str(tmp_path / "run")]) == 0
    names, *_, last = capsys.readouterr().out.splitlines()[-4:]
    assert len(names) == len(last) and last.split() == ["2", "1"]


def test_show_prints_the_options_and_the_last_rows(folder, capsys):
    assert main(["show", str(folder)]) == 0
    out = capsys.readouterr().out
    assert '"class": "minimeta.meta.rl2.RL2"' in out
    table = [line.split() for line in out.splitlines()[-6:]]
    assert table[0][:3] == ["iteration", "steps", "return"]
    assert [row[0] for row in table[1:]] == ["2", "3", "4", "5", "6"]


def test_show_saves_the_learning_curve(pictures, folder, tmp_path, capsys):
    assert main(["show", str(folder), "--plot", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").stat().st_size > 5000
    assert capsys.readouterr().out.splitlines()[-1] == f"saved {tmp_path / 'a.png'}"


def test_show_of_a_folder_without_a_run_says_so(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 1
    assert "minimeta: " in (out := capsys.readouterr().out) and "holds no run" in out


def test_the_module_is_the_command():
    run = subprocess.run([sys.executable, "-m", "minimeta", "show", "nowhere"], cwd=ROOT,
                         capture_output=True, text=True)
    assert run.returncode == 1 and "nowhere holds no run" in run.stdout
