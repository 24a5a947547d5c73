"""One training at a time in a folder, and no trouble after a kill -9."""
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minimeta import MAML, CheckpointError, Gaussian, MLPPolicy, load, meta_train
from minimeta.tasks import PointNavigation
from minimeta.trace import Lock, lock

ROOT = Path(__file__).parents[2]
PLANE, MOVER = PointNavigation(horizon=3), MAML(MLPPolicy(2, Gaussian(2), (4,)), trials=2)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is needed")


def train(run_dir, **options):
    return meta_train(MOVER, PLANE, **(dict(iterations=4, tasks=2, run_dir=run_dir) | options))


OTHER = """
import sys, time
from tests.trace.test_lock import train

def wait(iteration, row, theta):
    if iteration == 1:
        print("training", flush=True)
        time.sleep(60)

train(sys.argv[1], callback=wait)
"""


@needs_fork
def test_a_process_forked_after_a_training_says_nothing(tmp_path):
    code = ("import os, sys; from tests.trace.test_lock import train; train(sys.argv[1], "
            "progress=False); child = os.fork(); child and os.waitpid(child, 0)")
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")],
                         capture_output=True, text=True, cwd=ROOT)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.fixture
def other(tmp_path):
    """Another process, in the middle of a training in the folder."""
    process = subprocess.Popen([sys.executable, "-c", OTHER, str(tmp_path / "run")],
                               stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline() == "training\n"
    yield process
    process.kill()
    process.communicate()


def test_two_processes_cannot_train_in_one_folder(other, tmp_path):
    before = (tmp_path / "run" / "log.csv").read_bytes()
    with pytest.raises(CheckpointError, match=rf"run is in use by process {other.pid} on .*; wait "
                                              "until that training ends, stop it, or use"):
        train(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "log.csv").read_bytes() == before
    assert len(load(tmp_path / "run").log) == 1  # to look is always allowed


def test_the_lock_of_a_killed_process_blocks_nobody(other, tmp_path):
    other.kill()
    other.wait()
    assert (tmp_path / "run" / "lock").exists()
    run = train(tmp_path / "run", resume=True)
    assert np.array_equal(run.theta, train(None).theta)
    assert not (tmp_path / "run" / "lock").exists()


def test_a_training_inside_another_one_is_refused_too(tmp_path):
    def begin_again(iteration, row, theta):
        train(tmp_path, resume=True)

    with pytest.raises(CheckpointError, match=f"is in use by process {os.getpid()} on"):
        train(tmp_path, callback=begin_again)
    assert len(train(tmp_path, resume=True).log) == 4


def test_two_new_trainings_at_the_same_moment_do_not_share_the_folder(tmp_path):
    first = Lock(tmp_path)
    first.take()
    with pytest.raises(CheckpointError, match="is in use by process"):
        train(tmp_path)
    first.release()
    train(tmp_path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_folder_is_free_however_the_training_ends(error, tmp_path):
    def fail(iteration, row, theta):
        raise error

    try:
        train(tmp_path, callback=fail)
    except ZeroDivisionError as kept:
        assert kept.result is not None
    assert not (tmp_path / "lock").exists()
    train(tmp_path, resume=True)


def test_the_folder_is_free_if_the_training_cannot_begin(tmp_path):
    train(tmp_path)
    with pytest.raises(ValueError, match="iterations must be at least the 4 that are done"):
        train(tmp_path, iterations=3, resume=True)
    assert not (tmp_path / "lock").exists()


@needs_fork
def test_a_worker_that_outlives_a_killed_training_does_not_hold_the_folder(tmp_path):
    """The training forks a worker, as ProcessPoolExecutor may, and is killed."""
    read, write = os.pipe()
    training = os.fork()
    if not training:
        try:
            held = Lock(tmp_path)
            held.take()
            worker = os.fork()
            if worker:
                os.write(write, b"%d\n" % worker)
            signal.pause()
        finally:
            os._exit(1)
    with os.fdopen(read) as lines:
        worker = int(lines.readline())
        try:
            with pytest.raises(CheckpointError, match=f"in use by process {training} on"):
                Lock(tmp_path).take()
            os.kill(training, signal.SIGKILL)
            os.waitpid(training, 0)
            ours = Lock(tmp_path)
            ours.take()
            ours.release()
        finally:
            os.kill(worker, signal.SIGKILL)
    os.close(write)


def test_a_file_that_its_holder_removes_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """Between opening the file and locking it, the holder ends and removes it."""
    tried, is_free = [], lock.is_free

    def slow(file):
        if not tried:
            (tmp_path / "lock").unlink()
        tried.append(file)
        return is_free(file)

    monkeypatch.setattr(lock, "is_free", slow)
    ours = Lock(tmp_path)
    ours.take()
    assert len(tried) == 2 and tried[0].closed
    with pytest.raises(CheckpointError, match="is in use by"):
        Lock(tmp_path).take()
    ours.release()


def test_a_disk_without_locks_is_used_with_a_warning(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="lock cannot be locked .No locks available.; see to it"):
        assert len(train(tmp_path).log) == 4
    assert not (tmp_path / "lock").exists()


def test_a_folder_that_cannot_be_written_raises_an_error(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(CheckpointError, match="lock cannot be written: Is a directory"):
        train(tmp_path)


def test_the_lock_of_windows_keeps_the_same_promises(tmp_path, monkeypatch):
    """msvcrt.locking locks one byte of an open file, or raises PermissionError."""
    flock, places = lock.fcntl.flock, []

    def locking(opened, mode, n):
        places.append((os.lseek(opened, 0, os.SEEK_CUR), mode, n))
        try:
            flock(opened, 6)  # exclusive, without waiting
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None

    monkeypatch.setattr(lock, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2), raising=False)
    monkeypatch.setattr(lock, "fcntl", None)
    ours = Lock(tmp_path)
    ours.take()
    with pytest.raises(CheckpointError, match=f"is in use by process {os.getpid()} on"):
        Lock(tmp_path).take()
    assert set(places) == {(lock.BEYOND, 2, 1)}
    ours.release()
    assert not (tmp_path / "lock").exists()
    train(tmp_path)


def test_a_holder_that_has_not_yet_written_its_name_is_called_another_process(tmp_path):
    holder = open(tmp_path / "lock", "a+b")
    assert lock.is_free(holder)
    with pytest.raises(CheckpointError, match="is in use by another process; wait"):
        Lock(tmp_path).take()
    holder.close()
