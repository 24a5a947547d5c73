"""Files that survive crashes, damage and full disks."""
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimeta import CheckpointError
from minimeta.objective.optimizers import Moments
from minimeta.trace import Folder, Result, checkpoint, log, result
from minimeta.trace.checkpoint import before, load, save
from minimeta.trace.folder import configuration

numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)


@st.composite
def arrays(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    dtype = draw(st.sampled_from(["f4", "f8", "c16", "i8", "?", "U3"]))
    return np.random.default_rng(draw(st.integers(0, 9))).normal(size=shape).astype(dtype)


nests = st.recursive(numbers | arrays(), lambda inner: (
    st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.tuples(inner, inner, inner).map(lambda three: Moments(*three))), max_leaves=8)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and (
            one.tobytes() == other.tobytes())
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one != one and other != other


def test_an_array_of_no_axes_and_a_number_stay_what_they_are(tmp_path):
    save(tmp_path / "a.npz", (np.array(3.0), np.float64(3.0), np.array([3.0])))
    back = load(tmp_path / "a.npz")
    assert [type(each) for each in back] == [np.ndarray, np.float64, np.ndarray]
    assert [np.shape(each) for each in back] == [(), (), (1,)]


class Maker:
    """It has what named tuples have, and is none."""

    def _make(self):
        raise SystemError


def test_only_a_named_tuple_is_made_from_a_file():
    with pytest.raises(CheckpointError, match="the named tuple .*:Maker is not there"):
        checkpoint.named_tuple(f"{__name__}:Maker")
    assert checkpoint.named_tuple(f"{Moments.__module__}:Moments") is Moments


def test_a_path_may_be_a_string(tmp_path):
    save(str(tmp_path / "a.npz"), {"n": 3})
    assert load(str(tmp_path / "a.npz")) == {"n": 3}
    with pytest.raises(CheckpointError, match="b.npz does not exist"):
        load(str(tmp_path / "b.npz"))


@given(nests)
def test_what_is_loaded_is_what_was_saved(tmp_path_factory, nest):
    path = tmp_path_factory.mktemp("nest") / "checkpoint.npz"
    save(path, nest)
    assert same(load(path), nest)


def test_numbers_of_numpy_keep_their_types(tmp_path):
    save(tmp_path / "a.npz", (np.float32(0.1), np.int64(3), np.array(2.5)))
    one, two, three = load(tmp_path / "a.npz")
    assert type(one) is np.float32 and one == np.float32(0.1)
    assert type(two) is np.int64 and two == 3
    assert three.shape == () and three == 2.5


@pytest.mark.parametrize("nest", [{1, 2}, object(), {"a": np.array([None])}, {1: 2.0}, len])
def test_what_cannot_be_kept_is_refused_and_the_old_file_stays(nest, tmp_path):
    save(tmp_path / "a.npz", 1.5)
    with pytest.raises(TypeError, match="a checkpoint keeps arrays, numbers"):
        save(tmp_path / "a.npz", (1, nest))
    assert load(tmp_path / "a.npz") == 1.5


def test_the_generation_before_is_kept(tmp_path):
    path = tmp_path / "a.npz"
    for generation in range(3):
        save(path, generation)
    assert load(path) == 2 and load(before(path)) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.before.npz", "a.npz"]


# ---- damage

def damaged(whole, how):
    middle = len(whole) // 2
    return {"empty": b"", "truncated": whole[:middle], "no archive": b"hello" * 99,
            "one bit": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]}[how]


@pytest.mark.parametrize("how", ["empty", "truncated", "no archive", "one bit"])
def test_a_damaged_file_is_named_and_the_generation_before_used(how, tmp_path):
    path = tmp_path / "a.npz"
    for generation in range(2):
        save(path, (np.arange(500.0), generation))
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.warns(UserWarning, match=r"a.npz is damaged, or .*; going on from a.before.npz"):
        assert load(path)[1] == 0
    before(path).write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"a.before.npz is damaged, .*; begin anew with"):
        load(path)


def test_no_damage_is_taken_for_a_checkpoint(tmp_path):
    """Bytes at random places are changed, removed or repeated."""
    path, rng, nest = tmp_path / "a.npz", random.Random(0), (np.arange(40.0), {"t": 3})
    save(path, nest)
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        i, j = sorted(rng.sample(range(len(whole)), 2))
        path.write_bytes(rng.choice([whole[:i] + whole[j:], whole[:j] + whole[i:], whole[:i] +
                                     bytes([rng.randrange(256)]) + whole[i + 1:]]))
        try:
            assert same(load(path), nest)  # the change met a byte that nobody reads
        except CheckpointError:
            refused += 1
    assert refused > 200


