"""One training at a time in a folder.

    lock = Lock(folder)
    lock.take()          raises CheckpointError if another training holds the folder
    lock.release()

The operating system holds the lock, and drops it when the process ends in whatever way.
So the lock of a dead process blocks nobody, although the file `lock` stays until the
next training in the folder ends. The file says who holds the lock.
"""
import os
import platform
import warnings
import weakref

from .checkpoint import CheckpointError, remove

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

BEYOND = 2 ** 20  # the byte that is locked on Windows, where no locked byte can be read


class Lock:
    """The lock of a folder; None for a training that keeps no files."""

    def __init__(self, folder):
        self.path, self.file = None if folder is None else folder / "lock", None

    def take(self):
        """Takes the lock, in a folder that is there."""
        while self.file is None:
            try:
                file = open(self.path, "a+b")
            except OSError as error:
                raise CheckpointError(
                    f"{self.path} cannot be written: {error.strerror}; change the "
                    f"permissions of the folder, or use another one") from error
            if is_free(file) and is_at(file, self.path):
                self.file = file
            else:
                self.refuse(file)  # unless the holder has just removed the file
        self.file.truncate(0)
        self.file.write(f"process {os.getpid()} on {platform.node()}".encode())
        self.file.flush()
        close_in_children(self.file)

    def refuse(self, file):
        """Raises CheckpointError if the file is still that of the lock."""
        with file:
            if not is_at(file, self.path):
                return
            file.seek(0)
            holder = file.read().decode(errors="replace") or "another process"
        raise CheckpointError(
            f"{self.path.parent} is in use by {holder}; wait until that training ends, "
            f"stop it, or use another run_dir")

    def release(self):
        """Gives the lock back, if it is held, and removes the file."""
        if self.file is None:
            return
        if fcntl:  # while the lock is held, so that nobody else's file is removed
            remove(self.path)
        self.file.close()
        self.file = None
        if not fcntl:  # Windows removes no open file, so nobody else's either
            remove(self.path)


def is_free(file):
    """Locks the open file, if nobody else has done so."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(BEYOND)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:  # some network disks know no locks
        warnings.warn(f"{file.name} cannot be locked ({error.strerror}); see to it "
                      f"that no other training uses this folder", stacklevel=6)
    return True


def is_at(file, path):
    """Whether the open file is the one that is at this path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def close_in_children(file):
    """Lets no worker that is forked from this process hold the lock after its death."""
    if hasattr(os, "register_at_fork"):
        opened = weakref.ref(file)
        os.register_at_fork(after_in_child=lambda: opened() and opened().close())
