"""The progress line."""
import io
from types import SimpleNamespace

import pytest

from minimeta import MAML, Gaussian, MLPPolicy, RegressionMAML, meta_train, print_progress, sweep
from minimeta.calculus import MLP
from minimeta.tasks import PointNavigation, Sinusoid
from minimeta.trace import progress

PLANE, MOVER = PointNavigation(horizon=3), MAML(MLPPolicy(2, Gaussian(2), (4,)), trials=2)
SIZES = dict(iterations=4, tasks=2)


class Terminal(io.StringIO):
    """A stream that redraws lines."""

    def isatty(self):
        return True

    @property
    def drawings(self):
        return self.getvalue().split("\r")[1:]


@pytest.fixture
def terminal(monkeypatch):
    """terminal() is what prints from now on. pytest sets sys.stdout after the fixtures."""
    def shown():
        screen = Terminal()
        monkeypatch.setattr("sys.stdout", screen)
        return screen

    return shown


@pytest.fixture
def seconds(monkeypatch):
    """Every look at the clock is a second after the last one."""
    ticks = iter(range(100))
    monkeypatch.setattr(progress, "PAUSE", 0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(ticks))


# ---- print_progress

def test_each_plain_line_shows_the_mean_since_the_line_before(capsys, seconds):
    callback = print_progress(6, of="loss", name="MAML", lines=2)
    for iteration, loss in enumerate([1.0, 2.0, 3.0, 5.0, 5.0, 5.0]):
        callback(iteration, {"loss": loss, "steps": 10 * iteration}, None)
    assert capsys.readouterr().out.splitlines() == [
        "MAML 3/6    50%   loss 2.000   10 steps/s   0:03 left",
        "MAML 6/6   100%   loss 5.000   10 steps/s   in 0:05"]


def test_on_a_terminal_one_line_is_redrawn(terminal, seconds):
    screen = terminal()
    callback = print_progress(200, name="MAML")
    for iteration in range(190, 200):  # of a training that was resumed
        callback(iteration, {"return": 2.0, "before": 1.0, "steps": 500 * iteration}, None)
    assert len(screen.drawings) == 10
    assert len({len(line.strip("\n")) for line in screen.drawings}) == 1
    assert screen.drawings[4].split("   ")[:5] == [
        "MAML 195/200", " 98%", "return 1.000 -> 2.000", "500 steps/s", "0:05 left"]
    assert screen.getvalue().count("\n") == 1 and screen.drawings[-1].endswith("\n")


def test_a_stream_that_does_not_say_whether_it_is_closed_is_open():
    assert progress.is_redrawn(SimpleNamespace(isatty=lambda: True))
    assert not progress.is_redrawn(SimpleNamespace(isatty=lambda: True, closed=True))
    assert not progress.is_redrawn(None)


def test_on_a_terminal_a_line_is_drawn_a_few_times_a_second_and_at_the_end(terminal, monkeypatch):
    screen = terminal()
    seconds = iter([10.0 + 0.4 * progress.PAUSE * i for i in range(8)])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(seconds))
    callback = print_progress(8)
    for iteration in range(8):
        callback(iteration, {"return": 1.0}, None)
    assert [line.split("/")[0] for line in screen.drawings] == ["1", "4", "7", "8"]


@pytest.mark.parametrize("columns, wide", [(30, 29), (80, 79), (200, 79)])
def test_the_line_is_no_wider_than_the_terminal(terminal, seconds, monkeypatch, columns, wide):
    screen = terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    print_progress(3, name="a learner with a long name")(0, {"return": 1.0, "before": 0.5}, None)
    assert len(screen.drawings[0]) == wide


def test_the_first_iteration_alone_needs_no_time(terminal, seconds):
    screen = terminal()
    print_progress(1, of="loss")(0, {"loss": 0.5}, None)
    assert screen.drawings[-1].split() == ["1/1", "100%", "loss", "0.500"]


def test_where_returns_are_not_logged_the_loss_is_shown(capsys):
    learner = RegressionMAML(MLP((1, 6, 1)))
    meta_train(learner, Sinusoid(), callback=print_progress(4), **SIZES)
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["4/4", "100%", "loss"]


def test_a_number_that_is_not_logged_is_refused():
    with pytest.raises(ValueError, match="of must be one of 'loss', got 'return'"):
        print_progress(1, of="return")(0, {"loss": 1.0}, None)


def test_hours_minutes_and_seconds_are_shown():
    assert [progress.clock(s) for s in (0.4, 75, 3725)] == ["0:00", "1:15", "1:02:05"]


# ---- meta_train(.., progress=)

def test_a_terminal_shows_the_line_unless_asked_not_to(terminal):
    screen = terminal()
    meta_train(MOVER, PLANE, **SIZES)
    assert screen.drawings[-1].startswith("4/4   100%   return -") and "->" in screen.getvalue()
    length = len(screen.getvalue())
    meta_train(MOVER, PLANE, progress=False, **SIZES)
    assert len(screen.getvalue()) == length


