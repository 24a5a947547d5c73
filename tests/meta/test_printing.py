"""The progress lines."""
from minimeta import print_progress


def test_each_line_shows_the_mean_since_the_line_before(capsys):
    callback = print_progress(6, of="loss", name="MAML", lines=2)
    for iteration, loss in enumerate([1.0, 2.0, 3.0, 5.0, 5.0, 5.0]):
        callback(iteration, {"loss": loss}, None)
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("MAML            iteration      3   loss 2.000")
    assert second.endswith("MAML            iteration      6   loss 5.000")
