"""Every default of a public class or function is here, with its reason. A new one needs a reason
too. What does nothing (None, False, zero) needs none."""
import dataclasses
import importlib
import inspect
from math import pi

import numpy as np

from minimeta import GRU, LSTM, Adam, LinearSchedule
from minimeta.exact.gittins import gittins_table
from minimeta.exact.lab import PARTS
from minimeta.rivals.bandit_agents import majority
from minimeta.rivals.planners import Planner, posterior_sample
from minimeta.testing.differences import complex_slope

ADAM = "Kingma & Ba (2015), algorithm 1"
DUAN = "Duan et al. (2016), RL^2, table 2"
FINN = "Finn et al. (2017), MAML, and the authors' code"
GARAGE = "as in garage's ConjugateGradientOptimizer"
OURS = "ours: "
TRIED = "found by trying"
PPO = "Schulman et al. (2017), PPO"
PROMP = "Rothfuss et al. (2018), ProMP, and the authors' code"
TRPO = "Schulman et al. (2015), in all experiments"
RAKELLY = "Rakelly et al. (2019), PEARL"
VARIBAD = "Zintgraf et al. (2020)"
VARIBAD_CODE = VARIBAD + ", the authors' code"
WANG = "Wang et al. (2016)"
SEED = "any number is as good; the same number for all"
UNDISCOUNTED = "returns are told undiscounted"
PRECISE = "float64 for checks and exact numbers"
SMALL = "sizes that a reader can follow"
ONE = "the least"
TASK_AXES = "no task axis, and one"
SIZES_OF_THETA = "where activations are nearly linear, and where they bend"

