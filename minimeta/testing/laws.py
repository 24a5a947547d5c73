"""Laws that every right derivative obeys. Each returns the error by which it is broken.

    complex_step         grad . v  =  Im value(theta + i h v) / h
    central_difference   grad . v  =  (value(theta + h v) - value(theta - h v)) / 2 h
    tangent              f_dot     =  the complex step of f
    second               hvp       =  the complex step of grad
    transpose            <u, J v>  =  <J^T u, v>
    symmetry             <u, H v>  =  <v, H u>
    taylor_order         |value(theta + h v) - its expansion|  falls like h^2 or h^3

    assert complex_step(value, grad, theta, name=layout.name) < 1e-12

An error is relative: |claimed - true| over the larger of the two norms. It is not
"absolute or relative", under which any gradient passes once the loss is small. A
printed error names the worst coordinate. The laws catch different bugs: transpose sees
no bug that jvp and vjp share, symmetry sees no symmetric one. Only complex_step and
central_difference compare with the value itself.

A law that cannot look, since no complex number comes out, returns inf with that reason.
The laws compute in float64; theta is a number, [P] or [K, P].
"""
import numpy as np

from .behaviour import looks
from .differences import H, complex_slope, nearest
from .nests import CouldNotLook
from .report import Error, compare, inner


def complex_step(value, grad, theta, *, name=None, limit=300, seed=0, sizes=None):
    """The gradient against the complex step of the value.

    value(theta)  one number, or one per task [K]
    grad(theta)   its gradient, shaped as theta
    name(i)       what to call coordinate i, such as Layout.name
    limit         all coordinates up to this many; beyond, random directions
    sizes         {"B": 4, ..}: sizes by which a wrong factor may be recognised
    """
    return gradient("complex step", complex_slope, value, grad, theta, name, limit,
                    seed, sizes)


def central_difference(value, grad, theta, h=H, *, name=None, limit=300, seed=0,
                       sizes=None):
    """The gradient against differences of the value: slower and blunter (1e-7) than the
    complex step, but it asks nothing of the code. The arguments are the same. If a
    central difference does not agree, other steps are tried; kinks are left out."""
    def slope(value, theta, v, claimed):
        return nearest(value, theta, v, claimed, h)

    return gradient("central difference", slope, value, grad, theta, name, limit, seed,
                    sizes)


def tangent(f, f_dot, theta, v, *, name=None, law="tangent", sizes=None,
            slope=complex_slope):
    """f_dot(theta, v) against the complex step of f along v; f returns one array."""
    theta, v = np.asarray(theta, float), np.asarray(v, float)
    claimed = f_dot(theta, v)
    try:
        return compare(law, claimed, slope(f, theta, v, claimed)[0], name, sizes)
    except CouldNotLook as reason:
        return Error(law, np.inf, f"could not look: {reason}")


def second(grad, hvp, theta, v, *, name=None, sizes=None, slope=complex_slope):
    """hvp(theta, v) against the complex step of grad along v."""
    return tangent(grad, hvp, theta, v, name=name, law="second", sizes=sizes,
                   slope=slope)


@looks
def transpose(u, Jv, JTu, v):
    """<u, J v> = <J^T u, v>, relative to the larger of |u| |J v| and |J^T u| |v|.

    Each is an array, or a tuple of arrays where J has several arguments. A bug that jvp
    and vjp have in common is not seen.
    """
    return inner("transpose", (u, Jv), (JTu, v))


def symmetry(hvp, theta, u, v):
    """<u, H v> = <v, H u>. Many wrong Hessians are symmetric: never use it alone."""
    theta, u, v = (np.asarray(a, float) for a in (theta, u, v))
    return inner("symmetry", (u, hvp(theta, v)), (v, hvp(theta, u)))


