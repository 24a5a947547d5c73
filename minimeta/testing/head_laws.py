"""Laws that hold for every distribution over actions.

A head has sample, greedy, log_prob, entropy, kl and fisher of rows of parameters
u [.., n_in] (see minimeta/policy/heads.py). A sum over actions is over all of them, or
over a fine grid if they have one or two continuous dimensions:

    probabilities  sum_a p(a) = 1
    score          sum_a p(a) grad log p(a) = 0
    samples        actions come as often as p says
    greedy         no sample is more probable than the greedy action
    entropy        -sum_a p(a) log p(a),         and its derivatives
    kl             sum_a p_old(a) log (p_old(a) / p(a)), not below 0, 0 at itself
    fisher         sum_a p(a) g g^T,  g = grad log p(a);  it is the Hessian of kl
    extremes       parameters far from 0 give finite numbers
"""
import numpy as np

from . import laws
from .differences import complex_slope, nearest
from .report import Error, compare
from .suite import DoesNotApply, Law

R = 3         # rows of u
POINTS = 121  # of the grid, along each dimension of an action
REACH = 8     # standard deviations from the mean to the ends of the grid
DRAWS = 4000
NAME = "u[{}]".format
SIGMAS = 6    # standard errors by which a frequency or a moment may be off


class HeadProbe:
    """A head at random rows of parameters u."""

    def __init__(self, head, scale, rng, complex_safe=True):
        self.head, self.complex_safe = head, complex_safe
        self.u, self.u_old, self.u_dot = scale * rng.normal(size=(3, R, head.n_in))
        self.u_dot /= scale
        many = np.broadcast_to(self.u, (DRAWS, R, head.n_in))
        self.draws = np.asarray(head.sample(many, rng))
        self.a = self.draws[0]
        self.grids = {}
        self.is_discrete = self.draws.dtype.kind in "iu"

    def slopes(self, value, grad, hvp):
        """The errors of a gradient, and of a Hessian times a vector, at u."""
        rule, slope = ((laws.complex_step, complex_slope) if self.complex_safe else
                       (laws.central_difference, nearest))
        yield rule(value, grad, self.u, name=NAME)
        yield laws.second(grad, hvp, self.u, self.u_dot, slope=slope)

    def expect(self, f, u):
        """sum_a p(a) f(u, a), where p is the head's at u; f returns [N, R, ..]."""
        a, weight = self.actions(u)
        many = np.broadcast_to(u, (len(a), *u.shape))
        p = np.exp(self.head.log_prob(many, a)) * weight
        values = f(many, a)
        return (p.reshape(p.shape + (1,) * (values.ndim - 2)) * values).sum(0)

    def actions(self, u):
        """All actions [N, R, ..] and the weight of each, 1 or the volume of a cell."""
        if self.is_discrete:
            a = np.broadcast_to(np.arange(self.head.n)[:, None], (self.head.n, R))
            return a, 1.0
        key = u.tobytes()
        if key not in self.grids:
            self.grids[key] = self.grid(u)
        return self.grids[key]

    def grid(self, u):
        """A grid of actions around the mean. Mean and spread come from samples first,
        then from the probabilities on the last grid."""
        n = self.draws.shape[-1]
        if n > 2:
            raise DoesNotApply(f"a grid over {n} dimensions of an action is too large")
        line = np.linspace(-1, 1, POINTS)
        points = np.stack(np.meshgrid(*[line] * n), -1).reshape(-1, 1, n)
        many = np.broadcast_to(u, (len(points), *u.shape))
        draws = self.head.sample(many, np.random.default_rng(0))
        middle, spread = draws.mean(0), draws.std(0)   # [R, n]
        for _ in range(8):
            a = middle + REACH * spread * points
            l = self.head.log_prob(many, a)
            p = np.exp(l - l.max(0))[..., None]
            before, middle = spread, (p * a).sum(0) / p.sum(0)
            spread = np.sqrt((p * (a - middle) ** 2).sum(0) / p.sum(0))
            if (np.abs(spread / before - 1) < 0.1).all():
                break
        return (middle + REACH * spread * points,
                (REACH * spread * (line[1] - line[0])).prod(-1))


def probabilities(p):
    h = p.case
    total = h.expect(lambda u, a: np.ones(a.shape[:2]), h.u)
    return compare("probabilities", total, np.ones(R))


def log_prob(p):
    """The gradient of log_prob, and its Hessian times a vector."""
    h, head = p.case, p.case.head
    return h.slopes(lambda u: head.log_prob(u, h.a),
                    lambda u: head.log_prob_grad(u, h.a),
                    lambda u, v: head.log_prob_hvp(u, h.a, v))


def score(p):
    h = p.case
    mean = h.expect(h.head.log_prob_grad, h.u)
    size = h.expect(lambda u, a: np.abs(h.head.log_prob_grad(u, a)), h.u)
    index = np.unravel_index(np.abs(mean).argmax(), mean.shape)
    return Error("score", np.abs(mean).max() / size.max(),
                 f"its mean at u{[int(i) for i in index]} is {mean[index]:.3g}",
                 "log_prob_grad is not the gradient of this log_prob, or the "
                 "probabilities do not sum to 1" if np.abs(mean).max() > 1e-6 else "")


