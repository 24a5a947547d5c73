"""Checks a meta-learner on a family of tasks, in one iteration whose data are kept.

    print(check_learner(MAML(MLPPolicy(1, Categorical(3), (4,)), trials=5), family))

A learner has policy, rounds, init(rng), collect(theta, tasks, rng), adapt(theta, [data
..]) and update(theta, state, history, data, progress) -> theta, state, row. A learner
that follows gradients also has meta_gradient(theta, history, data) -> loss, gradient,
and alpha, the rate of its inner steps.

    runs           shapes and types are as promised, all numbers finite
    pure           the same arguments give the same result and are left alone
    zero rate      as alpha goes to 0, phi goes to theta
    doubled rate   one step at twice the rate goes twice as far
    separate       no task's adaptation sees the data of another
    permuted       the order of the tasks does not matter
    padding        inputs after the end of a trial change no bit of the result
    dtype          float32 stays float32, float64 stays float64
    pickles        a pickled learner does the same; so does dataclasses.replace(learner)
    meta-gradient  = the complex step of the meta-loss, through the whole inner loop

The meta-loss is a function of theta for data that do not change. A learner with
first_order=True is expected to break the last law.
"""
import pickle
from dataclasses import fields, replace

import numpy as np

from . import behaviour, laws
from .nests import leaves
from .learner_probe import Iteration, K, littered
from .report import Error, compare
from .suite import DoesNotApply, Law, Suite, by_differences, check

TINY = 1e-15  # the factor of alpha that stands for the limit 0
ALL = 2000  # parameters tried one by one to name the worst of a broken gradient


@check
def check_learner(learner, family, *, seed=0, complex_safe=True, skip=(),
                  expect_failure={}):
    """Checks every law on a learner.

    family        tasks for the learner's policy; few steps and trials are enough
    complex_safe  False if complex numbers do not flow through the learner:
                  differences judge its meta-gradient

    Returns the Report. Raises LawBroken, which shows the most basic broken law first.
    """
    if getattr(learner, "first_order", False):
        reason = "first_order leaves out the Hessians"
        expect_failure = {"meta-gradient": reason} | expect_failure
    rules = LAWS if complex_safe else LAWS[:-1] + by_differences(LAWS[-1:])
    return Suite(f"{type(learner).__name__} on {family}", rules,
                 lambda: [Iteration(learner, family, seed, complex_safe=complex_safe)],
                 skip, expect_failure)


# ---- the laws

def runs(p):
    theta, _, row = p.update()
    n = p.learner.init(np.random.default_rng(0)).shape
    if theta.shape != n:
        yield Error("runs", np.inf, f"update must give theta {list(n)}, got "
                                    f"{list(theta.shape)}")
    for name, number in [("theta", theta), *row.items(), *(
            ("phi", leaf) for leaf in leaves(p.phi))]:
        if np.ndim(number) == 0 and isinstance(number, (bool, str)):
            continue
        if not np.isfinite(number).all():
            yield Error("runs", np.inf, f"{name} is not finite")
    yield Error("runs", 0.0, f"{len(row)} numbers in the row")


def pure(p):
    yield behaviour.purity(lambda theta, history, data: p.update(
        None, theta, history, data), p.theta, p.history, p.data)
    yield behaviour.purity(p.learner.adapt, p.theta, p.batches)


def with_rate(p, factor):
    """phi after one batch at a multiple of the rate, [K, P]."""
    if not hasattr(p.given, "alpha"):
        raise DoesNotApply("the learner has no alpha")
    alpha = factor * np.asarray(p.given.alpha, float)
    other = p.changed(dtype=np.float64, alpha=alpha if alpha.ndim else float(alpha))
    return p.adapt(p.batches[:1], other)


def zero_rate(p):
    phi = with_rate(p, TINY)
    return compare("zero rate", phi, unadapted(p), p.learner.policy.layout.name)


def unadapted(p):
    """theta for each task, [K, P]."""
    theta = p.theta[:p.learner.policy.size]
    return np.broadcast_to(theta, (K, theta.size))


def doubled_rate(p):
    if getattr(p.learner, "steps", 1) > 1:
        raise DoesNotApply("the learner takes several steps on a batch")
    one, two = (with_rate(p, factor) - unadapted(p) for factor in (1.0, 2.0))
    if not one.any():
        return Error("doubled rate", np.inf, "adapting changes nothing at all",
                     "is alpha used?")
    return compare("doubled rate", two, 2 * one, p.learner.policy.layout.name)