NOTHING = (None, False, 0, 0.0, (), {}, "")
DEFAULTS = {
    # calculus and policy
    "MLP.activation": ("tanh", "smooth: its second order is not zero"),
    "MLPPolicy.hidden": ((64, 64), PROMP),
    "MLPPolicy.activation": ("tanh", "as MLP's"),
    "RecurrentPolicy.n_hidden": (48, WANG),
    "RecurrentPolicy.network": (LSTM, WANG),
    "RecurrentPolicy.sees": (("action", "reward", "done"), "Duan et al. (2016)"),
    "RecurrentPolicy.reward_unit": (1.0, "rewards as they are"),
    # objective
    "Adam.beta1": (0.9, ADAM),
    "Adam.beta2": (0.999, ADAM),
    "Adam.epsilon": (1e-8, ADAM),
    "ClippedRatio.clip": (0.2, PPO),
    "LoadedDice.lam": (1.0, "the Hessian is right only there"),
    "TrustRegion.max_kl": (0.01, TRPO),
    "TrustRegion.cg_steps": (10, GARAGE),
    "TrustRegion.damping": (1e-5, GARAGE),
    "TrustRegion.shrink": (0.8, GARAGE),
    "TrustRegion.tries": (15, GARAGE + ": the last is 0.8^14 = 0.044 of the longest step"),
    # rl
    "demonstrate.dtype": (np.float64, PRECISE),
    # meta
    "GradientLearner.alpha": (0.1, PROMP),
    "GradientLearner.optimizer": ("adam", PROMP),
    "GradientLearner.dtype": (np.float32, "for speed"),
    "RolloutLearner.trials": (20, FINN),
    "RolloutLearner.inner": ("log-likelihood", FINN),
    "RolloutLearner.outer": ("ratio", FINN),
    "RolloutLearner.gamma": (0.99, FINN),
    "RolloutLearner.lam": (1.0, PROMP),
    "RolloutLearner.baseline": ("linear", FINN),
    "RolloutLearner.normalise": (True, FINN),
    "ThroughSteps.rounds": (1, ONE),
    "EMAML.inner": ("log-likelihood", "another estimator would count the sampling twice"),
    "ProMP.inner": ("ratio", PROMP),
    "ProMP.outer": ("clipped-ratio", PROMP),
    "ProMP.clip": (0.3, PROMP),
    "ProMP.eta": (5e-4, PROMP),
    "ProMP.epochs": (5, PROMP),
    "Reinforce.outer": ("log-likelihood", "Williams (1992)"),
    "Reptile.optimizer": ("sgd", "Nichol et al. (2018): theta moves by a share of the way"),
    "Reptile.outer": ("log-likelihood", "has no part in Reptile"),
    "Reptile.rounds": (1, ONE),
    "Regression.alpha": (0.01, FINN),
    "Regression.shots": (5, FINN),
    "Regression.steps": (1, FINN),
    "Regression.errors.points": (100, OURS + "twenty times those shown"),
    "RegressionReptile.optimizer": ("sgd", "as Reptile's"),
    "Imitation.alpha": (0.1, "as GradientLearner's"),
    "Imitation.expert": ("planner", "the best there is, where it is known"),
    "Imitation.loss": ("log-likelihood", "the only one that every head has"),
    "Imitation.inner": ("cloning", "Finn et al. (2017), one-shot imitation"),
    "Imitation.outer": ("cloning", "Finn et al. (2017), one-shot imitation"),
    "Imitation.steps": (1, "Finn et al. (2017), one-shot imitation"),
    "Imitation.n_judged": (8, OURS + "a few"),
    "Imitation.shows": (1, ONE),
    "Imitation.tries": (1, ONE),
    "RL2.episodes": (1, "of a bandit"),
    "RL2.trials": (1, "a task is met once: other tasks tell more"),
    "RL2.gamma": (1.0, "exploring early may earn late"),
    "RL2.lam": (0.9, OURS + TRIED),
    "RL2.returns": ("trial", "Duan et al. (2016)"),
    "RL2.clip": (0.2, PPO),
    "RL2.epochs": (3, PPO + ", Atari"),
    "RL2.rate": (LinearSchedule(6e-3, 0.0), OURS + TRIED),
    "RL2.value_weight": (0.5, "half a squared error"),
    "RL2.entropy_weight": (LinearSchedule(0.02, 0.0), OURS + "annealed to 0 as by " + WANG),
    "RL2.max_norm": (1.0, OURS + TRIED),
    "RL2.optimizer": (Adam(), PPO),
    "RL2.dtype": (np.float32, "for speed"),
    "BeliefPolicy.network": (GRU, VARIBAD_CODE),
    "BeliefPolicy.n_latent": (5, VARIBAD_CODE),
    "BeliefPolicy.hidden": ((32,), VARIBAD_CODE + ", a layer less"),
    "GuessPolicy.sees": (("action", "reward", "done"), "as RecurrentPolicy's"),
    "GuessPolicy.reward_unit": (1.0, "rewards as they are"),
    "GuessPolicy.n_latent": (5, "as BeliefPolicy's"),
    "GuessPolicy.votes": ((32,), "as the actor's"),
    "GuessPolicy.hidden": ((32,), "as BeliefPolicy's"),
    "GuessPolicy.held": ("episode", RAKELLY),
    "VariBAD.decoder": ((32,), VARIBAD_CODE + ", a layer less"),
    "VariBAD.shown": (("obs", "action"), "known for every transition"),
    "VariBAD.tells": (("reward",), VARIBAD_CODE + ", for the grid"),
    "VariBAD.std": (1.0, "the squared error, halved"),
    "VariBAD.told": (10, OURS + "a sixth of a trial of the grid"),
    "VariBAD.elbo_weight": (1.0, VARIBAD_CODE),
    "VariBAD.kl_weight": (1.0, "the ELBO as it is"),
    "PosteriorSampling.returns": ("episode", "a guess is worth what it earns while it is held"),
    "Curve.experience": ("experience", "the word for either kind"),
    "evaluate.seed": (0, SEED),
    "meta_train.seed": (0, SEED),
    # tasks
    "DependentBandit.pulls": (100, WANG),
    "InformativeBandit.pulls": (5, WANG),
    "RestlessBandit.pulls": (100, "as the other bandits of the source"),
    "RestlessBandit.volatilities": ((0.02, 0.1), OURS + "a slow and a fast path"),
    "TwoStep.episodes": (10, "short enough to train in seconds"),
    "RandomMDP.states": (10, DUAN),
    "RandomMDP.actions": (5, DUAN),
    "RandomMDP.horizon": (10, DUAN),
    "RandomMDP.episodes": (10, DUAN),
    "RandomMDP.noise": (1.0, DUAN),
    "GridNavigation.size": (5, VARIBAD),
    "GridNavigation.horizon": (15, VARIBAD),
    "GridNavigation.episodes": (4, VARIBAD),
    "GridNavigation.sees": ("cell", "tells the whole state"),
    "PointNavigation.horizon": (100, FINN),
    "PointNavigation.reach": (0.5, FINN),
    "PointNavigation.max_step": (0.1, FINN),
    "PointNavigation.radius": (0.01, FINN),
    "PointNavigation.episodes": (1, FINN),
    "Sinusoid.amplitude": ((0.1, 5.0), FINN),
    "Sinusoid.phase": ((0.0, pi), FINN),
    "Sinusoid.x": ((-5.0, 5.0), FINN),
    "PlanarArm.hidden": ("target", OURS + "the plainest"),
    "PlanarArm.horizon": (50, OURS + "2.5 seconds: the expert reaches every target"),
    "PlanarArm.episodes": (1, ONE),
    "PlanarArm.lengths": ((0.5, 0.5), OURS + "an arm of a metre"),
    "PlanarArm.masses": ((1.0, 1.0), OURS + "and of two kilograms"),
    "PlanarArm.friction": ((0.6, 0.6), OURS + "less than the motors give"),
    "PlanarArm.torque": (3.0, OURS + "the expert reaches every target"),
    "PlanarArm.effort": (0.01, OURS + "a centimetre for the sum of squares 1"),
    "PlanarArm.dt": (0.05, OURS + "twenty actions a second"),
    "PlanarArm.substeps": (4, "energy is conserved to 1e-4 in free fall"),
    "CartPole.vary": ("nothing", "a single task"),
    "CartPole.horizon": (100, OURS + "5 seconds: the expert stands after 3"),
    "CartPole.episodes": (1, ONE),
    "CartPole.cart": (1.0, "Barto, Sutton & Anderson (1983)"),
    "CartPole.mass": (0.5, OURS + "heavy enough to move the cart"),
    "CartPole.length": (1.0, "Barto, Sutton & Anderson (1983)"),
    "CartPole.gravity": (9.81, "of the earth"),
    "CartPole.force": (10.0, "Barto, Sutton & Anderson (1983)"),
    "CartPole.friction": ((0.1, 0.01), OURS + "a little"),
    "CartPole.dt": (0.05, "as PlanarArm's"),
    "CartPole.substeps": (6, "energy is conserved to 1e-6 in free fall"),
    "value_iteration.gamma": (1.0, UNDISCOUNTED),
    # exact and rivals
    "exact_return.gamma": (1.0, UNDISCOUNTED),
    "exact_return.dtype": (np.float64, PRECISE),
    "belief_oracle.n_hidden": (32, OURS + "a belief is easier to act on than a history"),
    "gittins_index.tolerance": (1e-6, "five places, as published tables have"),
    "gittins_table.tolerance": (1e-6, "as gittins_index's"),
    "Laboratory.alpha": (1.0, "a step whose curvature matters"),
    "Laboratory.steps": (1, ONE),
    "Laboratory.learner.trajectories": (1, ONE),
    "majority.n": (20, "fits the published table of Duan et al. (2016)"),
    "Planner.imagine": (posterior_sample, "PSRL"),
    "Planner.prior_mean": (1.0, "true of the family"),
    "TwoStepAgent.episodes": (1, ONE),
    # runs and traces
    "from_gymnasium.episodes": (1, ONE),
    "compare.seed": (0, SEED),
    "Comparison.plot.against": ("episodes", "what all learners have in common"),
    "Comparisons.plot.against": ("episodes", "as Comparison"),
    "adapt.seed": (0, SEED),
    "print_progress.lines": (10, "fit on a screen"),
    # testing
    "check_tasks.seed": (0, SEED),
    "check_learner.seed": (0, SEED),
    "check_function.limit": (300, "coordinates that take a second at most"),
    "complex_step.limit": (300, "as check_function's"),
    "central_difference.limit": (300, "as check_function's"),
    "compare.lead": ("task", "what leading axes count nearly everywhere in this library"),
    "central_difference.h": (6e-6, "eps^(1/3): truncation and rounding are alike"),
    "tangent.law": ("tangent", "its name"),
    "tangent.slope": (complex_slope, "exact"),
    "second.slope": (complex_slope, "exact"),
    "taylor_order.h": (0.01, "small beside 1, its cube large beside eps"),
    "taylor_order.n_steps": (5, "halvings, down to h / 16"),
    "sizes.largest": (7, SMALL),
    "layouts.largest": (7, SMALL),
    "mlps.activations": (("tanh", "sigmoid"), "the smooth ones"),
    "recurrent_networks.kinds": ((LSTM, GRU), "all there are"),
    "rollouts.n_actions": (3, SMALL),
    "families.n_sizes": (2, SMALL),
    "families.smallest": (2, "less is a special case"),
    "families.largest": (7, SMALL),
} | {f"{check}.seed": (0, SEED) for check in (
    "check_function", "check_map", "check_recurrent", "check_policy", "check_scalar",
    "check_surrogate", "complex_step", "central_difference")
} | {f"{check}.complex_safe": (True, "the sharper laws, unless one says otherwise") for check in (
    "check_map", "check_recurrent", "check_scalar", "check_surrogate", "check_policy",
    "check_learner")
} | {f"{check}.leads": (((), (2,)), TASK_AXES) for check in (
    "check_map", "check_recurrent", "check_policy")
} | {f"{check}.scales": ((0.3, 1.0), SIZES_OF_THETA) for check in (
    "check_map", "check_recurrent", "check_policy")}

