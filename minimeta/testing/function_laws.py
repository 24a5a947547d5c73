"""Checks the derivatives of any function of arrays.

    print(check_function(f, grad, x))                    one number of arrays
    check_function(f, None, x, jac=jacobian)             several numbers
    check_function(f, grad, x, hvp=lambda x, v: ..)      and second order

    pure          f, grad, hvp, jac leave x alone and answer the same twice
    complex step  grad  =  Im f(x + i h v) / h           where complex numbers flow
    differences   grad  =  differences of f              always: the second opinion
    jacobian      jac   =  the slopes of f
    second        hvp   =  the slopes of grad
    symmetry      <u, H v> = <v, H u>

If complex numbers do not flow through f, differences alone judge, and the report says
so and why. The report shows the power with which the remainder of Taylor's expansion
falls: 2 for a right gradient and 1 for a wrong one.
"""
import numpy as np

from . import behaviour, laws
from .differences import LOST, complex_slope, nearest
from .nests import CouldNotLook, leaves
from .report import Error, compare
from .suite import DoesNotApply, Law, Suite, check

BLUNT = 1e-7  # gate of what is compared by differences
LIMIT = 300   # coordinates that are tried one by one


@check
def check_function(f, grad, x, hvp=None, jac=None, *, name=None, limit=LIMIT, seed=0,
                   skip=(), expect_failure={}):
    """Checks every law on f and its derivatives.

    f(x)        one number, or an array; grad is then the gradient of its sum
    grad(x)     shaped as x; None if there is only a Jacobian
    x           where to look: a number, an array, or a tuple, list or dict of them
    hvp(x, v)   the Hessian times v, shaped as x
    jac(x)      shape of f(x) + shape of x, for x a number or an array
    name(i)     what to call coordinate i of x, flattened; W[1, 2] of a dict otherwise
    limit       up to so many coordinates of grad are tried one by one, else random
                directions. It is no limit of jac, which is tried in all coordinates, or
                of hvp, which is tried in one random direction.
    seed        of the random directions

    skip            names of laws that are not run, or name -> reason
    expect_failure  name -> reason, for laws that must fail

    Returns the Report, which says by which rule f was judged.
    Raises LawBroken, which shows the most basic broken law first. Raises ValueError if
    neither grad nor jac is given, or if skip or expect_failure names an unknown law.
    """
    if grad is None and jac is None:
        raise ValueError("grad or jac must be given, got None for both")
    probe = Probe(f, grad, x, hvp, jac, name, limit, seed)
    return Suite(f"{getattr(f, '__name__', f)!s} of {probe.z.size} numbers", LAWS,
                 lambda: [probe], skip, expect_failure)


class Probe:
    """f as a function of one flat vector z, with the derivatives of its sum."""

    def __init__(self, f, grad, x, hvp, jac, name, limit, seed):
        x = as_nest(x)
        self.f, self.nest, self.limit, self.notes = f, x, limit, []
        self.z = np.concatenate([np.ravel(leaf).astype(float) for leaf in leaves(x)])
        self.name = name or names(x).__getitem__
        self.grad, self.hvp = (g and self.flattened(g) for g in (grad, hvp))
        self.jac = jac and (lambda z: np.asarray(jac(self.x(z))))
        rng = np.random.default_rng(seed)
        self.u, self.v = rng.normal(size=(2, self.z.size))
        self.context = f"seed {seed}, x {[list(np.shape(leaf)) for leaf in leaves(x)]}"

    def x(self, z):
        """z in the form of x."""
        sizes = [leaf.size for leaf in leaves(self.nest)]
        return filled(self.nest, iter(np.split(z, np.cumsum(sizes))))

    def flattened(self, g):
        """g of nests as a function of flat vectors."""
        def flat(*zs):
            out = g(*(self.x(z) for z in zs))
            found, wanted = ([np.shape(leaf) for leaf in leaves(nest)]
                             for nest in (out, self.nest))
            if found != wanted:
                raise AssertionError(f"a gradient has the shape of x, {wanted}, got "
                                     f"{found}")
            return np.concatenate([np.ravel(leaf) for leaf in leaves(out)])
        return flat

    def y(self, z):
        """f(x) as an array, complex if z is."""
        return np.asarray(self.f(self.x(z)))

    def value(self, z):
        return self.y(z).sum()

    def flows(self, f):
        """Whether the complex step can judge f; if not, notes the reason."""
        for v in (self.u, self.v):
            try:
                slope, _ = complex_slope(f, self.z, v)
            except CouldNotLook as reason:
                return self.judged_by_differences(str(reason))
            by_differences, kinks = nearest(f, self.z, v, slope)
            if not compare("", np.where(kinks, slope, by_differences), slope) <= 1e-5:
                return self.judged_by_differences(
                    f"the complex step of f is not its slope: {LOST}")
        return True

    def judged_by_differences(self, reason):
        note = f"judged by differences, since {reason}"
        if self.grad and "Taylor" not in "".join(self.notes):
            order = laws.taylor_order(self.value, self.grad, self.z, self.v, h=0.01)
            note += f"; Taylor order {order:.1f} (2 if grad is right)"
        if note not in self.notes:
            self.notes.append(note)
        return False

    def slope(self, f):
        return complex_slope if self.flows(f) else nearest


