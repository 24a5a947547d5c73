"""Chapter 4, what is climbed: scalars of log-probabilities (surrogates, which are
ratios and dice) and of outputs (losses), a scalar of a map at a point (composite), and
steps on a flat vector (optimizers, trust_region).
"""
from . import losses, surrogates
from .composite import Objective, Point
from .optimizers import SGD, Adam, LinearSchedule
from .surrogates import ClippedRatio, Dice, LoadedDice, LogLikelihood, Ratio
from .trust_region import TrustRegion

__all__ = ["Objective", "Point", "SGD", "Adam", "LinearSchedule", "TrustRegion",
           "LogLikelihood", "Ratio", "ClippedRatio", "Dice", "LoadedDice", "losses",
           "surrogates"]
