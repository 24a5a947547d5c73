"""Chapter 6, from tasks to arrays: running policies (rollout), what steps were worth
(returns), what they were expected to be worth (baseline), and what experts would have
done (demonstrations).
"""
from .demonstrations import Demonstration, demonstrate
from .returns import discounted, gae, normalised
from .rollout import Rollout, rollout

__all__ = ["Demonstration", "demonstrate", "Rollout", "rollout", "discounted", "gae",
           "normalised"]
