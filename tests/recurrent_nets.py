"""The recurrent networks that are tested, and random data for them."""
import numpy as np
import pytest
from elman import Elman

from minimeta import GRU, LSTM
from minimeta.testing import compare
from minimeta.testing.nests import leaves

NETS = [LSTM(3, 5, 2), GRU(3, 5, 2), Elman(3, 5, 2)]
every_net = pytest.mark.parametrize("net", NETS, ids=lambda net: type(net).__name__)


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def case(net, T, lead=(), B=4, scale=0.7):
    """theta, x, y_bar, and tangents of the three."""
    shapes = [lead + (net.size,), lead + (T, B, net.n_in), lead + (T, B, net.n_out)]
    theta, *rest = draw(T, *shapes, *shapes)
    return scale * theta, *rest


def states(net, seed, shape=(4, 5)):
    """A random state, or a cotangent of one."""
    return tuple(draw(seed, *[shape] * len(net.cell.state)))


def gap(these, those):
    """The largest relative difference of two nests of arrays."""
    pairs = zip(leaves(these), leaves(those), strict=True)
    return max(compare("gap", a, b) for a, b in pairs)
