"""What pictures of arrays show: which line, mark and word stands where."""
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta.runs import Comparison

pytest.importorskip("matplotlib")
from matplotlib import colormaps  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402

from minimeta.runs import drawing, pictures  # noqa: E402
from minimeta.runs.drawing import COLORS  # noqa: E402


def points(line):
    return line.get_xydata().tolist()


def words(texts):
    return [text.get_text() for text in texts]


# ---- panels and curves

def test_panels_are_laid_out_in_rows_and_columns_of_equal_size():
    for rows, columns in ((1, 1), (2, 3)):
        figure, axes = drawing.panels(rows, columns)
        assert axes.shape == (rows, columns)
        assert np.allclose(figure.get_size_inches(), (4.6 * columns, 3.2 * rows))
    figure, axes = drawing.panels(2, 1, 3.0, 1.5, sharex=True)
    assert np.allclose(figure.get_size_inches(), (3.0, 3.0)) and figure.get_constrained_layout()
    assert axes[0, 0].get_shared_x_axes().joined(axes[0, 0], axes[1, 0])
    assert not axes[0, 0].get_shared_y_axes().joined(axes[0, 0], axes[1, 0])


def test_curves_have_marks_if_they_are_short_and_levels_are_dashed_and_stand_last():
    short, long = np.arange(29.0), np.arange(30.0)
    figure = drawing.curves({"long": (long, 2 * long, 0 * long + 3), "short": (short, short)},
                            "here", "there", {"level": 5.0, "other": 7.0}, xscale="log")
    [ax] = figure.axes
    assert words(figure.legends[0].get_texts()) == ["long", "short", "level", "other"]
    (one, _, [bar]), (two, *_) = ax.containers
    assert points(one) == np.stack([long, 2 * long], -1).tolist() and points(two)[28] == [28, 28]
    assert np.allclose(bar.get_segments()[4], [[4, 5], [4, 11]])
    assert one.get_marker() in ("", "None") and two.get_marker() == "o"
    level, other = [line for line in ax.lines if line.get_label() in ("level", "other")]
    assert set(level.get_ydata()) == {5} and level.get_linestyle() == "--"
    assert set(other.get_ydata()) == {7} and other.get_linestyle() == ":"
    assert level.get_linewidth() > 0
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("here", "there", "log")
    plain = drawing.curves({"one": (short, short)}, "x", "y")
    assert words(plain.legends[0].get_texts()) == ["one"] and len(plain.axes[0].lines) == 1


def test_colours_follow_each_other_and_the_style_is_left_as_it_was():
    import matplotlib
    before = matplotlib.rcParams["font.size"]
    figure = drawing.curves({str(k): (range(3), [k] * 3) for k in range(3)}, "x", "y")
    drawn = [to_hex(c.lines[0].get_color()) for c in figure.axes[0].containers]
    assert drawn == list(COLORS[:3]) and matplotlib.rcParams["font.size"] == before
    assert not figure.axes[0].spines["top"].get_visible()


def test_bars_stand_side_by_side_with_their_intervals_and_names():
    figure = drawing.bars({"one": [(1.0, 0.1), (2.0, 0.2)], "two": [(3.0, 0.0), (4.0, 0.5)]},
                          ["left", "right"], "height")
    for ax, title, heights, halves in zip(figure.axes, ("one", "two"), ((1, 2), (3, 4)),
                                          ((0.1, 0.2), (0, 0.5))):
        bars, = [c for c in ax.containers if hasattr(c, "patches")]
        assert [bar.get_height() for bar in bars] == list(heights) and ax.get_title() == title
        assert [to_hex(bar.get_facecolor()) for bar in bars] == list(COLORS[:2])
        [ends] = bars.errorbar.lines[2]
        for k, (bottom, top) in enumerate(ends.get_segments()):
            assert np.allclose([*bottom, *top],
                               [k, heights[k] - halves[k], k, heights[k] + halves[k]])
        assert words(ax.get_xticklabels()) == ["left", "right"]
    assert [ax.get_ylabel() for ax in figure.axes] == ["height", ""]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


# ---- what an agent does

