"""Chapter 7, ground truth: the Bayes-optimal bandit agent (bandits), the Gittins index (gittins),
and the classical agents that learned ones are held against (agents).
"""
from .bandits import bayes_optimal_bandit
from .gittins import gittins_index

__all__ = ["bayes_optimal_bandit", "gittins_index"]