def taylor_order(value, grad, theta, v, hvp=None, *, h=0.01, n_steps=5):
    """The power of h with which the remainder of Taylor's expansion falls.

        r(h) = value(theta + h v) - value(theta) - h <grad, v> - h^2 <v, hvp v> / 2

    Returns about 2 if grad is right (without hvp), 3 if hvp is right too, 1 if grad is
    wrong: the least of several tasks; inf if nothing but rounding remains.
    """
    steps = h / 2.0 ** np.arange(n_steps)
    here, slope = np.asarray(value(theta)), (grad(theta) * v).sum(-1)
    bend = (hvp(theta, v) * v).sum(-1) if hvp else np.zeros_like(slope)
    if here.ndim == 0:
        slope, bend = slope.sum(), bend.sum()
    remainder = np.abs([value(theta + s * v) - here - s * slope - s * s / 2 * bend
                        for s in steps])
    if (remainder <= 1e-14 * max(1, np.abs(here).max())).any():  # rounding is left
        return np.inf
    return float(np.min(np.log2(remainder[:-1] / remainder[1:]).mean(0)))


# ---- directions, and the slopes along them

def gradient(law, slope, value, grad, theta, name, limit, seed, sizes):
    """grad . v against slope(value, theta, v, grad . v) for many directions v."""
    theta = np.asarray(theta, float)
    if theta.ndim == 0:
        return gradient(law, slope, lambda t: value(t[0]),
                        lambda t: np.reshape(grad(t[0]), (1,)), theta[None],
                        name or "theta".format, limit, seed, sizes)
    claimed, shape = np.asarray(grad(theta)), np.shape(value(theta))
    if claimed.shape != theta.shape:
        return compare(law, claimed, theta)
    if shape == (1,) != theta.shape[:-1]:
        return gradient(law, slope, lambda t: value(t)[0], grad, theta, name, limit,
                        seed, sizes)
    if shape not in ((), theta.shape[:-1]):
        raise ValueError(f"value must return one number or one per task, shape () or "
                         f"{theta.shape[:-1]}, got shape {shape}")
    is_total = shape != theta.shape[:-1]
    vs, label = directions(theta, is_total, name, limit, seed)
    axes = tuple(range(theta.ndim)) if is_total else -1
    along = [(claimed * v).sum(axes) for v in vs]
    try:
        pairs = [slope(value, theta, v, c) for v, c in zip(vs, along)]
    except CouldNotLook as reason:
        return Error(law, np.inf, f"could not look: {reason}")
    slopes, kinks = (np.stack(column, -1) for column in zip(*pairs))
    return kinked(compare(law, np.stack(along, -1), slopes, label, sizes), kinks)


def kinked(error, kinks):
    """The error, which also says how many directions cross a kink; inf if all do."""
    if kinks.size and kinks.all():
        return Error(error.law, np.inf, "could not look: a kink in every direction")
    if kinks.any():
        error.detail += f" ({kinks.sum()} of {kinks.size} directions cross a kink)"
    return error


def directions(theta, is_total, name, limit, seed):
    """Directions v, each shaped as theta, and a function of i that names the i-th.

    There is one for each coordinate, in all tasks at once if each task has a value. If
    these are more than `limit`, they are random unit vectors, each within one block.
    """
    n_parameters = theta.shape[-1]
    shape = theta.shape if is_total else theta.shape[-1:]
    size = np.prod(shape)

    def label(i):
        if name is None:
            index = np.unravel_index(i, shape)
            return f"theta[{', '.join(str(int(k)) for k in index)}]"
        task = f" of task {i // n_parameters}" if size > n_parameters else ""
        return name(i % n_parameters) + task

    if size <= limit:
        vs = np.eye(size)
    else:
        blocks = np.array([label(i).partition("[")[0] for i in range(n_parameters)])
        blocks, found = np.tile(blocks, size // n_parameters), sorted(set(blocks))
        found = found * max(2, 8 // len(found))
        vs = np.random.default_rng(seed).normal(size=(len(found), size))
        vs *= [blocks == block for block in found]
        vs /= np.linalg.norm(vs, axis=-1, keepdims=True)
        label = [f"a random direction in {block}" for block in found].__getitem__
    return [np.broadcast_to(v.reshape(shape), theta.shape) for v in vs], label
