"""Chapter 10, what learned agents are held against: classical bandit agents
(bandit_agents), agents that plan with what they believe (planners), and two known
learners of the two-step task (two_step_agents).
"""
from . import bandit_agents, planners, two_step_agents
from .bandit_agents import BanditAgent
from .planners import Planner, posterior_mean, posterior_sample
from .two_step_agents import TwoStepAgent, stays

__all__ = ["BanditAgent", "Planner", "TwoStepAgent", "bandit_agents", "planners",
           "posterior_mean", "posterior_sample", "stays", "two_step_agents"]