@pytest.mark.parametrize("n", [3, 7, 8])
def test_a_raster_has_a_colour_for_each_action(n):
    actions = np.array([[0.0, n - 1, np.nan], [1, 1, 2]])
    names = [f"a{k}" for k in range(n)]
    figure = drawing.raster({"before": actions, "after": actions[::-1]}, names, "pull")
    one, other, bar = figure.axes
    [image] = one.images
    assert np.array_equal(image.get_array().filled(np.nan), actions, equal_nan=True)
    assert np.array_equal(other.images[0].get_array().filled(np.nan), actions[::-1], equal_nan=True)
    assert image.get_clim() == (-0.5, n - 0.5) and words(bar.get_yticklabels()) == names
    assert (one.get_title(), other.get_title()) == ("before", "after")
    assert [ax.get_ylabel() for ax in (one, other, bar)] == ["task", "", "action"]
    assert [ax.get_xlabel() for ax in (one, other)] == ["pull", "pull"]
    if n <= 7:
        assert [to_hex(c) for c in image.cmap(np.arange(n))] == list(COLORS[:n])
        assert image.cmap.N == n
    else:
        assert image.cmap.name == "tab20"


def test_a_room_is_framed_and_shows_at_which_step_a_cell_was_first_entered():
    walks = {"one": np.array([[0, 1, 4, 1, np.nan], [8, 8, 7, 6, 3]]),
             "two": np.array([[2, np.nan, np.nan, np.nan, np.nan], [0, 3, 6, 7, 8]])}
    figure = drawing.rooms(walks, [7, 2], 3)
    axes = np.array(figure.axes).reshape(2, 2)
    assert [ax.get_title() for ax in axes.ravel()] == ["one", "two", "", ""]
    expected = np.full((3, 3), np.nan)
    expected.flat[[0, 1, 4]] = 0, 1, 2
    [image] = axes[0, 0].images
    assert np.array_equal(image.get_array().filled(np.nan), expected, equal_nan=True)
    assert image.origin == "lower" and image.get_clim()[0] == 0 and image.get_clim()[1] > 4
    told = {text.get_position(): text.get_text() for text in axes[1, 0].texts}
    assert told == {(2, 2): "0", (1, 2): "2", (0, 2): "3", (0, 1): "4"}
    assert len(axes[0, 1].texts) == 1
    for row, goal in zip(axes, ([1, 2], [2, 0])):
        for ax in row:
            [mark] = ax.lines
            assert points(mark) == [goal] and mark.get_marker() == "s"
            assert to_hex(mark.get_markeredgecolor()) == COLORS[1]
            assert mark.get_markerfacecolor() == "none" and 10 < mark.get_markersize() < 60
            for ticks in (ax.get_xticks(), ax.get_yticks()):
                assert np.allclose(ticks, [-0.5, 0.5, 1.5, 2.5])
            assert not any(words(ax.get_xticklabels()) + words(ax.get_yticklabels()))


PATHS = np.random.default_rng(0).normal(size=(8, 4, 2))
GOALS = np.random.default_rng(1).normal(size=(8, 2))


def test_a_way_begins_at_a_dot_and_has_the_colour_of_its_goal():
    figure = drawing.ways({"before": PATHS, "after": 2 * PATHS}, GOALS)
    for ax, factor, title in zip(figure.axes, (1, 2), ("before", "after")):
        assert (ax.get_title(), ax.get_xlabel()) == (title, "x") and ax.get_aspect() == 1
        for k, (path, goal) in enumerate(zip(PATHS, GOALS)):
            way, dot, star = ax.lines[3 * k:3 * k + 3]
            assert points(way) == (factor * path).tolist() and points(star) == [goal.tolist()]
            assert points(dot) == [(factor * path[0]).tolist()] and dot.get_color() == "black"
            assert way.get_color() == star.get_color() == COLORS[k % 7]
            assert (dot.get_marker(), star.get_marker()) == ("o", "*")
    assert [ax.get_ylabel() for ax in figure.axes] == ["y", ""]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


