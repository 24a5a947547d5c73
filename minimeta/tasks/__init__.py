"""Chapter 5, families of tasks to adapt to, one file for each kind. family.py says what
a family is and how to write one; planning.py solves tasks whose tables are known.
"""
from .arm import PlanarArm
from .bandits import (BernoulliBandit, DependentBandit, InformativeBandit,
                      RestlessBandit, pulls_as_text)
from .cartpole import CartPole
from .family import Box, Discrete, Family, Tasks
from .gridworld import GridNavigation
from .navigation import PointNavigation, PointTasks
from .planning import value_iteration
from .random_mdp import RandomMDP, RandomMDPTasks, TabularTasks, one_hot
from .sinusoid import Sinusoid
from .two_step import TwoStep, episodes_as_text

__all__ = ["BernoulliBandit", "Box", "CartPole", "DependentBandit", "Discrete",
           "Family", "GridNavigation", "InformativeBandit", "PlanarArm",
           "PointNavigation", "PointTasks", "RandomMDP", "RandomMDPTasks",
           "RestlessBandit", "Sinusoid", "TabularTasks", "Tasks", "TwoStep",
           "episodes_as_text", "one_hot", "pulls_as_text", "value_iteration"]
