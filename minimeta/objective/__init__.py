"""Chapter 4, objectives and the steps that improve them.

    surrogates                  scalars of log-probabilities (in ratios and dice)
    losses                      scalars of a network's outputs
    composite                   a scalar of a map, evaluated at a theta
    optimizers, trust_region    steps of theta
"""
from . import losses, surrogates
from .composite import Objective, Point
from .optimizers import SGD, Adam, LinearSchedule
from .surrogates import ClippedRatio, Dice, LoadedDice, LogLikelihood, Ratio
from .trust_region import TrustRegion

__all__ = ["Objective", "Point", "SGD", "Adam", "LinearSchedule", "TrustRegion",
           "LogLikelihood", "Ratio", "ClippedRatio", "Dice", "LoadedDice", "losses",
           "surrogates"]