def test_an_archive_of_something_else_is_foreign(tmp_path):
    np.savez(tmp_path / "a.npz", theta=np.zeros(3))
    with pytest.raises(CheckpointError, match="a.npz is damaged, or no checkpoint of minimeta"):
        load(tmp_path / "a.npz")


def test_a_pickle_is_not_run(tmp_path):
    head = json.dumps({"format": 1, "nest": {"array": 0, "is_number": False}}).encode()
    np.savez(tmp_path / "a.npz", head=np.frombuffer(head, np.uint8),
             array0=np.array([print], object))
    with pytest.raises(CheckpointError, match="allow_pickle=False"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["os:path", "builtins:tuple", "nowhere:Moments", "os:stat_result"])
def test_a_file_cannot_name_a_class_that_is_no_named_tuple(name, tmp_path):
    tree = {"tuple": [], "named": name}
    head = json.dumps({"format": 1, "nest": tree}).encode()
    np.savez(tmp_path / "a.npz", head=np.frombuffer(head, np.uint8))
    with pytest.raises(CheckpointError, match=f"the named tuple {name} is not there"):
        load(tmp_path / "a.npz")


def test_a_file_from_a_later_minimeta_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save(path, 1)
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "FORMAT", 2)
        save(path, 2)
    with pytest.raises(CheckpointError, match="has format 2, and this one reads up to 1; update"):
        load(path)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="a.npz does not exist"):
        load(tmp_path / "a.npz")


# ---- disks

