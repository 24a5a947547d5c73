"""Saves arrays and numbers in a file that no crash and no full disk can damage.

    save(path, nest)       path is replaced only when the new file is whole
    load(path) -> nest     the generation before, if path is damaged

A nest is None, a truth, a number, a string, an array, or a tuple, a list, a dict or a
named tuple of nests. A loaded nest equals the saved one to the bit, types included.
The file is a NumPy archive, .npz: the arrays, and a table of contents in JSON. It holds
no pickle, so loading a file runs no code of that file.

    new file -> fsync -> path becomes the generation before -> new file becomes path

A process that dies between two of these steps leaves a whole file.
"""
import json
import os
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

FORMAT = 1          # of the table of contents; a larger number is from a later minimeta
STRAY = ".new"      # the end of the name of a file that is being written
REMEDY = "begin anew with another run_dir, or put a copy of the file there"


class CheckpointError(RuntimeError):
    """A file of a run cannot be read or written. The message names the file and the
    remedy. If meta_train raises it, `result` holds what was learned before."""


class NewerError(CheckpointError):
    """The file is from a later minimeta."""


# ---- files

def before(path):
    """The path of the generation before."""
    return path.with_name(f"{path.stem}.before{path.suffix}")


def replace_file(path, write, keep=False):
    """Replaces the file at path by a new one, as a whole or not at all.

    write  write(file) writes the new content
    keep   True: the old file becomes the generation before
    """
    new = path.with_name(path.name + STRAY)
    try:
        with open(new, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if keep and path.exists():
            os.replace(path, before(path))
        os.replace(new, path)
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}; what was saved before is "
            f"whole; make room or change the permissions, then use resume=True"
        ) from error
    finally:
        remove(new)


def sync_folder(folder):
    """Writes the names in the folder to the disk, on systems that can do this."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def remove(path):
    """Removes the file, if it is there and may be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass


def save(path, nest):
    """Saves the nest; the file that was there becomes the generation before."""
    arrays = []
    head = json.dumps({"format": FORMAT, "nest": encode(nest, arrays)})
    columns = {f"array{i}": array for i, array in enumerate(arrays)}
    columns["head"] = np.frombuffer(head.encode(), np.uint8)
    replace_file(Path(path), lambda file: np.savez(file, **columns), keep=True)


def load(path):
    """The nest saved at path; if the file is damaged, the generation before."""
    path = Path(path)
    try:
        return read(path)
    except NewerError:
        raise
    except CheckpointError as error:
        if not before(path).exists():
            raise
        nest = read(before(path))
        if path.exists():
            warnings.warn(f"{error}; going on from {before(path).name}", stacklevel=2)
        return nest


def read(path):
    """The nest in this very file."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # a checksum of every member
                raise ValueError("a checksum is wrong")
        with np.load(path, allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            if head["format"] > FORMAT:
                raise NewerError(
                    f"{path} was saved by a later minimeta: it has format "
                    f"{head['format']}, and this one reads up to {FORMAT}; update "
                    f"minimeta")
            return decode(head["nest"], arrays)
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist; {REMEDY}") from error
    except Exception as error:  # damage can show itself in any way
        raise CheckpointError(
            f"{path} is damaged, or no checkpoint of minimeta ({error}); {REMEDY}"
        ) from error


# ---- a nest as JSON, its arrays beside it

def encode(nest, arrays):
    """The nest as JSON. Its arrays are appended to `arrays`."""
    if isinstance(nest, (np.ndarray, np.generic)) and not nest.dtype.hasobject:
        arrays.append(np.asarray(nest))
        return {"array": len(arrays) - 1, "is_number": isinstance(nest, np.generic)}
    if nest is None or type(nest) in (bool, int, float, str):
        return nest
    if isinstance(nest, dict) and all(type(key) is str for key in nest):
        return {"dict": {key: encode(nest[key], arrays) for key in nest}}
    if type(nest) is list:
        return {"list": [encode(each, arrays) for each in nest]}
    if isinstance(nest, tuple):
        kind = type(nest)
        named = f"{kind.__module__}:{kind.__qualname__}" if kind is not tuple else None
        return {"tuple": [encode(each, arrays) for each in nest], "named": named}
    raise TypeError(
        f"a checkpoint keeps arrays, numbers, strings, None, and tuples, lists and "
        f"dicts of them, got {type(nest).__name__}; let the learner's state consist of "
        f"those")


def decode(tree, arrays):
    """The inverse of encode."""
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        array = arrays[f"array{tree['array']}"]
        return array[()] if tree["is_number"] else array
    if "dict" in tree:
        return {key: decode(each, arrays) for key, each in tree["dict"].items()}
    if "list" in tree:
        return [decode(each, arrays) for each in tree["list"]]
    items = tuple(decode(each, arrays) for each in tree["tuple"])
    return named_tuple(tree["named"])._make(items) if tree["named"] else items


def named_tuple(name):
    """The class "module:name" of a named tuple. It must be in a module that is loaded
    already, so that a file cannot run code."""
    module, _, qualname = name.partition(":")
    kind = sys.modules.get(module)
    for part in qualname.split("."):
        kind = getattr(kind, part, None)
    if not (isinstance(kind, type) and issubclass(kind, tuple)
            and hasattr(kind, "_make")):
        raise CheckpointError(f"the named tuple {name} is not there; import {module} "
                              f"first")
    return kind