DEFAULTS |= {f"{net}.init.dtype": (np.float64, PRECISE) for net in ("MLP", "Recurrent", "Policy")}
DEFAULTS |= {f"{net}.init.output_scale": (1.0, "as all layers") for net in ("MLP", "Recurrent")}
DEFAULTS |= {f"Laboratory.{estimates}.sampled": (PARTS, "as learners have it: all of them")
             for estimates in ("estimates", "meta_gradients")}

MAPPED = ("GradientLearner.adapt", "GradientLearner.update", "GradientLearner.meta_gradient",
          "ProMP.update", "RL2.update")
DEFAULTS |= {f"{verb}.map": (map, "the caller works alone") for verb in (
    *MAPPED, "GradientLearner.mean_loss", "ProMP.mean_moved")}
DEFAULTS |= {f"{verb}.shards": (1, ONE) for verb in (
    *MAPPED, "GradientLearner.problems", "meta_train", "evaluate", "compare")}
DEFAULTS["GradientLearner.shards.least"] = (1, ONE)

CHAPTERS = ("", ".calculus", ".testing", ".testing.strategies", ".policy", ".objective", ".tasks",
            ".rl", ".trace", ".meta", ".exact", ".rivals", ".runs")


def public():
    """The public classes, with those that they inherit from, and functions."""
    found = {gittins_table: None, majority: None, Planner: None}
    for chapter in CHAPTERS:
        module = importlib.import_module(f"minimeta{chapter}")
        for name in getattr(module, "__all__", vars(module)):
            it = getattr(module, name)
            its_module = getattr(it, "__module__", None) or ""
            if inspect.isclass(it):
                found |= dict.fromkeys(c for c in it.__mro__ if c.__module__.startswith("minimeta"))
            elif inspect.isfunction(it) and its_module.startswith("minimeta"):
                found[it] = None
    return list(found)


