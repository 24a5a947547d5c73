"""The benchmark runs with tiny sizes, would see a library that computes something else, and
counts the operations of its floor right."""
import importlib
import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
BENCHMARK = EXAMPLES / "benchmark.py"
COUNTED = {"LSTM grad", "LSTM Hv", "RL2", "MAML", "trust"}    # these have a floor


@pytest.fixture(scope="module")
def part():
    """A part of the benchmark, by name."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        yield lambda name: importlib.import_module(f"benchmarks.{name}")
    finally:
        sys.path.remove(str(EXAMPLES))


def test_every_kind_of_work_is_measured_and_saved(tmp_path):
    file = tmp_path / "numbers.json"
    run = subprocess.run(
        [sys.executable, str(BENCHMARK), "--quick", "--threads", "1", "--json", str(file)],
        cwd=EXAMPLES.parent, env=None, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    saved = json.loads(file.read_text())
    kinds = {row["row"].rpartition(" ")[0] for row in saved["rows"]}
    acting = {"acting grid", "acting plane"}
    assert kinds == COUNTED | acting | {
        "stepping grid", "stepping plane", "start,", "memory,", "packages,"}
    for row in saved["rows"]:
        assert all(number > 0 for number in row.get("ms", row.get("MiB")).values())
        assert f"\n{row['row']} " in run.stdout
        assert (row["row"].rpartition(" ")[0] in COUNTED | acting) == ("floor" in row)
    assert saved["machine"]["threads"] == 1


def test_rows_are_picked_by_a_part_of_their_names(part, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr(part("machine"), "use_cores", lambda n: 1)
    saved = runpy.run_path(str(BENCHMARK))["main"](("maml", "grid"), quick=True)
    assert [row["row"] for row in saved["rows"]] == [
        "MAML 3x8x5", "stepping grid 10", "acting grid 10"]


def test_two_files_are_compared_row_by_row(tmp_path, capsys):
    files = []
    for i, (torch, rows) in enumerate(((4.0, "ab"), (1.0, "bc"))):
        files.append(tmp_path / f"{i}.json")
        files[-1].write_text(json.dumps({"rows": [
            {"row": name, "ms": {"minimeta": 2.0, "torch": torch},
             "spread": {"minimeta": [1.9, 2.1 + i], "torch": [torch - 1, torch + 1]}}
            for name in rows]}))
    runpy.run_path(str(BENCHMARK))["compare"](*files)
    _, ours, theirs = capsys.readouterr().out.splitlines()
    assert ours.split() == ["b", "minimeta", "2.00", "2.00", "1.00", "turns", "overlap"]
    assert theirs.split() == ["b", "torch", "4.00", "1.00", "0.25"]


def test_libraries_that_disagree_are_refused(part):
    agree, x_bar = part("clock").agree, np.arange(6.0)
    agree({"minimeta": x_bar, "torch": x_bar * (1 + 1e-6)}, 1e-4)
    with pytest.raises(AssertionError, match="differ by 7e-03"):
        agree({"minimeta": x_bar, "torch": x_bar * 1.001}, 1e-4)
    with pytest.raises(AssertionError, match="are 0e"):    # no step was taken at all
        agree({"minimeta": 0 * x_bar, "torch": 0 * x_bar}, 1e-4)


def test_an_update_and_a_trust_region_step_move_theta(part):
    """So that an agreement says something."""
    rows, rng = part("rows"), np.random.default_rng(0)
    update = rows.rl2_check(["minimeta"], rows.rl2_data(6, 5, 4, 1, rng))["minimeta"]
    step = part("minimeta_side").trust_region(**rows.maml_data(3, 8, 5, rng))()
    assert np.linalg.norm(update) > 1e-2 and np.linalg.norm(step) > 1e-2


def flops(operations):
    """2 m k n of all products."""
    return sum(2 * np.prod(shape) * times
               for kind, shape, times in operations if kind == "product")


def test_the_floor_counts_each_product_of_an_lstm_once(part):
    """A backward pass has two products for each one of the forward pass."""
    B, T, n, H, m = 7, 5, 3, 11, 2
    form = part("machine").lstm(B, T, n, H, m)
    forward = 2 * T * B * ((n + H + 1) * 4 * H + (H + 1) * m)
    assert flops(form("forward", 1)) == forward
    without_biases = forward - 2 * T * B * (4 * H + m)
    assert flops(form("vjp", 1)) == forward + without_biases
    assert flops(form("forward", 3)) == 3 * forward


def test_the_floor_counts_each_product_of_a_network_once(part):
    """The inputs have no tangent and no cotangent, so the first layer has fewer."""
    K, R, n, H, m = 3, 7, 5, 11, 2
    form = part("machine").mlp(K, R, n, H, m)
    first, others = 2 * K * R * n * H, 2 * K * R * (H * H + H * m)
    assert flops(form("forward", 1)) == first + others
    assert flops(form("jvp", 1)) == flops(form("vjp", 1)) == first + 2 * others
    assert flops(form("vjp_dot", 1)) == first + 4 * others


def test_a_floor_is_shared_by_the_threads(part):
    machine = part("machine")
    operations = machine.mlp(2, 30, 4, 8, 3)("forward", 2)
    assert 0 < machine.floor(operations, 2) == machine.floor(operations, 1) / 2
