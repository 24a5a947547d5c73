"""What the processor can do, measured in the same run, and so the floor of a row.

    floor = sum over operations of  times * milliseconds(operation) / threads

The operations are those that no program leaves out: the products of the formulas, their
tanhs, and one pass over an array for each elementwise + or * in them, each once. A
product is timed at its own shape, or at its transpose's if that is quicker; the others
at CACHED numbers, and then by the number; all by NumPy with one thread on arrays in the
processor's cache. The threads share the work as if sharing cost nothing. So the floor
leaves out the calls of small operations, copies, trips to memory, and what acting and
the tasks cost.

The forms below count the operations of a network, as minimeta names its forms.
"""
import ctypes
import os
import platform
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

CACHED = 2 ** 14    # numbers


class Operation(NamedTuple):
    """A product of shape (m, k, n), or "tanh" or "multiply" of n numbers, (n,)."""

    kind: str
    shape: tuple
    times: float = 1


def floor(operations, threads):
    """Milliseconds, float32."""
    return sum(times * once(kind, shape) for kind, shape, times in operations) / threads


def once(kind, shape):
    if kind == "product":    # A B, or its transpose B' A'
        return min(milliseconds(kind, shape), milliseconds(kind, shape[::-1]))
    return milliseconds(kind, (CACHED,)) * shape[0] / CACHED


@lru_cache(maxsize=None)
def milliseconds(kind, shape, rounds=5, seconds=0.004):
    """The shortest time of one such operation."""
    set_blas_threads(1)
    run, best = OPERATIONS[kind](*shape), np.inf
    for _ in range(rounds):
        start, n = time.perf_counter(), 0
        while (taken := time.perf_counter() - start) < seconds or not n:
            for _ in range(10):
                run()
            n += 10
        best = min(best, 1e3 * taken / n)
    return best


def product(m, k, n):
    A, B, C = (np.ones(shape, np.float32) for shape in ((m, k), (k, n), (m, n)))
    return lambda: np.matmul(A, B, out=C)


def elementwise(function, n_arguments):
    def make(n):
        *arguments, out = np.ones((n_arguments + 1, n), np.float32)
        return lambda: function(*arguments, out=out)
    return make


OPERATIONS = {"product": product, "tanh": elementwise(np.tanh, 1),
              "multiply": elementwise(np.multiply, 2)}


# ---- the operations of a form; times is how often it is used

def mlp(K, R, n, H, m):
    """A function: form, times -> operations, of K tasks and two layers of H units,
    whose inputs have no cotangent and no tangent."""
    def form(name, times):
        first, inner, last = {
            "forward": ([(R, n, H)], [(R, H, H)], [(R, H, m)]),
            "jvp": ([(R, n, H)], 2 * [(R, H, H)], 2 * [(R, H, m)]),
            "vjp": ([(n, R, H)], [(H, R, H), (R, H, H)], [(H, R, m), (R, m, H)]),
            "vjp_dot": ([(n, R, H)], 2 * [(H, R, H), (R, H, H)],
                        2 * [(H, R, m), (R, m, H)])}[name]
        tanhs, passes = {"forward": (1, 1),     # + b
                         "jvp": (0, 3),         # sum of two products, + b_dot, slope *
                         "vjp": (0, 4),         # slope = 1 - y y, slope *, sum of rows
                         "vjp_dot": (0, 7),     # (slope y_bar)_dot, sums, sum of rows
                         }[name]
        return ([Operation("product", s, K * times) for s in first + inner + last]
                + [Operation("tanh", (R * H,), 2 * tanhs * K * times),
                   Operation("multiply", (R * H,), 2 * passes * K * times)])
    return form


def lstm(B, T, n, H, m):
    """The same for an LSTM of T steps and B columns. Passes are over arrays [H, B]."""
    seen = n + H + 1

    def form(name, times, x_bar=True):
        steps, ends = {
            "forward": ([(4 * H, seen, B)], [(m, H + 1, B)]),
            "jvp": ([(4 * H, seen, B), (4 * H, H, B)], 2 * [(m, H + 1, B)]),
            "vjp": ([(seen, B, 4 * H), (seen - 1 if x_bar else H, 4 * H, B)],
                    [(H + 1, B, m), (H, m, B)]),
            "vjp_dot": (2 * [(seen, B, 4 * H), (H, 4 * H, B)],
                        2 * [(H + 1, B, m), (H, m, B)])}[name]
        tanhs, passes, sums = {
            "forward": (5, 13, 0),   # 3 sigmoids of a tanh: 3 each; c: 3, h: 1
            "jvp": (0, 29, 0),       # slopes, times z_dot: 12, its sum: 4, c_dot: 7,
                                     # q_dot and h_dot: 6
            "vjp": (0, 23, 1),       # slopes, times a_bar: 12, a_bar: 4, c_bar: 6,
                                     # h_bar: 1
            "vjp_dot": (0, 50, 2),   # the product rule on the lines of vjp
        }[name]
        return ([Operation("product", s, T * times) for s in steps + ends]
                + [Operation("tanh", (H * B,), tanhs * T * times),
                   Operation("multiply", (H * B,), passes * T * times),
                   Operation("multiply", (4 * H * seen,), sums * T * times)])
    return form


# ---- threads, and what the machine is called

def use_cores(n):
    """Keeps this process, and so all libraries, to n cores, where the system can; None
    for all. Returns how many these are."""
    if not hasattr(os, "sched_setaffinity"):
        return n or os.cpu_count()
    here = sorted(os.sched_getaffinity(0))[:n]
    os.sched_setaffinity(0, here)
    return len(here)


@lru_cache(maxsize=None)
def openblas(name):
    """A function of the OpenBLAS that NumPy came with, or None."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for file in folder.glob("*openblas*"):
            library = ctypes.CDLL(str(file))
            for form in ("scipy_openblas_{}64_", "openblas_{}64_", "openblas_{}"):
                if hasattr(library, form.format(name)):
                    return getattr(library, form.format(name))
    return None


def set_blas_threads(n):
    """NumPy's products use n threads, if NumPy has an OpenBLAS of its own."""
    if (function := openblas("set_num_threads")) is not None:
        function(n)


def describe(threads):
    """The machine, in words."""
    kernel = "unknown"
    if (function := openblas("get_corename")) is not None:
        function.restype = ctypes.c_char_p
        kernel = function().decode()
    return {"system": platform.platform(), "cores": os.cpu_count(), "threads": threads,
            "python": platform.python_version(), "numpy": np.__version__,
            "blas_kernel": kernel}
