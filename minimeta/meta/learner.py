"""The loop of meta-training, written once for all learners.

    for each iteration:
        tasks = family.sample(K)
        D   = collect(phi, tasks)              1 collect, phi = theta at first
        phi = adapt(theta, D ..)               2 adapt; 1 and 2 for `rounds` rounds
        D2  = collect(phi, tasks)              3 collect with the adapted policy
        theta = update(theta, D .., D2)        4 meta-train

A learner is a frozen dataclass of a policy and of hyper-parameters:

    learner.rounds                             of adaptation, before the last collection
    learner.init(rng) -> theta                 [P]
    learner.collect(theta, tasks, rng) -> D    a batch of experience
    learner.adapt(theta, Ds) -> phi            adapted to all batches so far
    learner.update(theta, state, Ds, D2, progress) -> theta, state, row
                                               state: None at first; row: numbers

A recurrent learner adapts its hidden state inside the trial, so it has 0 rounds.

adapt and update may also take `map` and `shards`. Then they map what is independent,
cut into `shards` slices of the tasks at least, and work on all cores and machines that
there are (workers.py, slices.py).
"""
from functools import partial

import numpy as np

from .. import require
from ..trace import (Callbacks, Folder, Keeper, Lock, NonFiniteError, Result,
                     Training)
from .slices import Collector, pieces
from .workers import as_map, sharing

PURPOSES = ("init", "tasks", "collect", "evaluate")


def stream(seed, iteration, purpose, *shard):
    """The random stream of one purpose in one iteration, and of one shard of the tasks
    if there are several: a function of the keys alone."""
    key = (iteration, PURPOSES.index(purpose), *shard)
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    return np.random.Generator(np.random.PCG64(sequence))


def require_finite(layout, **quantities):
    """Raises NonFiniteError if a number or a vector [..., P] is not finite; of a
    vector, the error names the worst block of theta."""
    for name, quantity in quantities.items():
        is_bad = ~np.isfinite(quantity)
        if is_bad.any():
            where = worst_block(layout, is_bad) if is_bad.ndim else ""
            raise NonFiniteError(f"{name} is not finite{where}; smaller rates, or "
                                 f"rewards of a smaller scale, may help")


def worst_block(layout, is_bad):
    """The block with the largest share of bad numbers, and the first of these."""
    bad = is_bad.reshape(-1, layout.size).any(0)
    blocks = np.split(bad, layout.offsets[1:-1])
    worst = np.argmax([block.sum() / max(block.size, 1) for block in blocks])
    first = layout.offsets[worst] + np.argmax(blocks[worst])
    return (f" at {layout.name(first)} ({blocks[worst].sum()} of the "
            f"{blocks[worst].size} there)")


def meta_train(learner, family, *, iterations, tasks, seed=0, theta=None,
               executor=None, shards=1, run_dir=None, resume=False, callback=None,
               progress=None):
    """Meta-trains the learner on tasks of the family.

    iterations  number of updates of theta, those of a resumed training included
    tasks       K, the size of the meta-batch
    seed        of all randomness: one machine gives the same theta for the same seed
    theta       [P], where to begin: the optimizer is new, and the tasks are those of
                iteration 0. None for random
    executor    works on what is independent, where that is quicker: any
                concurrent.futures.Executor, such as ThreadPoolExecutor(2). It changes
                no bit of the result. None: this thread does all
    shards      slices of the meta-batch that are collected apart, each with a random
                stream of its own; RL2's loss is cut alike. The result depends on this
                number
    run_dir     folder that keeps the training: options, log and checkpoints (see
                trace/folder.py)
    resume      True: go on with the training in run_dir; or a Result to go on with
    callback    called after each iteration as callback(iteration, row, theta)
    progress    True: a line tells how the training goes; False: silence; None: a line
                on a terminal and in a notebook, if there is no callback

    A resumed training goes on with the same tasks, optimizer and log as if it had never
    stopped, to the bit. `iterations` may be larger than before: a schedule then goes by
    the new number, from the next iteration on.

    Returns a Result. Ctrl-C ends training and returns what was learned so far.
    Raises NonFiniteError as soon as a number is not finite, in a rollout, a loss, a
    gradient, an update or the log. Whatever is raised during training has `result`, the
    Result before the iteration that failed.
    """
    require.able(learner, "learner", "MAML(..)", "collect", "update")
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    iterations = require.count("iterations", iterations)
    K, seed = require.count("tasks", tasks), require.count("seed", seed, 0)
    shards, share = require.count("shards", shards), as_map(executor)
    kept = begin(run_dir, resume, dict(learner=learner, family=family, tasks=K,
                                       shards=shards, seed=seed, iterations=iterations,
                                       theta=theta))
    adapt, update = (sharing(learner, verb, map=share, shards=shards)
                     for verb in ("adapt", "update"))
    told = Callbacks(progress, callback, iterations)
    with kept, told, np.errstate(under="ignore"):  # probabilities may vanish
        for iteration in range(len(kept.training.log), iterations):
            theta, state, _ = kept.training
            batch = family.sample(K, stream(seed, iteration, "tasks"))
            collect = Collector(learner, theta, share, *pieces(
                batch, shards, partial(stream, seed, iteration, "collect")))
            phi, history = theta, []
            for _ in range(learner.rounds):
                history.append(collect(phi))                          # 1 collect
                kept.lap("collect")
                phi = adapt(theta, history)                           # 2 adapt
                kept.lap("adapt")
            last = collect(phi)                                       # 3 collect again
            kept.lap("collect")
            theta, state, row = update(                               # 4 meta-train
                theta, state, history, last, iteration / iterations)
            kept.lap("update")
            kept.keep(theta, state,
                      counted(kept.training.log, row, [*history, last]))
            told(iteration, kept.training.log[-1], theta)
    return kept.result


