"""Checks a scalar: a loss of a network's outputs, or a surrogate of log-probabilities.

    check_scalar(SquaredError(targets, w), y)        y is an array of outputs
    check_surrogate(Ratio(A, l_old), l)              l is an array of log-probabilities

A scalar has value(y), one number or one for each task, and grad(y) and hvp(y, y_dot),
shaped as y. It holds its data (targets, weights). hvp may be missing.
"""
import numpy as np

from . import behaviour, laws
from .differences import complex_slope, nearest
from .nests import leaves
from .report import Error, compare
from .suite import DoesNotApply, Law, Suite, by_differences, check


@check
def check_scalar(scalar, y, *, seed=0, complex_safe=True, skip=(), expect_failure={}):
    """Checks every law on a scalar at the outputs y.

    complex_safe  False if complex numbers do not flow: differences judge

    Returns the Report. Raises LawBroken, which shows the most basic broken law first.
    """
    return scalar_suite(scalar, y, LAWS, seed, complex_safe, skip, expect_failure)


@check
def check_surrogate(surrogate, l, *, seed=0, complex_safe=True, skip=(),
                    expect_failure={}):
    """Checks every law on a surrogate at the log-probabilities l [.., T, B], and that l
    outside of its mask changes nothing. Returns the Report, or raises LawBroken."""
    return scalar_suite(surrogate, l, (*LAWS, Law("padding", padding)), seed,
                        complex_safe, skip, expect_failure)


def scalar_suite(scalar, y, rules, seed, complex_safe, skip, expect_failure):
    rules = rules if complex_safe else by_differences(rules)
    y = np.asarray(y, float)
    return Suite(f"{type(scalar).__name__} of {list(y.shape)}", rules,
                 lambda: [ScalarProbe(scalar, y, seed, complex_safe)], skip,
                 expect_failure)


class ScalarProbe:
    """A scalar at one y, as a function of z: y with all axes but those of tasks as
    one."""

    def __init__(self, scalar, y, seed, complex_safe):
        self.scalar, self.y = scalar, y
        self.slope = complex_slope if complex_safe else nearest
        self.lead = np.shape(scalar.value(y))
        if self.lead != y.shape[:len(self.lead)]:
            raise ValueError(
                f"value(y) must be one number or one for each of the first axes of y "
                f"{list(y.shape)}, got shape {list(self.lead)}")
        self.core = y.shape[len(self.lead):]
        self.z = y.reshape(self.lead + (-1,))
        rng = np.random.default_rng(seed)
        self.u, self.v = rng.normal(size=(2, *self.z.shape))
        self.sizes = dict(zip("TBm" if len(self.core) == 3 else "TB", self.core))
        self.context = f"seed {seed}, y {list(y.shape)}"

    def shaped(self, z):
        return z.reshape(self.y.shape)

    def flat(self, y_bar):
        if np.shape(y_bar) != self.y.shape:
            raise AssertionError(f"grad and hvp must have the shape of y, "
                                 f"{list(self.y.shape)}, got {list(np.shape(y_bar))}")
        return y_bar.reshape(self.z.shape)

    def value(self, z):
        return self.scalar.value(self.shaped(z))

    def grad(self, z):
        return self.flat(self.scalar.grad(self.shaped(z)))

    def hvp(self, z, z_dot):
        if not hasattr(self.scalar, "hvp"):
            raise DoesNotApply("the scalar has no hvp")
        return self.flat(self.scalar.hvp(self.shaped(z), self.shaped(z_dot)))

    def name(self, i):
        return f"y[{', '.join(str(int(k)) for k in np.unravel_index(i, self.core))}]"

    def forms(self, scalar=None, y=None, y_dot=None):
        """Value, gradient and, if there is one, Hessian product."""
        s, y = scalar or self.scalar, self.y if y is None else y
        y_dot = self.shaped(self.v) if y_dot is None else y_dot
        found = (s.value(y), s.grad(y))
        return found + ((s.hvp(y, y_dot),) if hasattr(s, "hvp") else ())


def purity(p):
    """The forms change neither their arguments nor the scalar's data."""
    return behaviour.purity(lambda s, y, y_dot: p.forms(s, y, y_dot), p.scalar, p.y,
                            p.shaped(p.v))


def complex_step(p):
    if p.slope is nearest:
        raise DoesNotApply("complex_safe=False")
    return laws.complex_step(p.value, p.grad, p.z, name=p.name, limit=5000,
                             sizes=p.sizes)


def central_difference(p):
    return laws.central_difference(p.value, p.grad, p.z, name=p.name, limit=5000,
                                   sizes=p.sizes)


def second(p):
    p.hvp(p.z, p.v)
    return laws.second(p.grad, p.hvp, p.z, p.v, name=p.name, sizes=p.sizes,
                       slope=p.slope)


def symmetry(p):
    return laws.symmetry(p.hvp, p.z, p.u, p.v)


def tasks(p):
    """Other outputs of the first task change nothing in the others."""
    if not p.lead or p.lead[0] < 2:
        raise DoesNotApply("there are no two tasks")
    other = p.y.copy()
    other[0] += p.shaped(p.v)[0]
    for claimed, true in zip(p.forms(y=other), p.forms()):
        yield compare("tasks", claimed[1:], true[1:])


def memory(p):
    return behaviour.memory(lambda y, y_dot: p.forms(y=y, y_dot=y_dot), p.y,
                            p.shaped(p.v))


def precision(p):
    """Outputs and data in float32 give results in float32."""
    return behaviour.precision(lambda s, y, y_dot: p.forms(s, y, y_dot), p.scalar, p.y,
                               p.shaped(p.v))


def padding(p):
    mask = getattr(p.scalar, "mask", None)
    if not isinstance(mask, np.ndarray):
        raise DoesNotApply("the surrogate has no mask")
    if mask.all():
        raise DoesNotApply("the mask leaves nothing out")
    other = np.where(mask, p.y, p.y + 1)
    for before, after in zip(leaves(p.forms()), leaves(p.forms(y=other))):
        if not np.array_equal(before, after, equal_nan=True):   # -0 is 0
            yield Error("padding", np.inf, "l outside of the mask changes the results")
    for form in p.forms()[1:]:
        if np.any(form[~np.broadcast_to(mask, form.shape)]):
            yield Error("padding", np.inf, "a derivative outside of the mask is not 0")
    yield Error("padding", 0.0, "l outside of the mask changes nothing")


LAWS = (Law("purity", purity), Law("complex step", complex_step, 1e-12),
        Law("central difference", central_difference, 1e-7),
        Law("second", second, 1e-12), Law("symmetry", symmetry, 1e-13),
        Law("tasks", tasks, 1e-12), Law("memory", memory, 1e-12),
        Law("precision", precision))
