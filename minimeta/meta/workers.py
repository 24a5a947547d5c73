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

Sharing costs time. So each kind of work is timed both ways, and the quicker way is
kept; the other one is tried again from time to time, if it costs little. A single item
is never shared. Workers(executor, always=True) shares without a clock; it may be passed
wherever an executor may.
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

TRIES = 3     # calls of each way whose shortest time counts
AGAIN = 100   # calls after which the slower way is tried again
SPARE = 0.03  # of all time may be lost by such tries,
GRACE = 1.0   # and so many seconds


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
        is_shared, start = clock.next_is_shared(len(items)), time.perf_counter()
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
    """The times of one kind of work: shared, and done by the caller alone.

    total, lost   seconds in all, and by how much the other way would have been quicker
    """

    def __init__(self):
        self.times, self.calls = {True: [], False: []}, 0
        self.total = self.lost = 0.0

    def next_is_shared(self, n):
        """Whether to share the n items of the next call. The caller alone would take n
        times as long, at most."""
        if not self.times[True]:
            return True
        shared = min(self.times[True])
        alone = min(self.times[False], default=n * shared)
        is_quicker, more = shared < alone, abs(shared - alone)
        is_due = len(self.times[not is_quicker]) < TRIES or self.calls % AGAIN == 0
        is_cheap = self.lost + more <= GRACE + SPARE * self.total
        return is_quicker != (is_due and is_cheap)

    def note(self, is_shared, seconds):
        best = min(self.times[not is_shared], default=seconds)
        self.times[is_shared] = [*self.times[is_shared], seconds][-TRIES:]
        self.calls += 1
        self.total += seconds
        self.lost += max(0.0, seconds - best)


class Surroundings:
    """The caller's settings of warnings and of NumPy's errors, which hold in a worker
    too."""

    def __init__(self, errors, filters, process):
        self.errors, self.filters, self.process = errors, filters, process

    @classmethod
    def here(cls):
        return cls(np.geterr(), warnings.filters, os.getpid())

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
