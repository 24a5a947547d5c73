"""Laws that any pure function obeys, whatever it computes.

    tasks      a batch = a Python loop over its leading axis
    purity     arguments, hidden state and global randomness stay as they were
    memory     the result does not depend on how the arguments lie in memory
    precision  float32 in, float32 out

    assert purity(net.forward, theta, x) == 0

Arguments and results may be nests: arrays in tuples, dicts, dataclasses, such as a
cache. Only arrays of floats are broadcast or rounded; whole numbers (actions) stay as
they are. A function that returns no numbers breaks every law.
"""
import pickle
from functools import wraps

import numpy as np

from .nests import CouldNotLook, leaves, of_floats, rebuild
from .report import Error, compare, worst


def looks(law):
    """The law with an error of inf, and the reason, in place of CouldNotLook."""
    @wraps(law)
    def looking(*args, **kwargs):
        try:
            return law(*args, **kwargs)
        except CouldNotLook as reason:
            return Error(law.__name__, np.inf, f"could not look: {reason}")
    return looking


def numbers(result):
    """The leaves of a result. Raises CouldNotLook if there are none."""
    found = leaves(result)
    if not found:
        raise CouldNotLook("the function returned no number to compare")
    return found


@looks
def tasks(f, *args):
    """f of arguments [K, ...] against f of each task alone: tasks must not mix."""
    batches = numbers(f(*args))
    each = [numbers(f(*(a[k] for a in args))) for k in range(len(args[0]))]
    if {len(one) for one in each} != {len(batches)}:
        return Error("tasks", np.inf, "a batch and a task alone give nests that differ")
    return worst(compare("tasks", batch, np.stack(alone))
                 for batch, alone in zip(batches, zip(*each)))


@looks
def purity(f, *args):
    """f changes no argument, takes read-only ones, answers the same twice, and leaves
    NumPy's global random state alone. The error is 0 or inf."""
    def broken(how, hint=""):
        return Error("purity", np.inf, how, hint)

    state, given = pickle.dumps(np.random.get_state()), rebuild(np.copy, args)
    first = [np.copy(leaf) for leaf in numbers(f(*given))]
    again = numbers(f(*given))
    for number, (before, after) in enumerate(zip(args, given)):
        if not same(leaves(before), leaves(after)):
            return broken(f"argument {number} was written to; make a copy first")
    if not same(first, again):
        return broken("called twice with the same arguments, it gave different "
                      "results; something is remembered or random")
    if pickle.dumps(np.random.get_state()) != state:
        return broken("the global random state was changed; draw from an rng argument")
    if refusal := refused(f, *rebuild(locked, args)):
        return broken(refusal)
    return Error("purity", 0.0, "nothing was changed")


@looks
def memory(f, *args):
    """f of Fortran-ordered, strided, and broadcast (stride 0) arguments against f of
    plain contiguous ones."""
    def strided(a):
        wide = np.zeros(a.shape + (2,), a.dtype)
        wide[..., 0] = a
        return wide[..., 0]

    def spread(a):
        return np.broadcast_to(a[:1], a.shape) if a.ndim else a

    def contiguous(a):
        return np.array(a, order="C")

    plain, spreads = f(*args), rebuild(of_floats(spread), args)
    if refusal := refused(f, *spreads):
        return Error("memory", np.inf, refusal)
    return worst([
        against(plain, f(*rebuild(np.asfortranarray, args)), "Fortran-ordered"),
        against(plain, f(*rebuild(strided, args)), "strided"),
        against(f(*rebuild(contiguous, spreads)), f(*spreads), "broadcast")])


@looks
def precision(f, *args):
    """float32 arguments give float32 results. The error is 0 or inf."""
    results = numbers(f(*rebuild(of_floats(np.float32), args)))
    for number, result in enumerate(results):
        if result.dtype.kind in "fc" and result.dtype != np.float32:
            return Error("precision", np.inf,
                         f"result {number} of float32 arguments is {result.dtype}; "
                         f"allocate with dtype=theta.dtype")
    return Error("precision", 0.0, "float32 throughout")


def same(these, those):
    """Equal bit for bit."""
    return len(these) == len(those) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(these, those))


def locked(a):
    """A read-only copy."""
    a = np.array(a)
    a.flags.writeable = False
    return a


def refused(f, *args):
    """The words if f refuses read-only arguments, else None."""
    try:
        f(*args)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        return f"a read-only argument was refused: {error}"


def against(plain, other, how):
    error = worst(compare("memory", b, a) for a, b in zip(
        numbers(plain), numbers(other), strict=True))
    error.detail = f"from {how} arguments, {error.detail}"
    return error
