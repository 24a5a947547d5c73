"""The numbers at the head of modules, each with its reason: why this number and no other. A number
that is part of a task or of a formula stands in the tests of its module instead."""
import importlib

import pytest

FAST = "results do not depend on it: as much as a processor's cache holds"
LISTED = "ours: there is a pass for each, and a user waits"
ROUNDING = "far above the rounding of float64, far below what is paid"
SMALL = "all sizes differ, and a law takes no time"

CONSTANTS = {
    # objective and meta
    "meta.gradient.RATE": (1e-3, "Kingma & Ba (2015), the rate of Adam"),
    "meta.gradient.CACHE": (2 ** 19, FAST + ", 4 MB of float64"),
    "meta.promp.FURTHEST": (1e3, "ten doublings: enough for any unit, and the way back is short"),
    "meta.rl2.FAR": (100.0, "two digits away from 1"),
    "meta.evaluate.LEVEL": (0.95, "the usual one"),
    "meta.workers.TRIES": (3, "the shortest of three is no accident"),
    "meta.workers.AGAIN": (100, "a try costs one call in a hundred"),
    "meta.workers.SPARE": (0.03, "ours: little beside what a second core may win"),
    "meta.workers.GRACE": (1.0, "ours: a second in all"),
    "policy.product.LOG_PRECISION": (-2.0, "exp(-2) = 0.14 beside the prior's 1"),
    # rl and rivals
    "rl.baseline.CONSTANT": (1e-12, "the square of 1e-6, some roundings of float32"),
    "rl.demonstrations.TIE": (1e-9, ROUNDING),
    "rivals.planners.TIE": (1e-9, ROUNDING),
    # tasks: how a return at random is estimated
    "tasks.mechanics.EPISODES": (16, "a quarter of the error of one"),
    "tasks.mechanics.STABLE": (2.78, "a little below the limit of Runge and Kutta, 2.785"),
    # tasks: the expert of CartPole
    "tasks.cartpole.NEAR": (0.7, "ours: as far as the linear regulator is trusted"),
    "tasks.cartpole.CATCH": (0.8, "ours: a fifth of the force is left for the cart"),
    "tasks.cartpole.COSTS": ((1, 20, 1, 1), "ours: the angle matters most"),
    "tasks.cartpole.EFFORT": (0.01, "ours: force costs little"),
    "tasks.cartpole.FORESIGHT": (4.0, "ours: seconds, longer than a fall takes"),
    "tasks.cartpole.MANY": (4096, "a sixty-fourth of the error of one"),
    "tasks.cartpole.AIM": (1.2, "ours: a little more than the 1 of standing, for friction"),
    # exact: the size of the work
    "exact.bayes_bandit.MOST": (20_000_000, "140 pulls of 2 arms, 50 of 3"),
    "exact.bayes_search.WIDTH": (3000, "any gives the same value: the second search is exact"),
    "exact.bayes_search.MOST": (4_000_000, "enough for rooms of 5 x 5 cells"),
    "exact.trajectories.MOST": (1_000_000, "a few arrays of them fit into memory"),
    "exact.finite_gittins.INCOMES": (401, "an index to 5e-4, and 100 pulls in a second"),
    "exact.gittins.CLOSEST": (0.9999, "the look-ahead grows as 1 / (1 - discount), here 10000"),
    "exact.gittins.BLOCK": (128, FAST),
    "exact.gittins.SPREAD": (7, "beyond lie 3e-12 of a normal distribution"),
    # testing
    "testing.differences.STEP": (1e-30, "its square vanishes, and no number of float64 underflows"),
    "testing.differences.H": (6e-6, "eps^(1/3): truncation and rounding are alike"),
    "testing.function_laws.BLUNT": (1e-7, "differences keep seven digits or more"),
    "testing.function_laws.LIMIT": (300, LISTED),
    "testing.map_laws.ALL": (5000, LISTED),
    "testing.learner_laws.ALL": (2000, LISTED),
    "testing.map_hints.LARGEST": (800, LISTED),
    "testing.learner_laws.TINY": (1e-15, "a step that is rounding beside theta"),
    "testing.hints.CLOSE": (1e-6, "a hint is a guess: differences have eight digits at most"),
    "testing.luck.MOST": (10_000, "no honest loop draws as often"),
    "testing.head_laws.POINTS": (121, "odd, so that the mean is one of them"),
    "testing.head_laws.REACH": (8, "beyond lie 1e-15 of a normal distribution"),
    "testing.head_laws.DRAWS": (4000, "a frequency to 0.008"),
    "testing.head_laws.SIGMAS": (6, "two false alarms in 1e9"),
    "testing.head_laws.SUMS": (1e-6, "above the error of the grid, below that of a term left out"),
    "testing.head_laws.R": (3, SMALL),
    "testing.policy_laws.T": (5, SMALL),
    "testing.policy_laws.B": (4, SMALL),
    "testing.learner_probe.K": (3, SMALL),
    "testing.task_form.K": (7, SMALL),
    "testing.task_form.B": (3, SMALL),
    "testing.task_form.STEPS": (5, SMALL),
    "testing.strategies.LARGEST": (7, "sizes that a reader can follow"),
    "testing.task_number.MANY": (400, "a mean to a twentieth of the spread"),
    "testing.task_number.AGAIN": (10, "a task's own mean to a third of the spread"),
    "testing.task_number.FEWEST": (1000, "a correlation of .1 is 3 standard errors"),
    "testing.task_number.MOST": (4000, "and of .05"),
    "testing.task_number.RARE": (20, "fewer tell chance from nothing"),
    "testing.task_number.MARGIN": (0.1, "less is hardly worth adapting to"),
    "testing.task_number.CHANCE": (0.1, "chance tells less in a thousand tasks"),
    "testing.task_number.ERRORS": (4, "one false alarm in 16000"),
    # runs and traces
    "runs.command_line.ROWS": (5, "as many as one reads"),
    "runs.drawing.WIDTH": (4.6, "two beside each other fit on a page"),
    "runs.drawing.HEIGHT": (3.2, "seven tenths of the width"),
    "runs.estimate.FEWEST": (5, "fewer have hardly other seeds to be drawn"),
    "runs.estimate.DRAWS": (10_000, "ends of an interval to a hundredth of its width"),
    "runs.pictures.POINTS": (300, "more cannot be told apart in a panel"),
    "runs.pictures.FEW": (8, "marks of as many points can be told apart"),
    "runs.pictures.GRID": (25, "ours: 625 losses in all"),
    "trace.checkpoint.FORMAT": (1, "the first"),
    "trace.lock.BEYOND": (2 ** 20, "no lock file is as long"),
    "trace.progress.WIDTH": (79, "fits in a terminal of 80"),
    "trace.progress.PAUSE": (0.1, "faster than an eye reads"),
    "trace.progress.MEAN_OF": (50, "a seventh of the noise of one"),
    "trace.progress.LINES": (10, "fit on a screen"),
    "trace.result.EVERY": (5.0, "ours: seconds of work that one can bear to lose"),
    "trace.result.SHARE": (0.05, "a twentieth of the time"),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_number_at_the_head_of_a_module_is_the_one_that_has_a_reason(name):
    module, constant = name.rsplit(".", 1)
    found, (value, reason) = getattr(importlib.import_module(f"minimeta.{module}"), constant), \
        CONSTANTS[name]
    assert (found, type(found)) == (value, type(value)) and reason
