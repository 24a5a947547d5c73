"""Chapter 5, from tasks to arrays: running policies (rollout), and what steps were worth
(returns).
"""
from .returns import discounted, gae, normalised
from .rollout import Rollout, rollout

__all__ = ["Rollout", "rollout", "discounted", "gae", "normalised"]
