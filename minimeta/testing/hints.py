"""Says in words how a wrong derivative differs from the right one.

    hint(claimed, true, index, name, sizes)
    "claimed is minus true, throughout"

The rules go from the whole vector to one block of it (W, b, ..) and to one coordinate.
The first that fits speaks. `index` is where the two differ most.
"""
import re
from itertools import permutations

import numpy as np

CLOSE = 1e-6  # relative difference up to which two arrays count as equal


def norm(a):
    return float(np.sqrt((np.abs(a) ** 2).sum()))


def place(index, name, lead="task"):
    """The words for an index: W[1, 2] of task 0. `lead` says what other axes count."""
    index = [int(i) for i in index]
    if name is None or not index:
        return f"index {index}"
    which = index[0] if len(index) == 2 else index[:-1]
    return str(name(index[-1])) + (f" of {lead} {which}" if len(index) > 1 else "")


def hint(claimed, true, index, name, sizes, lead="task"):
    """The words for the whole, else for a block, else for the worst coordinate."""
    if not true.any():
        return ("true is zero throughout: either the function does not depend on "
                "these coordinates, or complex numbers did not flow (abs, buffers of "
                "floats)")
    if words := proportion(claimed, true, "claimed is {} true, throughout", sizes):
        return words
    here = true[index] and explain(
        claimed[index] / true[index], "claimed is {} true, here", sizes) or ""
    n_wrong = (np.abs(claimed - true) > CLOSE * norm(true)).sum()
    if n_wrong == 1 < true.size:
        return f"{here}; all others are right".lstrip("; ")
    if n_wrong > 2:
        words = in_a_block(claimed[index[:-1]], true[index[:-1]], name, sizes)
        if words:
            return words
    return swapped(claimed, true, index, name, lead) or here


def proportion(claimed, true, words, sizes):
    """The words if claimed is a multiple of true."""
    size = (true * true).sum()
    if not size:
        return ""
    ratio = (claimed * true).sum() / size
    if norm(claimed - ratio * true) > CLOSE * norm(true):
        return ""
    return explain(ratio, words, sizes)


def swapped(claimed, true, index, name, lead="task"):
    """The words if the claimed number is the true one of another coordinate."""
    found = np.isclose(true, claimed[index], rtol=1e-9, atol=0)
    if not (claimed[index] and found.any()):
        return ""
    other = np.unravel_index(found.argmax(), true.shape)
    where = place(other, name, lead)
    return f"claimed is what is true at {where}: transposed or swapped?"


# ---- one block

def blocks(name, n):
    """block -> (its coordinates, its shape), read off names such as "W[1, 2]"."""
    found = {}
    for i in range(n if name else 0):
        match = re.fullmatch(r"(.+?)\[([\d, ]+)\]", str(name(i)))
        if match:
            at = [int(k) for k in match[2].split(",")]
            found.setdefault(match[1], []).append((i, at))
    return {block: ([i for i, _ in pairs],
                    tuple(np.max([at for _, at in pairs], 0) + 1))
            for block, pairs in found.items()}


def in_a_block(claimed, true, name, sizes):
    """The words for the first wrong block, which also say if it is the only one."""
    every = blocks(name, len(claimed))
    wrong = [block for block, (i, _) in every.items()
             if norm(claimed[i] - true[i]) > CLOSE * norm(true)]
    for block in wrong:
        i, shape = every[block]
        if int(np.prod(shape)) != len(i):
            continue
        words = about(claimed[i].reshape(shape), true[i].reshape(shape), block, sizes)
        for other, (j, _) in every.items():
            if other != block and is_close(claimed[i], true[j]):
                words = f"{block} is what is true of {other}: swapped?"
        if words:
            alone = len(wrong) == 1 < len(every)
            return words + (f"; everything except {block} is right" if alone else "")
    if len(wrong) == 1 < len(every):
        return (f"everything except {wrong[0]} is right: is a term of {wrong[0]} "
                f"missing, or counted twice?")
    return ""


