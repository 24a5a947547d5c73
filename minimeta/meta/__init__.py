"""Chapter 7, learning to adapt: the loop that every learner shares (learner), gradient
steps as a map (adaptation) and what is differentiated through it (objective), learners
that take them (gradient: maml, promp, reinforce, reptile, regression, imitation with
its learned_loss), recurrence (rl2), how well it goes (printing) and how well it went
(evaluate).
"""
from .adaptation import GradientSteps
from .evaluate import Curve, evaluate
from .imitation import Imitation
from .learner import NonFiniteError, Result, meta_train
from .maml import EMAML, MAML
from .printing import print_progress
from .promp import ProMP
from .regression import RegressionMAML, RegressionPretrained, RegressionReptile
from .reinforce import Reinforce
from .reptile import Reptile
from .rl2 import RL2

__all__ = ["GradientSteps", "Curve", "evaluate", "NonFiniteError", "Result",
           "meta_train", "print_progress", "MAML", "EMAML", "ProMP", "Reinforce", "Reptile",
           "RegressionMAML", "RegressionPretrained", "RegressionReptile", "Imitation",
           "RL2"]
