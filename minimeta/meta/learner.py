"""The lecture's loop, once, for every learner.

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

What a recurrent learner adapts is its hidden state, inside the trial: it has 0 rounds.
"""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import require

PURPOSES = ("init", "tasks", "collect", "evaluate")


def stream(seed, iteration, purpose):
    """The random stream of one purpose in one iteration, a function of the keys
    alone."""
    key = (iteration, PURPOSES.index(purpose))
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    return np.random.Generator(np.random.PCG64(sequence))


class Training(NamedTuple):
    """All that training carries from one iteration to the next."""

    theta: np.ndarray
    state: object  # the optimizer's, and whatever else the learner keeps
    log: tuple     # one dict of numbers for each iteration so far


@dataclass(frozen=True)
class Result:
    """What training leaves.

    theta        [P]
    log          a dict of numbers for each iteration
    interrupted  True if Ctrl-C stopped the training; theta and log are whole even so
    """

    theta: np.ndarray
    log: tuple
    interrupted: bool = False


class NonFiniteError(ArithmeticError):
    """Training met NaN or inf. From meta_train, `result` holds what was learned
    before."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


def require_finite(layout, **quantities):
    """Numbers, and vectors [..., P] along theta, must be finite; names the worst
    block."""
    for name, quantity in quantities.items():
        is_bad = ~np.isfinite(quantity)
        if is_bad.any():
            where = worst_block(layout, is_bad) if is_bad.ndim else ""
            raise NonFiniteError(f"{name} is not finite{where}; smaller rates, or "
                                 f"rewards of a smaller scale, may help")


def worst_block(layout, is_bad):
    """The block of which the largest part is bad, and the first that is, there."""
    bad = is_bad.reshape(-1, layout.size).any(0)
    blocks = np.split(bad, layout.offsets[1:-1])
    worst = int(np.argmax([block.sum() / max(block.size, 1) for block in blocks]))
    first = layout.offsets[worst] + int(np.argmax(blocks[worst]))
    return (f" at {layout.name(first)} ({blocks[worst].sum()} of the "
            f"{blocks[worst].size} there)")


def meta_train(learner, family, *, iterations, tasks, seed=0, theta=None,
               callback=None):
    """Meta-trains the learner on tasks of the family.

    iterations  number of updates of theta
    tasks       K, the size of the meta-batch
    seed        of all randomness: the same seed, the same theta on the same machine
    theta       [P], where to start: to train on after another family; None for random
    callback    called after each iteration as callback(iteration, row, theta)

    Returns a Result. Ctrl-C ends training and returns what was learned so far.
    Raises NonFiniteError as soon as a number is not finite, in a rollout, a loss, a
    gradient, an update or the log. Whatever is raised during training has `result`, the
    Result before the iteration that failed.
    """
    require.able(learner, "learner", "MAML(..)", "collect", "update")
    require.able(family, "family", "BernoulliBandit(..)", "sample")
    iterations = require.count("iterations", iterations)
    K, seed = require.count("tasks", tasks), require.count("seed", seed, 0)
    start = learner.init(stream(seed, 0, "init"))
    if theta is not None:
        start = resumed(theta, start)
    training = Training(start, None, ())
    try:
        with np.errstate(under="ignore"):  # probabilities may vanish
            for iteration in range(iterations):
                theta, state, log = training
                batch = family.sample(K, stream(seed, iteration, "tasks"))
                rng = stream(seed, iteration, "collect")
                phi, history = theta, []
                for _ in range(learner.rounds):
                    history.append(learner.collect(phi, batch, rng))      # 1 collect
                    phi = learner.adapt(theta, history)                 # 2 adapt
                last = learner.collect(phi, batch, rng)                 # 3 collect
                theta, state, row = learner.update(                     # 4 meta-train
                    theta, state, history, last, iteration / iterations)
                require_finite(None, **{name: value for name, value in row.items()
                                        if not isinstance(value, str)})
                training = Training(theta, state, log + (row,))
                if callback is not None:
                    callback(iteration, row, theta)
    except KeyboardInterrupt:
        return Result(training.theta, training.log, interrupted=True)
    except (NonFiniteError, require.NotFinite) as error:
        message = (f"iteration {len(training.log)}: {error}; `result` of this error "
                   f"holds what was learned before")
        raise NonFiniteError(message, Result(training.theta, training.log)) from None
    except Exception as error:
        error.result = Result(training.theta, training.log)
        raise
    return Result(training.theta, training.log)


def resumed(theta, start):
    """theta in the dtype of a random start, if it fits."""
    if np.shape(theta) != start.shape:
        raise ValueError(f"theta must have shape {list(start.shape)}, as learner.init "
                         f"gives it, got {list(np.shape(theta))}")
    require.floating("theta", theta)
    if np.iscomplexobj(theta):
        raise TypeError("theta must be real, got complex numbers")
    require.finite("theta", theta)
    return theta.astype(start.dtype)