def as_nest(x):
    """x with lists of numbers as arrays."""
    is_nest = isinstance(x, (tuple, list)) and any(
        isinstance(part, (np.ndarray, dict, tuple)) for part in x)
    if is_nest or isinstance(x, dict) or np.isscalar(x):
        return x
    return np.asarray(x, float)


def names(nest):
    """The names of the coordinates of a nest, flattened."""
    return [block + (f"[{', '.join(map(str, index))}]" if leaf.ndim else "")
            for block, leaf in named(nest) for index in np.ndindex(leaf.shape)]


def named(nest, name=""):
    """(name, array) of each array and number: W of a dict or a named tuple, x1 of a
    tuple, and layer.W of a dict in a dict."""
    if hasattr(nest, "_fields"):
        nest = nest._asdict()
    if not isinstance(nest, (dict, tuple, list)):
        return [(name or "x", np.asarray(nest))]
    parts = nest.items() if isinstance(nest, dict) else enumerate(nest)
    return [pair for key, part in parts for pair in named(part, (
        f"{name}.{key}" if name else key if isinstance(key, str) else f"x{key}"))]


def filled(nest, parts):
    """The nest with the next of the flat parts in place of each array and number."""
    if isinstance(nest, dict):
        return {key: filled(value, parts) for key, value in nest.items()}
    if hasattr(nest, "_fields"):   # a named tuple
        return type(nest)(*(filled(value, parts) for value in nest))
    if isinstance(nest, (tuple, list)):
        return type(nest)(filled(value, parts) for value in nest)
    return next(parts).reshape(np.shape(nest))[()]


def pure(probe):
    given = [g for g in (probe.y, probe.grad, probe.jac) if g]
    yield from (behaviour.purity(g, probe.z) for g in given)
    if probe.hvp:
        yield behaviour.purity(probe.hvp, probe.z, probe.v)


def needs(derivative, name):
    if derivative is None:
        raise DoesNotApply(f"no {name} was given")


def by_complex_step(probe):
    needs(probe.grad, "grad")
    if not probe.flows(probe.value):
        raise DoesNotApply("complex numbers do not flow through f, see above")
    return laws.complex_step(probe.value, probe.grad, probe.z, name=probe.name,
                             limit=probe.limit)


def by_differences(probe):
    needs(probe.grad, "grad")
    return laws.central_difference(probe.value, probe.grad, probe.z, name=probe.name,
                                   limit=probe.limit)


def jacobian(probe):
    needs(probe.jac, "jac")
    y, J = probe.y(probe.z), probe.jac(probe.z)
    shape = y.shape + np.shape(probe.nest)
    if J.shape != shape:
        return Error("jacobian", np.inf, f"jac must have the shape of f(x) and that of "
                                         f"x, {list(shape)}, got {list(J.shape)}")
    J = J.reshape(y.shape + (probe.z.size,))
    slope = probe.slope(probe.y)
    columns = [slope(probe.y, probe.z, e, J[..., i])[0]
               for i, e in enumerate(np.eye(probe.z.size))]
    error = compare("jacobian", J, np.stack(columns, -1), probe.name, lead="output")
    return relaxed(error, slope)


def second(probe):
    needs(probe.hvp, "hvp")
    needs(probe.grad, "grad")
    slope = probe.slope(probe.grad)
    return relaxed(laws.second(probe.grad, probe.hvp, probe.z, probe.v, name=probe.name,
                               slope=slope), slope)


def relaxed(error, slope):
    """The error 0 if differences gave it and it is below their gate, BLUNT."""
    if slope is nearest and error <= BLUNT:
        return Error(error.law, 0.0, f"by differences, {error.detail}")
    return error


def symmetry(probe):
    needs(probe.hvp, "hvp")
    return laws.symmetry(probe.hvp, probe.z, probe.u, probe.v)


LAWS = (Law("pure", pure), Law("complex step", by_complex_step, 1e-12),
        Law("differences", by_differences, BLUNT), Law("jacobian", jacobian, 1e-12),
        Law("second", second, 1e-12), Law("symmetry", symmetry, 1e-12))
