"""Chapter 4, what can be adapted to: families of tasks, one file a kind. family.py says what a
family is.
"""
from .bandits import BernoulliBandit
from .family import Box, Discrete

__all__ = ["BernoulliBandit", "Box", "Discrete"]
