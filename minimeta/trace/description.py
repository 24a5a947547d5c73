"""Describes learners and families as JSON, every option by its name, and builds them
again from that.

    describe(learner) -> {"class": "minimeta.meta.maml.MAML", "alpha": 0.1, ..}
    rebuild(description) -> the learner again
    differences(old, new) -> ["learner.alpha: 0.1 in the folder, 0.2 now", ..]

A dataclass is described by its fields, a function by its name. Only classes and
functions of this package are rebuilt, so a file cannot name other code to run. Pass in
again what you define yourself.
"""
import dataclasses
import importlib
from functools import partial

import numpy as np

PACKAGE = __name__.partition(".")[0]
ABSENT = object()  # where one of two descriptions has an option and the other has not


class NotOurs(ValueError):
    """The description names a class or function that this package does not define."""


def describe(value):
    """The value as JSON. A tuple becomes a list."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [describe(each) for each in value]
    if isinstance(value, dict):
        return {str(key): describe(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.name}
    if isinstance(value, np.dtype) or (
            isinstance(value, type) and issubclass(value, np.generic)):
        return {"dtype": np.dtype(value).name}
    if isinstance(value, partial):
        return {"partial": describe(value.func), "arguments": describe(value.args),
                "keywords": describe(value.keywords)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"class": full_name(type(value))} | {
            field.name: describe(getattr(value, field.name))
            for field in dataclasses.fields(value) if field.init}
    if hasattr(value, "__qualname__"):
        return {"function": full_name(value)}
    return {"object": full_name(type(value))}


def full_name(it):
    return f"{it.__module__}.{it.__qualname__}"


def rebuild(tree):
    """The inverse of describe. A list becomes a tuple."""
    if isinstance(tree, list):
        return tuple(rebuild(each) for each in tree)
    if not isinstance(tree, dict):
        return tree
    if "class" in tree:
        return ours(tree["class"])(**{
            name: rebuild(each) for name, each in tree.items() if name != "class"})
    if "function" in tree:
        return ours(tree["function"])
    if "partial" in tree:
        return partial(rebuild(tree["partial"]), *rebuild(tree["arguments"]),
                       **rebuild(tree["keywords"]))
    if "array" in tree:
        return np.array(tree["array"], tree["dtype"])
    if "dtype" in tree:
        return np.dtype(tree["dtype"]).type
    if "object" in tree:
        raise NotOurs(tree["object"])
    return {name: rebuild(each) for name, each in tree.items()}


def ours(name):
    """The class or function of this package that has the full name."""
    module, _, last = name.rpartition(".")
    if name.partition(".")[0] != PACKAGE:
        raise NotOurs(name)
    try:
        it = getattr(importlib.import_module(module), last)
    except (ImportError, AttributeError):
        raise NotOurs(name) from None
    if getattr(it, "__module__", None) != module:
        raise NotOurs(name)
    return it


def differences(old, new, path=""):
    """A line for each place where two descriptions differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [line for name in dict.fromkeys([*old, *new]) for line in differences(
            old.get(name, ABSENT), new.get(name, ABSENT), f"{path}.{name}".strip("."))]
    same = old == new or (old != old and new != new)
    return [] if same else [f"{path}: {brief(old)} in the folder, {brief(new)} now"]


def brief(tree):
    """A description in a few words."""
    if isinstance(tree, dict):
        return tree.get("class", tree.get("function", "other options"))
    text = "nothing" if tree is ABSENT else repr(tree)
    return text if len(text) <= 60 else text[:57] + ".."
