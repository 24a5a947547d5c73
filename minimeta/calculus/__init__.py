"""Chapter 1, derivatives by hand.

A flat theta and its names (layout), elementary maps in four forms (maps), a network as
a loop over maps (mlp). Recurrent networks: time without gates (recurrence), what is
around it (recurrent), and a cell in each file, gates without time (lstm, gru).

Tricks of speed stand in one file (fast). One of them works by itself: `import minimeta`
allocates 31 MB once, writes nothing to them and frees them, which tells the C library
to keep the memory that arrays leave.
"""
from . import maps
from .gru import GRU
from .layout import Layout
from .lstm import LSTM
from .mlp import MLP
from .recurrence import Cell
from .recurrent import Recurrent

__all__ = ["Layout", "MLP", "LSTM", "GRU", "Recurrent", "Cell", "maps"]