def arguments(function):
    return {p.name: p.default for p in inspect.signature(function).parameters.values()
            if p.default is not p.empty}


def defaults(it):
    """name -> default: of a function; of what a class itself declares, its methods included."""
    if inspect.isfunction(it):
        return arguments(it)
    declared = vars(it).get("__annotations__", {})
    found = {f.name: f.default for f in dataclasses.fields(it) if f.name in declared
             and f.default is not dataclasses.MISSING} if dataclasses.is_dataclass(it) else {}
    return found | {f"{method.__name__}.{name}": value for method in vars(it).values()
                    if inspect.isfunction(method) and method.__name__[0] != "_"
                    for name, value in arguments(method).items()}


def is_nothing(value):
    return any(type(value) is type(none) and value == none for none in NOTHING)


FOUND = {f"{it.__name__}.{name}": value for it in public() for name, value in defaults(it).items()}


def test_every_default_is_the_one_that_has_a_reason():
    reasons = {name: value for name, (value, reason) in DEFAULTS.items() if reason}
    found = {name: FOUND.get(name) for name in DEFAULTS}
    wrong = {name for name in DEFAULTS if (found[name], type(found[name])) != (
        reasons[name], type(reasons[name]))}
    assert not wrong


def test_every_default_has_a_reason():
    unexplained = {name: value for name, value in FOUND.items()
                   if name not in DEFAULTS and not is_nothing(value)}
    assert not unexplained
