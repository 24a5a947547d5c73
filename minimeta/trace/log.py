"""The log of a training: a table of numbers, CSV, with a row for each iteration.

    append(path, row)        row is a dict of numbers
    read(path) -> rows       the numbers as they were, to the bit
    write(path, rows)        replaces the table

The file can be read by any spreadsheet while the training runs. A number that a row
does not have is an empty cell.
"""
import csv
import io
import os

from .checkpoint import REMEDY, CheckpointError, replace_file


def append(path, row):
    """Writes one more row. Where a row brings a new name, the table gets a column."""
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
    """All whole rows, each a dict of int, float and bool."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    whole = text[:text.rfind("\n") + 1]  # a process may have died within the last row
    try:
        return [{name: value(cell) for name, cell in row.items() if cell}
                for row in csv.DictReader(io.StringIO(whole))]
    except (ValueError, TypeError, csv.Error) as error:
        raise CheckpointError(f"{path} is damaged, or no log of minimeta ({error}); "
                              f"{REMEDY}") from error


def sync(path):
    """Makes sure that the rows are on the disk."""
    with open(path, "a") as file:
        os.fsync(file.fileno())


def write(path, rows):
    """Replaces the whole table."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [line(names)] if names else []
    lines += [line([text(row.get(name)) for name in names]) for row in rows]
    replace_file(path, lambda file: file.write("".join(lines).encode()))


def line(cells):
    """Cells as a line of CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def text(number):
    """A number as a cell; repr keeps every bit of a float."""
    return "" if number is None else repr(number)


def value(cell):
    """The inverse of text."""
    if cell in ("True", "False"):
        return cell == "True"
    try:
        return int(cell)
    except ValueError:
        return float(cell)
