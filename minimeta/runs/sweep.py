"""Repeats a training with several seeds, on as many workers as there are.

    runs = sweep(learner, family, seeds=range(5), run_dir="runs/bandit", executor=pool,
                 iterations=4000, tasks=256)

Each seed has a folder of its own, run_dir/seed0 and so on. An executor is any object
with the interface of concurrent.futures.Executor: a pool of threads or of processes
here, the client of dask.distributed or the pool of mpi4py.futures on a cluster. What a
training learns does not depend on the executor.
"""
from functools import partial
from .. import require
from ..meta import meta_train
from ..trace import Folder


def sweep(learner, family, *, seeds, run_dir=None, resume=False, executor=None,
          **options):
    """Trains once for each seed.

    seeds     whole numbers, all different
    run_dir   the folder above the folders of the runs; None: keep no files
    resume    True: go on with the runs that have a folder, and begin the others
    executor  runs the trainings; None: one after the other
    options   of meta_train: iterations, tasks, theta, .. `progress` is False unless
              given where an executor would draw several lines at once

    Returns a Result for each seed, in their order. If a worker dies, the error says so
    and the folders stay: resume=True goes on.
    """
    require.truth("resume", resume)
    seeds = [require.count("a seed", seed, 0) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different, and one at least, got {seeds}")
    if resume and run_dir is None:
        raise ValueError("resume=True needs the run_dir of a sweep, got None")
    if executor is not None:
        options = {"progress": False} | options
    jobs = [job(learner, family, seed, run_dir, resume, options) for seed in seeds]
    if executor is None:
        return tuple(train() for train in jobs)
    require.able(executor, "executor", "ThreadPoolExecutor(2)", "submit")
    futures = [executor.submit(train) for train in jobs]
    return tuple(future.result() for future in futures)


def job(learner, family, seed, run_dir, resume, options):
    """One training, ready to be called."""
    folder = None if run_dir is None else Folder.at(run_dir).path / f"seed{seed}"
    begun = folder is not None and (folder / "config.json").exists()
    return partial(meta_train, learner, family, seed=seed, run_dir=folder,
                   resume=resume and begun, **options)
