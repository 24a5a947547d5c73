"""Pictures and the command line."""
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import (MAML, RL2, Categorical, Gaussian, MLPPolicy, RecurrentPolicy, adapt, compare,
                      meta_train, sweep)
from minimeta.runs import Comparison
from minimeta.runs.command_line import main, members, short, summary
from minimeta.runs.episodes import lived
from minimeta.tasks import BernoulliBandit, GridNavigation, PlanarArm, PointNavigation
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


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


@pytest.fixture(scope="module")
def seeds():
    return sweep(MOVER, PLANE, seeds=range(5), iterations=4, tasks=2)


def test_few_seeds_are_drawn_each_and_many_as_mean_and_interval(pictures, seeds):
    few, many = pictures.learning(seeds[:3], smooth=2), pictures.learning(seeds, smooth=2)
    assert len(lines(few)) == 3 and not few.axes[0].collections
    assert len(lines(many)) == 1 and len(many.axes[0].collections) == 1
    returns = np.array([[row["return"] for row in run.log] for run in seeds])
    x, y = lines(many)[0].get_data()
    np.testing.assert_allclose(y, ((returns[:, 1:] + returns[:, :-1]) / 2).mean(0))
    assert x.tolist() == [row["steps"] for row in seeds[0].log][1:]


def test_learners_differ_in_colour_and_seeds_of_one_do_not(pictures, seeds):
    figure = pictures.learning({"one": seeds[:2], "other": seeds[2:4]}, smooth=1)
    assert len({line.get_color() for line in lines(figure)[:2]}) == 1
    assert len({line.get_color() for line in lines(figure)}) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_a_long_training_is_drawn_by_a_few_hundred_points(pictures):
    log = [{"loss": 1.0 / (i + 1)} for i in range(5000)]
    x, y = lines(pictures.learning([SimpleNamespace(log=log)], "loss", smooth=1))[0].get_data()
    assert len(x) == 300 and x[0] == 1 and x[-1] == 5000 and y[-1] == 1 / 5000


def test_a_comparison_is_drawn_against_the_experience_before(pictures, tmp_path, seeds):
    far = replace(PLANE, reach=1.0)
    both = compare({"MAML": seeds[0], "five": seeds}, {"near": PLANE, "far": far}, tasks=6)
    figure = both.plot(tmp_path / "compare.png")
    assert (tmp_path / "compare.png").stat().st_size > 5000
    assert titles(figure) == ["near", "far"]
    for against, x in (("episodes", [0, 3]), ("steps", [0, 12])):
        first = both["near"].plot(against=against).axes[0].containers[0].lines[0]
        assert first.get_xdata().tolist() == x
        assert np.allclose(first.get_ydata(), both["near"].returns["MAML"].mean((0, 1)))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["MAML", "five", "random", "oracle"]


def test_experience_that_spans_much_is_drawn_on_a_log_scale_from_0_on(pictures):
    few = compare({"MAML": meta_train(MOVER, PLANE, iterations=1, tasks=2)}, PLANE, tasks=3)
    many = Comparison({"A": np.zeros((1, 3, 2)), "B": np.zeros((1, 3, 2))},
                      {"A": np.array([0, 1]), "B": np.array([0, 40])}, {}, {})
    assert few.plot().axes[0].get_xscale() == "linear"
    assert many.plot().axes[0].get_xscale() == "symlog"
    assert many.plot().axes[0].get_xticks().tolist() == [0, 1, 40]


def test_a_run_of_one_iteration_is_drawn(pictures):
    run = meta_train(MOVER, PLANE, iterations=1, tasks=2)
    [line] = pictures.learning([run]).axes[0].lines
    assert line.get_xdata().tolist() == [run.log[0]["steps"]]


def test_arrows_go_from_theta_to_what_each_task_adapts_to(pictures):
    run = meta_train(MOVER, PLANE, iterations=1, tasks=2)
    tasks = PLANE.sample(5, np.random.default_rng(0))
    figure = pictures.steps(run, tasks, pair=(3, 7))
    phi = adapt(run, tasks, rounds=1)
    arrows = [text for text in figure.axes[0].texts if hasattr(text, "xyann")]
    assert np.allclose([arrow.xy for arrow in arrows], phi[:, [3, 7]])
    assert np.allclose([arrow.xyann for arrow in arrows], run.theta[[3, 7]])
    assert all(arrow.get_zorder() > 2 for arrow in arrows)   # in front of the loss
    for of, first in ((0, {}), (2, {"of": 2, "colors": ("red", "blue")})):
        figure = pictures.steps(run, tasks, pair=(3, 7), **first)
        arrows = [text for text in figure.axes[0].texts if hasattr(text, "xyann")]
        colors = [arrow.arrow_patch.get_edgecolor()[:3] for arrow in arrows]
        assert [color == (0, 0, 0) for color in colors] == [k == of for k in range(5)]
        assert max(arrows, key=lambda arrow: arrow.get_zorder()) is arrows[of]
    names = [run.learner.policy.layout.name(i) for i in (3, 7)]
    assert [figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()] == names
    assert pictures.steps(run, tasks).axes[0].get_xlabel() != names[0]


