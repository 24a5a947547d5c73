"""Checks a recurrent map: the laws of a map, and those of a memory.

    print(check_recurrent(LSTM(3, 5, 2), (6, 4, 3)))     x is [T, B, n_in]

Besides the forms of a map, which begin at the learned state, a recurrent map has

    initial_state(theta, B)                               -> state, arrays [.., B, H]
    step(theta, state, x)                                 -> y, state
    unroll(theta, state, x)                               -> y, cache
    unroll_jvp(theta, cache, theta_dot, state_dot, x_dot) -> y_dot, cache_dot
    unroll_vjp(theta, cache, y_bar, state_bar)            -> theta_bar, state_bar, x_bar
    unroll_vjp_dot(theta, cache, y_bar, state_bar,
                   theta_dot, cache_dot, y_bar_dot, state_bar_dot)
    state_after(cache, n_steps=None)       -> state after the last step, or after
                                              n_steps [.., B] steps of each episode

    state       arrays [.., B, H], the same for each episode
    stepping    acting step by step = the unroll
    cut in two  two unrolls, the second from the state after the first = the whole, and
                so are the gradients
    causality   y_t does not depend on inputs after t
    rows        episodes do not mix
    ends        state_after(cache, n) = the state after n steps
    unrolled    the laws of a map once more, from a given state and to the last one
"""
import numpy as np

from ..calculus import Layout
from . import behaviour, laws
from .map_laws import LAWS as MAP_LAWS
from .map_laws import map_suite
from .map_probe import MapProbe
from .report import Error, compare
from .suite import DoesNotApply, Law, check


@check
def check_recurrent(net, x, *, seed=0, leads=((), (2,)), scales=(0.3, 1.0),
                    complex_safe=True, skip=(), expect_failure={}):
    """Checks every law on a recurrent map. Arguments, result and error are those of
    check_map."""
    return map_suite(net, x, RecurrentProbe, LAWS, seed, leads, scales, complex_safe,
                     skip, expect_failure)


class RecurrentProbe(MapProbe):
    """A recurrent map at one random theta, x and state."""

    def __init__(self, net, x, *args):
        super().__init__(net, x, *args)
        self.T, self.B = self.x.shape[-3:-1]
        shapes = [np.shape(s) for s in net.initial_state(self.theta, self.B)]
        self.state, self.state_dot, self.state_bar, self.state_bar_dot = (
            tuple(self.rng.normal(size=shape) for shape in shapes) for _ in range(4))
        self.net_unrolled = Unrolled(net, shapes, self.lead)

    def last_state(self, cache):
        return tuple(self.net.state_after(cache))

    def run(self, x, state):
        """y and the last state, step by step."""
        ys = []
        for t in range(x.shape[-3]):
            y, state = self.net.step(self.theta, state, x[..., t, :, :])
            ys.append(y)
        return np.stack(ys, -3), state

    def unroll(self, x, state):
        """y, the last state, the cache."""
        y, cache = self.net.unroll(self.theta, state, x)
        return y, self.last_state(cache), cache


def compare_all(law, claimed, true):
    """The errors of two nests, array by array."""
    pairs = list(zip(behaviour.numbers(claimed), behaviour.numbers(true), strict=True))
    return [compare(law, one, other) for one, other in pairs]


# ---- the laws

def state(p):
    given = p.net.initial_state(p.theta, p.B)
    if not isinstance(given, tuple):
        return Error("state", np.inf, f"a state is a tuple of arrays [.., B, H], got a "
                                      f"{type(given).__name__}")
    for s in given:
        if s.shape[:-1] != p.lead + (p.B,):
            return Error("state", np.inf, f"a state has shape {list(p.lead)} + "
                                          f"[{p.B}, H], got {list(s.shape)}")
        if not (s == s[..., :1, :]).all():
            return Error("state", np.inf, "episodes begin in different states")
    return Error("state", 0.0, "the same for each episode")


def stepping(p):
    y, last, _ = p.unroll(p.x, p.state)
    yield from compare_all("stepping", p.run(p.x, p.state), (y, last))
    begin = p.net.initial_state(p.theta, p.B)
    yield from compare_all("stepping", p.run(p.x, begin)[0], p.y(p.z))


def cut_in_two(p):
    """y and the states of two halves, and the vjp, which hands state_bar back."""
    if p.T < 2:
        raise DoesNotApply("there is one step only")
    t, net = p.T // 2, p.net
    y, last, cache = p.unroll(p.x, p.state)
    y_1, middle, cache_1 = p.unroll(p.x[..., :t, :, :], p.state)
    y_2, end, cache_2 = p.unroll(p.x[..., t:, :, :], middle)
    y_12 = np.concatenate([y_1, y_2], -3)
    yield from compare_all("cut in two", (y_12, end), (y, last))
    whole = net.unroll_vjp(p.theta, cache, p.a, p.state_bar)
    bar_1, bar_2 = p.a[..., :t, :, :], p.a[..., t:, :, :]
    theta_2, bar, x_2 = net.unroll_vjp(p.theta, cache_2, bar_2, p.state_bar)
    theta_1, bar, x_1 = net.unroll_vjp(p.theta, cache_1, bar_1, bar)
    yield from compare_all("cut in two", (
        theta_1 + theta_2, bar, np.concatenate([x_1, x_2], -3)), whole)


