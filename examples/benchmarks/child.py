"""What a fresh Python process takes for its first MAML meta-gradient, and what an
environment with one library alone takes on the disk."""
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[1]
SIDES = {"minimeta": ("minimeta_side", "maml"), "torch": ("torch_peer", "maml"),
         "vmap": ("torch_peer", "maml_vmap"), "jax": ("jax_peer", "maml")}
PROGRAM = """
import sys
sys.path[:0] = {path}
import numpy as np
from benchmarks.{module} import {function}
file = np.load({file!r})
n, arrays = {n_blocks}, [file[name] for name in file]
run = {function}(arrays[:n], arrays[n:n + 4], arrays[n + 4:])
{before}
gradient = run()
{after}
"""
# VmHWM is the most memory, VmRSS the memory now, kB; Linux alone has this file.
MEMORY = ("read = lambda name: next(int(line.split()[1]) for line in "
          "open('/proc/self/status') if line.startswith(name))\n"
          "start = read('VmRSS')", "print(read('VmHWM') - start)")


def fresh(data, library, threads, before="", after=""):
    """Runs the program in a new process. Returns seconds, and what it printed."""
    module, function = SIDES[library]
    arrays = [*data["blocks"], *data["before"], *data["after"]]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "data.npz")
        np.savez(file, *arrays)
        program = PROGRAM.format(
            path=[str(EXAMPLES), *sys.path], module=module, function=function,
            file=file, n_blocks=len(data["blocks"]), before=before, after=after)
        environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}
        start = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", program], check=True, text=True,
                             env=environment, stdout=subprocess.PIPE)
        return time.perf_counter() - start, run.stdout


def start(data, libraries, turns, threads):
    """Milliseconds from `python` to the end of the first meta-gradient, in turns."""
    times = {library: [] for library in libraries}
    for _ in range(turns):
        for library in libraries:
            times[library].append(1e3 * fresh(data, library, threads)[0])
    return times


def memory(data, libraries, turns, threads):
    """MiB that the process grows by in its first meta-gradient."""
    return {library: [int(fresh(data, library, threads, *MEMORY)[1]) / 1024
                      for _ in range(turns)] for library in libraries}


# ---- packages

PACKAGES = {"minimeta": ("numpy", "scipy"), "torch": ("torch",), "jax": ("jax",)}


def closure(names, found=frozenset()):
    """The installed packages that these need, and themselves."""
    for name in names:
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found:
            continue
        try:
            requires = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue
        needed = [re.match(r"[\w.-]+", line)[0] for line in requires
                  if "extra ==" not in line]
        found = closure(needed, found | {name})
    return found


def size(library):
    """MiB of the files of the packages that the library needs, itself included."""
    files = [file.locate() for name in closure(PACKAGES[library])
             for file in metadata.files(name) or ()]
    if library == "minimeta":
        import minimeta
        files += Path(minimeta.__file__).parent.rglob("*.py")
    sizes = [os.path.getsize(file) for file in files if os.path.isfile(file)]
    return sum(sizes) / 2 ** 20


def sizes(data, libraries, turns, threads):
    """The size of each, which does not change from turn to turn."""
    return {library: [size(library)] for library in libraries}