def by_task(phi):
    """The leaves of phi as [K, ..]: the rows of a memory go task by task."""
    return [leaf.reshape((K, -1)) for leaf in leaves(phi)]


def separate(p):
    others = [batch[np.array([1, 1, 2])] for batch in p.batches]
    for claimed, true in zip(by_task(p.adapt(others)), by_task(p.adapt(p.batches))):
        error = compare("separate", claimed[1:], true[1:])
        if error > 1e-12:
            error.hint = "tasks mix: is there a mean or a sum over the task axis?"
        yield error


def permuted(p):
    order = np.array([2, 0, 1])
    batches = [batch[order] for batch in p.batches]
    for claimed, true in zip(by_task(p.adapt(batches)), by_task(p.adapt(p.batches))):
        yield compare("permuted", claimed, true[order])
    theta, _, _ = p.update(history=[batch[order] for batch in p.history],
                           data=p.data[order])
    step = p.update()[0] - p.theta
    yield compare("permuted", theta - p.theta, step)


def padding(p):
    if not hasattr(p.data, "mask"):
        raise DoesNotApply("the data have no mask")
    if np.all(p.data.mask):
        raise DoesNotApply("no trial ends early")
    history, data = [littered(b) for b in p.history], littered(p.data)
    pairs = [("adapt", p.adapt(p.batches), p.adapt(history or [data])),
             ("update", p.update()[0], p.update(history=history, data=data)[0])]
    for name, before, after in pairs:
        if not behaviour.same(leaves(before), leaves(after)):
            yield Error("padding", np.inf, f"{name} depends on inputs and actions that "
                                           f"follow the end of a trial",
                        "multiply by the mask, or take each trial's own last step")
    yield Error("padding", 0.0, "no influence")


def dtype(p):
    for wanted in (np.float32, np.float64):
        one = Iteration(p.given, p.family, p.seed, wanted)
        if one.learner is not p.given and getattr(one.learner, "dtype", None) is None:
            raise DoesNotApply("the learner has no dtype")
        for name, array in (("phi", one.phi), ("theta", one.update()[0])):
            for leaf in leaves(array):
                if leaf.dtype != wanted:
                    yield Error("dtype", np.inf, f"{name} of a learner of "
                                f"{np.dtype(wanted)} is {leaf.dtype}")
    yield Error("dtype", 0.0, "kept")


def pickles(p):
    itself = {f.name: getattr(p.learner, f.name) for f in fields(p.learner) if f.init}
    before = leaves(p.update()[0])
    for words, copy in (("pickled", pickle.loads(pickle.dumps(p.learner))),
                        ("replaced", replace(p.learner)),
                        ("replaced field by field", replace(p.learner, **itself))):
        if not behaviour.same(leaves(p.update(copy)[0]), before):
            yield Error("pickles", np.inf, f"a {words} learner does something else")
    yield Error("pickles", 0.0, "and replaces")


def meta_gradient(p):
    name = (p.learner.layout if hasattr(p.learner, "layout") else
            p.learner.policy.layout).name

    rule, gate = ((laws.complex_step, 1e-12) if p.complex_safe else
                  (laws.central_difference, 1e-6))

    def error(limit):
        return rule(lambda theta: p.meta_gradient(theta)[0],
                    lambda theta: p.meta_gradient(theta)[1],
                    p.theta, name=name, limit=limit)

    quick = error(0)
    if quick > gate and p.theta.size <= ALL:
        quick = error(ALL)
        quick.hint = first_order(p) or quick.hint
    return quick


def first_order(p):
    """The words if the claim is the gradient without the Hessians."""
    if "first_order" not in {f.name for f in fields(p.given)}:
        return ""
    other = p.changed(dtype=np.float64, first_order=True)
    claimed = other.meta_gradient(p.theta, p.history, p.data)[1]
    if compare("", p.meta_gradient(p.theta)[1], claimed) > 1e-9:
        return ""
    return "it is the first-order gradient: the Hessians of the steps are missing"


LAWS = (Law("runs", runs), Law("pure", pure), Law("zero rate", zero_rate, 1e-12),
        Law("doubled rate", doubled_rate, 1e-9), Law("separate", separate, 1e-12),
        Law("permuted", permuted, 1e-6), Law("padding", padding), Law("dtype", dtype),
        Law("pickles", pickles), Law("meta-gradient", meta_gradient, 1e-12))
