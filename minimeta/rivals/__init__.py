"""Chapter 10, classical agents that learned agents are compared with.

    bandit_agents       of bandits: greedy, UCB1, Thompson sampling, Gittins index, ..
    grid_agents         of the grid: the Bayes-optimal search
    planners            of random MDPs: they plan with what they believe
    two_step_agents     of the two-step task: model-based and model-free
    rival               the base of all these
"""
from . import bandit_agents, planners, two_step_agents
from .bandit_agents import BanditAgent
from .grid_agents import BayesOptimalSearcher
from .planners import Planner, exploration_bonus, posterior_mean, posterior_sample
from .two_step_agents import TwoStepAgent, stays

__all__ = ["BanditAgent", "BayesOptimalSearcher", "Planner", "TwoStepAgent",
           "bandit_agents", "exploration_bonus", "planners", "posterior_mean",
           "posterior_sample", "stays", "two_step_agents"]