def test_the_loss_that_is_drawn_is_minus_the_return_of_an_episode(pictures):
    plane = PointNavigation(horizon=12)
    run = meta_train(MOVER, plane, iterations=1, tasks=2)
    tasks = plane.sample(2, np.random.default_rng(0))
    beneath = pictures.steps(run, tasks).axes[0].collections[0]
    back = -run.learner.collect(run.theta, tasks, np.random.default_rng(1)).reward[0].sum(0).mean()
    assert beneath.zmin < 1.3 * back < beneath.zmax   # of the whole episode: 12 steps, 3 trials


def test_the_two_parameters_that_are_drawn_do_not_move_as_one(pictures):
    """The first three do, the first most; the fourth moves less, and on its own."""
    one, other = np.random.default_rng(0).normal(size=(2, 9))
    phi = np.stack([3 * one, 2 * one, -2.5 * one, other, 0 * one], -1) + 7
    assert pictures.apart(phi).tolist() == [0, 3]


def test_what_varies_most_is_judged_by_squares(pictures):
    columns = [[4, -1, -1, -1, -1], [-8, 2, 2, 2, 2], [0, 2.5, -1.25, -1.25, 0], [0, -3, 1, 1, 1]]
    for size in (1e-9, 1.0, 1e9):
        assert pictures.apart(size * np.array(columns).T).tolist() == [1, 3]


# ---- what an agent does

def test_choices_are_a_raster(pictures):
    bandit = BernoulliBandit(3, 6)
    run = meta_train(RL2(RecurrentPolicy(1, Categorical(3), 4)), bandit, iterations=1, tasks=2)
    figure = pictures.trial(run, bandit.sample(7, np.random.default_rng(0)))
    image = figure.axes[0].images[0].get_array()
    assert image.shape == (7, 6) and set(np.unique(image)) <= {0, 1, 2}
    assert [text.get_text() for text in figure.axes[1].get_yticklabels()] == ["0", "1", "2"]


@pytest.mark.parametrize("sees", ["cell", "row and column"])
def test_walks_on_a_grid_are_rooms_with_the_step_at_which_a_cell_was_entered(pictures, sees):
    room = replace(GRID, sees=sees)
    learner = replace(RECURRENT, policy=RecurrentPolicy(room.obs_size, Categorical(5), 4))
    run = meta_train(learner, room, iterations=1, tasks=2)
    figure = pictures.trial(run, room.sample(3, np.random.default_rng(0)))
    assert titles(figure)[:2] == ["episode 1", "episode 2"] and len(figure.axes) == 3 * 2
    for ax in figure.axes:
        corner = [text for text in ax.texts if text.get_position() == (0, 0)]
        assert [text.get_text() for text in corner] == ["0"]  # where each walk begins


def test_rooms_show_the_step_at_which_a_known_walk_enters_each_cell(pictures):
    figure = pictures.rooms({"one": np.array([[0, 1, 1, 4, 7, np.nan]])}, [7], 3)
    told = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert told == {(0, 0): "0", (1, 0): "1", (1, 1): "3", (1, 2): "4"}
    assert [mark.get_data() for mark in figure.axes[0].lines] == [([1], [2])]


def test_moves_in_the_plane_are_ways_before_and_after_with_the_goals(pictures):
    move = meta_train(MOVER, PLANE, iterations=1, tasks=2)
    tasks = PLANE.sample(3, np.random.default_rng(0))
    figure = pictures.trial(move, tasks)
    assert titles(figure) == ["before adaptation", "after it"]
    stars = [line.get_xydata()[0] for line in lines(figure) if line.get_marker() == "*"]
    assert np.array_equal(stars, tasks.goal)
    assert all(line.get_xydata()[0].tolist() == [0, 0] for line in lines(figure)[::3])


def test_an_arm_is_swept_from_the_shoulder_to_the_hand(pictures):
    family = PlanarArm("payload", horizon=5, substeps=2)
    learner = MAML(MLPPolicy(6, Gaussian(2), (4,)), trials=3)
    arm = meta_train(learner, family, iterations=1, tasks=2)
    tasks = family.sample(2, np.random.default_rng(0))
    figure = pictures.trial(arm, tasks)
    assert len(figure.axes) == 2 * 2 and len(lines(figure)) == 2 + 1  # steps 0 and 4, target
    start, _ = tasks.reset(1, np.random.default_rng(0))
    drawn = lines(figure)[0].get_xydata()
    assert np.allclose(drawn, [[0, 0], tasks.elbow(start)[0, 0], tasks.hand(start)[0, 0]])


def test_an_episode_that_ends_early_is_drawn_no_longer():
    """The arm of two pays and the episode ends; some tries take longer."""
    near = PointNavigation(horizon=30, radius=0.4)
    run = meta_train(MOVER, near, iterations=1, tasks=2)
    for obs, action in lived(run, near.sample(9, np.random.default_rng(0))).values():
        assert obs.shape[:2] == action.shape[:2] and np.isfinite(obs[:, 0]).all()
        gone = np.isnan(obs[..., 0])
        assert (gone == np.isnan(action[..., 1])).all() and not gone[:, :-1].all(0).any()
        assert (np.diff(gone.astype(int), axis=1) >= 0).all() and gone.any()


