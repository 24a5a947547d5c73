"""This file checks what a user passes in. Each value is checked once, where it enters
the library, and converted: whole numbers to int, other numbers to float, sequences to
tuple. The converted value is the one to keep.

    self.clip = require.number("clip", clip, 0)      one value
    require.fields(self, count="epochs")             fields of a frozen dataclass

Each check raises TypeError if the value is of another kind, and ValueError if it is of
the right kind but cannot be used. The message says the argument's name, what was
expected, what came instead, and, where this is not plain, what to do.
"""
import numbers
from functools import partial

import numpy as np


class NotFinite(ValueError):
    """A user's value holds NaN or inf."""


# ---- single values

def count(name, value, least=1):
    """A whole number of at least `least` -> int."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def number(name, value, low=-np.inf, high=np.inf, is_open=False):
    """A finite number in [low, high], or in (low, high) if is_open -> float; int if its
    type is that of whole numbers.

    The Python number keeps the dtype of the arrays it is multiplied with; np.float64
    would turn float32 arrays into float64.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    kept = int(value) if isinstance(value, numbers.Integral) else float(value)
    inside = low < kept < high if is_open else low <= kept <= high
    if not inside or kept in (np.inf, -np.inf):
        interval = f"({low}, {high})" if is_open else f"[{low}, {high}]"
        raise ValueError(f"{name} must be a finite number in {interval}, got {value}")
    return kept


def truth(name, value):
    """True or False -> bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def sequence(name, values):
    """A tuple, a list or an array -> tuple."""
    is_array = isinstance(values, np.ndarray) and values.ndim > 0
    if not (is_array or isinstance(values, (tuple, list))):
        raise TypeError(f"{name} must be a tuple, got {values!r}")
    return tuple(values)


def precision(dtype, name="dtype"):
    """The dtype of a theta -> np.float32 or np.float64."""
    kind = None if dtype is None else np.dtype(dtype).type
    if kind not in (np.float32, np.float64):
        raise TypeError(f"{name} must be np.float32 or np.float64, got {dtype!r}")
    return kind


def choice(name, value, choices):
    """One of the names in `choices` -> choices[value]."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(repr(c) for c in choices)
        raise ValueError(f"{name} must be one of {known}, got {value!r}")
    return choices[value]


def generator(name, rng):
    """A random generator -> the same."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{name} must be a np.random.Generator, got {rng!r}; use "
                        f"np.random.default_rng(seed)")
    return rng


def able(it, name, example, *verbs):
    """`it` must be an object, not a class, with all the methods `verbs`."""
    if isinstance(it, type) or not all(hasattr(it, verb) for verb in verbs):
        raise TypeError(f"{name} must be one such as {example}, got {it!r}")


# ---- fields of a frozen dataclass

KINDS = {
    "count": count,                                      # 1, 2, ..
    "whole": partial(count, least=0),                    # 0, 1, ..
    "number": number,                                    # finite
    "positive": partial(number, low=0, is_open=True),    # finite, above 0
    "nonnegative": partial(number, low=0),               # finite, 0 or above
    "fraction": partial(number, low=0, high=1),          # in [0, 1]
    "truth": truth,
    "sequence": sequence,
    "precision": lambda name, dtype: precision(dtype, name),
}


def fields(it, **kinds):
    """Checks fields of a frozen dataclass and keeps the converted values.

        require.fields(self, count=("epochs", "trials"), positive="clip")

    kinds  kind=name or kind=(name, ..): the kinds are those of KINDS
    """
    for kind, names in kinds.items():
        check = choice("the kind of a field", kind, KINDS)
        for name in (names,) if isinstance(names, str) else names:
            object.__setattr__(it, name, check(name, getattr(it, name)))


# ---- arrays

def floating(name, array):
    """Must be an array of floating or complex numbers."""
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"{name} must be a NumPy array, got {type(array).__name__}; "
            f"use np.asarray({name}, dtype=float)"
        )
    if array.dtype.kind not in "fc":
        raise TypeError(
            f"{name} must hold floating numbers, got dtype {array.dtype}; "
            f"use {name}.astype(float)"
        )


def finite(name, array, coordinate=str):
    """Raises NotFinite, with the first bad coordinate of the last axis, if the array
    holds NaN or inf."""
    if np.isfinite(array).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    where = f" at index {index} ({coordinate(index[-1])})" if index else ""
    raise NotFinite(f"{name} must be finite, got {array[index]}{where}; look at the "
                    f"computation that made {name}")


def mask(name, array):
    """True or 1 where a step was taken, False or 0 elsewhere -> bool array."""
    array = np.asarray(array)
    if array.dtype == bool:
        return array
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold 1 or True where a step was taken and 0 or "
                         f"False elsewhere, got {array[~np.isin(array, (0, 1))][0]}")
    return array.astype(bool)


def like(name, array, other_name, other):
    """Two arrays must have the same shape."""
    if np.shape(array) != np.shape(other):
        raise ValueError(
            f"{name} must have the shape of {other_name}, {list(np.shape(other))}, got "
            f"{list(np.shape(array))}"
        )


def parameters(layout, theta):
    """theta [..., P] must be a finite floating array of the layout's length."""
    floating("theta", theta)
    if theta.ndim == 0 or theta.shape[-1] != layout.size:
        raise ValueError(
            f"theta must have shape [..., {layout.size}] for {layout}, got "
            f"{list(theta.shape)}"
        )
    finite("theta", theta, layout.name)


def data(name, x, lead, core, letters):
    """x must be finite and pass `shaped`."""
    shaped(name, x, lead, core, letters)
    finite(name, x)


def shaped(name, x, lead, core, letters):
    """x must have the leading axes of theta and then `core`.

    core     sizes of the last axes, None where any size will do
    letters  the shape as a reader would write it, "[..., R, 3]"
    """
    floating(name, x)
    split = x.ndim - len(core)
    if split < 0 or any(c not in (None, n) for c, n in zip(core, x.shape[split:])):
        raise ValueError(f"{name} must have shape {letters}, got {list(x.shape)}")
    if x.shape[:split] != lead:
        raise ValueError(
            f"the leading (task) axes of theta and {name} must be equal, got "
            f"{list(lead)} and {list(x.shape[:split])}; to share one theta use "
            f"np.broadcast_to(theta, (K, P))"
        )
