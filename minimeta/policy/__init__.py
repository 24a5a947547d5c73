"""Chapter 3, from network outputs to actions: distributions over actions (heads,
categorical, gaussian), and networks with a head that act (policies, recurrent_policy,
and tabular where states can be counted).
"""
from .categorical import Categorical
from .gaussian import Gaussian
from .policies import MLPPolicy
from .recurrent_policy import RecurrentPolicy
from .tabular import TabularPolicy

__all__ = ["Categorical", "Gaussian", "MLPPolicy", "RecurrentPolicy", "TabularPolicy"]
