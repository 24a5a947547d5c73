"""Chapter 3, from network outputs to actions: distributions over actions (heads), and
networks with a head that act (policies, and tabular where states can be counted).
"""
from .heads import Categorical, Gaussian
from .policies import MLPPolicy
from .recurrent_policy import RecurrentPolicy
from .tabular import TabularPolicy

__all__ = ["Categorical", "Gaussian", "MLPPolicy", "RecurrentPolicy", "TabularPolicy"]
