"""The most that independent Bernoulli arms can pay, and the policy that earns it.

The arms' p are drawn from U[0, 1] and only pulls tell about them, so all that is known
is how often each arm has succeeded and failed. Arms with equal counts are alike: the
state is the multiset of the arms' counts (s, f). A pull pays m = (s + 1) / (s + f + 2):

    Q(state, arm) = m (1 + V(state, arm succeeded)) + (1 - m) V(state, arm failed)
    V(state)      = max over arms of Q, and 0 after the last pull

The kind of an arm is its counts as one number, 0 for an arm not yet pulled. Each kind
has a random 64-bit mark (0 for kind 0), and the key of a state is the sum of its arms'
marks, which depends neither on the order of the arms nor on arms not pulled. The number
of states is counted beforehand, so a collision of keys cannot go unnoticed.

Letters: R rows, S states of a level (after equally many pulls), A arms that may have
been pulled by then, and one more while there is one.
Source: Duff (2002), Optimal learning, PhD thesis, University of Massachusetts Amherst.
"""
from dataclasses import dataclass, field
from math import comb

import numpy as np

from .. import require
from .gittins import require_counts

MOST = 20_000_000  # (state, arm) pairs, the size of the work


@dataclass(frozen=True, eq=False)
class BayesOptimal:
    """The exact solution of Bernoulli arms, p ~ U[0, 1], for `pulls` pulls in all."""

    arms: int
    pulls: int
    value: float  # expected total reward
    marks: np.ndarray = field(repr=False)  # of kinds of arm, uint64
    keys: np.ndarray = field(repr=False)  # of all states, sorted
    values: np.ndarray = field(repr=False)  # V of each state
    best: np.ndarray = field(repr=False)  # the kind of arm to pull in each state

    def best_arm(self, successes, failures, rng=None):
        """An optimal arm [R] after counts [R, arms]; pulls not counted are yet to come.

        If several arms have the best counts, the first of them; a random one of them if
        an rng is given.
        """
        s, f = self._counts(successes, failures)
        kind = _kind(s, s + f)
        is_best = kind == self.best[self._states(kind)][:, None]
        return (is_best if rng is None else is_best * rng.random(kind.shape)).argmax(-1)

    def gap(self, successes, failures, arm):
        """V - Q of pulling `arm` [R] after counts [R, arms]: what that pull costs, in
        reward, if all later pulls are optimal. [R]"""
        s, f = self._counts(successes, failures)
        hit = np.arange(self.arms) == np.asarray(arm)[:, None]
        m = ((s + 1) / (s + f + 2))[hit]
        Q = m * (1 + self._value(s + hit, f)) + (1 - m) * self._value(s, f + hit)
        return self._value(s, f) - Q

    def shortfall(self, data):
        """The sum of the gaps of all pulls in a Rollout of trials: [K, B], reward.

            E[sum_t V(state_t) - Q(state_t, arm_t)] = V(first state) - E[total reward]

        since V(state_t) is the mean of r_t + V(state_t+1) plus the gap. So the mean of
        the shortfall is what an agent earns less than the optimum, without the noise
        of the rewards: a hundredth of the bandits give the same standard error.
        """
        arm, reward = (np.moveaxis(array, 1, 0) for array in (data.action, data.reward))
        hit = (np.arange(self.arms) == arm[..., None]).reshape(len(arm), -1, self.arms)
        won = (reward.reshape(len(arm), -1, 1) > 0) & hit
        s, n = (np.cumsum(each, 0) - each for each in (won, hit))
        gaps = [self.gap(s[t], n[t] - s[t], arm[t].ravel()) for t in range(len(arm))]
        return np.sum(gaps, 0).reshape(arm.shape[1:])

    def _value(self, s, f):
        """V after counts [R, arms]: [R]; 0 after the last pull."""
        is_open = (s + f).sum(-1) < self.pulls
        V = np.zeros(len(s))
        V[is_open] = self.values[self._states(_kind(s, s + f)[is_open])]
        return V

    def _states(self, kind):
        return np.searchsorted(self.keys, self.marks[kind].sum(-1, dtype=np.uint64))

    def _counts(self, successes, failures):
        s, f = (require_counts("successes", successes),
                require_counts("failures", failures))
        for name, array in (("successes", s), ("failures", f)):
            if array.shape != (len(s) if s.ndim else 0, self.arms):
                raise ValueError(
                    f"{name} must have shape [R, {self.arms}], the same for both, got "
                    f"{list(array.shape)}")
        pulled = (s + f).sum(-1)
        if (pulled >= self.pulls).any():
            raise ValueError(
                f"successes and failures must leave at least one of {self.pulls} "
                f"pulls, got a row with {pulled.max()}")
        return s, f


