"""From tasks to arrays: one vectorised rollout for memoryless and recurrent policies.

K tasks times B trials run side by side. A trial is a run of episodes of one task: when
an episode ends, by `done` or by the horizon, the next begins in the same trial and the
policy's memory goes on. It begins anew with each trial only.

Trials may differ in length, since episodes may end early. What follows a trial's last
step is padding: mask is 0 there, and so are reward, log_prob and value.

Letters: K tasks, T steps, B episodes (or trials) side by side, n inputs.
"""
from dataclasses import dataclass, fields

import numpy as np

from .. import require
from ..policy import Categorical, Gaussian
from ..tasks import Box, Discrete

HEADS = {Discrete: Categorical, Box: Gaussian}  # which of them gives such actions


@dataclass(frozen=True)
class Rollout:
    """What happened. x is exactly what the policy was given, so that what it did can be
    computed again."""

    x: np.ndarray         # [K, T, B, n]  the policy's input
    action: np.ndarray    # [K, T, B] or [K, T, B, n]
    reward: np.ndarray    # [K, T, B]
    log_prob: np.ndarray  # [K, T, B]  of the action, nats
    value: np.ndarray     # [K, T, B]  the policy's own estimate, 0 if it makes none
    end: np.ndarray       # [K, T, B]  True at an episode's last step
    mask: np.ndarray      # [K, T, B]  1 where a step was taken, 0 where padded

    def __getitem__(self, index):
        """data[i:j]: what happened in some of the tasks."""
        return Rollout(*(getattr(self, field.name)[index] for field in fields(self)))

    def episode_returns(self, episodes):
        """Undiscounted return of each episode of the trials: [K, episodes, B],
        reward."""
        which = np.cumsum(self.end, 1) - self.end
        return np.stack(
            [(self.reward * (which == e)).sum(1) for e in range(episodes)], 1)


def rollout(policy, theta, tasks, *, trials, episodes, rng):
    """Runs `trials` trials of `episodes` episodes on each task, side by side.

    policy   begin, see, act: an MLPPolicy, an LSTMPolicy, a classical agent
    theta    [P], the same for all tasks, or [K, P], one for each; None if there is none
    tasks    K tasks of one family

    Returns a Rollout with leading axes [K, T, B = trials].
    """
    require_fit(policy, tasks)
    if hasattr(policy, "layout"):
        require.parameters(policy.layout, theta)
    K, B, horizon = len(tasks), require.count("trials", trials), tasks.family.horizon
    T = require.count("episodes", episodes) * horizon
    dtype = np.float64 if theta is None else theta.dtype
    lead = () if theta is None else theta.shape[:-1]
    if lead not in ((), (K,)):
        raise ValueError(f"theta must be [P] or [{K}, P], got {list(theta.shape)}")

    state, obs = tasks.reset(B, rng)
    require_shape(tasks.family, "obs", obs, (K, B, tasks.family.obs_size))
    memory, last = policy.begin(theta, K * B if lead == () else B), None
    clock, left = np.zeros((K, B), int), np.full((K, B), episodes)
    steps = []
    for _ in range(T):
        x = policy.see(obs, last, dtype)
        rows = x.reshape(lead + (-1, x.shape[-1]))
        act, memory = policy.act(theta, memory, rows, rng)
        action = act.action.reshape((K, B) + act.action.shape[len(lead) + 1:])
        state, obs, reward, done = tasks.step(state, action, rng)
        require_shape(tasks.family, "reward", reward, (K, B))
        require_shape(tasks.family, "done", done, (K, B))
        alive, clock = left > 0, clock + 1
        end = alive & (done | (clock == horizon))
        steps.append((x, action, reward * alive, act.log_prob.reshape(K, B) * alive,
                      act.value.reshape(K, B) * alive, end, alive))
        last, left = (action, reward, end), left - end
        if not left.any():
            break
        if end.any():
            state, obs, clock = begin_again(tasks, end, state, obs, clock, rng)
    data = Rollout(*(together(column, dtype) for column in zip(*steps)))
    require.finite("reward", data.reward)
    return data


def require_fit(policy, tasks):
    """A policy must do what the tasks ask. Of an agent without a head nothing is
    required."""
    if not hasattr(tasks, "step"):
        raise TypeError(f"tasks must have reset and step, as those of BernoulliBandit "
                        f"have, got {type(tasks).__name__}")
    if not hasattr(policy, "act"):
        raise TypeError(
            f"policy must be a policy, such as MLPPolicy(..), got {policy!r}")
    space = tasks.family.action
    head = HEADS[type(space)](space.n)
    given = getattr(policy, "head", None)
    if type(given) in HEADS.values() and given != head:
        raise ValueError(
            f"policy must have the head {head} for {tasks.family}, got {given}")


def require_shape(family, name, array, shape):
    """What a family of one's own gives must have the promised shape."""
    if np.shape(array) != shape:
        raise ValueError(f"{name} of {family} must have shape {list(shape)}, got "
                         f"{list(np.shape(array))}")


def begin_again(tasks, end, state, obs, clock, rng):
    """A new episode where `end` [K, B] is true, the old one elsewhere. Tasks that are
    costly to reset may have reset_some(state, end, rng), which resets no others."""
    if hasattr(tasks, "reset_some"):
        return *tasks.reset_some(state, end, rng), np.where(end, 0, clock)
    fresh_state, fresh_obs = tasks.reset(end.shape[1], rng)
    where = end.reshape(end.shape + (1,) * (state.ndim - 2))
    return (np.where(where, fresh_state, state),
            np.where(end[..., None], fresh_obs, obs), np.where(end, 0, clock))


def together(column, dtype):
    """T arrays [K, B, ...] -> [K, T, B, ...], time first in memory: a step is
    contiguous."""
    array = np.stack(column)
    if array.dtype.kind == "f":
        array = array.astype(dtype, copy=False)
    return np.moveaxis(array, 0, 1)
