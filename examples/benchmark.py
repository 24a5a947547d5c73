"""How fast is minimeta, beside PyTorch, JAX, Gymnasium and what the machine can do?

    python examples/benchmark.py                      all rows: 4 minutes
    python examples/benchmark.py --rows MAML RL2      the rows whose names hold these
    python examples/benchmark.py --threads 1          on one core
    python examples/benchmark.py --json today.json    saves the numbers
    python examples/benchmark.py --compare old.json today.json
    python examples/benchmark.py --quick              seconds, tiny sizes

All work is in float32:

    LSTM grad   BxTxH: forward and back, the gradient of all parameters and of x
    LSTM Hv     the exact Hessian of a squared error, times a vector
    RL2         an iteration: a rollout of B bandits with T pulls, 3 epochs of PPO
    MAML        KxRxH: the meta-gradient of K tasks through an inner step, from R rows
                before it and R after it; two layers of H units
    trust       a trust-region step on it: 10 Fisher products through the adaptation
    stepping    1000 episodes, in a grid or in the plane, with given actions
    acting      the same, where a policy with two layers of 64 units acts
    start       from `python` to the end of the first meta-gradient of 20x200x32
    memory      what a process grows by in its first meta-gradient of 20x2000x100
    packages    on the disk: the library and all that it needs

PyTorch is torch.nn.LSTM, a cell by hand where the Hessian is wanted (torch.nn.LSTM has
no second derivative), and a loop over tasks; `vmap` is torch.func. JAX is jitted. Where
they are not installed, their columns stay empty. Their numbers must agree with
minimeta's before the clock starts. The libraries take turns, each with all of its
threads. A number is the median of 5 turns; +-% is half of the way from the least to the
most. ratio is minimeta's to the best peer's: below 1 minimeta is better. The floor is
what the arithmetic alone takes on these cores (benchmarks/machine.py), and dist is how
many floors minimeta takes.

Where OPENBLAS_CORETYPE is set, it may keep NumPy, and no other library, from the
processor's best instructions: unset it, as here. On a busy machine two threads may be
many times slower than one: --threads 1 is safe, and then the run ends with

                         minimeta +-%     torch      vmap       jax  ratio  floor  dist
    LSTM grad 256x10x48      1.66   2      1.71                1.81  0.971   1.45   1.1
    LSTM grad 64x100x48      4.83   3      3.90                5.29  1.240   3.54   1.4
    LSTM grad 64x100x256    63.42   1     84.17              115.94  0.753  57.76   1.1
    LSTM Hv 256x10x48        5.32   1     11.74                4.48  1.187   3.95   1.3
    LSTM Hv 64x100x48       20.36   1     59.62               29.35  0.694   9.94   2.0
    LSTM Hv 64x100x256     187.62   0    455.54              279.94  0.670 168.76   1.1
    RL2 256x10x48            9.12   1     13.83                      0.659   4.67   2.0
    RL2 64x100x48           30.28   4     49.27                      0.615  11.76   2.6
    RL2 64x100x256         230.54   1    237.96                      0.969 192.36   1.2
    MAML 20x200x32           2.89   1     14.93      7.26      2.10  1.378   1.57   1.8
    MAML 20x400x64          12.01   4     31.42     25.97     10.39  1.156   6.87   1.7
    MAML 20x2000x100       109.00   3    212.46    268.33    226.47  0.513  69.88   1.6
    trust 20x200x32         38.05   1    308.73               51.71  0.736  21.35   1.8
    trust 20x400x64        169.28   4    648.98              607.87  0.278  94.96   1.8
                         minimeta +-% gymnasium  ratio  M steps/s
    stepping grid 1000       0.43   2     28.56  0.015       35.2
    stepping plane 1000      3.90   1    215.26  0.018       25.7
    acting grid 1000         3.46   1     32.02  0.108        4.3
    acting plane 1000       23.60   4    247.46  0.095        4.2
                         minimeta +-%     torch      vmap       jax  ratio  floor  dist
    start, ms              189.22  11   1077.13             1540.89  0.176
    memory, MiB             21.39   0    173.02    575.83    340.68  0.124
    packages, MiB          205.09   0    825.29              582.33  0.352
"""
import argparse
import json
from pathlib import Path
from statistics import median

TURNS, SECONDS = 5, 0.4      # turns of each library, and how long a turn lasts
COLUMNS = ("torch", "vmap", "jax"), ("gymnasium",)


