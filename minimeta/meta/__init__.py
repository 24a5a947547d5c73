"""Chapter 8, learning to adapt: the loop that every learner shares (learner), gradient
steps as a map (adaptation), what learners share that take such steps (gradient,
rollout_learner) with their trust region (natural), the learners themselves, a file for
each idea (maml, emaml, promp, reptile, reinforce; regression, imitation with its
learned_loss; rl2 for recurrence), and how well a learner adapts (evaluate).
"""
from .adaptation import GradientSteps
from .emaml import EMAML
from .evaluate import Curve, evaluate
from .imitation import Imitation
from .learner import meta_train
from .maml import MAML
from .promp import ProMP
from .regression import RegressionMAML, RegressionPretrained, RegressionReptile
from .reinforce import Reinforce
from .reptile import Reptile
from .rl2 import RL2

__all__ = ["Curve", "EMAML", "GradientSteps", "Imitation", "MAML", "ProMP", "RL2",
           "RegressionMAML", "RegressionPretrained", "RegressionReptile", "Reinforce",
           "Reptile", "evaluate", "meta_train"]
