"""Translates the spaces of Gymnasium into those of this library.

    observation                                what a policy sees: a vector of floats
    Discrete(n)                                one-hot, n numbers
    Box                                        its numbers, row by row
    MultiDiscrete(nvec)                        a one-hot for each
    Dict                                       its parts, in the order of the space

    action                                     what a policy does
    Discrete(n)                                Discrete(n)
    MultiDiscrete(nvec)                        Discrete(n), n the product; the last
                                               digit counts up first
    Box                                        Box(n), [-1, 1] stretched to [low, high]
    Dict of Discrete and MultiDiscrete         Discrete(n), n the product
    Dict of Box                                Box(n), its parts one after the other

A space is recognised by the name of its class or of a base class, so Gymnasium itself
is not needed. Other spaces raise TypeError.
"""
from dataclasses import dataclass

import numpy as np

from .. import require
from ..tasks import Box, Discrete

REMEDY = "put a wrapper around the environment"


def translated(space):
    """The space as Choices, Numbers or Parts."""
    for base in type(space).__mro__:
        if base.__name__ in KINDS:
            return KINDS[base.__name__](space)
    raise TypeError(f"spaces must be {', '.join(KINDS)} of those, got {space}; "
                    f"{REMEDY}")


def action_space(space):
    """The Discrete or Box of this library for a translated space of actions."""
    leaves = space.leaves()
    if len({type(leaf) for leaf in leaves}) != 1:
        raise TypeError(f"an action must be all of numbers or all of choices, got "
                        f"{space}; {REMEDY}")
    if isinstance(leaves[0], Choices):
        return Discrete(np.prod(choices(leaves)))
    for leaf in leaves:
        if not (np.isfinite(leaf.low).all() and np.isfinite(leaf.high).all()):
            raise ValueError(f"an action must have bounds, to which [-1, 1] is "
                             f"stretched, got {leaf}; {REMEDY}")
    return Box(space.width)


def choices(leaves):
    """How many choices each digit has."""
    return [n for leaf in leaves for n in leaf.nvec]


def decode(space, action):
    """An action of this library, an integer or floats [n] -> one of the space."""
    leaves = space.leaves()
    if isinstance(leaves[0], Numbers):
        return space.fill(iter(action))
    return space.fill(iter(np.unravel_index(action, choices(leaves))))


class Leaf:
    """A space that is no Dict."""

    def leaves(self):
        return [self]


@dataclass(frozen=True)
class Choices(Leaf):
    """Discrete and MultiDiscrete: whole numbers, start <= number < start + n."""

    nvec: list    # how many choices each has
    start: np.ndarray
    shape: tuple

    @classmethod
    def of(cls, space):
        many = np.asarray(getattr(space, "nvec", getattr(space, "n", None)))
        start = np.broadcast_to(getattr(space, "start", 0), many.shape)
        return cls(many.ravel().tolist(), start, many.shape)

    @property
    def width(self):
        return sum(self.nvec)

    def encode(self, obs, name="obs"):
        """One-hot for each number, one after the other."""
        values, code, offset = np.asarray(obs), np.zeros(self.width), 0
        is_fit = values.shape == self.shape and values.dtype.kind in "iu"
        digits = (values - self.start).ravel().tolist() if is_fit else [-1]
        for digit, n in zip(digits, self.nvec):
            if not 0 <= digit < n:
                raise ValueError(
                    f"{name} must be whole numbers of shape {list(self.shape)} below "
                    f"{self.nvec}, from {self.start.tolist()} on, got {obs!r}")
            code[offset + digit] = 1
            offset += n
        return code

    def fill(self, numbers):
        """The next numbers in the form of the space."""
        digits = np.array([next(numbers) for _ in self.nvec]).reshape(self.shape)
        return int(digits + self.start) if self.shape == () else digits + self.start


@dataclass(frozen=True)
class Numbers(Leaf):
    """Box: real numbers in [low, high]."""

    low: np.ndarray
    high: np.ndarray
    dtype: np.dtype

    @classmethod
    def of(cls, space):
        low, high = (np.broadcast_to(np.asarray(bound, float), space.shape)
                     for bound in (space.low, space.high))
        return cls(low, high, np.dtype(space.dtype))

    @property
    def width(self):
        return self.low.size

    def encode(self, obs, name="obs"):
        """The numbers, row by row."""
        try:
            numbers = np.asarray(obs, float)
        except (TypeError, ValueError):
            raise TypeError(f"{name} must be numbers of shape {list(self.low.shape)}, "
                            f"got {obs!r}") from None
        if numbers.shape != self.low.shape:
            raise ValueError(f"{name} must have shape {list(self.low.shape)}, as its "
                             f"space says, got {list(numbers.shape)}")
        require.finite(name, numbers)
        return numbers.ravel()

    def fill(self, numbers):
        """The next numbers of [-1, 1], stretched to [low, high]."""
        unit = np.array([next(numbers) for _ in range(self.width)])
        share = (unit.reshape(self.low.shape) + 1) / 2
        stretched = self.low + share * (self.high - self.low)
        return np.clip(stretched, self.low, self.high).astype(self.dtype)


@dataclass(frozen=True)
class Parts:
    """Dict: spaces by their keys."""

    by_key: tuple  # (key, space), ..

    @classmethod
    def of(cls, space):
        return cls(tuple((key, translated(part))
                         for key, part in space.spaces.items()))

    @property
    def width(self):
        return sum(part.width for _, part in self.by_key)

    def leaves(self):
        return [leaf for _, part in self.by_key for leaf in part.leaves()]

    def encode(self, obs, name="obs"):
        """The parts, one after the other."""
        keys = [key for key, _ in self.by_key]
        if not isinstance(obs, dict) or set(obs) != set(keys):
            raise ValueError(f"{name} must be a dict with the keys {keys}, got {obs!r}")
        return np.concatenate([part.encode(obs[key], f"{name}[{key!r}]")
                               for key, part in self.by_key])

    def fill(self, numbers):
        """The next numbers in the form of each part."""
        return {key: part.fill(numbers) for key, part in self.by_key}


KINDS = {"Discrete": Choices.of, "Box": Numbers.of, "MultiDiscrete": Choices.of,
         "Dict": Parts.of}
