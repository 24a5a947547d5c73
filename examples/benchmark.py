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
    LSTM grad 256x10x48      1.55   1      1.67                1.78  0.925   1.37   1.1
    LSTM grad 64x100x48      4.36   1      4.54                5.63  0.960   3.43   1.3
    LSTM grad 64x100x256    60.77   1     84.60              112.04  0.718  56.25   1.1
    LSTM Hv 256x10x48        4.22   4     12.04                4.58  0.921   3.78   1.1
    LSTM Hv 64x100x48       12.64   2     58.67               29.03  0.435   9.64   1.3
    LSTM Hv 64x100x256     161.91   2    450.86              271.55  0.596 165.54   1.0
    RL2 256x10x48            8.80   2     13.63                      0.646   4.46   2.0
    RL2 64x100x48           28.94   2     47.98                      0.603  11.38   2.5
    RL2 64x100x256         214.15   2    308.25                      0.695 186.43   1.1
    MAML 20x200x32           2.24   3     14.50      6.59      2.01  1.114   1.53   1.5
    MAML 20x400x64          10.21  60     30.93     26.20     10.33  0.988   6.87   1.5
    MAML 20x2000x100        95.57   2    212.55    273.54    222.18  0.450  68.33   1.4
    trust 20x200x32         28.60   4    320.54               55.83  0.512  20.77   1.4
    trust 20x400x64        132.35   3    635.37              609.55  0.217  95.13   1.4
                         minimeta +-% gymnasium  ratio  floor  dist  M steps/s
    stepping grid 1000       0.41   1     28.05  0.015                    36.3
    stepping plane 1000      3.89   1    215.66  0.018                    25.7
    acting grid 1000         3.53   2     31.59  0.112   1.36   2.6        4.2
    acting plane 1000       22.04   1    233.52  0.094   7.65   2.9        4.5
                         minimeta +-%     torch      vmap       jax  ratio  floor  dist
    start, ms              168.89   6   1066.42             1481.57  0.158
    memory, MiB             33.02   0    179.20    560.86    337.18  0.184
    packages, MiB          205.11   0    825.29              582.33  0.352

Acting has a floor too: the policy's network alone, without the tasks. With --threads 2
the ratios are, in the medians of three runs, 1.12, 1.40 and 0.80 for the gradients of
the LSTM, 0.87, 0.51 and 0.66 for its Hv, 0.83, 0.67 and 0.75 for RL2, 0.86, 0.87 and
0.50 for MAML, 0.56 and 0.24 for the trust region.
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
    last = "  M steps/s" if "gymnasium" in peers else ""
    return (f"{'':20}{'minimeta':>9}{'+-%':>4}" + "".join(f"{p:>10}" for p in peers)
            + f"{'ratio':>7}  floor  dist{last}")


def line(result, peers):
    """A line of the table. +- is half of the way from the least turn to the most."""
    middle, (low, high) = medians(result), result["spread"]["minimeta"]
    cells = [f"{result['row']:20}{middle['minimeta']:9.2f}",
             f"{50 * (high - low) / middle['minimeta']:4.0f}"]
    cells += [f"{middle[p]:10.2f}" if p in middle else f"{'':10}" for p in peers]
    cells += [f"{result['ratio']:7.3f}" if "ratio" in result else f"{'':7}"]
    cells += [f"{result['floor']:7.2f}{result['distance']:6.1f}" if "floor" in result
              else f"{'':13}"]
    if "steps_per_second" in result:
        cells += [f"{result['steps_per_second']['minimeta'] / 1e6:11.1f}"]
    return "".join(cells).rstrip()


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
