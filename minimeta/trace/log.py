"""The log of a training is a table in CSV, with a row for each iteration.

    append(path, row)        row is a dict of numbers and words
    read(path) -> rows       the numbers as they were, to the bit
    write(path, rows)        replaces the table

Any spreadsheet can read the file while the training runs. A cell is empty where a row
lacks that number.
"""
import csv
import io
import json
import os

import numpy as np

from .checkpoint import REMEDY, CheckpointError, replace_file


def append(path, row):
    """Appends a row. If the row has a new name, the table gets a new column."""
    try:
        with open(path, "a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            names = next(csv.reader(file), [])
            if set(row) <= set(names):
                file.write(line([text(row.get(name)) for name in names]))
                return
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror}; make room or change the "
            f"permissions, then use resume=True") from error
    write(path, [*read(path), row])


def read(path):
    """All whole rows, each a dict of int, float, bool and str."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    whole = text.rpartition("\n")[0]  # a process may have died within the last row
    names, *rows = csv.reader(io.StringIO(whole)) if whole else [[]]
    if any(len(row) != len(names) for row in rows):
        raise CheckpointError(f"{path} is damaged, or no log of minimeta: its rows "
                              f"have not one length; {REMEDY}")
    return [{name: value(cell) for name, cell in zip(names, row) if cell}
            for row in rows]


def sync(path):
    """Makes sure that the rows are on the disk."""
    with open(path, "a") as file:
        os.fsync(file.fileno())


def write(path, rows):
    """Replaces the whole table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [line(names)]
    lines += [line([text(row.get(name)) for name in names]) for row in rows]
    replace_file(path, lambda file: file.write("".join(lines).encode()))


def line(cells):
    """Cells as a line of CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def text(item):
    """A number or a word as a cell; repr keeps every bit of a float."""
    if item is None:
        return ""
    if isinstance(item, str):
        return item if item and value(item) == item else json.dumps(item)
    return repr(item.item() if isinstance(item, np.generic) else item)


def value(cell):
    """The inverse of text."""
    if cell in ("True", "False"):
        return cell == "True"
    for kind in (int, float, json.loads):
        try:
            return kind(cell)
        except ValueError:
            pass
    return cell
