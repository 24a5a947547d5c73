"""What does the agent believe? VariBAD's learned belief beside the exact posterior.

An agent acts at random in tasks that it does not know, and learns to tell what it would
earn: of each arm of a bandit, and in each cell of a grid. Nobody shows it Bayes' rule.
In these tasks the posterior is known: (s + 1) / (s + f + 2) for an arm that paid s times
and failed f times; and a goal is equally probable in all cells that have not been ruled
out.

    python examples/beliefs.py                     TIME on one core
    python examples/beliefs.py --plot beliefs.png  draws the two beliefs side by side
    python examples/beliefs.py --quick             seconds, to see that it runs

The default run ends with

TABLE
The agent must act at random, and predict what is still to come. A policy that pulls an
arm again only where it paid makes the arms that are pulled late better than those that
are not, and a belief that has to tell the past as well tells it too well.
"""
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the products are small

import argparse

import numpy as np

from minimeta import (BeliefPolicy, Categorical, LinearSchedule, VariBAD, meta_train,
                      print_progress)
from minimeta.tasks import BernoulliBandit, GridNavigation

ARMS, PULLS = 5, 10
SIZE, HORIZON, EPISODES = 4, 20, 2
AT_RANDOM = 10.0        # entropy bonus: so large that reward moves nothing
RATE = 6e-3             # of Adam, decaying to 0
KL = 1e-3               # weight of the KL: exact beliefs differ little from step to step
TEST_TASKS = 2000


def watch(family, iterations, seed, hidden, n_latent, **options):
    """Trains an agent that acts at random and learns what to believe. Returns the
    learner and its theta."""
    policy = BeliefPolicy(family.obs_size, Categorical(family.action.n), hidden,
                          n_latent=n_latent)
    learner = VariBAD(policy, episodes=family.episodes, entropy_weight=AT_RANDOM,
                      rate=LinearSchedule(RATE), future=True, kl_weight=KL, **options)
    result = meta_train(learner, family, iterations=iterations, tasks=TASKS, seed=seed,
                        callback=print_progress(iterations))
    return learner, result.theta


def bandit_posterior(data):
    """The exact probability that an arm pays, before each pull: [K, T, arms]."""
    pulled = np.eye(ARMS)[data.action[..., 0]]
    tried, paid = (a.cumsum(1) - a for a in (pulled, pulled * data.reward))
    return (paid + 1) / (tried + 2)


def grid_posterior(data, cells, tasks):
    """The exact probability that a cell pays, before each step [K, T, cells]; and
    whether the goal was found by then [K, T]. cells [K, T] are those entered."""
    room = tasks.family
    may_be = np.zeros((len(tasks), room.size ** 2))
    may_be[:, np.array(room.goal_cells) @ [room.size, 1]] = 1
    steps = []
    for cell, reward in zip(cells.T, data.reward[..., 0].T):
        is_found = may_be.sum(-1) == 1
        steps.append((may_be / may_be.sum(-1, keepdims=True), is_found))
        here = np.eye(room.size ** 2)[cell]
        may_be = np.where(reward[:, None] > 0, here, may_be * (1 - here))
    return (np.stack(each, 1) for each in zip(*steps))