@pytest.mark.parametrize("goals", [None, np.ones(8), np.ones((8, 3))])
def test_without_goals_in_the_plane_there_are_no_stars(goals):
    assert len(drawing.ways({"": PATHS}, goals).axes[0].lines) == 2 * 8


def test_an_arm_is_drawn_every_few_steps_and_brighter_each_time():
    poses = np.random.default_rng(0).normal(size=(2, 9, 2, 2))
    figure = drawing.sweeps({"before": poses, "after": poses + 1}, GOALS[:2])
    axes = np.array(figure.axes).reshape(2, 2)
    assert [ax.get_title() for ax in axes.ravel()] == ["before", "after", "", ""]
    for row, arm, goal in zip(axes, poses, GOALS):
        for ax, more in zip(row, (0, 1)):
            *arms, star = ax.lines
            assert len(arms) == 3 and points(star) == [goal.tolist()] and ax.get_aspect() == 1
            assert star.get_color() == COLORS[1] and star.get_marker() == "*"
            for t, line in zip((0, 4, 8), arms):
                assert points(line) == [[0, 0], *(arm[t] + more).tolist()]
                assert line.get_color() == colormaps["viridis"](0.9 * t / 9)
    three = drawing.sweeps({"": poses[[0, 1, 0]]}, GOALS[:3])
    assert [points(ax.lines[-1]) for ax in three.axes] == [[goal] for goal in GOALS[:3].tolist()]
    assert len(drawing.sweeps({"": poses}, GOALS[:2], every=2).axes[0].lines) == 5 + 1
    assert figure.axes[0].get_xlim() == figure.axes[3].get_xlim()
    assert figure.axes[0].get_ylim() == figure.axes[3].get_ylim()


# ---- while training, and in new tasks

def run(returns, steps=None):
    log = [{"return": r} | ({} if steps is None else {"steps": s})
           for r, s in zip(returns, steps if steps is not None else returns)]
    return SimpleNamespace(log=log)


def test_a_running_mean_stands_at_the_last_of_its_iterations():
    returns = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    figure = pictures.learning([run(returns), run(2 * returns[:4])], smooth=3)
    one, two = figure.axes[0].lines
    assert one.get_xdata().tolist() == [3, 4] == two.get_xdata().tolist()
    assert np.allclose(one.get_ydata(), [7 / 3, 14 / 3])
    assert np.allclose(two.get_ydata(), [14 / 3, 28 / 3])
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("iteration", "return")
    assert not figure.legends
    steps = pictures.learning([run(returns, range(0, 50, 10))], smooth=2)
    assert steps.axes[0].lines[0].get_xdata().tolist() == [10, 20, 30, 40]
    assert steps.axes[0].get_xlabel() == "steps of the environments"
    usual = pictures.learning([run(np.arange(30.0))]).axes[0].lines[0]
    assert np.allclose(points(usual), [[20 + k, 9.5 + k] for k in range(11)])   # of 20 iterations
    short = pictures.learning([run(returns[:2])])
    assert points(short.axes[0].lines[0]) == [[2, 1.5]]


def test_a_learner_is_named_once_and_its_seeds_have_its_colour():
    few, many = [[run(k + np.arange(4.0)) for k in range(n)] for n in (3, 6)]
    figure = pictures.learning({"few": few, "many": many}, smooth=1)
    [ax] = figure.axes
    assert words(figure.legends[0].get_texts()) == ["few", "many"]
    assert [line.get_color() for line in ax.lines] == [COLORS[0]] * 3 + [COLORS[1]]
    assert np.allclose(ax.lines[3].get_ydata(), 2.5 + np.arange(4))
    [band] = ax.collections
    assert to_hex(band.get_facecolor()[0]) == COLORS[1] and band.get_alpha() == 0.25
    _, low, high, _ = pictures.over_seeds(np.stack([k + np.arange(4.0) for k in range(6)]))
    y = band.get_paths()[0].vertices[:, 1]
    assert np.isclose(y.min(), low.min()) and np.isclose(y.max(), high.max())
    many = pictures.learning({str(k): [run(np.ones(3))] for k in range(9)})
    assert many.axes[0].lines[8].get_color() == COLORS[1]


