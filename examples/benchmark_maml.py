"""How fast: one MAML meta-gradient, beside PyTorch and JAX if they are installed.

    python examples/benchmark_maml.py            90 seconds
    python examples/benchmark_maml.py --quick    seconds, the first size

20 tasks, a Gaussian policy with two hidden layers, one inner step on the log-likelihood
surrogate, the ratio outside; all in float32, on the same observations, actions and
advantages. PyTorch is a loop over tasks with create_graph, as one would write it down,
and torch.func: vmap over tasks of grad. JAX is jitted, vmap of grad. Their gradients
must agree before the clock starts. They take turns; the shortest time counts.

Each library has its default number of threads. So run on an idle machine of two cores
the last lines read

    (K, rows, units)    minimeta     torch  ratio      vmap  ratio       jax  ratio
    (20, 200, 32)           3.31     17.40   0.19      5.78   0.57      2.37   1.40
    (20, 400, 64)          12.20     28.75   0.42     18.08   0.67      9.31   1.31
    (20, 2000, 100)        99.77    142.53   0.70    168.64   0.59    143.89   0.69
    milliseconds; ratio: minimeta's time to theirs, below 1 where it is faster

With NumPy's products kept to AVX2 (OPENBLAS_CORETYPE=Haswell) the ratios are 0.26,
0.55, 0.93 to PyTorch, 0.81, 0.91, 0.74 to vmap and 1.96, 1.75, 0.82 to JAX.

With --cpu the clock counts processor time, which a busy machine disturbs less; then
give each library one thread, with OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1, and for JAX
XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1". Then the
ratios are 0.19, 0.40, 0.51 to PyTorch, 0.42, 0.49, 0.42 to vmap, 1.21, 1.00, 0.46 to
JAX.
"""
import argparse
import time
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from minimeta import MAML, Gaussian, MLPPolicy
from minimeta.rl import Rollout

N_OBS, N_ACTION = 10, 4    # sizes of an observation and of an action
ALPHA = 0.1                # of the inner step
TURNS, SECONDS = 5, 1.5    # turns of each library, and how long a turn lasts
SIZES = ((20, 200, 32), (20, 400, 64), (20, 2000, 100))
NEEDS = {"minimeta": "numpy", "torch": "torch", "vmap": "torch", "jax": "jax"}


@dataclass(frozen=True)
class MetaGradient:
    """Of the mean over K tasks. A task has two batches, before and after the step, of
    `rows` episodes of one step each; `units` in each hidden layer. A library's method
    returns a function that computes the gradient once, and returns it [P]."""

    K: int
    rows: int
    units: int
    seed: int = 0

    @cached_property
    def policy(self):
        return MLPPolicy(N_OBS, Gaussian(N_ACTION), (self.units, self.units))

    @cached_property
    def theta(self):
        return self.policy.init(np.random.default_rng(self.seed), np.float32)

    @cached_property
    def batches(self):
        """The rollouts before and after the step; rewards are the advantages."""
        rng = np.random.default_rng(self.seed + 1)
        return self.batch(rng), self.batch(rng)

    def batch(self, rng):
        shape = (self.K, 1, self.rows)
        theta = np.broadcast_to(self.theta, (self.K, self.policy.size))
        x = rng.normal(size=(*shape, N_OBS)).astype(np.float32)
        act = self.policy.choose(self.policy.forward(theta, x)[0], rng)
        A = rng.normal(size=shape).astype(np.float32)
        ones = np.ones(shape, bool)
        return Rollout(x, act.action, A, act.log_prob, act.value, ones, ones)

    @property
    def arrays(self):
        """x [K, R, n], a [K, R, m], A [K, R], l_old [K, R] of both batches."""
        return [[v[:, 0] for v in (b.x, b.action, b.reward, b.log_prob)]
                for b in self.batches]

    @property
    def blocks(self):
        return list(self.policy.layout.unpack(self.theta))

    def minimeta(self):
        learner = MAML(self.policy, alpha=ALPHA, gamma=0.0, baseline="none",
                       normalise=False, trials=self.rows)
        before, after = self.batches
        return lambda: learner.meta_gradient(self.theta, [before], after)[1]

    def torch(self):
        torch = import_module("torch")
        p = [torch.tensor(block, requires_grad=True) for block in self.blocks]
        before, after = ([torch.tensor(v) for v in batch] for batch in self.arrays)

        def task(k):
            loss = inner(torch, p, *(v[k] for v in before))
            grads = torch.autograd.grad(loss, p, create_graph=True)
            phi = [block - ALPHA * g for block, g in zip(p, grads)]
            return outer(torch, phi, *(v[k] for v in after))

        def run():
            loss = sum(task(k) for k in range(self.K)) / self.K
            return np.concatenate([g.ravel() for g in torch.autograd.grad(loss, p)])
        return run

    def vmap(self):
        torch = import_module("torch")
        p = [torch.tensor(block) for block in self.blocks]
        before, after = ([torch.tensor(v) for v in batch] for batch in self.arrays)
        gradient = composed(torch, torch.func.grad, torch.func.vmap)
        return lambda: np.concatenate([g.ravel() for g in gradient(p, before, after)])

    def jax(self):
        jax = import_module("jax")
        p, before, after = jax.tree.map(
            jax.numpy.asarray, (self.blocks, *self.arrays))
        gradient = jax.jit(composed(jax.numpy, jax.grad, jax.vmap))
        return lambda: np.concatenate([np.ravel(g) for g in gradient(p, before, after)])


