"""`rollout` plays a policy on K tasks and keeps all that happened as arrays.

K tasks times B trials run side by side. A trial is a run of episodes of one task: when
an episode ends, by `done` or by the horizon, the next one begins in the same trial, and
the policy keeps its memory. The memory begins anew with each trial only.

Trials may differ in length, since episodes may end early. A trial that is over waits
for the others: its steps are padding, where mask, reward, log_prob and value are 0.

No task is stepped after `done` or past its horizon. A family steps whole arrays [K, B],
so a trial that is over cannot be left out. It is put back to its first state at every
step, since a first state may always be stepped, and the result is thrown away.
When some trials begin a new episode, tasks.reset makes fresh states for all [K, B], and
only those trials take theirs; when none does, tasks.reset is not called.

Letters: K tasks, T steps, B episodes (or trials) side by side, n inputs.
"""
from dataclasses import dataclass, fields, replace

import numpy as np

from .. import require
from ..policy import Categorical, Gaussian
from ..tasks import Box, Discrete
from ..tasks.family import action_space

HEADS = {Discrete: Categorical, Box: Gaussian}  # the head that gives such actions


class Batch:
    """A dataclass of arrays [K, ...]; a field that is not known is None."""

    def __getitem__(self, index):
        """data[i:j]: what happened in some of the tasks."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: array[index] for name, array in arrays.items()
                                if array is not None})

    def __iter__(self):
        raise TypeError(f"a {type(self).__name__} is one batch; where a list of "
                        f"batches is meant, write [data]")


@dataclass(frozen=True)
class Rollout(Batch):
    """All that happened. x is exactly what the policy acted on, so that its outputs
    can be computed again."""

    x: np.ndarray         # [K, T, B, n]  the policy's input
    action: np.ndarray    # [K, T, B] or [K, T, B, n]
    reward: np.ndarray    # [K, T, B]
    log_prob: np.ndarray  # [K, T, B]  of the action, nats
    value: np.ndarray     # [K, T, B]  the policy's own estimate, 0 if it makes none
    end: np.ndarray       # [K, T, B]  True at an episode's last step
    mask: np.ndarray      # [K, T, B]  True where a step was taken, False where padded

    def episode_returns(self, episodes):
        """Undiscounted return of each episode of the trials: [K, episodes, B]."""
        which = np.cumsum(self.end, 1) - self.end
        return np.stack(
            [(self.reward * (which == e)).sum(1) for e in range(episodes)], 1)

    def __post_init__(self):
        object.__setattr__(self, "mask", require.mask("mask", self.mask))


def rollout(policy, theta, tasks, *, trials, episodes, rng):
    """Runs `trials` trials of `episodes` episodes on each task, side by side.

    policy   begin, see, act: an MLPPolicy, a RecurrentPolicy, a classical agent
    theta    [P], the same for all tasks, or [K, P], one for each; None if there is none
    tasks    K tasks of one family

    Returns a Rollout with leading axes [K, T, B = trials], its numbers in the dtype of
    theta.
    Raises NotFinite if the family shows or pays NaN or inf.
    """
    require_fit(policy, tasks)
    rng, family = require.generator("rng", rng), tasks.family
    K, B = shape = len(tasks), require.count("trials", trials)
    episodes, lead, dtype = require.count("episodes", episodes), (), np.dtype(float)
    if theta is not None:
        lead, dtype = require_theta(policy, theta, K)
    horizon = family.horizon

    state, obs = first = tasks.reset(B, rng)
    memory, last = policy.begin(theta, K * B if lead == () else B), None
    clock, left, steps = np.zeros(shape, int), np.full(shape, episodes), []
    alive = np.ones(shape, bool)
    with np.errstate(under="ignore"):  # what is too small for the dtype is 0
        for t in range(episodes * horizon):
            obs = promised(family, "obs", obs, shape + (family.obs_size,), t, dtype)
            x = policy.see(obs, last, dtype)
            rows = x.reshape(lead + (-1, x.shape[-1]))
            act, memory = policy.act(theta, memory, rows, rng)
            x = x if act.x is None else act.x.reshape(x.shape)
            action = act.action.reshape(shape + act.action.shape[len(lead) + 1:])
            state, obs, reward, done = tasks.step(state, action, rng)
            reward = promised(family, "reward", reward, shape, t, dtype).astype(dtype)
            clock = clock + 1
            end = alive & (truths(family, done, shape) | (clock == horizon))
            steps.append((x, action, reward, act.log_prob.reshape(shape),
                          act.value.reshape(shape), end, alive))
            last = action, reward, end
            if alive.all() and not end.any():
                continue
            left = left - end
            alive = left > 0
            if not alive.any():
                break
            clock = np.where(end, 0, clock)
            state, obs = next_states(tasks, first, (state, obs), end, alive, rng)
        x, action, *numbers, end, mask = (together(c, dtype) for c in zip(*steps))
    numbers = (np.where(mask, number, 0) for number in numbers)  # reward, log_prob, ..
    return Rollout(x, action, *numbers, end, mask)


def next_states(tasks, first, here, end, alive, rng):
    """The (state, obs) to step from: of a new episode where one has ended, and those of
    `first` where none is left to play. Tasks that are costly to reset may have
    reset_some(state, begins, rng), which resets only the rows that begin."""
    begins = end & alive
    if begins.any():
        fresh = (tasks.reset_some(here[0], begins, rng) if hasattr(tasks, "reset_some")
                 else tasks.reset(end.shape[1], rng))
        here = chosen(begins, fresh, here)
    return chosen(~alive, first, here)


def chosen(where, these, those):
    """Arrays of `these` where `where` [K, B] is True, of `those` elsewhere."""
    return tuple(
        np.where(where.reshape(where.shape + (1,) * (np.ndim(this) - 2)), this, that)
        for this, that in zip(these, those))


def together(column, dtype):
    """T arrays [K, B, ...] -> [K, T, B, ...], time first in memory: a step is
    contiguous. Floating numbers get the dtype."""
    array = np.stack(column)
    if array.dtype.kind == "f":
        array = array.astype(dtype, copy=False)
    return np.moveaxis(array, 0, 1)


# ---- what a policy, theta and a family must be

def require_fit(policy, tasks):
    """A policy's head must give the actions that the tasks take. An agent without a
    head is not checked."""
    if not hasattr(tasks, "step"):
        raise TypeError(f"tasks must have reset and step, as those of BernoulliBandit "
                        f"have, got {type(tasks).__name__}")
    if not hasattr(policy, "act"):
        raise TypeError(
            f"policy must be a policy, such as MLPPolicy(..), got {policy!r}")
    space, given = action_space(tasks.family), getattr(policy, "head", None)
    head = next(head for kind, head in HEADS.items() if isinstance(space, kind))
    fits = isinstance(given, head) and given.n == space.n
    if isinstance(given, tuple(HEADS.values())) and not fits:
        raise ValueError(f"policy must have the head {head(space.n)} for "
                         f"{tasks.family}, got {given}")


def require_theta(policy, theta, K):
    """theta must be [P] or [K, P] -> its leading axes and its dtype."""
    if hasattr(policy, "layout"):
        require.parameters(policy.layout, theta)
    if theta.shape[:-1] not in ((), (K,)):
        raise ValueError(f"theta must be [P] or [{K}, P], got {list(theta.shape)}")
    return theta.shape[:-1], theta.dtype


def promised(family, name, array, shape, t, dtype):
    """An array of a family at step t must have the promised shape, and be finite in
    theta's dtype."""
    array = require_shape(family, name, array, shape)
    most = np.finfo(dtype).max
    is_bad = ~(np.abs(array) <= most)
    if is_bad.any():
        index = tuple(int(i) for i in np.argwhere(is_bad)[0])
        raise require.NotFinite(
            f"{name} must be finite, got {array[index]} at index {index} of step {t} "
            f"of {family}; numbers of {dtype} are at most {most:.2g}")
    return array


def truths(family, done, shape):
    """done of a family must hold True or False."""
    done = require_shape(family, "done", done, shape)
    if done.dtype != bool:
        raise TypeError(f"done of {family} must hold True or False, got dtype "
                        f"{done.dtype}; use done.astype(bool)")
    return done


def require_shape(family, name, array, shape):
    """An array of a family must have the promised shape."""
    array = np.asarray(array)
    if array.shape != shape:
        raise ValueError(f"{name} of {family} must have shape {list(shape)}, got "
                         f"{list(array.shape)}")
    return array
