"""What a trained agent does in some tasks, episode by episode, as pictures show it.

Letters: K tasks, T steps of the longest episode, n inputs.
"""
import numpy as np

from ..rl import rollout
from ..trace import adapt
from ..trace.agent import adapts_between_trials


def lived(run, tasks, seed=0):
    """{title: (obs [K, T, n], action [K, T] or [K, T, m])}, NaN after the end of an
    episode: the episodes of one trial if the learner is recurrent, else an episode
    before adaptation and one after it."""
    learner, rng = run.learner, np.random.default_rng(seed)
    policy, theta = learner.policy, run.theta[:learner.policy.size]
    if adapts_between_trials(learner):
        phi = adapt(run, tasks, seed=seed)[:, :policy.size]
        return {title: of_episode(rollout(policy, each, tasks, trials=1, episodes=1,
                                          rng=rng), 0, tasks.family)
                for title, each in (("before adaptation", theta), ("after it", phi))}
    n = learner.episodes
    data = rollout(policy, theta, tasks, trials=1, episodes=n, rng=rng)
    return {f"episode {e + 1}" if n > 1 else "": of_episode(data, e, tasks.family)
            for e in range(n)}


def of_episode(data, e, family):
    """obs and action of an episode of the first trials. The input of a policy with a
    memory begins with the observation."""
    which = np.cumsum(data.end, 1) - data.end
    is_in = (which == e)[..., 0]
    order = np.argsort(~is_in, 1, kind="stable")[:, :is_in.sum(1).max()]
    rows = np.arange(len(order))[:, None]
    is_in = is_in[rows, order]
    obs, action = (np.array(array[rows, order, 0], float)
                   for array in (data.x[..., :family.obs_size], data.action))
    obs[~is_in], action[~is_in] = np.nan, np.nan
    return obs, action


def cells(family, obs):
    """The number of the cell that GridNavigation shows, [K, T]."""
    size, is_over = family.size, np.isnan(obs[..., 0])
    if family.sees == "cell":
        number = obs.argmax(-1)
    else:
        number = obs.reshape(obs.shape[:-1] + (2, size)).argmax(-1) @ [size, 1]
    return np.where(is_over, np.nan, number)


def joints(tasks, obs):
    """Where the elbow and the hand of PlanarArm's arms are, [K, T, 2, 2]."""
    angles = np.arctan2(obs[..., 2:4], obs[..., :2])
    return np.stack([tasks.elbow(angles), tasks.hand(angles)], 2)