@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_old_file(moment, code, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    path = tmp_path / "a.npz"
    save(path, 1)
    with monkeypatch.context() as full:
        full.setattr(os, moment, fail)
        with pytest.raises(CheckpointError, match=rf"a.npz cannot be written: {os.strerror(code)}"):
            save(path, 2)
    assert load(path) == 1 and not list(tmp_path.glob("*.new"))


def test_folders_that_cannot_be_synced_and_files_that_stay_are_no_trouble(tmp_path, monkeypatch):
    """As on systems where a folder cannot be opened, or where nothing can be removed."""
    def fail(*_, **__):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    path, opened = tmp_path / "a.npz", os.open
    monkeypatch.setattr(os, "open", lambda name, *rest: (
        fail() if os.path.isdir(name) else opened(name, *rest)))
    monkeypatch.setattr(type(path), "unlink", fail)
    save(path, 1)
    save(path, 2)
    assert load(path) == 2


@pytest.mark.parametrize("verb, doing", [
    (lambda path: log.append(path, {"a": 1}), "cannot be written: Is a directory; make room"),
    (log.read, "cannot be read: .*Is a directory")])
def test_a_log_that_is_a_folder_is_named(verb, doing, tmp_path):
    with pytest.raises(CheckpointError, match=doing):
        verb(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"learner": 1}', "no JSON"])
def test_a_damaged_configuration_is_named(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json is damaged, or no configuration"):
        Folder(tmp_path).config()


FULL = """
import resource, sys, numpy as np
from minimeta import CheckpointError, MAML, Gaussian, MLPPolicy, meta_train
from minimeta.tasks import PointNavigation
from minimeta.trace import result
result.EVERY, result.SHARE = 0, np.inf
learner = MAML(MLPPolicy(2, Gaussian(2), (40, 40)), trials=2)

def fill(iteration, row, theta):
    if iteration == 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

try:
    meta_train(learner, PointNavigation(horizon=2), iterations=9, tasks=2, run_dir=sys.argv[1],
               callback=fill)
except CheckpointError as error:
    print(error, len(error.result.log), sep="\\n")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files is limited by POSIX")
def test_a_full_disk_stops_the_training_with_the_result_in_hand(tmp_path):
    """No file may grow beyond 4096 bytes: the log may, the checkpoint may not."""
    run = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True,
                         capture_output=True, text=True)
    message, done = run.stdout.splitlines()
    assert "checkpoint.npz cannot be written: File too large; what was saved before" in message
    assert done == "4"
    assert load(tmp_path / "checkpoint.npz")["iterations"] == 3


def test_a_run_dir_that_cannot_be_made_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="run_dir .*file/run cannot be made: Not a directory"):
        Folder(tmp_path / "file" / "run").begin({"learner": 1, "family": 2}, 0)


# ---- kill -9 while saving

class Counted(NamedTuple):
    """A state that tells whether it is whole."""

    n: int
    row: np.ndarray


def saves_for_ever(folder, options, report):
    """Rows and checkpoints, one after the other; each that is done is reported."""
    saved = folder.load()
    n = saved[1].n if saved else 0
    folder.begin(options, n)
    os.write(report, b"%d\n" % n)
    while True:
        folder.append({"n": n}, {})
        n += 1
        folder.save(np.full(3000, float(n)), Counted(n, np.full(7, n)), n)
        os.write(report, b"%d\n" % n)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is needed")
def test_two_hundred_kills_while_saving_lose_one_save_at_most(tmp_path):
    options, rng = {"learner": "L", "family": "F"}, random.Random(1)
    Folder(tmp_path).begin(options, 0)
    most = 0
    for _ in range(200):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                saves_for_ever(Folder(tmp_path), options, write)
            finally:
                os._exit(1)
        os.close(write)
        with os.fdopen(read) as lines:
            assert int(lines.readline()) == most
            time.sleep(rng.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            most = max([most, *map(int, lines.read().split())])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            saved = Folder(tmp_path).load()
        if saved:
            theta, state, rows = saved
            assert most <= state.n <= most + 1 and len(rows) == state.n
            assert (theta == state.n).all() and (state.row == state.n).all()
            assert [row["n"] for row in rows] == list(range(state.n))
            most = state.n
    assert most > 200
    Folder(tmp_path).begin(options, most)
    Folder(tmp_path).save(*saved[:2], most)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.json", "log.csv", "checkpoint.npz", "checkpoint.before.npz"}


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    from importlib import metadata

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert configuration({})["made_with"]["minimeta"] == "not installed"


# ---- the log

def test_the_log_gives_back_every_bit_and_every_type(tmp_path):
    rows = [{"a": 0.1 + 0.2, "b": 3, "c": True}, {"a": -1e-308, "b": -4, "c": False},
            {"a": 1e22, "b": 10 ** 20, "c": True}]
    for row in rows:
        log.append(tmp_path / "log.csv", row)
    back = log.read(tmp_path / "log.csv")
    assert back == rows
    assert [type(number) for number in back[0].values()] == [float, int, bool]


@pytest.mark.parametrize("word", ["gone, or not", "1.5", "True", "", '"', "nan", "a\nb", "[1]"])
def test_a_word_in_the_log_stays_a_word(word, tmp_path):
    log.append(tmp_path / "log.csv", {"why": word, "n": 1})
    assert log.read(tmp_path / "log.csv") == [{"why": word, "n": 1}]


@pytest.mark.parametrize("number", [np.float64(0.1), np.float32(0.1), np.int64(3), np.bool_(True)])
def test_numbers_of_numpy_are_logged_as_numbers(number, tmp_path):
    log.append(tmp_path / "log.csv", {"x": number})
    [row] = log.read(tmp_path / "log.csv")
    assert row["x"] == number and type(row["x"]) is type(number.item())


def test_a_new_name_in_a_row_becomes_a_column(tmp_path):
    rows = [{"a": 1}, {"a": 2, "b, or c": 2.5}, {"b, or c": 3.5}]
    for row in rows:
        log.append(tmp_path / "log.csv", row)
    assert log.read(tmp_path / "log.csv") == rows


def test_a_row_of_known_names_is_written_behind_the_others_and_nothing_else_is(tmp_path):
    path = tmp_path / "log.csv"
    for n in range(3):
        log.append(path, {"n": n, "x": n / 7})
        file = path.stat().st_ino
    log.append(path, {"x": 0.5, "n": 3})
    assert path.stat().st_ino == file and log.read(path)[-1] == {"n": 3, "x": 0.5}


@pytest.mark.parametrize("n", [0, 2, 3])
def test_a_run_that_goes_on_drops_the_rows_that_are_not_done(tmp_path, n):
    folder = Folder(tmp_path)
    folder.begin({}, 0)
    for row in range(3):
        folder.append({"row": row}, {"collect": 0.5})
    folder.begin({}, n)
    assert [row["row"] for row in folder.rows()] == list(range(n))


def test_what_was_being_written_when_a_training_died_is_removed(tmp_path):
    (tmp_path / "checkpoint.npz.new").write_bytes(b"half of")
    (tmp_path / "notes.newer").write_text("mine")
    Folder(tmp_path).begin({}, 0)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "notes.newer"}


def test_a_row_that_was_cut_off_is_no_row(tmp_path):
    path = tmp_path / "log.csv"
    for n in range(3):
        log.append(path, {"n": n, "x": n / 7})
    path.write_text(path.read_text()[:-3])
    assert [row["n"] for row in log.read(path)] == [0, 1]


def test_a_damaged_log_is_named(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2,3\n")
    with pytest.raises(CheckpointError, match="log.csv is damaged, or no log of minimeta"):
        log.read(tmp_path / "log.csv")


# ---- what is on the disk, and what is told

def test_a_file_is_whole_before_it_takes_its_name(tmp_path, monkeypatch):
    """Whoever syncs a file syncs all of it."""
    seen, content = [], b"0123456789" * 5
    monkeypatch.setattr(checkpoint.os, "fsync", lambda file: seen.append(os.fstat(file).st_size))
    checkpoint.replace_file(tmp_path / "file", lambda file: file.write(content))
    assert seen[0] == len(content) and (tmp_path / "file").read_bytes() == content


def test_the_threads_that_were_asked_for_are_logged(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    made = configuration({"seed": 4, "theta": None})["made_with"]
    assert made["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in made
    assert {"minimeta", "numpy", "python", "machine", "cores"} <= made.keys()


def test_a_result_prints_without_what_is_long():
    said = repr(Result(np.zeros(2), (), "a learner", "a family", False, "a state"))
    assert said == "Result(theta=array([0., 0.]), log=(), interrupted=False)"


class Told:
    """A folder, and a lock, that write down what they are asked to do."""

    def __init__(self):
        self.done = []

    def append(self, row, seconds):
        self.done.append(("append", row, sorted(seconds)))

    def save(self, theta, state, n):
        self.done.append(("save", theta, state, n))

    def release(self):
        self.done.append("release")


def test_a_training_that_goes_on_saves_nothing_before_something_is_new():
    told = Told()
    with result.Keeper(result.Training(0, "s", ({"a": 1},) * 5), "learner", "family", told, told):
        pass
    assert told.done == ["release"]


def test_what_is_saved_already_is_not_saved_again(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(result.time, "perf_counter", lambda: now[0])
    told = Told()
    keeper = result.Keeper(result.Training(0, "s0", ()), "learner", "family", told, told)
    with keeper:
        keeper.save()                                # nothing is new
        assert told.done == []
        keeper.lap("collect")
        keeper.keep(1, "s1", {"a": 1})               # the first is saved at once
        now[0] += result.EVERY / 2
        keeper.keep(2, "s2", {"a": 2})               # the second is not
        now[0] += result.EVERY
        keeper.keep(3, "s3", {"a": 3})
    assert told.done == [
        ("append", {"a": 1}, ["collect"]), ("save", 1, "s1", 1), ("append", {"a": 2}, []),
        ("append", {"a": 3}, []), ("save", 3, "s3", 3), "release"]
    assert keeper.result.log == ({"a": 1}, {"a": 2}, {"a": 3}) and keeper.result.theta == 3


def test_rows_are_on_the_disk_before_the_checkpoint_that_counts_them(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(log, "sync", lambda path: order.append(path.name))
    monkeypatch.setattr(checkpoint, "replace_file", lambda path, *rest, **named: order.append(
        path.name))
    monkeypatch.setattr(Folder, "fingerprint", lambda folder: "of this run")
    folder = Folder(tmp_path)
    folder.save(np.zeros(2), None, 1)
    assert order == [folder.log_file.name, folder.checkpoint_file.name]


def test_saving_takes_a_twentieth_of_the_time_at_most(monkeypatch):
    now, told = [1000.0], Told()
    monkeypatch.setattr(result.time, "perf_counter", lambda: now[0])

    def save(theta, state, n):
        now[0] += 1.0
        told.done.append(n)

    told.save = save
    keeper = result.Keeper(result.Training(0, None, ()), "learner", "family", told, told)
    saved = []
    for wait in (0.0, 19.5, 1.0, 10.0, 9.5, 1.0):
        now[0] += wait
        keeper.keep(0, None, {})
        saved.append(keeper.n_saved)
    assert saved == [1, 1, 3, 3, 3, 6]


def test_the_time_of_each_phase_is_counted(monkeypatch):
    now, told = [1000.0], Told()
    monkeypatch.setattr(result.time, "perf_counter", lambda: now[0])
    keeper = result.Keeper(result.Training(0, None, ()), "learner", "family", told, told)
    for phase, seconds in (("collect", 2.0), ("update", 3.0), ("collect", 5.0)):
        now[0] += seconds
        keeper.lap(phase)
    assert keeper.seconds == {"collect": 7.0, "update": 3.0}
    keeper.keep(0, None, {})
    assert keeper.seconds == {}
    now[0] += 4.0
    keeper.lap("collect")
    assert keeper.seconds == {"collect": 4.0}
