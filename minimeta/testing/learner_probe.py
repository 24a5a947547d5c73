"""One iteration of a learner, whose data are collected once and kept, for the laws on
learners.
"""
from dataclasses import fields, replace

import numpy as np

from .suite import DoesNotApply

K = 3     # tasks


class Iteration:
    """One iteration of a learner in float64."""

    def __init__(self, learner, family, seed, dtype=np.float64, complex_safe=True):
        self.given, self.family, self.seed = learner, family, seed
        self.complex_safe = complex_safe
        self.context = f"seed {seed}, K = {K} tasks"
        self.learner = learner = self.changed(dtype=dtype)
        rng = np.random.default_rng(seed)
        tasks = family.sample(K, rng)
        theta = learner.init(rng)
        n = learner.policy.size
        theta = np.concatenate([theta[:n] + 0.1 * rng.normal(size=n), theta[n:]])
        self.theta = theta.astype(dtype)
        phi, self.history = self.theta, []
        for _ in range(learner.rounds):
            self.history.append(ragged(learner.collect(phi, tasks, rng)))
            phi = learner.adapt(self.theta, self.history)
        self.data = ragged(learner.collect(phi, tasks, rng))
        self.phi = phi

    def changed(self, **options):
        """The learner with other options; those that it does not have are ignored."""
        known = {f.name for f in fields(self.given) if f.init}
        return replace(self.given, **{k: v for k, v in options.items() if k in known})

    @property
    def batches(self):
        """The batches to adapt to: `data` for a learner without rounds."""
        return self.history or [self.data]

    def adapt(self, batches, learner=None):
        learner = learner or self.learner
        return learner.adapt(self.start(learner), batches)

    def start(self, learner):
        """theta, with the learner's own rates if these are learned."""
        n = self.learner.policy.size
        theta = learner.init(np.random.default_rng(self.seed))
        return np.concatenate([self.theta[:n], theta[n:]]).astype(theta.dtype)

    def update(self, learner=None, theta=None, history=None, data=None):
        """theta, state and row after one update."""
        return (learner or self.learner).update(
            self.theta if theta is None else theta, None,
            self.history if history is None else history,
            self.data if data is None else data, 0.0)

    def meta_gradient(self, theta, history=None, data=None):
        if not hasattr(self.learner, "meta_gradient"):
            raise DoesNotApply("the learner has no meta_gradient")
        return self.learner.meta_gradient(
            theta, self.history if history is None else history,
            self.data if data is None else data)


def ragged(data):
    """The data without the last step of every other trial, as if these had ended early;
    data without a mask stay as they are."""
    mask = getattr(data, "mask", None)
    if mask is None or mask.shape[1] < 2:
        return data
    T = mask.shape[1]
    keep = np.arange(T)[:, None] < np.where(np.arange(mask.shape[2]) % 2, T - 1, T)
    cut = {name: getattr(data, name) * keep
           for name in ("reward", "log_prob", "value", "mask")}
    end = data.end & keep
    end[:, T - 2] |= data.mask[:, T - 2].astype(bool) & ~keep[T - 1]
    return replace(data, end=end, **cut)


def littered(data):
    """The data with other inputs and actions after the ends of trials."""
    mask = np.asarray(data.mask, bool)

    def other(a):
        where = mask.reshape(mask.shape + (1,) * (a.ndim - 3))
        return np.where(where, a, np.roll(a, 1, 2))

    return replace(data, x=other(data.x), action=other(data.action))
