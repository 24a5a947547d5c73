"""A Layout gives names and shapes to the blocks of a flat theta.

All parameters of a network are one vector theta [..., P]; its leading axes are tasks.
Layout alone knows where each named block lies:

    layout = Layout(W=(3, 4), b=(4,))
    W, b = layout.unpack(theta)         theta [..., 16] -> W [..., 3, 4], b [..., 4]
    theta = layout.pack(W=W, b=b)       the inverse, and the transpose
    layout.name(14)                     "b[2]"

Optimizers, Hessian-vector products, checkpoints and checks work on one vector; a
network works on named blocks. Blocks are read-only views, so nothing is copied.

theta itself is an array and carries no names. So a theta is accepted wherever its
length fits: keep it beside the network or the learner that it was trained with.
"""
from collections import namedtuple
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from math import prod

import numpy as np

from .. import require


@lru_cache(maxsize=None)
def _blocks(names):
    return namedtuple("Blocks", names)


@dataclass(frozen=True, init=False, repr=False)
class Layout:
    """The order, names and shapes of the blocks of a flat vector.

    shapes   pairs (name, shape)
    names    of the blocks
    offsets  where each block starts, and at the end where the last one stops
    """

    shapes: tuple
    names: tuple = field(compare=False)
    offsets: tuple = field(compare=False)

    def __init__(self, **shapes):
        checked = tuple(
            (name, tuple(require.count(f"a size of {name}", n, 0) for n in shape))
            for name, shape in shapes.items()
        )
        offsets = tuple(accumulate((prod(s) for _, s in checked), initial=0))
        object.__setattr__(self, "shapes", checked)
        object.__setattr__(self, "names", tuple(shapes))
        object.__setattr__(self, "offsets", offsets)

    def __add__(self, other):
        """The blocks of this layout, then those of the other; names must differ."""
        if common := [name for name in self.names if name in other.names]:
            raise ValueError(f"layouts that are added must have different names, both "
                             f"have {common}; use layout.prefixed(\"encoder_\")")
        return Layout(**dict(self.shapes), **dict(other.shapes))

    def prefixed(self, prefix):
        """The same blocks, each name with the prefix before it."""
        return Layout(**{prefix + name: shape for name, shape in self.shapes})

    def __repr__(self):
        return f"Layout({', '.join(f'{n}={s}' for n, s in self.shapes)})"

    @property
    def size(self):
        """P, the number of parameters."""
        return self.offsets[-1]

    def unpack(self, theta):
        """theta [..., P] -> the named blocks as read-only views, in order."""
        if theta.shape[-1:] != (self.size,):
            raise ValueError(
                f"theta must have shape [..., {self.size}] for {self}, got "
                f"{list(theta.shape)}"
            )
        theta = theta.view()
        theta.flags.writeable = False
        lead = theta.shape[:-1]
        return _blocks(self.names)(*(
            theta[..., start:stop].reshape(lead + shape)
            for (_, shape), start, stop in zip(
                self.shapes, self.offsets, self.offsets[1:])
        ))

    def pack(self, **blocks):
        """Named blocks [..., *shape] with equal leading axes -> theta [..., P]."""
        if set(blocks) != set(self.names):
            raise ValueError(
                f"pack needs the blocks {list(self.names)}, got {list(blocks)}")
        rows = []
        for name, shape in self.shapes:
            block = np.asarray(blocks[name])
            lead = block.shape[:block.ndim - len(shape)]
            if block.shape != lead + shape:
                raise ValueError(
                    f"{name} must have shape [..., {', '.join(map(str, shape))}], got "
                    f"{list(block.shape)}"
                )
            rows.append(block.reshape(lead + (prod(shape),)))
        if len({row.shape[:-1] for row in rows}) > 1:
            leads = {n: list(r.shape[:-1]) for n, r in zip(self.names, rows)}
            raise ValueError(f"leading axes of the blocks must be equal, got {leads}")
        return np.concatenate(rows, axis=-1)

    def random(self, rng, dtype):
        """Blocks by name: the matrices N(0, 1/n) for n inputs, all others zero."""
        return {name: (rng.normal(0, shape[0] ** -0.5, shape) if len(shape) == 2
                       else np.zeros(shape)).astype(dtype)
                for name, shape in self.shapes}

    def name(self, i):
        """The name of coordinate i of theta, such as "W1[3, 4]"."""
        if not 0 <= i < self.size:
            raise ValueError(f"i must be in [0, {self.size}), got {i}")
        block = int(np.searchsorted(self.offsets, i, side="right")) - 1
        name, shape = self.shapes[block]
        index = np.unravel_index(i - self.offsets[block], shape)
        return f"{name}[{', '.join(str(int(j)) for j in index)}]" if shape else name

    def table(self, theta):
        """Names, shapes and norms of the blocks of theta, as text."""
        rows = [f"{'block':10} {'shape':>14} {'size':>8} {'norm':>11}"]
        for (name, shape), block in zip(self.shapes, self.unpack(theta)):
            rows.append(f"{name:10} {str(shape):>14} {prod(shape):8d} "
                        f"{np.linalg.norm(block):11.4g}")
        return "\n".join(rows)
