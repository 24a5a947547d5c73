"""Chapter 9, ground truth.

    bayes_bandit        the Bayes-optimal agent of independent arms
    bayes_search        the Bayes-optimal search of a grid
    beliefs             the posterior of each small family, step by step
    belief_oracle       a policy that is given the exact belief
    gittins             the Gittins index of an arm
    finite_gittins      the same for a finite number of pulls
    optima              the most that other bandits and the two-step task can pay
    expected_return     the expected return in a known MDP, with its derivatives
    trajectories        every trajectory of a small MDP
    lab                 estimators of the meta-gradient beside the exact one
"""
from ..tasks.planning import value_iteration
from .bayes_bandit import bayes_optimal_bandit
from .bayes_search import bayes_optimal_search
from .belief_oracle import belief_oracle
from .beliefs import exact_belief, posteriors
from .expected_return import exact_return
from .gittins import gittins_index
from .lab import PARTS, Laboratory, quality
from .optima import (dependent_floor, dependent_optimum, informative_optimum,
                     informative_thompson, two_step_optimum)
from .trajectories import all_trajectories

__all__ = ["PARTS", "Laboratory", "all_trajectories", "bayes_optimal_bandit",
           "bayes_optimal_search", "belief_oracle", "dependent_floor",
           "dependent_optimum", "exact_belief", "exact_return", "gittins_index",
           "informative_optimum", "informative_thompson", "posteriors", "quality",
           "two_step_optimum", "value_iteration"]
