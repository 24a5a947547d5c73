"""Work on all cores and machines: what is independent goes to an executor.

    share = Workers(executor)      takes the place of map:
    share(f, items)                [f(item) for item in items]

A learner is handed `map` or a Workers and maps what is independent over it. It cuts the
tasks in a way that does not depend on the workers, and puts together what comes back in
a fixed order. So neither the executor nor the number of its workers changes a bit of
the result, and these are no part of a run's configuration. The number of shards is.

An executor is any object with the interface of concurrent.futures.Executor: threads
where the operations are large, since NumPy lets other threads run inside them;
processes where they are small; the executor of dask.distributed, mpi4py.futures, loky,
.. on other machines. Give each worker one BLAS thread (OPENBLAS_NUM_THREADS=1).

Sharing costs time. So each kind of work is timed both ways in its first calls, and the
quicker way is kept; the other way is tried again from time to time. A single item is
never shared.
"""
import inspect
import os
import pickle
import time
import warnings
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from functools import partial

import numpy as np

from .. import require
from ..testing.nests import rebuild

TRIES = 3     # calls of each way whose shortest time counts
AGAIN = 100   # calls after which the slower way is tried again


class Workers:
    """A map whose items go to an executor where that is quicker.

    executor  a concurrent.futures.Executor, or any object with its submit
    always    True: share all that has two items, and time nothing
    """

    def __init__(self, executor, always=False):
        require.able(executor, "executor", "ThreadPoolExecutor(2)", "submit")
        self.executor, self.always = executor, require.truth("always", always)
        self.clocks = {}  # name of a kind of work -> Clock

    def __call__(self, f, *columns):
        items = list(zip(*columns))
        if len(items) < 2:
            return [f(*item) for item in items]
        if self.always:
            return self.shared(f, items)
        clock = self.clocks.setdefault(named(f), Clock())
        is_shared, start = clock.next_is_shared(), time.perf_counter()
        results = (self.shared(f, items) if is_shared
                   else [f(*item) for item in items])
        clock.note(is_shared, time.perf_counter() - start)
        return results

    def shared(self, f, items):
        """The results of all items from the executor, in their order."""
        here, futures = Surroundings.here(), []
        try:
            futures += (self.executor.submit(here.call, f, *item) for item in items)
            return [future.result() for future in futures]
        except BrokenExecutor as error:
            raise type(error)(
                f"a worker died, and the executor cannot be used any more ({error}); "
                f"make another one, and go on with resume=True if there is a run_dir"
            ) from error
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            culprit = None if isinstance(self.executor, ThreadPoolExecutor) else next(
                filter(None, map(unpicklable, [f, *(each for item in items
                                                    for each in item)])), None)
            if culprit is None:
                raise
            raise TypeError(
                f"{culprit} cannot be pickled, which workers in other processes need; "
                f"define it at the top of a module, or use a ThreadPoolExecutor"
            ) from error
        finally:
            for future in futures:  # does nothing to those that have run
                future.cancel()


class Clock:
    """The last times of one kind of work: shared, and done by the caller alone."""

    def __init__(self):
        self.calls, self.times = 0, {True: [], False: []}

    def next_is_shared(self):
        if self.calls < 2 * TRIES:
            return self.calls % 2 == 1
        is_quicker = min(self.times[True]) < min(self.times[False])
        return is_quicker != (self.calls % AGAIN == 0)

    def note(self, is_shared, seconds):
        self.calls += 1
        self.times[is_shared] = [*self.times[is_shared], seconds][-TRIES:]


class Surroundings:
    """The caller's settings of warnings and of NumPy's errors, which hold in a worker
    too."""

    def __init__(self, errors, filters, process):
        self.errors, self.filters, self.process = errors, filters, process

    @classmethod
    def here(cls):
        return cls(np.geterr(), list(warnings.filters), os.getpid())

    def call(self, f, *args):
        """f(*args)."""
        is_elsewhere = os.getpid() != self.process  # threads have the same filters
        if is_elsewhere and warnings.filters != self.filters:
            warnings.resetwarnings()
            warnings.filters[:] = self.filters
        with np.errstate(**self.errors):
            return f(*args)


