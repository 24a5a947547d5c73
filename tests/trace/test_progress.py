"""The progress lines."""
import io

import pytest

from minimeta import print_progress
from minimeta.trace import progress


def test_each_line_shows_the_mean_since_the_line_before(capsys):
    callback = print_progress(6, of="loss", name="MAML", lines=2)
    for iteration, loss in enumerate([1.0, 2.0, 3.0, 5.0, 5.0, 5.0]):
        callback(iteration, {"loss": loss}, None)
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("MAML            iteration      3   loss 2.000")
    assert second.endswith("MAML            iteration      6   loss 5.000")


class Terminal(io.StringIO):
    """A stream that redraws lines."""

    def isatty(self):
        return True


def test_on_a_terminal_one_line_is_redrawn(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr(progress, "PAUSE", 0)
    seconds = iter(range(100))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(seconds))
    callback = print_progress(200, name="MAML")
    for iteration in range(190, 200):  # of a training that was resumed
        callback(iteration, {"return": 2.0, "before": 1.0, "steps": 500 * iteration}, None)
    drawings = screen.getvalue().split("\r")[1:]
    assert len(drawings) == 10 and len({len(line.strip("\n")) for line in drawings}) == 1
    assert drawings[4].split("   ")[:5] == [
        "MAML 195/200", " 98%", "return 1.000 -> 2.000", "500 steps/s", "0:05 left"]
    assert screen.getvalue().count("\n") == 1 and drawings[-1].endswith("\n")


def test_on_a_terminal_a_line_is_drawn_a_few_times_a_second_and_at_the_end(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    seconds = iter([0.0, 10.0] + [10.0 + 0.4 * progress.PAUSE * i for i in range(1, 7)])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(seconds))
    callback = print_progress(8)
    for iteration in range(8):
        callback(iteration, {"return": 1.0}, None)
    shown = [line.split("/")[0] for line in screen.getvalue().split("\r")[1:]]
    assert shown == ["2", "5", "8"]


def test_a_log_without_steps_or_returns_can_be_watched(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    callback = print_progress(2, of="loss")
    for iteration in range(2):
        callback(iteration, {"loss": 0.5}, None)
    assert screen.getvalue().split("\r")[-1].startswith("2/2   100%   loss 0.500   0:00 left")


def test_a_number_that_is_not_logged_is_refused():
    with pytest.raises(ValueError, match="of must be one of 'loss', got 'return'"):
        print_progress(1)(0, {"loss": 1.0}, None)


def test_hours_minutes_and_seconds_are_told():
    assert [progress.clock(s) for s in (0.4, 75, 3725)] == ["0:00", "1:15", "1:02:05"]
