"""Chapter 4, what can be adapted to: families of tasks, one file a kind. family.py says what a
family is.
"""
from .bandits import BernoulliBandit
from .family import Box, Discrete
from .gridworld import GridNavigation
from .mdp import RandomMDP
from .navigation import PointNavigation
from .sinusoid import Sinusoid

__all__ = ["BernoulliBandit", "Box", "Discrete", "GridNavigation", "PointNavigation",
           "RandomMDP", "Sinusoid"]
