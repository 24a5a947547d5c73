"""Chapter 3, from network outputs to actions.

    heads, categorical, gaussian    distributions over actions
    policies, recurrent_policy      networks with a head, which act
    tabular                         the same where states can be counted
"""
from .categorical import Categorical
from .gaussian import Gaussian
from .policies import MLPPolicy
from .recurrent_policy import RecurrentPolicy
from .tabular import TabularPolicy

__all__ = ["Categorical", "Gaussian", "MLPPolicy", "RecurrentPolicy", "TabularPolicy"]
