"""Chapter 3, from network outputs to actions: distributions over actions (heads,
categorical, gaussian), and networks with a head that act (policies, and tabular where
states can be counted).
"""
from .categorical import Categorical
from .gaussian import Gaussian
from .policies import LSTMPolicy, MLPPolicy
from .tabular import TabularPolicy

__all__ = ["Categorical", "Gaussian", "LSTMPolicy", "MLPPolicy", "TabularPolicy"]
