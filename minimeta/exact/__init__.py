"""Chapter 9, ground truth: the Bayes-optimal bandit agent (bayes_bandit), the Gittins
index (gittins), the optima of the other bandits and of the two-step task (optima),
expected returns with their derivatives (expected_return), every trajectory of a small
MDP (trajectories), and the laboratory where estimators of the meta-gradient meet the
exact one (lab).
"""
from ..tasks.planning import value_iteration
from .bayes_bandit import bayes_optimal_bandit
from .expected_return import exact_return
from .gittins import gittins_index
from .lab import PARTS, Laboratory, quality
from .optima import (dependent_floor, dependent_optimum, informative_optimum,
                     informative_thompson, two_step_optimum)
from .trajectories import all_trajectories

__all__ = ["PARTS", "Laboratory", "all_trajectories", "bayes_optimal_bandit",
           "dependent_floor", "dependent_optimum", "exact_return", "gittins_index",
           "informative_optimum", "informative_thompson", "quality", "two_step_optimum",
           "value_iteration"]
