"""Each kind of work, written with minimeta. See rows.py for the data.

`threads` is how many threads a run may use. Where minimeta can share its tasks among
workers, so many threads do, and each has one BLAS thread; elsewhere BLAS has so many.
"""
from concurrent.futures import ThreadPoolExecutor
from inspect import signature

import numpy as np

from minimeta import (LSTM, MAML, RL2, Categorical, Gaussian, MLPPolicy, Objective,
                      RecurrentPolicy, TrustRegion, losses, meta_train)
from minimeta.meta import Workers
from minimeta.rl import Rollout, rollout
from minimeta.tasks import BernoulliBandit

from . import formulas, machine

WIDE = 128    # cells of a memory whose trials are worth sharing


def workers(function, threads):
    """The keyword by which `function` shares its work among threads, if it has one."""
    pool = ThreadPoolExecutor(threads)
    keywords = {"executor": pool, "map": pool.map}
    offered = [name for name in keywords if name in signature(function).parameters]
    is_shared = threads > 1 and offered != []
    machine.set_blas_threads(1 if is_shared else threads)
    return {offered[0]: keywords[offered[0]]} if is_shared else {}


def flat(blocks):
    """theta, of blocks in the order of the layout."""
    return np.concatenate([np.ravel(block) for block in blocks])


# ---- the LSTM: blocks are W, U, b, h0, c0, Wy, by

def network(blocks):
    (n_in, _), (H, n_out) = blocks[0].shape, blocks[5].shape
    return LSTM(n_in, H, n_out), flat(blocks)


def lstm_gradient(blocks, x, y_bar, threads=1):
    net, theta = network(blocks)
    machine.set_blas_threads(threads)
    return lambda: net.vjp(theta, net.forward(theta, x)[1], y_bar)[1]


def lstm_hvp(blocks, x, targets, v, threads=1):
    """The Hessian of the mean squared error, times v."""
    net, theta = network(blocks)
    w = np.full(x.shape[:2], 1 / x[..., 0].size, x.dtype)
    objective = Objective(net, x, losses.SquaredError(targets, w))
    machine.set_blas_threads(threads)
    return lambda: objective.at(theta).hvp(flat(v))


# ---- RL^2

def rl2_learner(arms, pulls, H, options):
    family = BernoulliBandit(arms, pulls)
    policy = RecurrentPolicy(family.obs_size, Categorical(arms), H)
    return family, RL2(policy, **options)


def rl2(arms, pulls, H, bandits, iterations, options, threads=1):
    """Some iterations of meta-training, from theta at random."""
    family, learner = rl2_learner(arms, pulls, H, options)
    shared = workers(meta_train, threads)
    if shared and H >= WIDE:    # so few iterations leave no time to find out what is best
        shared = {"executor": Workers(**shared, always=True), "shards": threads}
    return lambda: meta_train(learner, family, iterations=iterations, tasks=bandits,
                              **shared)


def rl2_update(arms, pulls, H, options, blocks, x, action, reward, log_prob, value):
    """How one update on given trials [T, B] changes theta."""
    _, learner = rl2_learner(arms, pulls, H, options)
    trials = [np.moveaxis(a, 1, 0)[:, :, None]                   # [T, B] -> [B, T, 1]
              for a in (x, action, reward, log_prob, value)]
    end = np.zeros(trials[2].shape, bool)
    end[:, -1] = True
    data = Rollout(*trials, end, np.ones_like(end))
    theta = flat(blocks)
    return lambda: learner.update(theta, None, [], data, 0.0)[0] - theta


# ---- MAML: before and after are x [K, R, n], a [K, R, m], A [K, R], l_old [K, R]

def maml_learner(blocks, before, after, **options):
    """The learner, theta and both batches: R episodes of one step for each task."""
    (n, H), m = blocks[0].shape, len(blocks[-1])
    policy = MLPPolicy(n, Gaussian(m), (H, H))
    learner = MAML(policy, alpha=formulas.ALPHA, gamma=0.0, baseline="none",
                   normalise=False, trials=before[0].shape[1], **options)
    return learner, flat(blocks), *(batch(*arrays) for arrays in (before, after))


def batch(x, a, A, l_old):
    x, a, A, l_old = (array[:, None] for array in (x, a, A, l_old))
    ones = np.ones(A.shape, bool)
    return Rollout(x, a, A, l_old, np.zeros_like(A), ones, ones)


def maml(blocks, before, after, threads=1):
    learner, theta, before, after = maml_learner(blocks, before, after)
    shared = workers(learner.meta_gradient, threads)
    return lambda: learner.meta_gradient(theta, [before], after, **shared)[1]


def trust_region(blocks, before, after, threads=1):
    """The step of theta."""
    region = TrustRegion(formulas.MAX_KL, formulas.PRODUCTS, formulas.DAMPING,
                         formulas.SHRINK, formulas.TRIES)
    learner, theta, before, after = maml_learner(blocks, before, after,
                                                 optimizer=region)
    shared = workers(learner.update, threads)
    return lambda: learner.update(
        theta, None, [before], after, 0.0, **shared)[0] - theta


# ---- acting

def acting(family, tasks, trials, policy, theta, rng, threads=1):
    """One episode of each trial."""
    machine.set_blas_threads(threads)
    return lambda: rollout(policy, theta, tasks, trials=trials, episodes=1, rng=rng)


def stepping(family, tasks, trials, actions, threads=1):
    """The rewards [T, K, B] of given actions [T, K, B, ..]."""
    rng = np.random.default_rng(0)

    def run():
        (state, _), rewards = tasks.reset(trials, rng), []
        for action in actions:
            state, _, reward, _ = tasks.step(state, action, rng)
            rewards.append(reward)
        return np.stack(rewards)
    return run
