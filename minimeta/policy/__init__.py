"""Chapter 3, from network outputs to actions and objectives: distributions over actions
(heads), networks with a head (policies), scalars of log-probabilities (surrogates)
and of outputs (losses), a scalar of a map at a point (objectives), and steps on a flat
vector (optimizers, trust_region).
"""
from .heads import Categorical, Gaussian
from .objectives import Objective
from .optimizers import SGD, Adam, Linear
from .policies import LSTMPolicy, MLPPolicy
from .surrogates import ClippedRatio, Dice, LoadedDice, LogLikelihood, Ratio
from .tabular import TabularPolicy
from .trust_region import TrustRegion

__all__ = ["Categorical", "Gaussian", "Objective", "SGD", "Adam", "Linear",
           "TrustRegion",
           "LSTMPolicy", "MLPPolicy", "TabularPolicy", "LogLikelihood", "Ratio",
           "ClippedRatio", "Dice", "LoadedDice"]
