"""The loss of a policy with a value: a scalar of the network's outputs y = (u, v).

    loss = - surrogate(l)                       l = log pi(a | u)
           + value_weight sum w (v - target)^2
           - entropy_weight sum w entropy(u)

    value(y)        a number per task [...]
    grad(y)         y_bar [..., T, B, m]
    hvp(y, y_dot)   y_bar_dot [..., T, B, m]

Targets and advantages are constants. w [..., T, B] are the weights of the steps, 1 / n for a
mean over n steps and 0 where no step was taken.
"""
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ActorCritic:
    """The three terms above for one batch.

    policy     splits y into u and v, and holds the head
    actions    [..., T, B] or [..., T, B, n]
    surrogate  a scalar of l, its advantages weighted by w already
    targets    [..., T, B]  what the value should be, reward
    w          [..., T, B]  weights of the steps
    """

    policy: Any
    actions: np.ndarray
    surrogate: Any
    targets: np.ndarray
    w: np.ndarray
    value_weight: float = 0.5
    entropy_weight: float = 0.0

    def value(self, y):
        (u, v), head = self.policy.split(y), self.policy.head
        l = head.log_prob(u, self.actions)
        squares = self.w * (v - self.targets) ** 2
        entropies = self.w * head.entropy(u)
        return (-self.surrogate.value(l) + self.value_weight * squares.sum((-2, -1))
                - self.entropy_weight * entropies.sum((-2, -1)))

    def grad(self, y):
        (u, v), head = self.policy.split(y), self.policy.head
        l = head.log_prob(u, self.actions)
        u_bar = -head.log_prob_vjp(u, self.actions, self.surrogate.grad(l)) \
            - self.entropy_weight * self.w[..., None] * head.entropy_grad(u)
        v_bar = 2 * self.value_weight * self.w * (v - self.targets)
        return np.concatenate([u_bar, v_bar[..., None]], -1)

    def hvp(self, y, y_dot):
        (u, _), (u_dot, v_dot) = self.policy.split(y), self.policy.split(y_dot)
        head, a = self.policy.head, self.actions
        l, l_dot = head.log_prob(u, a), head.log_prob_jvp(u, a, u_dot)
        l_bar, l_bar_dot = self.surrogate.grad(l), self.surrogate.hvp(l, l_dot)
        u_bar_dot = -head.log_prob_vjp_dot(u, a, l_bar, u_dot, l_bar_dot) \
            - self.entropy_weight * self.w[..., None] * head.entropy_hvp(u, u_dot)
        v_bar_dot = 2 * self.value_weight * self.w * v_dot
        return np.concatenate([u_bar_dot, v_bar_dot[..., None]], -1)
