"""The spaces of Gymnasium, told in the words of this library.

    observation                                what a policy sees: a vector of floats
    Discrete(n)                                one-hot, n numbers
    Box                                        its numbers, row by row
    MultiDiscrete(nvec)                        a one-hot for each
    Dict                                       its parts, in the order of the space

    action                                     what a policy does
    Discrete(n)                                Discrete(n)
    MultiDiscrete(nvec)                        Discrete(n), n the product; last digit first
    Box                                        Box(n), [-1, 1] stretched to [low, high]
    Dict of Discrete and MultiDiscrete         Discrete(n), n the product
    Dict of Box                                Box(n), its parts one after the other

A space is known by the name of its class or of a base class, so Gymnasium itself is not
needed. Other spaces are refused.
"""
import numpy as np

from .. import require
from ..tasks import Box, Discrete

KINDS = ("Discrete", "MultiDiscrete", "Box", "Dict")


def kind(space):
    """The name of the kind of space."""
    names = [base.__name__ for base in type(space).__mro__]
    for name in names:
        if name in KINDS:
            return name
    raise TypeError(f"spaces must be Discrete, Box, MultiDiscrete, or a Dict of those, "
                    f"got {space}; put a wrapper around the environment")


def parts(space):
    """The spaces in a Dict, with their keys."""
    return list(space.spaces.items())


# ---- observations

def width(space):
    """Length of an observation as a vector."""
    return {
        "Discrete": lambda: int(space.n),
        "MultiDiscrete": lambda: int(np.sum(space.nvec)),
        "Box": lambda: int(np.prod(space.shape)),
        "Dict": lambda: sum(width(part) for _, part in parts(space)),
    }[kind(space)]()


def encode(space, obs, name="obs"):
    """An observation -> a vector of floats [width]."""
    which = kind(space)
    if which == "Dict":
        if not isinstance(obs, dict) or set(obs) != {key for key, _ in parts(space)}:
            raise ValueError(f"{name} must be a dict like {space}, got {obs!r}")
        return np.concatenate([encode(part, obs[key], f"{name}[{key!r}]")
                               for key, part in parts(space)])
    if which == "Discrete":
        return digits(name, np.reshape(obs, -1) - getattr(space, "start", 0), [space.n])
    if which == "MultiDiscrete":
        start = np.ravel(getattr(space, "start", 0))
        return digits(name, np.ravel(obs) - start, np.ravel(space.nvec))
    numbers = np.asarray(obs, float)
    if numbers.shape != tuple(space.shape):
        raise ValueError(f"{name} must have shape {list(space.shape)}, as its space "
                         f"says, got {list(numbers.shape)}")
    require.finite(name, numbers)
    return numbers.ravel()


def digits(name, values, nvec):
    """Whole numbers below nvec, each one-hot, one after the other."""
    if values.shape != (len(nvec),) or values.dtype.kind not in "iu" or not (
            (0 <= values) & (values < nvec)).all():
        raise ValueError(f"{name} must be {len(nvec)} whole numbers below "
                         f"{list(map(int, nvec))} from where its space starts, got "
                         f"{values.tolist()}")
    code = np.zeros(int(np.sum(nvec)))
    code[np.concatenate([[0], np.cumsum(nvec)[:-1]]).astype(int) + values] = 1
    return code


# ---- actions

def action_space(space):
    """The Discrete or Box of this library that stands for the space."""
    kinds = {kind(leaf) == "Box" for leaf in leaves(space)}
    if len(kinds) != 1:
        raise TypeError(f"an action must be all of numbers or all of choices, got "
                        f"{space}; put a wrapper around the environment")
    if True in kinds:
        for leaf in leaves(space):
            if not (np.isfinite(leaf.low).all() and np.isfinite(leaf.high).all()):
                raise ValueError(f"an action must have bounds, to which [-1, 1] is "
                                 f"stretched, got {leaf}; put a wrapper with bounds "
                                 f"around the environment")
        return Box(sum(width(leaf) for leaf in leaves(space)))
    return Discrete(int(np.prod(choices(space))))


def leaves(space):
    """The spaces of which a Dict consists, however deep; any other space is one."""
    if kind(space) != "Dict":
        return [space]
    return [leaf for _, part in parts(space) for leaf in leaves(part)]


def choices(space):
    """How many choices each digit of a Discrete, MultiDiscrete or Dict of them has."""
    return [int(n) for leaf in leaves(space)
            for n in np.ravel(leaf.n if kind(leaf) == "Discrete" else leaf.nvec)]


def decode(space, action):
    """An action of this library, an integer or floats [n] -> one of the space."""
    if kind(leaves(space)[0]) == "Box":
        return filled(space, iter(np.clip(action, -1, 1)))
    return filled(space, iter(np.unravel_index(int(action), choices(space))))


def filled(space, numbers):
    """The numbers, in order, in the form of the space."""
    which = kind(space)
    if which == "Dict":
        return {key: filled(part, numbers) for key, part in parts(space)}
    if which == "Discrete":
        return int(next(numbers)) + int(getattr(space, "start", 0))
    if which == "MultiDiscrete":
        digit = np.array([next(numbers) for _ in np.ravel(space.nvec)])
        return digit.reshape(np.shape(space.nvec)) + getattr(space, "start", 0)
    unit = np.array([next(numbers) for _ in range(width(space))])
    low, high = np.asarray(space.low, float), np.asarray(space.high, float)
    stretched = low + (unit.reshape(space.shape) + 1) / 2 * (high - low)
    return np.clip(stretched, low, high).astype(space.dtype)
