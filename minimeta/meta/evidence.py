"""The evidence of a trial: the transitions that a belief has to explain at each step.

    j [K, T, B, S]      the steps of the transitions that are predicted at step t
    N [K, T, B]         the number of steps that they were drawn from

    mean over all N of log p  =  E  1 / S  sum over the S drawn of log p

The draws are strata: number s is uniform in [s / S, (s + 1) / S). So no two of them are
alike, and with S = N each transition is predicted once.

Letters: K tasks, T steps, B trials, S transitions, n numbers.
"""
import numpy as np

PARTS = dict.fromkeys(("obs", "action", "next"))
TELLS = ("reward",), ("reward", "next")


def strata(shape, rng):
    """S draws side by side, shape [.., S]."""
    S = shape[-1]
    return (np.arange(S) + rng.random(shape)) / S


def chosen(known, draws, future):
    """j and N: at each step one of the `known` [K, T, B] for each of its draws [K, T,
    B, S]; with future=True, one that is not before the step."""
    before = np.cumsum(known, 1) - known if future else np.zeros(known.shape, int)
    N = known.sum(1, keepdims=True) - before
    rank = before[..., None] + (draws * N[..., None]).astype(int)
    order = np.argsort(~known, axis=1, kind="stable")  # the known ones come first
    return at(order, np.minimum(rank, known.shape[1] - 1)), N


def at(array, j):
    """array [K, T, B, ..] at the steps j [K, T, B, S]: [K, T, B, S, ..]."""
    K, _, B = array.shape[:3]
    return array[np.arange(K)[:, None, None, None], j, np.arange(B)[:, None]]


def parts_of(policy, data, reward):
    """Name -> what may be seen or told of each transition, [K, T, B, n]. The next
    observation is not known where an episode ends."""
    obs = data.x[..., :policy.obs_size]
    after = np.concatenate([obs[:, 1:], np.zeros_like(obs[:, :1])], 1)
    return {"obs": obs, "action": policy.head.encode(data.action), "next": after,
            "reward": reward[..., None]}


def widths(policy, parts):
    """How many numbers these parts have together."""
    n = {"obs": policy.obs_size, "next": policy.obs_size, "reward": 1,
         "action": policy.head.n_code}
    return sum(n[part] for part in parts)