def test_a_notebook_shows_the_line(monkeypatch):
    OutStream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    monkeypatch.setattr("sys.stdout", OutStream())
    meta_train(MOVER, PLANE, **SIZES)
    assert progress.sys.stdout.getvalue().startswith("\r1/4")


def test_a_file_stays_empty_unless_asked_for_plain_lines(capsys):
    meta_train(MOVER, PLANE, **SIZES)
    assert capsys.readouterr().out == ""
    meta_train(MOVER, PLANE, progress=True, **SIZES)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "1/4", "2/4", "3/4", "4/4"]


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_process_without_a_place_to_print_trains_in_silence(monkeypatch, stream):
    if stream is not None:
        stream.close()
    monkeypatch.setattr("sys.stdout", stream)
    assert len(meta_train(MOVER, PLANE, **SIZES).log) == 4


def test_a_callback_takes_the_place_of_the_line_unless_both_are_asked_for(terminal):
    screen = terminal()
    done = []
    meta_train(MOVER, PLANE, callback=lambda *row: done.append(row[0]), **SIZES)
    assert screen.getvalue() == "" and done == [0, 1, 2, 3]
    meta_train(MOVER, PLANE, callback=lambda *row: done.append(row[0]), progress=True, **SIZES)
    assert screen.drawings and done == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_line_ends_however_the_training_ends(terminal, error):
    screen = terminal()
    def fail(iteration, row, theta):
        if iteration == 2:
            raise error

    try:
        meta_train(MOVER, PLANE, progress=True, callback=fail, **SIZES)
    except ZeroDivisionError:
        pass
    assert screen.getvalue().endswith("\n") and screen.getvalue().count("\n") == 1


def test_a_finished_training_draws_nothing(terminal):
    screen = terminal()
    whole = meta_train(MOVER, PLANE, progress=False, **SIZES)
    meta_train(MOVER, PLANE, resume=whole, **SIZES)
    assert screen.getvalue() == ""


def test_a_sweep_over_an_executor_is_silent(terminal):
    screen = terminal()
    def submit(train):
        return SimpleNamespace(result=train)

    sweep(MOVER, PLANE, seeds=[0, 1], executor=SimpleNamespace(submit=submit), **SIZES)
    assert screen.getvalue() == ""
    sweep(MOVER, PLANE, seeds=[0, 1], **SIZES)
    assert screen.getvalue().count("\n") == 2


def test_progress_is_a_truth():
    with pytest.raises(TypeError, match="progress must be True or False, got 3"):
        meta_train(MOVER, PLANE, progress=3, **SIZES)


def test_a_line_shows_speed_and_time_since_the_training_went_on(capsys, monkeypatch):
    seconds = iter([100.0, 102.0, 104.0, 106.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(seconds))
    callback = print_progress(8, lines=8)
    for iteration in range(4, 8):
        callback(iteration, {"return": iteration, "before": -1.0, "steps": 1000 * iteration ** 2},
                 None)
    assert capsys.readouterr().out.splitlines() == [
        "5/8    62%   return -1.000 -> 4.000",
        "6/8    75%   return -1.000 -> 5.000   4,500 steps/s   0:04 left",
        "7/8    88%   return -1.000 -> 6.000   5,000 steps/s   0:02 left",
        "8/8   100%   return -1.000 -> 7.000   5,500 steps/s   in 0:06"]


def test_a_number_other_than_the_return_is_shown_alone(capsys):
    callback = print_progress(1, of="loss")
    callback(0, {"loss": 2.0, "return": 1.0, "before": 0.5}, None)
    assert capsys.readouterr().out == "1/1   100%   loss 2.000\n"
    print_progress(1)(0, {"loss": 2.0, "before": 0.5}, None)
    assert capsys.readouterr().out == "1/1   100%   loss 2.000\n"


@pytest.mark.parametrize("iterations, lines, told", [
    (25, 10, [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]), (3, 10, [1, 2, 3]), (7, 2, [4, 7]),
    (5, 1, [5])])
def test_plain_lines_are_spread_over_the_training(capsys, iterations, lines, told):
    callback = print_progress(iterations, lines=lines)
    for iteration in range(iterations):
        callback(iteration, {"return": 1.0}, None)
    found = [int(line.split("/")[0]) for line in capsys.readouterr().out.splitlines()]
    assert found == told


def test_the_redrawn_line_shows_the_mean_of_the_last_fifty(terminal, seconds):
    screen = terminal()
    callback = print_progress(80)
    for iteration in range(80):
        callback(iteration, {"return": float(iteration)}, None)
    assert "return 54.500" in screen.drawings[-1] and "return 4.500" in screen.drawings[9]


def test_times_of_a_minute_and_of_an_hour_are_written_with_their_units():
    assert [progress.clock(s) for s in (59.6, 60, 3599, 3600, 36_061)] == [
        "1:00", "1:00", "59:59", "1:00:00", "10:01:01"]
