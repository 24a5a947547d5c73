"""A random generator that gives all tasks the same luck. With it, a task that is played
alone must do exactly what the same task does among others.
"""
import re

import numpy as np

# One draw of these is a vector, on the last axis; each parameter, its number of axes.
VECTORS = {"dirichlet": {"alpha": 1}, "multinomial": {"n": 0, "pvals": 1},
           "multivariate_hypergeometric": {"colors": 1, "nsample": 0},
           "multivariate_normal": {"mean": 1, "cov": 2}}
# These are left as they are and draw as usual. But spawn has a method of its own below,
# and bytes draws by integers, so its luck is equal all the same.
OTHERS = {"bit_generator", "spawn", "bytes", "permutation", "permuted", "shuffle"}
MOST = 10_000                          # draws; ends a loop that waits for other luck


class EqualLuck(np.random.Generator):
    """Draws one number, or one vector, and repeats it for the whole array. Where
    parameters are arrays or lists, each element has parameters of its own and equal
    luck. A choice without replacement is drawn as usual.

    by_call  True: each call draws anew. False: all calls have the same luck, which is
             for families that draw one task after the other

    Raises RuntimeError after MOST draws.
    """

    def __init__(self, seed, by_call=True):
        super().__init__(np.random.PCG64(seed))
        self.seed, self.by_call, self.n_calls = seed, by_call, 0

    def fresh(self):
        """A generator with the luck of this call."""
        return np.random.default_rng((self.seed, self.n_calls * self.by_call))

    def spawn(self, n_children):
        """Generators that have the same luck as each other."""
        self.n_calls += 1
        seed = (self.seed, self.n_calls * self.by_call)
        return [EqualLuck(seed, self.by_call) for _ in range(n_children)]


def equal(name):
    """The method `name` of NumPy's generator, with equal luck."""
    names = names_of(getattr(np.random.Generator, name))
    axes = dict.fromkeys(names[:names.index("size")], 0) | VECTORS.get(name, {})

    def draw(self, *args, **kwargs):
        self.n_calls += 1
        if self.n_calls > MOST:
            raise RuntimeError(f"more than {MOST} draws with equal luck")
        drawn = getattr(self.fresh(), name)(*args, **kwargs)
        given = dict(zip(names, args)) | kwargs
        if name == "choice":
            return chosen(drawn, **given)
        lead = np.shape(drawn)[:np.ndim(drawn) - (name in VECTORS)]
        one = {key: a for key, a in given.items() if key not in ("size", "out")}
        varying = [key for key in axes if key in one and varies(one[key], axes[key])]
        if not varying:
            return repeated(drawn, 0, len(lead))
        for index in np.ndindex(lead):
            drawn[index] = getattr(self.fresh(), name)(**one | {
                key: element(one[key], axes[key], lead, index) for key in varying})
        return drawn

    return draw


def names_of(method):
    """The names of the arguments of a method of NumPy's generator: of the parameters,
    then the size, then options. NumPy 1 gives them in the docstring alone."""
    form = re.search(r"\(([^)]*)\)", method.__doc__)[1]
    return [part.split("=")[0].strip() for part in form.split(",")]


def chosen(drawn, a, replace=True, axis=0, **others):
    """The first of the choices, repeated. Each is a part of `a`, and the axes of the
    size stand in the place of the axis of `a`."""
    if not replace:
        return drawn
    n_axes = max(np.ndim(a), 1)
    return repeated(drawn, axis % n_axes, np.ndim(drawn) - n_axes + 1)


def repeated(drawn, axis, n):
    """The first of the draws, repeated along the n axes of the size, from `axis` on."""
    if n:
        drawn[...] = drawn[(slice(None),) * axis + (slice(1),) * n]
    return drawn


def varies(argument, core):
    return np.ndim(argument) > core


def element(argument, core, lead, index):
    """The parameter of one element of an array, whose axes are `lead`."""
    argument = np.asarray(argument)
    shape = lead + argument.shape[argument.ndim - core:]
    return np.broadcast_to(argument, shape)[index]


for _name in set(dir(np.random.Generator)) - OTHERS:
    if not _name.startswith("_"):
        setattr(EqualLuck, _name, equal(_name))
