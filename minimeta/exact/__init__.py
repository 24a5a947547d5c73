"""Chapter 7, ground truth: the Bayes-optimal bandit agent (bandits), the Gittins index
(gittins), the optima and agents of the other bandits and of the two-step task (floors,
two_step), the classical agents that learned ones are held against (agents, planners),
expected returns with their derivatives (mdp), every trajectory of a small MDP
(trajectories), and the laboratory where estimators of the meta-gradient meet the exact
one (lab).
"""
from ..tasks.mdp import value_iteration
from .bandits import bayes_optimal_bandit
from .gittins import gittins_index
from .lab import Laboratory
from .mdp import exact_return
from .trajectories import all_trajectories

__all__ = ["Laboratory", "all_trajectories", "bayes_optimal_bandit", "exact_return",
           "gittins_index", "value_iteration"]
