"""Opens nests, which are arrays inside tuples, lists, dicts and objects, such as the
cache of a map. The laws copy, lock and compare the arrays in them.
"""
import copy
from dataclasses import fields, is_dataclass
from types import (BuiltinFunctionType, FunctionType, MethodType, ModuleType,
                   SimpleNamespace)

import numpy as np

NUMBERS = (bool, int, float, complex, np.number, np.bool_)
EMPTY = (str, bytes, type(None), type, np.dtype, np.random.Generator, ModuleType)
CLOSED = (FunctionType, MethodType, BuiltinFunctionType)


class CouldNotLook(Exception):
    """A law has no numbers to judge by; the message is the reason."""


def attributes(nest):
    """The attributes of an object as a dict. Raises CouldNotLook if there are none."""
    if is_dataclass(nest):
        names = [f.name for f in fields(nest)]
        if names:
            return {name: getattr(nest, name) for name in names if hasattr(nest, name)}
    is_open = isinstance(nest, SimpleNamespace) or hasattr(nest, "__dict__")
    if is_open and not isinstance(nest, CLOSED):
        return vars(nest)
    raise CouldNotLook(
        f"a {type(nest).__name__} cannot be opened to see the arrays in it; use arrays "
        f"in tuples, lists, dicts, named tuples or dataclasses")


def rebuild(function, nest):
    """The same nest with function(array) for each array; the rest stays as it is."""
    if isinstance(nest, np.ndarray):
        return function(nest)
    if isinstance(nest, NUMBERS + EMPTY):
        return nest
    if isinstance(nest, dict):
        return {key: rebuild(function, value) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(rebuild(function, value) for value in nest))
    if isinstance(nest, (tuple, list)):
        return type(nest)(rebuild(function, value) for value in nest)
    made, parts = copy.copy(nest), attributes(nest)
    for name in set(getattr(made, "__dict__", ())) - set(parts):
        del made.__dict__[name]   # a cached property, computed from the old fields
    for name, value in parts.items():
        object.__setattr__(made, name, rebuild(function, value))
    return made


def leaves(nest):
    """The arrays and numbers of a nest, in order, as a list of arrays."""
    if isinstance(nest, (np.ndarray, *NUMBERS)):
        return [np.asarray(nest)]
    if isinstance(nest, EMPTY):
        return []
    if not isinstance(nest, (tuple, list, dict)):
        nest = attributes(nest)
    if isinstance(nest, dict):
        nest = nest.values()
    return [leaf for value in nest for leaf in leaves(value)]


def of_floats(function):
    """The function for arrays of floats; whole numbers and truths stay as they are."""
    def only(array):
        return function(array) if array.dtype.kind in "fc" else array
    return only
