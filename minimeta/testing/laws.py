"""Laws that a right derivative obeys; each returns how far it is broken.

    complex_step         grad . v  =  Im value(theta + i h v) / h
    central_difference   grad . v  =  (value(theta + h v) - value(theta - h v)) / 2 h
    tangent              f_dot     =  the complex step of f
    second               hvp       =  the complex step of grad
    transpose            <u, J v>  =  <J^T u, v>
    symmetry             <u, H v>  =  <v, H u>
    taylor_order         |value(theta + h v) - its expansion|  falls like h^2 or h^3
    tasks                a batch   =  a Python loop over its leading axis
    purity               arguments, hidden state and global randomness stay as they were
    memory               the result does not depend on how the arguments lie in memory
    precision            float32 in, float32 out

    assert complex_step(value, grad, theta, name=layout.name) < 1e-12

An error is relative: |claimed - true| over the larger of the two norms. It is not
"absolute or relative", under which any gradient passes once the loss is small. Printed,
it says where it is worst, by name. The laws catch different bugs: transpose sees
nothing that jvp and vjp share, symmetry sees nothing symmetric; only the two
differences compare with the value itself.

In the code under a complex step, complex numbers must flow: no abs, norm, conj, var,
std, sign, no buffer of floats. The laws compute in float64, theta is [P] or [K, P].
"""
import pickle

import numpy as np

from .nests import leaves, rebuild
from .report import Error, compare, inner, worst

STEP = 1e-30  # of the complex step; its square vanishes, so there is no truncation


def complex_step(value, grad, theta, *, name=None, limit=300, seed=0):
    """The gradient against the complex step of the value.

    value(theta)  one number, or one per task [K]
    grad(theta)   its gradient, shaped as theta
    name(i)       what to call coordinate i, such as Layout.name
    limit         all coordinates up to this many; beyond, random directions
    """
    def slope(theta, v):
        return imaginary(value(theta + STEP * 1j * v)) / STEP

    return along("complex step", value, slope, grad, theta, name, limit, seed)


def central_difference(value, grad, theta, h=6e-6, *, name=None, limit=300, seed=0):
    """The gradient against central differences of the value: slower and blunter (1e-7)
    than the complex step, but it asks nothing of the code. Arguments as there."""
    def slope(theta, v):
        return (np.asarray(value(theta + h * v)) - value(theta - h * v)) / (2 * h)

    return along("central difference", value, slope, grad, theta, name, limit, seed)


def tangent(f, f_dot, theta, v, *, name=None, law="tangent"):
    """f_dot(theta, v) against the complex step of f along v; f returns one array."""
    theta, v = np.asarray(theta, float), np.asarray(v, float)
    true = imaginary(f(theta + STEP * 1j * v)) / STEP
    return compare(law, f_dot(theta, v), true, name)


def second(grad, hvp, theta, v, *, name=None):
    """hvp(theta, v) against the complex step of grad along v."""
    return tangent(grad, hvp, theta, v, name=name, law="second")


def transpose(u, Jv, JTu, v):
    """<u, J v> = <J^T u, v>, relative to the larger of |u| |J v| and |J^T u| |v|.

    Each is an array, or a tuple of arrays where J has several arguments. No truth is
    needed, and nothing that jvp and vjp have in common is seen.
    """
    return inner("transpose", (u, Jv), (JTu, v))


def symmetry(hvp, theta, u, v):
    """<u, H v> = <v, H u>. Many wrong Hessians are symmetric: never use it alone."""
    theta, u, v = (np.asarray(a, float) for a in (theta, u, v))
    return inner("symmetry", (u, hvp(theta, v)), (v, hvp(theta, u)))


def taylor_order(value, grad, theta, v, hvp=None, *, h=0.01, n_steps=5):
    """The power of h with which the remainder of Taylor's expansion falls.

        r(h) = value(theta + h v) - value(theta) - h <grad, v> - h^2 <v, hvp v> / 2

    About 2 if grad is right (without hvp), 3 if hvp is right too; 1 if grad is wrong:
    a number to look at. Of several tasks the least; inf where nothing remains.
    """
    steps = h / 2.0 ** np.arange(n_steps)
    at, slope = np.asarray(value(theta)), (grad(theta) * v).sum(-1)
    bend = (hvp(theta, v) * v).sum(-1) if hvp else np.zeros_like(slope)
    if at.ndim == 0:
        slope, bend = slope.sum(), bend.sum()
    remainder = np.abs([value(theta + s * v) - at - s * slope - s * s / 2 * bend
                        for s in steps])
    if not remainder.all():
        return np.inf
    return float(np.min(np.log2(remainder[:-1] / remainder[1:]).mean(0)))


