"""Chapter 6, from tasks to arrays: what a policy did on its tasks (rollout), what each
step was worth (returns), what it was expected to be worth (baseline), and what experts
would have done (demonstrations).
"""
from .demonstrations import Demonstration, demonstrate
from .returns import (counts, discounted, gae, is_rounding, normalised, return_scale,
                      step_weights)
from .rollout import Rollout, rollout

__all__ = ["Demonstration", "demonstrate", "Rollout", "rollout", "counts", "discounted",
           "gae", "is_rounding", "normalised", "return_scale", "step_weights"]
