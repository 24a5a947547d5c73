"""Nests: arrays inside tuples, lists and dicts, such as the cache of a map."""
import numpy as np


def rebuild(function, nest):
    """The same nest with function(array) for each array; the rest stays as it is."""
    if isinstance(nest, np.ndarray):
        return function(nest)
    if isinstance(nest, dict):
        return {key: rebuild(function, value) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(rebuild(function, value) for value in nest))
    if isinstance(nest, (tuple, list)):
        return type(nest)(rebuild(function, value) for value in nest)
    return nest


def leaves(nest):
    """The arrays and numbers of a nest, in order, as a list of arrays."""
    if isinstance(nest, dict):
        nest = tuple(nest.values())
    if isinstance(nest, (tuple, list)):
        return [leaf for value in nest for leaf in leaves(value)]
    is_array = isinstance(nest, (np.ndarray, np.number, int, float, complex))
    return [np.asarray(nest)] if is_array else []