def as_map(executor):
    """Returns map for None, else a Workers."""
    if executor is None:
        return map
    return executor if isinstance(executor, Workers) else Workers(executor)


def named(f):
    """The name of a function, or of that in a partial."""
    f = getattr(f, "func", f)
    return getattr(f, "__qualname__", type(f).__qualname__)


def sharing(learner, verb, **options):
    """learner.verb with those of the options, map= and shards=, that it takes. A
    learner of your own need not take any: then this verb is not shared."""
    method = getattr(learner, verb, None)
    try:
        takes = inspect.signature(method).parameters
    except (TypeError, ValueError):
        return method
    return partial(method, **{name: options[name] for name in options if name in takes})


def unpicklable(it):
    """The smallest part of a function or dataclass that does not pickle, in words; None
    if all of it does."""
    try:
        pickle.dumps(it)
        return None
    except Exception:  # whatever a user's __reduce__ may raise
        if isinstance(it, partial):
            parts = [it.func, *it.args, *it.keywords.values()]
        elif hasattr(it, "__self__"):
            parts = [it.__self__]
        else:
            parts = [getattr(it, field.name) for field in fields(it)] if (
                is_dataclass(it)) else []
        inside = next(filter(None, map(unpicklable, parts)), None)
        return inside or f"{it!r}"


# ---- pieces of the tasks

def cut(K, n):
    """n slices of K tasks that differ by one task at most; K if there are fewer."""
    n = min(n, K)
    return [slice(K * i // n, K * (i + 1) // n) for i in range(n)]


def pieces(tasks, shards, stream):
    """The tasks in `shards` slices, and a random stream for each: stream() if there is
    one slice alone, else stream(i)."""
    if shards == 1:
        return [tasks], [stream()]
    parts = [tasks[each] for each in cut(len(tasks), shards)]
    return parts, [stream(i) for i in range(len(parts))]


class Collector:
    """Collects from the tasks of one iteration, slice by slice.

    theta       what all tasks begin with; any other phi has a row for each task
    parts, rngs   the slices, and a random stream for each
    """

    def __init__(self, learner, theta, share, parts, rngs):
        self.learner, self.theta, self.share = learner, theta, share
        self.parts, self.rngs = parts, rngs

    def __call__(self, phi):
        """The batch of all tasks."""
        phis = [phi] * len(self.parts)
        if phi is not self.theta and len(phis) > 1:
            phis = [phi[each] for each in cut(len(phi), len(phis))]
        batches, self.rngs = zip(*self.share(
            partial(collected, self.learner), phis, self.parts, self.rngs))
        return joined(batches)


def collected(learner, phi, tasks, rng):
    """The batch, and the stream as collecting leaves it: a worker may have a copy."""
    return learner.collect(phi, tasks, rng), rng


def joined(batches):
    """Batches of some tasks each -> the batch of all. Where batches differ in length,
    padding with zeros, and so a mask of False, follows the shorter ones."""
    if len(batches) == 1:
        return batches[0]
    columns = iter([together(column) for column in zip(*map(arrays, batches))])
    return rebuild(lambda array: next(columns), batches[0])


def arrays(batch):
    """All arrays in a batch."""
    found = []
    rebuild(lambda array: found.append(array) or array, batch)
    return found


def together(column):
    """Arrays [K, ..] or [K, T, ..] -> one array, in memory with time first, however the
    arrays lie: the last bits of a sum depend on how an array lies."""
    if column[0].ndim == 1:
        return np.concatenate(column)
    K, T = sum(map(len, column)), max(array.shape[1] for array in column)
    whole, stop = np.zeros((T, K) + column[0].shape[2:], column[0].dtype), 0
    for array in column:
        start, stop = stop, stop + len(array)
        whole[:array.shape[1], start:stop] = np.moveaxis(array, 1, 0)
    return np.moveaxis(whole, 0, 1)


class AsItLies:
    """A pickled array comes back with its axes in another order in memory. The pickle
    of this comes back as the array, in its own order."""

    def __init__(self, array):
        self.array = array

    def __reduce__(self):
        order = np.argsort(self.array.strides)[::-1]
        return np.transpose, (self.array.transpose(order).copy(), np.argsort(order))


def as_it_lies(batch):
    """The batch, to be pickled."""
    return rebuild(AsItLies, batch)