def samples(p):
    """Frequencies, or the first two moments, of samples, in standard errors."""
    h = p.case
    if h.is_discrete:
        a, _ = h.actions(h.u)
        true = np.exp(h.head.log_prob(np.broadcast_to(h.u, (len(a), *h.u.shape)), a))
        found = (h.draws[None] == a[:, None]).mean(1)
        error = np.sqrt((true * (1 - true) + 1 / DRAWS) / DRAWS)
        words = "frequency of an action"
    else:
        one, two, four = (h.expect(lambda u, a, k=k: a ** k, h.u) for k in (1, 2, 4))
        true = np.stack([one, two])
        found = np.stack([h.draws.mean(0), (h.draws ** 2).mean(0)])
        spread = np.stack([two - one ** 2, four - two ** 2])
        error, words = np.sqrt(spread / DRAWS), "first two moments"
    z = np.abs(found - true) / error
    index = np.unravel_index(z.argmax(), z.shape)
    return Error("samples", float(z.max()),
                 f"{words}: drawn {found[index]:.4g}, promised {true[index]:.4g}, off "
                 f"by {z.max():.1f} standard errors")


def greedy(p):
    """No sample is more probable than the greedy action."""
    h = p.case
    best = h.head.log_prob(h.u, h.head.greedy(h.u))
    others = h.head.log_prob(np.broadcast_to(h.u, (DRAWS, *h.u.shape)), h.draws)
    gap = float((others.max(0) - best).max())
    return Error("greedy", max(gap, 0.0), "the most probable of the samples is more "
                                          "probable by so many nats")


def entropy(p):
    h = p.case
    true = h.expect(lambda u, a: -h.head.log_prob(u, a), h.u)
    yield compare("entropy", h.head.entropy(h.u), true)


def entropy_slopes(p):
    head = p.case.head
    return p.case.slopes(head.entropy, head.entropy_grad, head.entropy_hvp)


def kl(p):
    """kl(u_old, u) is the sum and not below 0; kl(u, u) and its gradient are 0."""
    h, head = p.case, p.case.head
    many = np.broadcast_to
    true = h.expect(lambda u, a: head.log_prob(u, a) - head.log_prob(
        many(h.u, u.shape), a), h.u_old)
    found = head.kl(h.u_old, h.u)
    yield compare("kl", found, true)
    size = float(np.abs(found).max())
    for words, number in (("below 0", max(0.0, -found.min())),
                          ("not 0 at itself", np.abs(head.kl(h.u, h.u)).max()),
                          ("not flat at itself", np.abs(head.kl_grad(h.u, h.u)).max())):
        yield Error("kl", number / max(size, 1e-3),
                    f"it is {words}: {number:.3g}")


def kl_slopes(p):
    h, head = p.case, p.case.head
    return h.slopes(lambda u: head.kl(h.u_old, u), lambda u: head.kl_grad(h.u_old, u),
                    lambda u, v: head.kl_hvp(h.u_old, u, v))


def fisher(p):
    h, head = p.case, p.case.head

    def outer(u, a):
        g = head.log_prob_grad(u, a)
        return g * (g * h.u_dot).sum(-1, keepdims=True)

    found = head.fisher(h.u, h.u_dot)
    yield compare("fisher", found, head.kl_hvp(h.u, h.u, h.u_dot), NAME)
    yield compare("fisher", found, h.expect(outer, h.u), NAME)


@np.errstate(all="ignore")
def extremes(p):
    """Logits up to 10000; parameters of a continuous head up to 30."""
    h, head = p.case, p.case.head
    u = h.u * (1e4 if h.is_discrete else 30.0) / np.abs(h.u).max()
    a = head.sample(u, np.random.default_rng(0))
    found = {"log_prob": head.log_prob(u, a), "entropy": head.entropy(u),
             "log_prob_grad": head.log_prob_grad(u, a), "kl": head.kl(u, u),
             "entropy_grad": head.entropy_grad(u), "fisher": head.fisher(u, h.u_dot)}
    for name, number in found.items():
        if not np.isfinite(number).all():
            return Error("extremes", np.inf, f"{name} is not finite at u of "
                                             f"{np.abs(u).max():.0f}")
    return Error("extremes", 0.0, "all finite")


SUMS = 1e-6   # gate of what is compared with a sum over a grid
LAWS = (Law("probabilities", probabilities, SUMS), Law("log_prob", log_prob, 1e-12),
        Law("score", score, SUMS), Law("samples", samples, SIGMAS),
        Law("greedy", greedy, 1e-12),
        Law("entropy", entropy, SUMS), Law("entropy slopes", entropy_slopes, 1e-12),
        Law("kl", kl, SUMS), Law("kl slopes", kl_slopes, 1e-12),
        Law("fisher", fisher, SUMS), Law("extremes", extremes))
