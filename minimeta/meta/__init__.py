"""Chapter 8, learning to adapt.

    learner                 the loop that every learner shares
    slices, workers         its tasks in slices; work on all cores and machines
    adaptation              gradient steps as a map theta -> phi
    gradient, problem       the base of learners that take such steps; what they make of
                            some of the tasks
    natural                 the trust region
    rollout_learner         the same, where experience is what they learn from
    maml, emaml, promp, reptile, reinforce          one idea each
    regression, imitation, learned_loss             the same ideas on other data
    rl2                     adaptation by memory
    varibad                 adaptation by inference: a belief about the task
    evidence, explainer     what a belief has to explain, and the map that does
    posterior_sampling      the same, acting on guesses
    evaluate                how well a learner adapts
"""
from .adaptation import GradientSteps
from .emaml import EMAML
from .evaluate import Curve, evaluate, interval
from .imitation import Imitation
from .learner import meta_train
from .maml import MAML
from .posterior_sampling import PosteriorSampling
from .promp import ProMP
from .regression import RegressionMAML, RegressionPretrained, RegressionReptile
from .reinforce import Reinforce
from .reptile import Reptile
from .rl2 import RL2
from .varibad import VariBAD
from .workers import Workers

__all__ = ["Curve", "EMAML", "GradientSteps", "Imitation", "MAML", "PosteriorSampling",
           "ProMP", "RL2", "RegressionMAML", "RegressionPretrained",
           "RegressionReptile", "Reinforce", "Reptile", "VariBAD", "Workers",
           "evaluate", "interval", "meta_train"]
