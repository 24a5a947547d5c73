"""What is measured: the data of each row, which side does the work by which function,
and the operations of its floor.

Letters: B trials, T steps, H cells or units; K tasks, R rows of a task's batch.
"""
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Callable

import numpy as np

from minimeta import Categorical, Gaussian, MLPPolicy
from minimeta.tasks import GridNavigation, PointNavigation

from . import child, clock, formulas, machine

SIDES = {"minimeta": ("minimeta_side", "{}"), "torch": ("torch_peer", "{}"),
         "vmap": ("torch_peer", "{}_vmap"), "jax": ("jax_peer", "{}"),
         "gymnasium": ("gymnasium_peer", "{}")}
NEEDS = {"vmap": "torch"}              # the package, where its name is another
N_IN, N_OUT = 8, 6                     # of the LSTM alone
N_OBS, N_ACTION = 10, 4                # of MAML
ARMS = 5                               # of RL^2
UNITS = 64                             # of each of the two layers of a policy that acts
GRID, PLANE = GridNavigation(), PointNavigation(radius=1e-9)    # no early ends
PPO = dict(gamma=1.0, lam=0.9, clip=0.2, epochs=3, rate=6e-3, value_weight=0.5,
           entropy_weight=0.02, max_norm=1.0)


def installed(library):
    return find_spec(NEEDS.get(library, library)) is not None


def side(library, work):
    """The function of a library's side that does this work."""
    module, form = SIDES[library]
    return getattr(import_module(f"{__package__}.{module}"), form.format(work))


@dataclass(frozen=True)
class Timed:
    """A row of milliseconds.

    work        the function of each side
    data        rng -> its arguments
    peers       who takes part beside minimeta
    operations  of the floor, () if there is none
    iterations  in a run; the times are of one
    steps       of the environments in a run, 0 if there are none
    check       arguments -> {library: numbers that must agree}; None: what the runs
                return must agree
    """

    name: str
    work: str
    data: Callable
    peers: tuple
    operations: tuple = ()
    tolerance: float = 1e-4
    iterations: int = 1
    check: Any = None
    steps: int = 0
    unit = "ms"

    def measure(self, libraries, turns, seconds, threads, seed):
        data = self.data(np.random.default_rng(seed))
        runs = {library: side(library, self.work)(**data) for library in libraries[1:]}
        ours = side("minimeta", self.work)(**data, threads=threads)
        runs = {"minimeta": ours} | runs
        results = ({library: run() for library, run in runs.items()}
                   if self.check is None else self.check(libraries, data))
        clock.agree(results, self.tolerance)
        times = clock.take_turns(runs, turns, seconds)
        return {library: [time / self.iterations for time in times[library]]
                for library in times}


@dataclass(frozen=True)
class Fresh:
    """A row of what child processes or packages take."""

    name: str
    unit: str
    of: Callable          # data, libraries, turns, threads -> {library: numbers}
    data: Callable
    peers: tuple
    operations = ()
    steps = 0

    def measure(self, libraries, turns, seconds, threads, seed):
        return self.of(self.data(np.random.default_rng(seed)), libraries, turns,
                       threads)


# ---- the data

def single(arrays):
    """The arrays in float32."""
    return [np.asarray(array, np.float32) for array in arrays]


def normal(rng, *shape):
    """Weights [n, m] of variance 1 / n."""
    return rng.normal(size=shape) / shape[0] ** 0.5


def lstm_blocks(rng, n, H, m):
    """W, U, b, h0, c0, Wy, by."""
    b = np.repeat((0.0, 1.0, 0.0, 0.0), H)
    return single([normal(rng, n, 4 * H), normal(rng, H, 4 * H), b, np.zeros(H),
                   np.zeros(H), 0.1 * normal(rng, H, m), np.zeros(m)])


def gradient_data(B, T, H, rng):
    x, y_bar = single(rng.normal(size=(T, B, n)) for n in (N_IN, N_OUT))
    return dict(blocks=lstm_blocks(rng, N_IN, H, N_OUT), x=x, y_bar=y_bar)


def hvp_data(B, T, H, rng):
    x, targets = single(rng.normal(size=(T, B, n)) for n in (N_IN, N_OUT))
    blocks = lstm_blocks(rng, N_IN, H, N_OUT)
    v = single(rng.normal(size=block.shape) for block in blocks)
    return dict(blocks=blocks, x=x, targets=targets, v=v)


def rl2_data(B, T, H, iterations, rng):
    return dict(arms=ARMS, pulls=T, H=H, bandits=B, iterations=iterations, options=PPO)


def rl2_check(libraries, data):
    """How one update on the same trials changes theta."""
    T, B, H = (data[name] for name in ("pulls", "bandits", "H"))
    rng, shape = np.random.default_rng(0), (T, B)
    x, noise, value, luck = single(
        rng.normal(size=size) for size in ((*shape, ARMS + 3), shape, shape, shape))
    update = dict(arms=ARMS, pulls=T, H=H, options=PPO, x=x,
                  blocks=lstm_blocks(rng, ARMS + 3, H, ARMS + 1),
                  action=rng.integers(ARMS, size=shape), reward=np.maximum(luck, 0),
                  log_prob=noise / 10 - np.float32(np.log(ARMS)), value=value)
    return {library: side(library, "rl2_update")(**update)() for library in libraries}