def about(claimed, true, block, sizes):
    """The words for one block, given in its own shape."""
    if not claimed.any():
        return f"{block} is zero: it was forgotten"
    if words := proportion(claimed, true, f"{block} is {{}} true, throughout", sizes):
        return words
    for axes in permutations(range(true.ndim)):
        if is_close(claimed, moved(true, axes)):
            return f"{block} is transposed"
    for axis in range(true.ndim):
        where = f"axis {axis} of {block}" if true.ndim > 1 else block
        if is_close(claimed, np.flip(true, axis)):
            return f"{where} is reversed"
        if words := shifted(claimed, true, axis, where):
            return words
        if words := one_slice(claimed, true, axis, where):
            return words
    if is_close(np.sort(claimed.ravel()), np.sort(true.ravel())):
        return f"{block} has the right numbers in another order: transposed or swapped?"
    return missing(claimed, true, block)


def is_close(claimed, true):
    return claimed.shape == true.shape and norm(claimed - true) <= CLOSE * norm(true)


def moved(true, axes):
    """The transpose, its numbers read row by row into the old shape."""
    return true.transpose(axes).reshape(true.shape)


def shifted(claimed, true, axis, where):
    """The words if claimed is true moved by one place along an axis."""
    if true.shape[axis] < 3:
        return ""
    for by, words in ((1, "late"), (-1, "early")):
        inside = [slice(None)] * true.ndim
        inside[axis] = slice(1, None) if by > 0 else slice(None, -1)
        if is_close(claimed[tuple(inside)], np.roll(true, by, axis)[tuple(inside)]):
            return f"{where} is one place {words}: off by one"
    return ""


def one_slice(claimed, true, axis, where):
    """The words if a single slice of an axis is wrong."""
    others = tuple(k for k in range(true.ndim) if k != axis)
    is_wrong = (np.abs(claimed - true) ** 2).sum(others) > (CLOSE * norm(true)) ** 2
    if true.ndim > 1 and is_wrong.sum() == 1 < is_wrong.size:
        k = int(is_wrong.argmax())
        part = np.take(claimed, k, axis)
        words = "is zero" if not part.any() else "is wrong"
        return (f"index {k} along {where} {words}, all others are right: was a step or "
                f"row left out?")
    return ""


def missing(claimed, true, block):
    """The words if claimed - true is the same all along an axis, as a mean or sum over
    that axis would be."""
    excess = claimed - true
    for axis in reversed(range(excess.ndim)):
        mean = np.broadcast_to(excess.mean(axis, keepdims=True), excess.shape)
        if excess.shape[axis] > 1 and is_close(excess, mean):
            return (f"claimed - true of {block} is the same along axis {axis}: a mean "
                    f"or sum over that axis is missing or counted twice")
    return ""


# ---- one number

def explain(ratio, words, sizes=None):
    """The words for a ratio of 0, -1, a whole number or one over it; for any ratio that
    holds throughout."""
    if abs(ratio - 1) < 1e-5:
        return ""
    if abs(ratio) < 1e-9:
        factor = "zero, not"
    elif abs(ratio + 1) < 1e-6:
        factor = "minus"
    elif is_whole(ratio):
        factor = f"{ratio:.0f} times"
    elif is_whole(1 / ratio):
        factor = f"1/{1 / ratio:.0f} of"
    elif "throughout" in words:
        factor = f"{ratio:.6g} times"
    else:
        return ""
    return words.format(factor) + cause(ratio, sizes or {})


def cause(ratio, sizes):
    """The words if a factor is a size, or one over it, or 2."""
    for name, n in sizes.items():
        if n > 1 and abs(ratio * n - 1) < 1e-5:
            return f" (1/{name}, {name} = {n}: a mean in place of a sum?)"
        if n > 2 and abs(ratio / n - 1) < 1e-5:
            return f" ({name} = {n}: a sum in place of a mean?)"
    return " (is one term counted twice?)" if abs(ratio - 2) < 1e-5 else ""


def is_whole(ratio):
    return 0.5 < abs(ratio) < 1e4 and abs(ratio - np.round(ratio)) < 1e-6
