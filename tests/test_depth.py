"""How far the lines that matter are from the verb that a user calls.

A reader who follows meta_train down to a gradient steps through each of these calls. The
test walks the call stack of a real training, so that the way stays as short as it is. One of
the calls is that of the function which is mapped over the shards of tasks.
"""
import inspect
from pathlib import Path

import pytest

import minimeta
from minimeta import MAML, RL2, Categorical, RecurrentPolicy, MLPPolicy, meta_train
from minimeta.calculus import recurrent
from minimeta.calculus.pullback import Layered
from minimeta.tasks import BernoulliBandit

PACKAGE = str(Path(minimeta.__file__).parent)
BANDIT = BernoulliBandit(3, 4)
LEARNERS = {"maml": MAML(MLPPolicy(1, Categorical(3), (4,)), trials=3),
            "rl2": RL2(RecurrentPolicy(1, Categorical(3), 4), trials=2)}


def way_here():
    """The functions of the package on the stack, from meta_train down to the caller."""
    stack = [frame for frame in inspect.stack()[2:] if frame.filename.startswith(PACKAGE)]
    names = [frame.frame.f_code.co_qualname if hasattr(frame.frame.f_code, "co_qualname")
             else frame.function for frame in reversed(stack)]
    return names[names.index("meta_train"):] if "meta_train" in names else []


def ways_to(monkeypatch, module, name, learner):
    """Every different way from meta_train to a call of module.name in one iteration, that
    function included."""
    found, function = set(), getattr(module, name)

    def spy(*args, **kwargs):
        found.add((*way_here(), name))
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, spy)
    meta_train(LEARNERS[learner], BANDIT, iterations=1, tasks=2)
    return found


@pytest.mark.parametrize("learner, module, function, through, most", [
    ("maml", Layered, "theta_bar", "adapt", 7),         # the inner gradient
    ("maml", Layered, "theta_bar", "update", 9),        # the outer gradient
    ("maml", Layered, "theta_bar_dot", "update", 9),    # the Hessian-vector product
    ("rl2", recurrent, "recur_vjp", "update", 9),       # backpropagation through time
])
def test_the_lines_that_matter_are_near(monkeypatch, learner, module, function, through, most):
    ways = [way for way in ways_to(monkeypatch, module, function, learner)
            if way and way[1].endswith(through)]
    assert ways and all(len(way) <= most for way in ways), ways
