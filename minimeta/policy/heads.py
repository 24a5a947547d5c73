"""A head turns the outputs u of a network into actions: it is a distribution over
actions a, with parameters u [..., n_in], one row for each action.

    Categorical(n)   n actions with probabilities softmax(u)     categorical.py
    Gaussian(n)      n normal numbers, u = (mu, log_std)         gaussian.py

Learners need of each row, and a head gives:

    log_prob(u, a)      l [...]      log pi(a | u), nats
    entropy(u)          [...]        H = -E log pi
    kl(u_old, u)        [...]        E_old (log pi_old - log pi), a function of u
    fisher(u, u_dot)    [..., n_in]  F u_dot,  F = E (grad l)(grad l)^T

Each of log_prob, entropy and kl has a gradient in u, as log_prob_grad [..., n_in], and
a Hessian-vector product, as log_prob_hvp [..., n_in]. F is the Hessian of kl at u_old =
u. Rows do not mix, so the four forms of the map u -> l, which stand in Head, follow
from these.

Letters: ... any leading axes, n actions or action dimensions.
"""
from functools import wraps

import numpy as np

from .. import require
from ..calculus.fast import sum_last

NUMBERS = ["sample", "fisher"] + [
    number + form for number in ("log_prob", "entropy", "kl")
    for form in ("", "_grad", "_hvp", "_jvp", "_vjp", "_vjp_dot")]


def quiet(kind):
    """Decorates a head: in its NUMBERS a result that is too small for its dtype becomes
    zero, whatever np.seterr says, since probabilities may vanish."""
    def silent(method):
        @wraps(method)
        def call(*args, **named):
            with np.errstate(under="ignore"):
                return method(*args, **named)
        return call

    for name in set(NUMBERS) & set(vars(kind)):
        setattr(kind, name, silent(vars(kind)[name]))
    return kind


@quiet
class Head:
    """The four forms of the map u -> l, from the gradient and the Hessian-vector
    product of l in each row.

        l_dot     = grad l . u_dot
        u_bar     = l_bar grad l
        u_bar_dot = l_bar_dot grad l + l_bar (Hessian of l) u_dot
    """

    def log_prob_jvp(self, u, a, u_dot):
        return dot(self.log_prob_grad(u, a), u_dot)[..., 0]

    def log_prob_vjp(self, u, a, l_bar):
        return l_bar[..., None] * self.log_prob_grad(u, a)

    def log_prob_vjp_dot(self, u, a, l_bar, u_dot, l_bar_dot):
        return (l_bar_dot[..., None] * self.log_prob_grad(u, a)
                + l_bar[..., None] * self.log_prob_hvp(u, a, u_dot))

    def require_rows(self, u, a, core):
        """Raises ValueError if u is not [..., n_in], or a is not [..., *core] with the
        same leading axes."""
        require.floating("u", u)
        if u.shape[-1:] != (self.n_in,) or a.shape != u.shape[:-1] + core:
            lead = list(u.shape[:-1]) if u.shape[-1:] == (self.n_in,) else ["..."]
            raise ValueError(
                f"{self} needs u [..., {self.n_in}] and actions {lead + list(core)}, "
                f"got {list(u.shape)} and {list(a.shape)}"
            )


def dot(p, v):
    """sum p v over the last axis, which stays as an axis of length 1."""
    return sum_last(p * v)
