"""Chapter 1, derivatives by hand: a flat theta and its names (layout), elementary maps
in four forms (maps), a network as a loop over maps (mlp), the LSTM's gates without time
(cell), its time without gates (recurrence) and the network around them (lstm). What
users pass in is checked in one place (boundary).
"""
from .layout import Layout
from .lstm import LSTM
from .mlp import MLP

__all__ = ["Layout", "MLP", "LSTM"]