def bayes_optimal_bandit(arms, pulls):
    """The exact Bayes-optimal expected total reward of Bernoulli arms with p ~ U[0, 1].

    arms   number of arms; more than `pulls` of them are worth no more than `pulls`
    pulls  the horizon; rewards are not discounted

    Returns a BayesOptimal with .value and .best_arm(successes, failures).
    Raises ValueError if there are too many states: beyond 140 pulls for 2 arms, 50 for
    3, 20 for any number.
    """
    arms, pulls = require.count("arms", arms), require.count("pulls", pulls)
    sizes = _level_sizes(arms, pulls)
    n = np.repeat(np.arange(pulls), np.arange(1, pulls + 1))  # pulls of each kind
    m = (np.arange(len(n)) - _kind(0, n) + 1) / (n + 2)
    marks = np.random.default_rng(0).integers(2**64, size=len(n), dtype=np.uint64)
    marks[0] = 0
    levels = _forward(min(arms, pulls), pulls, n, marks)
    values, best = _backward(levels, m)
    keys, where = np.unique(np.concatenate([key for _, key, _ in levels]),
                            return_index=True)
    if len(keys) != sizes.sum():
        raise RuntimeError(f"keys collide: {len(keys)} of {sizes.sum()} states differ")
    return BayesOptimal(arms, pulls, float(values[0]), marks, keys, values[where],
                        best[where])


def _kind(s, n):
    """An arm's counts as one number: kinds go by pulls n, then by successes s."""
    return n * (n + 1) // 2 + s


def _forward(arms, pulls, n, marks):
    """(state [S, A] of kinds, key [S], after [2, S, A]) of each level: `after` is which
    state of the next level follows if the arm succeeds, and if it fails."""
    state, key = np.zeros((1, 1), np.int32), np.zeros(1, np.uint64)
    levels = []
    for _ in range(1, pulls):
        fails = state + n[state].astype(np.int32) + 1
        kind = np.stack([fails + 1, fails])
        keys = (key[:, None] - marks[state] + marks[kind]).ravel()
        keys, first, after = np.unique(keys, return_index=True, return_inverse=True)
        levels.append((state, key, after.reshape(kind.shape).astype(np.int32)))
        _, row, arm = np.unravel_index(first, kind.shape)
        state = state[row]
        state[np.arange(len(row)), arm] = kind.ravel()[first]
        state = np.pad(state, ((0, 0), (0, state.shape[1] < arms)))
        key = keys
    return levels + [(state, key, None)]


def _backward(levels, m):
    """The value of all states, and the kind of arm to pull in them."""
    V, values, best = 0.0, [], []
    for state, _, after in reversed(levels):
        earns = m[state]
        win, lose = (V, V) if after is None else V[after]
        Q = earns * (1 + win) + (1 - earns) * lose
        row, arm = np.arange(len(Q)), Q.argmax(1)
        V = Q[row, arm]
        values.append(V)
        best.append(state[row, arm])
    return np.concatenate(values[::-1]), np.concatenate(best[::-1])


def _level_sizes(arms, pulls):
    """The number of states after 0 .. pulls - 1 pulls. Raises ValueError if there are
    too many of them.

    There are n + 1 kinds with n pulls, so comb(n + k, k) multisets of k such arms.
    """
    slots = min(arms, pulls)
    few = min(slots, 2)  # counts of one or two arms: as many states times arms at least
    least = comb(pulls + 2 * few - 1, 2 * few)
    if least <= MOST:
        sizes = np.zeros((slots + 1, pulls))  # by arms pulled, and pulls
        sizes[0, 0] = 1
        for n in range(1, pulls):
            fewer = sizes.copy()
            for k in range(1, pulls // n + 1):
                sizes[k:, k * n:] += comb(n + k, k) * fewer[:-k, :pulls - k * n]
        sizes = sizes.sum(0)
        least = (sizes * np.minimum(np.arange(1, pulls + 1), slots)).sum()
    if least > MOST:
        raise ValueError(
            f"arms and pulls must give at most {MOST:.0e} states times arms, got at "
            f"least {least:.1e} for {arms} arms and {pulls} pulls; take fewer pulls "
            f"or arms, or the Gittins index, which looks at one arm at a time")
    return sizes.astype(int)