# ---- The same losses for PyTorch and JAX; np is torch or jax.numpy.

def log_prob(np, p, x, a):
    W1, b1, W2, b2, W3, b3, log_std = p
    mu = np.tanh(np.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3
    e = (a - mu) * np.exp(-log_std)
    return (-0.5 * e * e - log_std - 0.9189385).sum(-1)


def inner(np, p, x, a, A, l_old):
    return -(A * log_prob(np, p, x, a)).mean()


def outer(np, p, x, a, A, l_old):
    return -(A * np.exp(log_prob(np, p, x, a) - l_old)).mean()


def composed(np, grad, vmap):
    """The meta-gradient, of a library's own grad and vmap."""
    def task(p, before, after):
        grads = grad(lambda p: inner(np, p, *before))(p)
        phi = [block - ALPHA * g for block, g in zip(p, grads)]
        return outer(np, phi, *after)

    def loss(p, before, after):
        return vmap(task, (None, 0, 0))(p, before, after).mean()

    return grad(loss)


# ---- the clock

def agree(gradients):
    """The same gradient from all libraries, to the precision of float32."""
    first, *others = gradients.values()
    for other in others:
        error = np.linalg.norm(other - first) / np.linalg.norm(first)
        assert error < 1e-3, f"{list(gradients)} differ by {error:.0e}"


def shortest(runs, turns, seconds, clock):
    """The shortest time of each by this clock, milliseconds. They take turns."""
    best = dict.fromkeys(runs, np.inf)
    for _ in range(turns):
        for name, run in runs.items():
            stop = time.perf_counter() + seconds
            while time.perf_counter() < stop:
                start = clock()
                run()
                best[name] = min(best[name], 1e3 * (clock() - start))
    return best


def main(sizes=SIZES, turns=TURNS, seconds=SECONDS, seed=0, clock=time.perf_counter):
    """The table. Returns {(K, rows, units): {library: milliseconds}}."""
    libraries = [name for name, needed in NEEDS.items() if find_spec(needed)]
    others, table = libraries[1:], {}
    print(f"{'(K, rows, units)':18}{'minimeta':>10}"
          + "".join(f"{name:>10}{'ratio':>7}" for name in others))
    for size in sizes:
        work = MetaGradient(*size, seed)
        runs = {name: getattr(work, name)() for name in libraries}
        agree({name: run() for name, run in runs.items()})
        table[size] = best = shortest(runs, turns, seconds, clock)
        ours = best["minimeta"]
        print(f"{size!s:18}{ours:10.2f}"
              + "".join(f"{best[n]:10.2f}{ours / best[n]:7.2f}" for n in others),
              flush=True)
    print("milliseconds; ratio: minimeta's time to theirs, below 1 where it is faster")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the first size")
    parser.add_argument("--cpu", action="store_true", help="count processor time")
    args = parser.parse_args()
    quick = {"sizes": SIZES[:1], "seconds": 0.2} if args.quick else {}
    clock = time.process_time if args.cpu else time.perf_counter
    main(**quick, seed=args.seed, clock=clock)
