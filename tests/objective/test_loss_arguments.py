"""What losses take and refuse: any task axes, lists of actions, actions of one dimension."""
import numpy as np
import pytest

from minimeta import Categorical, Gaussian, MLPPolicy, RecurrentPolicy
from minimeta.objective.losses import (KL, Entropy, MeanError, OfActions, SquaredError, ValueFit)
from minimeta.objective.surrogates import LogLikelihood

T, B = 4, 5


def scalars(head, lead, rng):
    """{name: (make, its arrays, y)}: make(*arrays) is the scalar, whose first axes are tasks."""
    shape = (*lead, T, B)
    policy, recurrent = MLPPolicy(3, head, (4,)), RecurrentPolicy(3, head, 4)
    u, u_old = rng.normal(size=(2, *shape, head.n_in))
    A, w, targets = rng.normal(size=(3, *shape))
    a = np.asarray(head.sample(u_old, rng))
    y = np.concatenate([u, targets[..., None] + 1], -1)
    made = {
        "actions": (lambda a, A: OfActions(policy, a, LogLikelihood(A)), (a, A), u),
        "entropy": (lambda w: Entropy(policy, w), (w,), u),
        "kl": (lambda u_old, w: KL(policy, u_old, w), (u_old, w), u),
        "value": (lambda targets, w: ValueFit(recurrent, targets, w), (targets, w), y),
        "square": (SquaredError, (u_old[..., 0, :, :], w[..., 0, :]), u[..., 0, :, :])}
    if isinstance(head, Gaussian):
        made["mean"] = lambda a, w: MeanError(policy, a, w), (a, w), u
    return made


@pytest.mark.parametrize("head", [Categorical(3), Categorical(1), Gaussian(1), Gaussian(2)])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
def test_any_number_of_task_axes_is_a_loop_over_tasks(head, lead):
    rng = np.random.default_rng(0)
    for name, (make, arrays, y) in scalars(head, lead, rng).items():
        scalar, y_dot = make(*arrays), rng.normal(size=y.shape)
        value, grad, hvp = scalar.value(y), scalar.grad(y), scalar.hvp(y, y_dot)
        assert value.shape == lead and grad.shape == hvp.shape == y.shape, name
        for k in np.ndindex(lead):
            alone = make(*(array[k] for array in arrays))
            for one, many in ((alone.value(y[k]), value), (alone.grad(y[k]), grad),
                              (alone.hvp(y[k], y_dot[k]), hvp)):
                assert np.allclose(one, many[k], rtol=1e-12, atol=1e-12), name


@pytest.mark.parametrize("head", [Categorical(3), Gaussian(2)])
def test_actions_may_be_a_list(head):
    make, (a, A), u = scalars(head, (), np.random.default_rng(0))["actions"]
    assert np.array_equal(make(a.tolist(), A).grad(u), make(a, A).grad(u))


@pytest.mark.parametrize("name, message", [
    ("kl", r"u must have the shape of u_old, \[4, 5, 4\], got \[4, 1, 4\]"),
    ("value", r"v must have the shape of targets, \[4, 5\], got \[4, 1\]"),
    ("mean", r"mu must have the shape of actions, \[4, 5, 2\], got \[4, 1, 2\]"),
    ("square", r"y must have the shape of targets, \[5, 4\], got \[1, 4\]")])
def test_outputs_that_would_be_broadcast_are_refused(name, message):
    make, arrays, y = scalars(Gaussian(2), (), np.random.default_rng(0))[name]
    with pytest.raises(ValueError, match=message):
        make(*arrays).value(y[..., :1, :])


@pytest.mark.parametrize("name", ["kl", "value", "mean", "square"])
def test_weights_that_would_be_broadcast_are_refused(name):
    make, (data, w), _ = scalars(Gaussian(2), (), np.random.default_rng(0))[name]
    with pytest.raises(ValueError, match="w must have the shape of"):
        make(data, w[..., :1])
