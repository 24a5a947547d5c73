"""Chapter 5, what can be adapted to: families of tasks, one file for each kind.
family.py says what a family is and how to write one.
"""
from .arm import PlanarArm
from .bandits import BernoulliBandit, DependentBandit, InformativeBandit, RestlessBandit
from .family import Box, Discrete, Family, Tasks
from .gridworld import GridNavigation
from .planning import value_iteration
from .random_mdp import RandomMDP
from .navigation import PointNavigation
from .sinusoid import Sinusoid
from .two_step import TwoStep

__all__ = ["BernoulliBandit", "Box", "DependentBandit", "Discrete", "Family",
           "GridNavigation", "InformativeBandit", "PlanarArm", "PointNavigation",
           "RandomMDP", "RestlessBandit", "Sinusoid", "Tasks", "TwoStep",
           "value_iteration"]
