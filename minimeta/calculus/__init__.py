"""Chapter 1, derivatives by hand.

    layout       names for the blocks of a flat theta
    maps         elementary maps in four forms
    mlp          a network as a loop over maps
    recurrence   a cell run through the steps of a trial: time, but no gates
    recurrent    the learned state before the first step, and the read-out after each
    lstm, gru    cells: gates, but no time
    pullback     what grad and hvp of an objective share
    fast         tricks of speed and memory. `import minimeta` runs one of them
    fast_lstm    the LSTM's loops through time, written for speed
"""
from . import maps
from .gru import GRU
from .layout import Layout
from .lstm import LSTM
from .mlp import MLP
from .recurrence import Cell
from .recurrent import Recurrent

__all__ = ["Layout", "MLP", "LSTM", "GRU", "Recurrent", "Cell", "maps"]
