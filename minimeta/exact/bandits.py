"""The Bayes-optimal value of a Bernoulli bandit, exactly, and the policy that earns it.

Arms pay 1 with an unknown probability, uniform on [0, 1], independent. What is known of an arm
is its type, the counts of its successes s and failures f; its next pull pays with probability
p = (s + 1) / (s + f + 2). With n pulls left, over the state of all arms,

    V_0(state) = 0
    V_n(state) = max over arms of  p (1 + V_{n-1}(one more success))
                                   + (1 - p) V_{n-1}(one more failure)

Arms of one type are alike, so a state is a multiset of types; and n pulls touch at most n arms,
so it has min(arms, pulls) slots. A state is found by its key: the sum (modulo 2^64) of one fixed
random number for each of its types, 0 for an untouched arm. A sum knows no order and no
untouched arms, and a pull changes one term of it. That no two states share a key is checked:
the number of keys must be the number of multisets, counted exactly.

Letters: R rows, S states after t pulls; `slots` as above.
Source: Bellman (1956), A problem in the sequential design of experiments.
"""
from dataclasses import dataclass
from math import comb

import numpy as np

from ..calculus import boundary

LARGEST = 20_000_000  # states in all that are worth building: about 1 GB


def type_of(successes, failures):
    """The number of a type: by pulls s + f, then by s. Untouched is 0."""
    n = successes + failures
    return n * (n + 1) // 2 + successes


def types(pulls):
    """The counts s and f of all types of at most `pulls` pulls, in order of their numbers."""
    n = np.repeat(np.arange(pulls + 1), np.arange(1, pulls + 2))
    successes = np.arange(len(n)) - n * (n + 1) // 2
    return successes, n - successes


def count_states(slots, pulls):
    """How many multisets of at most `slots` touched types there are after 0 .. pulls pulls.

    ways[m, t] counts those of m touched arms. n + 1 types have n pulls, and j arms of these
    types can be chosen in comb(n + j, j) ways.
    """
    ways = np.zeros((slots + 1, pulls + 1))
    ways[0, 0] = 1
    for n in range(1, pulls + 1):
        before = ways.copy()
        for j in range(1, min(slots, pulls // n) + 1):
            ways[j:, j * n:] += comb(n + j, j) * before[:slots + 1 - j, :pulls + 1 - j * n]
    return ways.sum(0)


@dataclass(frozen=True)
class BayesOptimal:
    """The solution.

    value   expected total reward of the best policy, from the first pull on
    levels  for each number of pulls made: the sorted keys of the states [S], and the type
            that is pulled in each [S]
    names   the random number of each type
    """

    arms: int
    pulls: int
    value: float
    levels: tuple
    names: np.ndarray

    def best_arm(self, successes, failures):
        """An optimal arm for each row of counts [R, arms], after `successes + failures`
        pulls of `pulls`: [R] integers. Of equal arms, the first."""
        if successes.shape != failures.shape or successes.shape[1:] != (self.arms,):
            raise ValueError(f"successes and failures must be [R, {self.arms}], got "
                             f"{list(successes.shape)} and {list(failures.shape)}")
        made = (successes + failures).sum(-1)
        if made.size and made.max() >= self.pulls:
            raise ValueError(f"counts must sum to fewer than {self.pulls} pulls, got "
                             f"{made.max()}")
        of_arms = type_of(successes, failures)
        keys, best = self.names[of_arms].sum(-1), np.empty(len(made), int)
        for t in np.unique(made):
            level_keys, level_best = self.levels[t]
            best[made == t] = level_best[np.searchsorted(level_keys, keys[made == t])]
        return (of_arms == best[:, None]).argmax(-1)


def bayes_optimal_bandit(arms, pulls):
    """The exact expected total reward of the best policy, and the policy.

    arms    number of arms, success probabilities uniform on [0, 1] and independent
    pulls   of the trial, undiscounted

    Returns a BayesOptimal, with `value` and `best_arm`.
    Raises ValueError if there are too many states; fewer arms or pulls have fewer.
    """
    slots = min(boundary.count("arms", arms), boundary.count("pulls", pulls))
    counts = count_states(slots, pulls)
    if counts.sum() > LARGEST:
        raise ValueError(
            f"arms={arms} and pulls={pulls} have {counts.sum():.3g} states, too many for exact "
            f"dynamic programming (at most {LARGEST:.0e}); take fewer arms or pulls")
    names = np.random.default_rng(0).integers(2**64, size=len(types(pulls)[0]), dtype=np.uint64)
    names[0] = 0
    states, keys = build(slots, pulls, names, counts)
    value, levels = solve(pulls, names, states, keys)
    return BayesOptimal(arms, pulls, value, levels, names)


def successors(names, state, key, pulls):
    """The types [S, slots] and keys [S, slots] after a success, and after a failure, of each
    slot: one more pull moves a type n + 1 numbers on, a success one more."""
    n = sum(types(pulls))[state]
    for gained in (1, 0):
        after = state + n + 1 + gained
        yield after, key[:, None] - names[state] + names[after]


def build(slots, pulls, names, counts):
    """The states [S, slots] of each level, sorted by their keys [S]."""
    states, keys = [np.zeros((1, slots), np.int32)], [np.zeros(1, np.uint64)]
    for t in range(pulls - 1):
        state, rows = states[-1], np.arange(len(states[-1]))[:, None]
        after, key = (np.stack(x) for x in zip(
            *successors(names, state, keys[-1], pulls)))
        found, where = np.unique(key, return_index=True)
        if len(found) != counts[t + 1]:
            raise ArithmeticError(f"{counts[t + 1]:.0f} states share {len(found)} keys")
        _, row, slot = np.unravel_index(where, key.shape)
        state = state[rows[row, 0]]
        state[np.arange(len(state)), slot] = after.ravel()[where]
        states.append(state)
        keys.append(found)
    return states, keys


def solve(pulls, names, states, keys):
    """V and the best type of each state, from the last level back."""
    successes, failures = types(pulls)
    p_of = (successes + 1) / (successes + failures + 2)
    V, levels = np.zeros(1), []
    for t in reversed(range(pulls)):
        p = p_of[states[t]]
        if t == pulls - 1:
            Q = p
        else:
            won, lost = (V[np.searchsorted(keys[t + 1], key)] for _, key in
                         successors(names, states[t], keys[t], pulls))
            Q = p * (1 + won) + (1 - p) * lost
        best = Q.argmax(-1)[:, None]
        V = np.take_along_axis(Q, best, -1)[:, 0]
        levels.append((keys[t], np.take_along_axis(states[t], best, -1)[:, 0]))
    return float(V[0]), tuple(reversed(levels))