def maml_data(K, R, H, rng):
    sizes = (N_OBS, H, H, N_ACTION)
    weights = [[normal(rng, n, m), np.zeros(m)] for n, m in zip(sizes, sizes[1:])]
    blocks = single([*sum(weights, []), np.zeros(N_ACTION)])

    def batch():
        x, noise = (rng.normal(size=(K, R, n)) for n in (N_OBS, N_ACTION))
        a = formulas.network(np, blocks, x)[0] + noise
        return single([x, a, rng.normal(size=(K, R)),
                       formulas.log_prob(np, blocks, x, a)])
    return dict(blocks=blocks, before=batch(), after=batch())


def acting_data(family, head, K, B, rng):
    """K tasks of B trials, and a policy with two layers of units."""
    policy = MLPPolicy(family.obs_size, head, (UNITS, UNITS))
    return dict(family=family, tasks=family.sample(K, rng), trials=B, policy=policy,
                theta=policy.init(rng, np.float32), rng=rng)


def stepping_data(family, K, B, rng):
    """The same tasks, and actions at random; no task may end before the horizon."""
    shape = family.horizon, K, B
    actions = (rng.integers(family.action.n, size=shape) if family is GRID
               else rng.normal(size=(*shape, 2)))
    return dict(family=family, tasks=family.sample(K, rng), trials=B, actions=actions)


def no_check(libraries, data):
    """Chance decides what is done. That the tasks agree is seen where they are stepped.
    """
    return {"minimeta": 0}


# ---- the rows

ONE, TWO, THREE = ("torch",), ("torch", "jax"), ("torch", "vmap", "jax")    # peers
LSTM_SIZES = (256, 10, 48), (64, 100, 48), (64, 100, 256)
MAML_SIZES = (20, 200, 32), (20, 400, 64), (20, 2000, 100)
QUICK = dict(lstm_sizes=((6, 5, 4),), maml_sizes=((3, 8, 5),), episodes=(2, 5))


def all_rows(lstm_sizes=LSTM_SIZES, maml_sizes=MAML_SIZES, episodes=(20, 50)):
    """The rows; `episodes` are tasks and trials of each that act side by side."""
    return [*lstm_rows(lstm_sizes), *maml_rows(maml_sizes), *acting_rows(*episodes),
            *fresh_rows(maml_sizes)]


def lstm_rows(sizes):
    gradient, hvp, rl2 = [], [], []
    for B, T, H in sizes:
        size, form = f"{B}x{T}x{H}", machine.lstm(B, T, N_IN, H, N_OUT)
        gradient.append(Timed(
            f"LSTM grad {size}", "lstm_gradient", partial(gradient_data, B, T, H), TWO,
            (*form("forward", 1), *form("vjp", 1))))
        hvp.append(Timed(
            f"LSTM Hv {size}", "lstm_hvp", partial(hvp_data, B, T, H), TWO,
            (*form("forward", 1), *form("jvp", 1), *form("vjp", 1, x_bar=False),
             *form("vjp_dot", 1))))
        form = machine.lstm(B, T, ARMS + 3, H, ARMS + 1)
        n = min(40, max(6, 5_000_000 // (B * T * H)))    # about a second
        rl2.append(Timed(
            f"RL2 {size}", "rl2", partial(rl2_data, B, T, H, n), ONE,
            (*form("forward", 1 + PPO["epochs"]),
             *form("vjp", PPO["epochs"], x_bar=False)),
            tolerance=1e-3, iterations=n, check=rl2_check))
    return gradient + hvp + rl2


def maml_rows(sizes):
    gradient, trust = [], []
    for K, R, H in sizes:
        size, form = f"{K}x{R}x{H}", machine.mlp(K, R, N_OBS, H, N_ACTION)
        data = partial(maml_data, K, R, H)
        hvp = (*form("jvp", 1), *form("vjp_dot", 1))
        one = (*form("forward", 2), *form("vjp", 2), *hvp)
        gradient.append(Timed(f"MAML {size}", "maml", data, THREE, one, 1e-3))
        fisher = (*hvp, *form("jvp", 1), *form("vjp", 1), *hvp)
        judge = (*form("forward", 2), *form("vjp", 1))
        trust.append(Timed(f"trust {size}", "trust_region", data, TWO,
                           (*one, *formulas.PRODUCTS * fisher, *judge), 1e-3))
    return gradient + trust[:2]


def acting_rows(K, B):
    acting, stepping = [], []
    for name, family, head in (("grid", GRID, Categorical(5)),
                               ("plane", PLANE, Gaussian(2))):
        network = machine.mlp(1, K * B, family.obs_size, UNITS, head.n)
        acting.append(Timed(
            f"acting {name} {K * B}", "acting",
            partial(acting_data, family, head, K, B), ("gymnasium",),
            network("forward", family.horizon), check=no_check,
            steps=K * B * family.horizon))
        stepping.append(Timed(
            f"stepping {name} {K * B}", "stepping",
            partial(stepping_data, family, K, B), ("gymnasium",),
            steps=K * B * family.horizon))
    return stepping + acting


def fresh_rows(sizes):
    small, large = partial(maml_data, *sizes[0]), partial(maml_data, *sizes[-1])
    return [Fresh("start, ms", "ms", child.start, small, TWO),
            Fresh("memory, MiB", "MiB", child.memory, large, THREE),
            Fresh("packages, MiB", "MiB", child.sizes, small, TWO)]