def causality(p):
    if p.T < 2:
        raise DoesNotApply("there is one step only")
    x = p.x.copy()
    x[..., -1, :, :] += 1
    y, before = (p.net.forward(p.theta, given)[0][..., :-1, :, :] for given in (x, p.x))
    error = compare("causality", y, before)
    if not error:
        return Error("causality", 0.0, "no output depends on a later input")
    error.hint = "an output depends on an input that comes after"
    return error


def rows(p):
    if p.B < 2:
        raise DoesNotApply("there is one episode only")
    x = p.x.copy()
    x[..., -1, :] += 1
    y, before = (p.net.forward(p.theta, given)[0][..., :-1, :] for given in (x, p.x))
    return compare("rows", y, before)


def ends(p):
    _, _, cache = p.unroll(p.x, p.state)
    n_steps = np.broadcast_to(1 + np.arange(p.B) % p.T, p.lead + (p.B,))
    found = p.net.state_after(cache, n_steps)
    for n in np.unique(n_steps):
        _, true = p.run(p.x[..., :n, :, :], p.state)
        which = n_steps.reshape(-1, p.B)[0] == n
        yield from compare_all("ends", tuple(s[..., which, :] for s in found),
                               tuple(s[..., which, :] for s in true))


def unrolled(law):
    """A law of maps on the unroll from a given state."""
    return lambda p: law(UnrolledProbe(p))


class Unrolled:
    """Flat vectors of (theta, state, x) and of (y, last state)."""

    def __init__(self, net, shapes, lead):
        self.net, self.lead = net, lead
        self.states = Layout(**{
            f"state{i}": shape[len(lead):] for i, shape in enumerate(shapes)})

    def pack(self, theta, state, x):
        flat = [s.reshape(self.lead + (-1,)) for s in (*state, x)]
        return np.concatenate([theta, *flat], -1)

    def state(self, z):
        return tuple(self.states.unpack(z))

    def out(self, y, state):
        flat = [s.reshape(self.lead + (-1,)) for s in (y, *state)]
        return np.concatenate(flat, -1)


class UnrolledProbe(MapProbe):
    """The unroll as a map from z = (theta, state, x) to (y, last state)."""

    def __init__(self, p):
        self.p, self.net, self.lead, self.slope = p, p.net, p.lead, p.slope
        self.flat = p.net_unrolled
        inputs = Layout(x=p.x.shape[len(p.lead):])
        self.layout = p.net.layout + self.flat.states + inputs
        self.z = self.flat.pack(p.theta, p.state, p.x)
        n_out = self.y(self.z).shape[-1:]
        rng = p.rng
        self.a, self.b, self.y_bar_dot = rng.normal(size=(3, *p.lead, *n_out))
        self.u, self.v = rng.normal(size=(2, *self.z.shape))
        self.S, self.sizes = 1.0, {}

    def parts(self, z):
        n, m = self.net.size, self.flat.states.size
        return (z[..., :n], self.flat.state(z[..., n:n + m]),
                z[..., n + m:].reshape(self.p.x.shape))

    def bars(self, y_bar):
        """The cotangents of y and of the last state."""
        n = self.p.a[(0,) * len(self.lead)].size
        return (y_bar[..., :n].reshape(self.p.a.shape),
                self.flat.state(y_bar[..., n:]))

    def y(self, z):
        y, cache = self.net.unroll(*self.parts(z))
        return self.flat.out(y, self.p.last_state(cache))

    def y_dot(self, z, z_dot):
        theta, state, x = self.parts(z)
        _, cache = self.net.unroll(theta, state, x)
        y_dot, cache_dot = self.net.unroll_jvp(theta, cache, *self.parts(z_dot))
        return self.flat.out(y_dot, self.p.last_state(cache_dot))

    def pull(self, z, y_bar):
        theta, state, x = self.parts(z)
        _, cache = self.net.unroll(theta, state, x)
        return self.flat.pack(*self.net.unroll_vjp(theta, cache, *self.bars(y_bar)))

    def pull_dot(self, z_dot, y_bar_dot):
        (theta, state, x), (theta_dot, state_dot, x_dot) = (
            self.parts(self.z), self.parts(z_dot))
        _, cache = self.net.unroll(theta, state, x)
        _, cache_dot = self.net.unroll_jvp(theta, cache, theta_dot, state_dot, x_dot)
        return self.flat.pack(*self.net.unroll_vjp_dot(
            theta, cache, *self.bars(self.a), theta_dot, cache_dot,
            *self.bars(y_bar_dot)))


def unrolled_tangent(p):
    return laws.tangent(p.y, p.y_dot, p.z, p.v, slope=p.slope)


BY_NAME = {law.name: law for law in MAP_LAWS}
LAWS = (
    Law("state", state), *MAP_LAWS[:-3], Law("stepping", stepping, 1e-12),
    Law("cut in two", cut_in_two, 1e-12), Law("causality", causality),
    Law("rows", rows, 1e-12), Law("ends", ends, 1e-12),
    Law("unrolled tangent", unrolled(unrolled_tangent), 1e-12),
    *(Law(f"unrolled {name}", unrolled(BY_NAME[name].check), BY_NAME[name].gate)
      for name in ("complex step", "transpose", "second")),
    *MAP_LAWS[-3:])
