"""Puts a trained agent into a loop of your own, which steps one world at a time.

    phi = adapt(run, my_tasks)          parameters adapted to some tasks
    agent = run.agent(my_task)          an agent adapted to my_task
    agent.reset()
    action = agent.act(obs, reward, done)

`run` is a Result of meta_train, or what load(run_dir) gives. A gradient learner adapts
by its steps, and the agent then acts with phi. A recurrent learner adapts while it
acts: run.agent() begins with an empty memory, and run.agent(my_task) with the memory of
one trial of that task.
"""
from dataclasses import replace

import numpy as np

from .. import require

TASKS = "family.sample(1, np.random.default_rng(0))"  # an example, for messages


def adapt(run, tasks, *, rounds=None, seed=0):
    """Lets the learner collect experience in the tasks, and adapt to it.

    rounds  of collecting and adapting; the learner's own number if None, 1 at least
    seed    of the agent's and the tasks' luck

    Returns phi [K, P], or the memory after one trial for a recurrent learner.
    """
    return adapted(run, tasks, rounds, np.random.default_rng(seed))[0]


def adapted(run, tasks, rounds, rng):
    """phi, and the last of the batches that phi is adapted to."""
    learner, theta = run.learner, run.theta
    require.able(tasks, "tasks", TASKS, "family", "__getitem__")
    if rounds is None:
        rounds = max(1, learner.rounds)
    if require.count("rounds", rounds) > 1 and not adapts_between_trials(learner):
        raise ValueError(f"rounds must be 1 for {type(learner).__name__}, which "
                         f"adapts within a trial, got {rounds}")
    phi, history = theta, []
    for _ in range(rounds):
        history.append(learner.collect(phi, tasks, rng))
        phi = learner.adapt(theta, history)
    return phi, history[-1]


def adapts_between_trials(learner):
    """Whether the learner makes phi of the trials so far. A recurrent learner does not:
    it adapts within each trial."""
    return getattr(learner, "adapts_between_trials", learner.rounds > 0)


def agent(run, tasks, rounds, seed):
    """The Agent of a run, adapted to the one task in `tasks`, or to none."""
    learner, rng = run.learner, np.random.default_rng(seed)
    if not hasattr(getattr(learner, "policy", None), "act"):
        raise TypeError(f"an agent needs a learner whose policy acts, got "
                        f"{type(learner).__name__}")
    if tasks is None:
        return Agent(learner.policy, run.theta[:learner.policy.size], run.family, rng)
    require.able(tasks, "tasks", TASKS, "family", "__getitem__")
    if len(tasks) != 1:
        raise ValueError(f"tasks must be one task for an agent, got {len(tasks)}; use "
                         f"tasks[i:i + 1]")
    if adapts_between_trials(learner):
        phi, _ = adapted(run, tasks, rounds, rng)
        return Agent(learner.policy, phi[0, :learner.policy.size], tasks.family, rng)
    one = replace(run, learner=replace(learner, trials=1))
    memory, data = adapted(one, tasks, rounds, rng)
    last = tuple(array[:, -1] for array in (data.action, data.reward, data.end))
    theta = run.theta[:learner.policy.size]
    return Agent(learner.policy, theta, tasks.family, rng, memory, last)


class Agent:
    """Acts in one world. An agent remembers, so it is an object that changes: make one
    for each world.

    policy, theta   choose the actions
    family          translates observations and actions, if it has `encode` and
                    `decode`, as those of from_gymnasium have
    memory, last    of a trial that it has lived through: the policy's memory, and the
                    action, reward and end of the last step
    """

    def __init__(self, policy, theta, family, rng, memory=None, last=None):
        self.policy, self.theta, self.family, self.rng = policy, theta, family, rng
        memory = policy.begin(theta, 1) if memory is None else memory
        self.start = memory, last
        self.reset()

    def reset(self):
        """Begins a trial: forgets all that happened since the agent was made."""
        (self.memory, self.last), self.action = self.start, None

    def act(self, obs, reward=0.0, done=False):
        """The next action.

        obs     the observation now; after an end, the first one of the new episode
        reward  of the step before; ignored at the first step of a trial
        done    whether that step ended an episode, by itself or by the time limit;
                ignored at the first step of a trial

        Returns an action of the family, an int or an array [n].
        """
        if self.action is not None:
            reward, done = require.number("reward", reward), bool(done)
            self.last = (self.action, np.full((1, 1), float(reward)),
                         np.full((1, 1), done))
        x = self.policy.see(self.seen(obs), self.last, self.theta.dtype)
        act, self.memory = self.policy.act(self.theta, self.memory, x[0], self.rng)
        self.action = act.action[None]
        action = act.action[0]
        action = int(action) if action.ndim == 0 else action
        decode = getattr(self.family, "decode", None)
        return action if decode is None else decode(action)

    def seen(self, obs):
        """An observation as [1, 1, n]."""
        encode = getattr(self.family, "encode", None)
        obs = np.asarray(obs if encode is None else encode(obs), float)
        if obs.ndim != 1:
            raise ValueError(f"obs must have shape [n], what one world shows, got "
                             f"{list(obs.shape)}")
        require.finite("obs", obs)
        return obs[None, None]
