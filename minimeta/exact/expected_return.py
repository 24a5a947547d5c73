"""The exact expected return of a softmax policy in a known MDP, with its gradient and
its Hessian-vector product: the mean of a right estimator equals them.

The return is a scalar of the logits, so it fits any memoryless policy, and it stands
wherever a sampled objective can stand: an inner step on it gives the exact phi, and an
outer objective of it the exact meta-gradient.

Derivation. With pi = softmax(u), a row for each state, and episodes of T steps:

    d_0 = start,  d_{t+1}(s') = gamma sum_sa d_t(s) pi(a|s) P(s'|s,a)        forwards
    Q_t = R + gamma P V_{t+1},  V_t(s) = sum_a pi(a|s) Q_t(s,a),  V_T = 0    backwards
    J   = sum_s start(s) V_0(s)

d_t is the probability of the state, times gamma^t. pi(a|s) enters J once for each
visit, and one visit adds d_t(s) Q_t(s,a) to the derivative. So the derivatives in pi,
as if its entries were free, and in u, through the softmax, are

    pi_bar = sum_t d_t Q_t                           [S, A]
    u_bar  = pi (pi_bar - sum_a pi pi_bar)           the policy gradient theorem

The Hessian-vector product is the tangent of all this along u_dot:

    pi_dot      = pi (u_dot - sum_a pi u_dot)
    d_dot_{t+1} = gamma (d_dot_t pi P + d_t pi_dot P),    d_dot_0 = 0
    Q_dot_t     = gamma P V_dot_{t+1},    V_dot_t = sum_a (pi_dot Q_t + pi Q_dot_t)
    pi_bar_dot  = sum_t (d_dot_t Q_t + d_t Q_dot_t)
    u_bar_dot   = pi_dot (pi_bar - sum_a pi pi_bar)
                  + pi (pi_bar_dot - sum_a (pi_dot pi_bar + pi pi_bar_dot))

Letters: K tasks (or ...), T steps, S states, A actions; u [..., S, A] logits.
Source: Sutton et al. (2000), Policy gradient methods for reinforcement learning with
function approximation, theorem 1.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import require
from ..objective import Objective
from ..policy import Categorical, TabularPolicy
from ..policy.categorical import softmax
from ..policy.heads import dot
from ..tasks.planning import backward


def exact_return(tasks, *, gamma=1.0, policy=None, dtype=np.float64):
    """J(theta), the expected return of one episode of each task, as an objective.

        at = exact_return(tasks, gamma=0.95).at(theta)       theta [K, P]
        at.value [K], at.grad [K, P], at.hvp(v) [K, P]

    Learners climb J, and adaptation descends the loss -exact_return(tasks).

    tasks   with tables() and observe(): RandomMDP, GridNavigation
    gamma   discount
    policy  a memoryless policy; a TabularPolicy if None, where theta [K, S A] holds
            logits
    dtype   of theta
    """
    gamma = require.number("gamma", gamma, 0, 1)
    if policy is None and hasattr(tasks, "tables"):
        policy = TabularPolicy(*tasks.tables()[1].shape[1:])
    require_tables(tasks, policy)
    P, R, start = (table.astype(dtype) for table in tasks.tables())
    K, S, A = R.shape
    every_state = tasks.observe(np.broadcast_to(np.arange(S), (K, 1, S))).astype(dtype)
    J = ExpectedReturn(policy, P, R, start, tasks.family.horizon, gamma)
    return Objective(policy, every_state, J)


def require_tables(tasks, policy):
    """Raises TypeError if the tasks have no tables, and ValueError if the policy has a
    memory or does not fit their observations and actions."""
    if not (hasattr(tasks, "tables") and hasattr(tasks, "observe")):
        raise TypeError("tasks must have tables() and observe(), as those of RandomMDP "
                        f"and GridNavigation have, got {type(tasks).__name__}")
    n, head = tasks.family.obs_size, Categorical(tasks.family.action.n)
    has_memory = getattr(policy, "is_recurrent", True)
    if has_memory or policy.obs_size != n or policy.head != head:
        raise ValueError(f"policy must be memoryless, with {n} inputs and the head "
                         f"{head} for {tasks.family}, got {policy}")


@dataclass(frozen=True)
class ExpectedReturn:
    """J as a scalar of a policy's outputs y [..., 1, S, m], one row for each state.

    P        [..., S, A, S]  probability of the next state
    R        [..., S, A]     mean reward
    start    [..., S]        probability of the first state
    horizon  T               steps of an episode
    gamma                    discount
    """

    policy: Any
    P: np.ndarray
    R: np.ndarray
    start: np.ndarray
    horizon: int
    gamma: float = 1.0

    def value(self, y):
        _, V = self.values(softmax(self.logits(y)))
        return (self.start * V[..., 0, :]).sum(-1)

    def grad(self, y):
        pi = softmax(self.logits(y))
        d, (Q, _) = self.visits(pi), self.values(pi)
        pi_bar = (d[..., None] * Q).sum(-3)
        u_bar = pi * (pi_bar - dot(pi, pi_bar))
        return self.policy.join(u_bar[..., None, :, :], y)

    def hvp(self, y, y_dot):
        pi, u_dot = softmax(self.logits(y)), self.logits(y_dot)
        pi_dot = pi * (u_dot - dot(pi, u_dot))
        d, (Q, _) = self.visits(pi), self.values(pi)
        d_dot, Q_dot = self.visits_dot(pi, d, pi_dot), self.values_dot(pi, Q, pi_dot)
        pi_bar = (d[..., None] * Q).sum(-3)
        pi_bar_dot = (d_dot[..., None] * Q + d[..., None] * Q_dot).sum(-3)
        u_bar_dot = (pi_dot * (pi_bar - dot(pi, pi_bar))
                     + pi * (pi_bar_dot - dot(pi_dot, pi_bar) - dot(pi, pi_bar_dot)))
        return self.policy.join(u_bar_dot[..., None, :, :], y)

    def logits(self, y):
        """y [..., 1, S, m] -> u [..., S, A]."""
        return self.policy.split(y)[0][..., 0, :, :]

    def values(self, pi):
        """Q [..., T, S, A] and V [..., T, S]."""
        return backward(self.P, self.R, self.horizon, self.gamma,
                        lambda Q: (pi * Q).sum(-1))

    def values_dot(self, pi, Q, pi_dot):
        """Q_dot [..., T, S, A]."""
        Q_dot = [np.zeros_like(Q[..., -1, :, :])]
        for t in reversed(range(1, self.horizon)):
            V_dot = (pi_dot * Q[..., t, :, :] + pi * Q_dot[-1]).sum(-1)
            Q_dot.append(self.gamma * (self.P @ V_dot[..., None, :, None])[..., 0])
        return np.stack(Q_dot[::-1], -3)

    def moved(self, d, pi):
        """d [..., S] one step on: gamma sum_sa d(s) pi(a|s) P(s'|s,a)."""
        d_pi = (d[..., None] * pi).reshape(d.shape[:-1] + (1, -1))
        P = self.P.reshape(self.P.shape[:-3] + (-1, self.P.shape[-1]))
        return self.gamma * (d_pi @ P)[..., 0, :]

    def visits(self, pi):
        """d [..., T, S]."""
        d = [self.start]
        for _ in range(self.horizon - 1):
            d.append(self.moved(d[-1], pi))
        return np.stack(d, -2)

    def visits_dot(self, pi, d, pi_dot):
        """d_dot [..., T, S]."""
        d_dot = [np.zeros_like(d[..., 0, :])]
        for t in range(self.horizon - 1):
            d_dot.append(self.moved(d_dot[-1], pi) + self.moved(d[..., t, :], pi_dot))
        return np.stack(d_dot, -2)