def test_lines_and_bars_are_drawn_with_their_intervals(pictures):
    figure = pictures.curves({"a": (range(3), [1.0, 2.0, 4.0], [0.1, 0.2, 0.3]),
                              "b": (range(3), [0.0, 1.0, 1.0])}, "x", "y", {"best": 5.0})
    texts = {text.get_text() for text in figure.legends[0].get_texts()}
    assert texts == {"a", "b", "best"} and lines(figure)[-1].get_ydata()[0] == 5
    figure = pictures.bars({"one": [(1.0, 0.1), (2.0, 0.2)], "two": [(3.0, 0.0)] * 2},
                           ["left", "right"], "height")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1.0, 2.0]
    assert titles(figure) == ["one", "two"]


def test_without_matplotlib_the_error_names_the_remedy_before_the_training(monkeypatch):
    from minimeta.runs import pictures
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: pictures.curves({}, "", ""), lambda: pictures.required("a.png")):
        with pytest.raises(ImportError, match="pictures need Matplotlib; use pip install"):
            draw()
    assert pictures.required(None) is None


# ---- the command line

def test_the_command_lists_families_learners_and_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "    GridNavigation        A walker in a room" in out and "    MAML " in out
    assert "Discrete  " not in out
    assert [line for line in out.splitlines() if line[0] != " "] == [
        "families (minimeta.tasks)", "learners (minimeta)", "runs"]
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


def test_the_help_says_what_each_option_does(capsys):
    for arguments, words in (([], "options and last rows of a run"),
                             (["show"], "save the learning curve"), (["show"], "--plot FILE"),
                             ([], "Meta-reinforcement learning written by hand in NumPy.")):
        with pytest.raises(SystemExit):
            main([*arguments, "--help"])
        assert words in capsys.readouterr().out


def test_show_draws_a_run_of_one_iteration(pictures, tmp_path):
    meta_train(MOVER, PLANE, iterations=1, tasks=2, run_dir=tmp_path / "run")
    assert main(["show", str(tmp_path / "run"), "--plot", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").exists()


def test_show_of_a_folder_without_a_run_says_so(tmp_path, capsys):
    assert main(["show", str(tmp_path)]) == 1
    assert "minimeta: " in (out := capsys.readouterr().out) and "holds no run" in out


def test_the_module_is_the_command():
    run = subprocess.run([sys.executable, "-m", "minimeta", "show", "nowhere"], cwd=ROOT,
                         capture_output=True, text=True)
    assert run.returncode == 1 and "nowhere holds no run" in run.stdout


def test_runs_are_listed_in_the_order_of_their_folders(tmp_path, monkeypatch, capsys, folder):
    config = (folder / "config.json").read_text()
    for name in ("b", "c/deep", "a", "c/d/e", "too/deep/to/be"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text(config)
    monkeypatch.chdir(tmp_path)
    main([])
    listed = capsys.readouterr().out.partition("runs\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == ["a", "b", "c/d/e", "c/deep"]
    assert all(line.split()[1:] == ["RL2,", "0", "iterations"] for line in listed)


@pytest.mark.parametrize("number, told", [
    (None, ""), (3, "3"), (True, "True"), (0.123456, "0.12346"), (1234567.0, "1.2346e+06"),
    ("word", "word")])
def test_numbers_of_a_table_are_short(number, told):
    assert short(number) == told


def test_the_first_sentence_of_a_docstring_is_the_summary():
    class Thing:
        """Does one thing,
        and well. Then another."""

    class Other:
        """Ends without another sentence."""

    assert summary(Thing) == "Does one thing, and well"
    assert summary(Other) == "Ends without another sentence"


def test_a_loss_is_drawn_where_returns_are_not_logged(pictures, tmp_path, monkeypatch, capsys,
                                                      folder):
    told = []
    monkeypatch.setattr(pictures, "learning", lambda runs, of: SimpleNamespace(
        savefig=lambda file: told.append((len(runs[0].log), of, file))))
    assert main(["show", str(folder), "--plot", "a.png"]) == 0
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    assert main(["show", str(tmp_path), "--plot", "none.png"]) == 0       # no rows, no picture
    for k in range(2):
        log.append(tmp_path / "log.csv", {"loss": float(k)})
    assert main(["show", str(tmp_path), "--plot", "b.png"]) == 0
    assert told == [(7, "return", "a.png"), (2, "loss", "b.png")]


def test_classes_are_listed_by_name_if_they_have_the_verb():
    class Able:
        def update(self):
            """Does."""

    module = SimpleNamespace(__all__=("b", "a", "Box", "f", "c"), a=Able, b=Able, Box=Able, f=print,
                             c=int)
    assert list(members(module, "update")) == [("a", Able), ("b", Able)]
