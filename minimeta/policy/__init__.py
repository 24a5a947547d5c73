"""Chapter 3, from network outputs to actions.

    heads, categorical, gaussian    distributions over actions
    policies, recurrent_policy      networks with a head, which act
    tabular                         the same where states can be counted
    belief_policy                   a policy that acts on a belief about its task
    guess_policy, product           a policy that acts on guesses drawn from it
    reparameterised                 a draw as a map
"""
from .belief_policy import BeliefPolicy
from .categorical import Categorical
from .gaussian import Gaussian
from .guess_policy import GuessPolicy
from .policies import MLPPolicy
from .recurrent_policy import RecurrentPolicy
from .tabular import TabularPolicy

__all__ = ["BeliefPolicy", "Categorical", "Gaussian", "GuessPolicy", "MLPPolicy",
           "RecurrentPolicy", "TabularPolicy"]
