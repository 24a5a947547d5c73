"""Batches made up at random, for tests of what is differentiated: nothing here was collected."""
import numpy as np

from minimeta import Categorical, Gaussian, MLPPolicy, Objective, TabularPolicy
from minimeta.objective.losses import Minus, OfActions
from minimeta.rl import Rollout

POLICIES = {
    "gaussian": MLPPolicy(3, Gaussian(2), (5, 4)),
    "categorical": MLPPolicy(2, Categorical(3), (4, 6)),
    "sigmoid": MLPPolicy(2, Gaussian(1), (4,), "sigmoid"),
    "tabular": TabularPolicy(4, 3),
}


def thetas(policy, K, rng):
    """Parameters [K, P] of some size, not near zero."""
    return np.stack([policy.init(rng) for _ in range(K)]) + 0.3 * rng.normal(
        size=(K, policy.size))


def batch(policy, theta, T, B, rng, mask=None):
    """A Rollout [K, T, B] whose observations and rewards have nothing to do with each other.
    Actions were sampled by policies not far from theta [K, P]."""
    shape = (len(theta), T, B)
    x = rng.normal(size=shape + (policy.n_in,))
    if isinstance(policy, TabularPolicy):
        x = (x == x.max(-1, keepdims=True)).astype(float)
    u, _ = policy.split(policy.forward(theta, x)[0])
    u = u + 0.2 * rng.normal(size=u.shape)
    action = policy.head.sample(u, rng)
    mask = np.ones(shape, bool) if mask is None else mask
    end = np.zeros(shape, bool)
    end[:, -1] = True
    return Rollout(x, action, rng.normal(size=shape) * mask,
                   policy.head.log_prob(u, action) * mask, np.zeros(shape), end, mask)


def loss(policy, data, make, A=None):
    """Minus a surrogate of the batch, its rewards as the advantages."""
    A = data.reward / data.reward[0].size if A is None else A
    surrogate = make(A, data.log_prob, data.mask)
    return Objective(policy, data.x, Minus(OfActions(policy, data.action, surrogate)))
