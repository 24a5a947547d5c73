"""Chapter 10, what learned agents are held against: classical bandit agents
(bandit_agents), agents that plan with what they believe (planners), and the two known
learners of the two-step task (two_step_agents).
"""
from . import bandit_agents, planners, two_step_agents

__all__ = ["bandit_agents", "planners", "two_step_agents"]