def comparison(x, seeds=1):
    rng = np.random.default_rng(0)
    returns = {name: rng.exponential(size=(seeds, 6, len(x))) for name in ("A", "B")}
    at = {name: np.array(x) for name in returns}
    return Comparison(returns, at, {name: 10 * a for name, a in at.items()},
                      {"random": np.array([1.0, 2.0]), "oracle": np.array([5.0, 6.0])})


def test_returns_in_new_tasks_have_intervals_and_lines_of_what_is_known():
    one = comparison([0, 1, 2], seeds=6)   # the intervals are longer above the mean
    for figure, factor, against in ((pictures.adaptation(one), 1, "episodes"),
                                    (pictures.adaptation(one, "steps"), 10, "steps")):
        [ax] = figure.axes
        for name, container in zip("AB", ax.containers):
            mean, low, high, _ = one.estimate(name)
            line, _, [bars] = container
            assert points(line) == np.stack([factor * np.arange(3), mean], -1).tolist()
            assert line.get_marker() == "o"
            ends = np.array(bars.get_segments())[..., 1]
            assert np.allclose(ends, np.stack([low, high], -1))
        random, oracle = [line for line in ax.lines if line.get_label() in ("random", "oracle")]
        assert set(random.get_ydata()) == {1.5} and random.get_linestyle() == ":"
        assert set(oracle.get_ydata()) == {5.5} and oracle.get_linestyle() == "--"
        assert random.get_linewidth() > 0
        assert ax.get_xlabel() == f"{against} in the task before"
        assert ax.get_ylabel() == "return of an episode" and ax.get_title() == ""
        assert words(figure.legends[0].get_texts()) == ["A", "B", "random", "oracle"]
    two = pictures.adaptation({"near": one, "far": comparison([0, 3])})
    assert [ax.get_title() for ax in two.axes] == ["near", "far"]
    assert [ax.get_ylabel() for ax in two.axes] == ["return of an episode", ""]


@pytest.mark.parametrize("x, scale", [
    ([0, 1, 8], "linear"), ([0, 1, 9], "symlog"), ([0, 5, 40], "linear"), ([0, 5, 41], "symlog"),
    ([0], "linear"), ([3, 24], "linear"), ([3, 25], "symlog"), ([0, 0.9, 8.6], "symlog")])
def test_a_log_scale_begins_at_the_least_above_0_if_others_are_eight_times_as_far(x, scale):
    [ax] = pictures.adaptation(comparison(x)).axes
    assert ax.get_xscale() == scale
    if scale == "symlog":
        whole = np.round(x).astype(int)
        least = whole[whole > 0].min()
        assert ax.get_xticks().tolist() == whole.tolist()
        assert words(ax.get_xticklabels()) == [str(n) for n in whole]
        assert np.allclose(ax.get_xlim(), (-0.2 * least, 1.15 * whole.max()))
        assert ax.xaxis.get_transform().linthresh == least and not len(ax.get_xticks(minor=True))


@pytest.mark.parametrize("phi, pair", [
    (lambda a, b, c: [a, 0.9 * a, 0.5 * b], [0, 2]),
    (lambda a, b, c: [0.5 * b, 0.9 * a, a], [2, 0]),
    (lambda a, b, c: [0 * a, -3 * a, a + 0.1 * b, 0.2 * c], [1, 3]),
    (lambda a, b, c: [3 * a, 2 * a + 0.4 * b, 0.6 * c], [0, 2]),
    (lambda a, b, c: [0 * a, 0 * a, 0 * a], [0, 0])])
def test_the_pair_is_what_varies_most_and_what_varies_most_beside_it(phi, pair):
    a, b, c = np.linalg.qr(np.random.default_rng(0).normal(size=(9, 3)))[0].T
    a, b, c = (v - v.mean() for v in (a, b, c))
    found = pictures.apart(np.stack(phi(a, b, c), -1) + 4.0)
    assert found.tolist() == pair and found.dtype.kind == "i"


# ---- theta -> phi, and what an agent does

