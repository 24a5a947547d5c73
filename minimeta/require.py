"""What may come in: the checks made once, where a user's value enters the library.

Every message says the argument's name, what was expected and what came; and what to
do, where that does not follow. Inside the library nothing is checked again.
"""
import numbers

import numpy as np


class NotFinite(ValueError):
    """NaN or inf came in."""


def count(name, value, least=1):
    """Returns `value` as an int if it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def number(name, value, low=-np.inf, high=np.inf, is_open=False):
    """Returns `value` if it is a finite number in [low, high], or in (low, high)."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    inside = low < value < high if is_open else low <= value <= high
    if not (inside and np.isfinite(value)):
        interval = f"({low}, {high})" if is_open else f"[{low}, {high}]"
        raise ValueError(f"{name} must be a finite number in {interval}, got {value}")
    return value


def truth(name, value):
    """Refuses what is not True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def sequence(name, values):
    """Returns a tuple or list, or a flat array, as a tuple."""
    if not isinstance(values, (tuple, list, np.ndarray)):
        raise TypeError(f"{name} must be a tuple, got {values!r}")
    return tuple(values)


def precision(dtype):
    """Refuses what is not the type of a theta."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"dtype must be np.float32 or np.float64, got {dtype!r}")


def choice(name, value, choices):
    """Returns choices[value]; an unknown name raises and lists the choices."""
    if not isinstance(value, str) or value not in choices:
        known = ", ".join(repr(c) for c in choices)
        raise ValueError(f"{name} must be one of {known}, got {value!r}")
    return choices[value]


def floating(name, array):
    """Refuses what is not an array of floating or complex numbers."""
    if not isinstance(array, np.ndarray):
        raise TypeError(
            f"{name} must be a NumPy array, got {type(array).__name__}; "
            f"use np.asarray({name}, dtype=float)"
        )
    if not np.issubdtype(array.dtype, np.inexact):
        raise TypeError(
            f"{name} must hold floating numbers, got dtype {array.dtype}; "
            f"use {name}.astype(float)"
        )


def finite(name, array, coordinate=str):
    """Refuses NaN and inf, naming the first bad coordinate of the last axis."""
    if np.isfinite(array).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    where = coordinate(index[-1]) if index else ""
    raise NotFinite(
        f"{name} must be finite, got {array[index]} at index {index} ({where}); "
        f"the values were lost before this call"
    )


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
    """x must be finite, and have the shape that `shaped` asks for."""
    shaped(name, x, lead, core, letters)
    finite(name, x)


def shaped(name, x, lead, core, letters):
    """x must have the leading axes of theta and then `core`.

    core     sizes of the last axes, None where any size will do
    letters  the shape as a reader would write it, "[..., R, 3]"
    """
    floating(name, x)
    split = x.ndim - len(core)
    tail = x.shape[split:] if split >= 0 else ()
    if split < 0 or any(c not in (None, n) for c, n in zip(core, tail)):
        raise ValueError(f"{name} must have shape {letters}, got {list(x.shape)}")
    if x.shape[:split] != lead:
        raise ValueError(
            f"the leading (task) axes of theta and {name} must be equal, got "
            f"{list(lead)} and {list(x.shape[:split])}; to share one theta use "
            f"np.broadcast_to(theta, (K, P))"
        )


def able(it, name, example, *verbs):
    """`it` must have all the methods `verbs`, and be no class."""
    if isinstance(it, type) or not all(hasattr(it, verb) for verb in verbs):
        raise TypeError(f"{name} must be one such as {example}, got {it!r}")
