"""minimeta is meta-reinforcement learning written by hand in NumPy.

Maps have four forms, scalars have three, adaptation is one more map, and everything is
a function of a flat theta whose leading axis is the task.

        a map  y = f(theta, x)                      a scalar  s(y), one number per task
forward      y, cache                               value
jvp          y_dot           from theta_dot, x_dot  grad
vjp          theta_bar,x_bar from y_bar             hvp     from y_dot
vjp_dot      the tangent of the vjp

maps:     affine, tanh, sigmoid -> MLP, LSTM, GRU -> policy (observations -> outputs)
scalars:  log-likelihood, ratio, clipped ratio, DiCE, KL, entropy, squared error
objective = scalar o map            theta -> one number per task:  value, grad, hvp
adaptation = theta -> phi           gradient step: phi = theta - alpha grad L(theta; D)
                                    recurrence:    h_{t+1} = f_theta(h_t, s, a, r, d)
                                    inference:     q(m | s, a, r, ..) = f_theta(h_t)
meta-gradient = adaptation.vjp( grad of the outer objective at phi )

The chapters in reading order; imports only point backwards, and require.py, the checks
of what a user passes in, stands before them all:

    calculus/   1  derivatives by hand              trace/    7  what a training leaves
    testing/    2  how to know they are right       meta/     8  learning to adapt
    policy/     3  from outputs to actions          exact/    9  ground truth
    objective/  4  objectives, steps of theta       rivals/  10  what learned agents are
    tasks/      5  families of tasks                             held against
    rl/         6  from tasks to arrays             runs/    11  trained agents at work

Letters, the same everywhere:

    theta, phi   parameters before and after adaptation    K  tasks      P  parameters
    alpha        rate of the inner step                    T  steps      H  hidden
    l, A         log-probabilities, advantages             B  episodes   n  inputs
    _dot, _bar   tangent, cotangent                        R  rows       m  outputs

One word, one meaning:

    task        one MDP. `tasks` are K of them; the argument `tasks` of meta_train and
                evaluate is their number
    family      a distribution over tasks
    episode     runs from reset to done or horizon; `end` is True at its last step
    trial       the episodes of one task through which a recurrent agent keeps its
                memory; one episode for an agent without memory. B trials run side by
                side
    round       one collection of data, and the adaptation to it
    step        of an episode (T of them); of adaptation (one inner update); of an
                optimizer
    learner     a way to adapt, and to train theta for it: MAML, RL2, ..
    meta-batch  the K tasks of one iteration of meta_train
    shard       some of these tasks, worked on at once
    path        theta_0, theta_1, ..: the parameters that adaptation passes through
    at          objective.at(theta) is the objective, evaluated at theta
    mask        True where a step was taken, False where an array is padded; None where
                nothing is padded
    w           weights of steps in a mean, floats
    rows        R inputs of a network, one below the other. `fold_steps` makes rows of
                steps, `fold_tasks` makes rows of tasks
    score       grad log pi(a | s)
    progress    the fraction of the training that is done, from 0 to 1
    loss        a scalar that descends. A surrogate climbs; Minus makes a loss of it
    return      the sum of an episode's rewards, undiscounted unless said otherwise
"""
from . import exact, objective, policy, rivals, rl, tasks, testing
from .calculus import GRU, LSTM, MLP, Cell, Layout, Recurrent, fast
from .meta import (EMAML, MAML, RL2, GradientSteps, Imitation, PosteriorSampling, ProMP,
                   RegressionMAML, RegressionPretrained, RegressionReptile, Reinforce,
                   Reptile, VariBAD, evaluate, meta_train)
from .objective import (SGD, Adam, LinearSchedule, Objective, TrustRegion, losses,
                        surrogates)
from .policy import (BeliefPolicy, Categorical, Gaussian, GuessPolicy, MLPPolicy,
                     RecurrentPolicy, TabularPolicy)
from .runs import compare, from_gymnasium, sweep
from .trace import (CheckpointError, NonFiniteError, Result, adapt, load,
                    print_progress)

fast.keep_freed_memory()  # a trick of speed, and all that an import does

__all__ = [
    "Layout", "MLP", "LSTM", "GRU", "Recurrent", "Cell", "Categorical", "Gaussian",
    "MLPPolicy", "RecurrentPolicy", "TabularPolicy", "BeliefPolicy", "GuessPolicy",
    "Objective", "surrogates", "losses", "SGD", "Adam", "LinearSchedule", "TrustRegion",
    "RL2", "MAML", "EMAML", "ProMP", "Reinforce", "Reptile", "RegressionMAML",
    "RegressionPretrained", "RegressionReptile", "Imitation", "VariBAD",
    "PosteriorSampling", "GradientSteps", "meta_train", "evaluate", "print_progress",
    "Result", "NonFiniteError", "CheckpointError", "load", "adapt", "from_gymnasium",
    "compare", "sweep", "exact", "objective", "policy", "rivals", "rl", "tasks",
    "testing",
]