def begin(run_dir, resume, options):
    """The Keeper of a training that begins anew, or goes on from an earlier one."""
    learner, family, theta = (options[name] for name in ("learner", "family", "theta"))
    start = learner.init(stream(options["seed"], 0, "init"))
    first = start if theta is None else fitting(theta, start)
    folder = None if run_dir is None else Folder.at(run_dir)
    lock = Lock(folder and folder.path)
    try:
        theta, state, log = earlier(folder, resume, options, lock) or (first, None, ())
        if len(log) > options["iterations"]:
            raise ValueError(f"iterations must be at least the {len(log)} that are "
                             f"done, got {options['iterations']}")
        if folder is not None:
            folder.begin(options, len(log))
        return Keeper(Training(fitting(theta, start), state, log), learner, family,
                      folder, lock)
    except BaseException:
        lock.release()
        raise


def earlier(folder, resume, options, lock):
    """theta, state and log of the training to go on with; None if there is none. Takes
    the lock of the folder."""
    if isinstance(resume, Result):
        if folder is not None or options["theta"] is not None:
            raise ValueError("resume must be True where there is a run_dir, and takes "
                             "no theta, got a Result; leave run_dir and theta out")
        return resume.theta, resume.state, resume.log
    if require.truth("resume", resume):
        if folder is None:
            raise ValueError("resume=True needs the run_dir of a training, got None")
        folder.require_same(options)
        lock.take()
        return folder.load()
    if folder is not None:
        folder.make()
        lock.take()  # first, or another one may begin meanwhile
        folder.require_new()
    return None


def counted(log, row, batches):
    """The row of an iteration with two more numbers: `steps` of the environments since
    the training began, and the `entropy` of the last batch, which is minus the mean
    log-probability of an action, nats."""
    tried = [getattr(batch, "tried", batch) for batch in batches]
    steps = sum(int(batch.mask.sum()) for batch in tried if hasattr(batch, "mask"))
    if steps:
        row = {"steps": steps + (log[-1].get("steps", 0) if log else 0)} | row
    if hasattr(batches[-1], "log_prob"):
        total = float(batches[-1].log_prob.sum(dtype=float))
        row = row | {"entropy": -total / int(batches[-1].mask.sum())}
    require_finite(None, **{name: value for name, value in row.items()
                            if not isinstance(value, str)})
    return row


def fitting(theta, start):
    """theta in the dtype of a random start, if it fits."""
    if np.shape(theta) != start.shape:
        raise ValueError(f"theta must have shape {list(start.shape)}, as learner.init "
                         f"gives it, got {list(np.shape(theta))}")
    require.floating("theta", theta)
    if np.iscomplexobj(theta):
        raise TypeError("theta must be real, got complex numbers")
    require.finite("theta", theta)
    return theta.astype(start.dtype)
