"""A random generator that gives all tasks the same luck. With it, a task that is played
alone must do exactly what the same task does among others.
"""
import numpy as np

# One draw of these is a vector, on the last axis; each parameter and its number of axes.
VECTORS = {"dirichlet": {"alpha": 1}, "multinomial": {"n": 0, "pvals": 1},
           "multivariate_hypergeometric": {"colors": 1, "nsample": 0},
           "multivariate_normal": {"mean": 1, "cov": 2}}
OTHERS = {"bit_generator", "spawn", "bytes", "permutation", "permuted", "shuffle"}
MOST = 10_000                          # draws; ends a loop that waits for other luck


class EqualLuck(np.random.Generator):
    """Draws one number, or one vector, and repeats it for the whole array. Where
    parameters are arrays, each element has parameters of its own and equal luck.

    by_call  True: each call draws anew. False: all calls have the same luck, which is
             for families that draw one task after the other
    """

    def __init__(self, seed, by_call=True):
        super().__init__(np.random.PCG64(seed))
        self.seed, self.by_call, self.n_calls = seed, by_call, 0

    def fresh(self):
        """A generator with the luck of this call."""
        return np.random.default_rng((self.seed, self.n_calls * self.by_call))


def equal(name):
    """The method `name` of NumPy's generator, with equal luck."""
    core, axes = int(name in VECTORS), VECTORS.get(name, {})

    def draw(self, *args, **kwargs):
        self.n_calls += 1
        if self.n_calls > MOST:
            raise RuntimeError(f"more than {MOST} draws with equal luck")
        drawn = getattr(self.fresh(), name)(*args, **kwargs)
        lead = np.shape(drawn)[:np.ndim(drawn) - core]
        if not lead or (name == "choice" and not kwargs.get("replace", True)):
            return drawn
        equally = np.empty_like(drawn)
        given = list(zip(args, [*axes.values(), *[0] * len(args)]))
        named = {key: (a, axes.get(key, 0)) for key, a in kwargs.items()
                 if key != "size"}
        if name == "choice" or not any(varies(*a) for a in (*given, *named.values())):
            equally[...] = drawn[(0,) * len(lead)]
            return equally
        for index in np.ndindex(lead):
            equally[index] = getattr(self.fresh(), name)(
                *(element(*a, lead, index) for a in given),
                **{key: element(*a, lead, index) for key, a in named.items()})
        return equally

    return draw


def varies(argument, core):
    return isinstance(argument, np.ndarray) and argument.ndim > core


def element(argument, core, lead, index):
    """The argument for one element; None in place of the size, a tuple."""
    if varies(argument, core):
        shape = lead + argument.shape[argument.ndim - core:]
        return np.broadcast_to(argument, shape)[index]
    return None if isinstance(argument, tuple) else argument


for _name in set(dir(np.random.Generator)) - OTHERS:
    if not _name.startswith("_"):
        setattr(EqualLuck, _name, equal(_name))