def test_the_loss_beneath_the_arrows_is_that_of_one_task_at_each_theta(monkeypatch):
    """A learner whose task k loses (a - k)^2 + 3 b at (a, b), the first and the third of theta."""
    asked, theta = [], np.array([0.5, 9.0, -1.0])
    phi = np.array([[1.0, 9.5, 0.0], [2.0, 8.5, -3.0], [-1.0, 9.0, 1.0]])

    def collect(theta, tasks, rng):
        asked.append((theta, tasks, rng.integers(1000)))
        loss = (theta[:, 0] - tasks) ** 2 + 3 * theta[:, 2]
        return SimpleNamespace(reward=-np.stack([loss, 0 * loss], -1)[..., None] + [0.25, -0.25])

    layout = SimpleNamespace(name="theta{}".format)
    learner = SimpleNamespace(collect=collect, policy=SimpleNamespace(layout=layout))
    told = []
    monkeypatch.setattr(pictures, "adapt", lambda run, tasks, rounds, seed: (
        told.append((rounds, seed)), phi)[1])
    figure = pictures.steps(SimpleNamespace(theta=theta, learner=learner), np.arange(3), (0, 2),
                            of=1,
                            seed=7)
    [(grid, tasks, luck)] = asked
    assert told == [(1, 7)] and luck == np.random.default_rng(7).integers(1000)
    assert grid.shape == (625, 3) and (grid[:, 1] == 9).all() and (tasks == 1).all()
    a, b = grid[:, 0].reshape(25, 25), grid[:, 2].reshape(25, 25)
    assert np.allclose(a, np.linspace(-1.45, 2.45, 25)) and np.allclose(a[0], a[7])
    assert np.allclose(b.T, np.linspace(-3.6, 1.6, 25))
    ax, bar = figure.axes
    assert bar.get_ylabel() == "loss of the task with the black arrow"
    assert np.allclose(ax.get_xlim(), (-1.45, 2.45)) and np.allclose(ax.get_ylim(), (-3.6, 1.6))
    loss = (a - 1) ** 2 + 3 * b
    [beneath] = [c for c in ax.collections if hasattr(c, "levels")]
    assert beneath.zmin == pytest.approx(loss.min()) and beneath.zmax == pytest.approx(loss.max())
    arrows = [text for text in ax.texts if hasattr(text, "xyann")]
    assert [tuple(arrow.xy) for arrow in arrows] == [(1, 0), (2, -3), (-1, 1)]
    assert all(np.array_equal(arrow.xyann, [0.5, -1]) for arrow in arrows)
    colors = [to_hex(arrow.arrow_patch.get_edgecolor()) for arrow in arrows]
    assert colors == [COLORS[0], "#000000", COLORS[2]]
    front = [arrow.get_zorder() for arrow in arrows]
    assert front[1] > front[0] == front[2]
    [dot] = ax.lines
    assert points(dot) == [[0.5, -1]] and (dot.get_marker(), dot.get_color()) == ("o", "black")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("theta0", "theta2")


def test_a_trial_is_drawn_by_what_the_agent_sees_and_does(monkeypatch):
    obs, action = np.random.default_rng(0).normal(size=(2, 3, 4, 6))
    for n_actions, shape in ((None, "ways"), (3, "raster")):
        family = SimpleNamespace(action=None if n_actions is None else pictures.Discrete(n_actions))
        tasks = SimpleNamespace(family=family, goal=GOALS[:3])
        seeds = []
        monkeypatch.setattr(pictures, "lived", lambda run, tasks, seed: (
            seeds.append(seed), {"one": (obs, np.abs(action[..., 0]).round())})[1])
        figure = pictures.trial(None, tasks)
        ax = figure.axes[0]
        assert seeds == [0] and ax.get_title() == "one"
        if shape == "ways":
            assert [points(line) for line in ax.lines[::3]] == obs[..., :2].tolist()
            assert [points(line)[0] for line in ax.lines[2::3]] == GOALS[:3].tolist()
        else:
            assert np.array_equal(ax.images[0].get_array(), np.abs(action[..., 0]).round())
            assert words(figure.axes[1].get_yticklabels()) == ["0", "1", "2"]
    pictures.trial(None, tasks, seed=5)
    assert seeds == [0, 5]
