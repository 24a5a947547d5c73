"""Chapter 5, from tasks to arrays: running policies (rollout), what steps were worth
(returns), and what they were expected to be worth (baseline).
"""
from .returns import discounted, gae, normalised
from .rollout import Rollout, rollout

__all__ = ["Rollout", "rollout", "discounted", "gae", "normalised"]