def main(names=(), threads=None, turns=TURNS, quick=False, file=None, seed=0):
    """Measures the rows whose name holds one of the names, or all; saves them in a
    file. Returns what the file holds."""
    from benchmarks import machine
    from benchmarks.rows import QUICK, all_rows
    threads = machine.use_cores(threads)
    here = machine.describe(threads)
    print(", ".join(f"{name} {value}" for name, value in here.items()))
    rows = [row for row in all_rows(**QUICK if quick else {})
            if not names or any(name.lower() in row.name.lower() for name in names)]
    turns, seconds = (1, 0.01) if quick else (turns, SECONDS)
    results = {"rows": measure(rows, threads, turns, seconds, seed), "machine": here}
    if file is not None:
        Path(file).write_text(json.dumps(results, indent=2))
    return results


def measure(rows, threads, turns, seconds, seed):
    """Prints the table while it is measured. Returns the rows of the file."""
    from benchmarks import machine
    from benchmarks.rows import installed
    results, shown = [], None
    for row in rows:
        libraries = ["minimeta", *filter(installed, row.peers)]
        peers = next(c for c in COLUMNS if set(row.peers) <= set(c))
        if peers != shown:
            print(header(peers))
            shown = peers
        numbers = row.measure(libraries, turns, seconds, threads, seed)
        results.append(summary(row, numbers, machine.floor(row.operations, threads)))
        print(line(results[-1], peers), flush=True)
    return results


def summary(row, numbers, floor):
    """A row of the file: medians of the turns, and the least and the most of them."""
    middle = {library: median(turns) for library, turns in numbers.items()}
    peers = [middle[library] for library in middle if library != "minimeta"]
    result = {"row": row.name, row.unit: middle,
              "spread": {library: [min(turns), max(turns)]
                         for library, turns in numbers.items()}}
    if peers:
        result["ratio"] = middle["minimeta"] / min(peers)
    if floor:
        result |= {"floor": floor, "distance": middle["minimeta"] / floor}
    if row.steps:
        result["steps_per_second"] = {library: 1e3 * row.steps / ms
                                      for library, ms in middle.items()}
    return result


def medians(row):
    """The medians of a row of the file, whatever their unit."""
    return row.get("ms", row.get("MiB"))


def header(peers):
    last = ("M steps/s",) if "gymnasium" in peers else ("floor", "dist")
    return (f"{'':20}{'minimeta':>9}{'+-%':>4}" + "".join(f"{p:>10}" for p in peers)
            + f"{'ratio':>7}" + "".join(f"{name:>{len(name) + 2}}" for name in last))


def line(result, peers):
    """A line of the table. +- is half of the way from the least turn to the most."""
    middle, (low, high) = medians(result), result["spread"]["minimeta"]
    cells = [f"{result['row']:20}{middle['minimeta']:9.2f}",
             f"{50 * (high - low) / middle['minimeta']:4.0f}"]
    cells += [f"{middle[p]:10.2f}" if p in middle else f"{'':10}" for p in peers]
    cells += [f"{result['ratio']:7.3f}" if "ratio" in result else f"{'':7}"]
    if "floor" in result:
        cells += [f"{result['floor']:7.2f}{result['distance']:6.1f}"]
    if "steps_per_second" in result:
        cells += [f"{result['steps_per_second']['minimeta'] / 1e6:11.1f}"]
    return "".join(cells)


def compare(first, second):
    """Prints how the numbers of the second file stand to those of the first."""
    before, after = (
        {row["row"]: row for row in json.loads(Path(file).read_text())["rows"]}
        for file in (first, second))
    print(f"{'':30}{'first':>10}{'second':>10}{'second/first':>14}")
    for name in [name for name in before if name in after]:
        old, new = before[name], after[name]
        for library in [library for library in medians(old) if library in medians(new)]:
            a, b = medians(old)[library], medians(new)[library]
            (low_a, high_a), (low_b, high_b) = (
                row["spread"][library] for row in (old, new))
            note = "" if low_a > high_b or low_b > high_a else "  turns overlap"
            print(f"{name:20}{library:>10}{a:10.2f}{b:10.2f}{b / a:14.2f}{note}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", default=(), metavar="NAME",
                        help="rows whose name holds one of these")
    parser.add_argument("--threads", type=int, help="all cores if not given")
    parser.add_argument("--turns", type=int, default=TURNS, help="of each library")
    parser.add_argument("--json", metavar="FILE", help="save the numbers")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="two such files")
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.compare:
        compare(*args.compare)
    else:
        main(args.rows, args.threads, args.turns, args.quick, args.json, args.seed)