def tasks(f, *args):
    """f of arguments [K, ...] against f of each task alone: tasks must not mix.

    f returns an array, or a nest of tuples of arrays; their leading axes are tasks too.
    """
    loop = zip(*(leaves(f(*(a[k] for a in args))) for k in range(len(args[0]))))
    return worst(compare("tasks", batch, np.stack(each))
                 for batch, each in zip(leaves(f(*args)), loop))


def purity(f, *args):
    """f changes no argument, takes read-only ones, answers the same twice, leaves
    NumPy's global random state alone. 0 or inf; args may be nests, such as a cache."""
    def broken(how):
        return Error("purity", np.inf, how)

    state, given = pickle.dumps(np.random.get_state()), rebuild(np.copy, args)
    first, again = leaves(f(*given)), leaves(f(*given))
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

    plain, spreads = f(*args), rebuild(spread, args)
    if refusal := refused(f, *spreads):
        return Error("memory", np.inf, refusal)
    return worst([
        against(plain, f(*rebuild(np.asfortranarray, args)), "Fortran-ordered"),
        against(plain, f(*rebuild(strided, args)), "strided"),
        against(f(*rebuild(contiguous, spreads)), f(*spreads), "broadcast")])


def precision(f, *args):
    """float32 arguments give float32 results. The error is 0 or inf."""
    results = leaves(f(*rebuild(np.float32, args)))
    for number, result in enumerate(results):
        if result.dtype != np.float32:
            return Error("precision", np.inf,
                         f"result {number} of float32 arguments is {result.dtype}; "
                         f"allocate with dtype=theta.dtype")
    return Error("precision", 0.0, "float32 throughout")


# ---- what the laws are made of

def imaginary(y):
    """The imaginary part; zero where y came out real, as `compare` points out."""
    return np.imag(np.asarray(y))


def along(law, value, slope, grad, theta, name, limit, seed):
    """grad . v against slope(theta, v) for many directions v."""
    theta = np.asarray(theta, float)
    claimed, shape = np.asarray(grad(theta)), np.shape(value(theta))
    if claimed.shape != theta.shape:
        return compare(law, claimed, theta)
    if shape not in ((), theta.shape[:-1]):
        raise ValueError(f"value must return one number or one per task, shape () or "
                         f"{theta.shape[:-1]}, got shape {shape}")
    is_total = shape != theta.shape[:-1]
    vs, label = directions(theta, is_total, name, limit, seed)
    axes = tuple(range(theta.ndim)) if is_total else -1
    return compare(law, np.stack([(claimed * v).sum(axes) for v in vs], -1),
                   np.stack([slope(theta, v) for v in vs], -1), label)


def directions(theta, is_total, name, limit, seed):
    """Directions v, each shaped as theta, and what to call the i-th.

    One per coordinate, in all tasks at once if there is a value for each; or, when
    these are too many, random unit vectors, each within a block of coordinates.
    """
    n_parameters = theta.shape[-1]
    shape = theta.shape if is_total else theta.shape[-1:]
    size = int(np.prod(shape))

    def label(i):
        task = f" of task {i // n_parameters}" if size > n_parameters else ""
        return (name or "theta[{}]".format)(i % n_parameters) + task

    if size <= limit:
        vs = np.eye(size)
    else:
        blocks = np.array([label(i).partition("[")[0] for i in range(n_parameters)])
        blocks, found = np.tile(blocks, size // n_parameters), sorted(set(blocks))
        found = found * max(2, 8 // len(found))
        vs = np.random.default_rng(seed).normal(size=(len(found), size))
        vs *= np.array([blocks == block for block in found])
        vs /= np.linalg.norm(vs, axis=-1, keepdims=True)
        label = [f"a random direction in {block}" for block in found].__getitem__
    return [np.broadcast_to(v.reshape(shape), theta.shape) for v in vs], label


def same(these, those):
    """Equal bit for bit."""
    return len(these) == len(those) and all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(these, those))


def locked(a):
    a = np.array(a)
    a.flags.writeable = False
    return a


def refused(f, *args):
    """What f has against read-only arguments, in words, or nothing."""
    try:
        f(*args)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        return f"a read-only argument was refused: {error}"


def against(plain, other, how):
    error = worst(compare("memory", b, a) for a, b in zip(leaves(plain), leaves(other)))
    error.detail = f"from {how} arguments, {error.detail}"
    return error
