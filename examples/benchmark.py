"""How fast is minimeta, beside PyTorch, JAX, Gymnasium, and what the machine can do?

TODO
"""
import argparse
import json
from pathlib import Path
from statistics import median

TURNS, SECONDS = 5, 0.5      # turns of each library, and how long a turn lasts
COLUMNS = ("torch", "vmap", "jax"), ("gymnasium",)


def summary(row, numbers, floor):
    """A row of the file: medians of the turns, and how far the turns spread."""
    middle = {library: median(turns) for library, turns in numbers.items()}
    peers = [middle[library] for library in middle if library != "minimeta"]
    result = {"row": row.name, row.unit: middle,
              "spread": {library: [min(turns), max(turns)]
                         for library, turns in numbers.items()}}
    if peers:
        result["ratio"] = middle["minimeta"] / min(peers)
    if floor:
        result |= {"floor": floor, "distance": middle["minimeta"] / floor}
    return result


def header(peers):
    return (f"{'':20}{'minimeta':>10}{'+-%':>5}" + "".join(f"{p:>10}" for p in peers)
            + f"{'ratio':>8}{'floor':>9}{'dist':>6}")


def line(result, peers):
    """A line of the table."""
    middle = next(result[unit] for unit in ("ms", "MiB") if unit in result)
    low, high = result["spread"]["minimeta"]
    spread = 50 * (high - low) / middle["minimeta"]
    others = "".join(f"{middle[p]:10.2f}" if p in middle else f"{'':10}" for p in peers)
    ratio = f"{result['ratio']:8.3f}" if "ratio" in result else f"{'':8}"
    if "floor" in result:
        ratio += f"{result['floor']:9.2f}{result['distance']:6.1f}"
    ours = f"{middle['minimeta']:10.2f}{spread:5.0f}"
    return f"{result['row']:20}{ours}{others}{ratio}"


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
    print("milliseconds but where MiB stands; ratio: to the fastest peer")
    return results


def main(names=(), threads=None, turns=TURNS, quick=False, file=None, seed=0):
    """Measures the rows whose name holds one of the names, or all; saves them. Returns
    what the file holds."""
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


def compare(first, second):
    """Prints how the times of the second file stand to those of the first."""
    before, after = (
        {row["row"]: row for row in json.loads(Path(file).read_text())["rows"]}
        for file in (first, second))
    print(f"{'':20}{'':10}{'first':>10}{'second':>10}{'second/first':>14}")
    for name in before:
        for unit in ("ms", "MiB"):
            for library, old in before[name].get(unit, {}).items():
                new = after.get(name, {}).get(unit, {}).get(library)
                if new is not None:
                    print(f"{name:20}{library:>10}{old:10.2f}{new:10.2f}"
                          f"{new / old:14.2f}")


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
