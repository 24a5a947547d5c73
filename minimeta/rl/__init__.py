"""Chapter 6, from tasks to arrays.

    rollout           all that a policy did on its tasks
    returns           returns and advantages: what each step was worth
    baseline          what each step was expected to be worth
    demonstrations    what experts did on the same tasks
"""
from .demonstrations import Demonstration, demonstrate
from .returns import (counts, discounted, gae, is_rounding, normalised, return_scale,
                      step_weights)
from .rollout import Rollout, rollout

__all__ = ["Demonstration", "demonstrate", "Rollout", "rollout", "counts", "discounted",
           "gae", "is_rounding", "normalised", "return_scale", "step_weights"]
