"""How fast: LSTM gradients, RL^2 iterations and MAML, beside PyTorch and JAX.

    python examples/benchmark.py            4 minutes
    python examples/benchmark.py --quick    seconds, the first row of each kind

An LSTM row is a forward and a backward pass in float32, with the gradient of all
parameters and of x; 8 inputs, 6 outputs. GFLOP/s counts matrix products. The gradients
of all libraries must agree. An RL^2 row is one iteration: new bandits, a rollout of one
trial each, 3 epochs of PPO through whole trials. PyTorch is eager torch.nn.LSTM, as one
would write it down; JAX is a jitted scan. They take turns; the shortest time counts.

Each library has its default number of threads. So run on an idle machine of two cores
the last lines read

         (B, T, H)         minimeta  GFLOP/s     torch  ratio       jax  ratio
    LSTM (256, 10, 48)         1.47      115      1.18   1.25      2.01   0.73
    LSTM (64, 100, 48)         5.88       72      3.35   1.75      6.43   0.91
    LSTM (64, 100, 256)       49.12      213     55.65   0.88     81.05   0.61
    RL^2 (256, 10, 48)         9.68              15.80   0.61
    RL^2 (64, 100, 48)        41.04              61.82   0.66
    RL^2 (64, 100, 256)      243.04             249.21   0.98
    milliseconds; ratio: minimeta's time to theirs, below 1 where it is faster

On a busy machine the second thread of NumPy's BLAS makes it many times slower:
OPENBLAS_NUM_THREADS=1 is safe. With NumPy's products kept to AVX2
(OPENBLAS_CORETYPE=Haswell) the ratios to PyTorch are 1.55, 1.96, 1.28 and 0.77, 0.75,
1.14, and to JAX 0.90, 1.01, 0.87.

The rows of MAML are those of benchmark_maml.py, and follow.
"""
import argparse
import importlib
import time

import numpy as np

from minimeta import LSTM, RL2, Categorical, RecurrentPolicy, meta_train
from minimeta.tasks import BernoulliBandit

LIBRARIES = ("minimeta", "torch", "jax")
N_IN, N_OUT = 8, 6                             # of the LSTM alone
ARMS, EPOCHS, RATE = 5, 3, 6e-3                # of RL^2
GAMMA, LAM, CLIP, VALUE, ENTROPY, NORM = 1.0, 0.9, 0.2, 0.5, 0.02, 1.0
TURNS, SECONDS = 5, 2.0    # turns of each library, and how long a turn lasts


# ---- LSTM: the gradient of sum(y_bar y) in theta and x. A library's function returns
# one that computes it once and returns x_bar.

def data(B, T, H, seed):
    net, rng = LSTM(N_IN, H, N_OUT), np.random.default_rng(seed)
    x, y_bar = (rng.normal(size=(T, B, n)).astype(np.float32) for n in (N_IN, N_OUT))
    return net, net.init(rng, np.float32), x, y_bar


def gradient_minimeta(B, T, H, seed):
    net, theta, x, y_bar = data(B, T, H, seed)
    return lambda: net.vjp(theta, net.forward(theta, x)[1], y_bar)[1]


def gradient_torch(B, T, H, seed):
    import torch
    net, theta, x, y_bar = data(B, T, H, seed)
    p = net.layout.unpack(theta)

    def reordered(block):    # from i, f, o, g to i, f, g, o
        i, f, o, g = np.split(block, 4, -1)
        return torch.tensor(np.concatenate([i, f, g, o], -1).T)

    lstm, read = torch.nn.LSTM(N_IN, H), torch.nn.LinearSchedule(H, N_OUT)
    lstm.load_state_dict({
        "weight_ih_l0": reordered(p.W), "weight_hh_l0": reordered(p.U),
        "bias_ih_l0": reordered(p.b), "bias_hh_l0": torch.zeros(4 * H)})
    read.load_state_dict({"weight": torch.tensor(p.Wy.T), "bias": torch.tensor(p.by)})
    *start, x = (torch.tensor(a, requires_grad=True) for a in (p.h0, p.c0, x))
    wanted = [*lstm.parameters(), *read.parameters(), *start, x]
    y_bar = torch.tensor(y_bar)

    def run():
        hs, _ = lstm(x, tuple(s.expand(1, B, -1) for s in start))
        return torch.autograd.grad(read(hs), wanted, y_bar)[-1].numpy()
    return run


def gradient_jax(B, T, H, seed):
    import jax
    net, theta, x, y_bar = data(B, T, H, seed)
    sigmoid, tanh = jax.nn.sigmoid, jax.numpy.tanh

    def value(p, x):
        def step(state, x):
            z = x @ p["W"] + state[0] @ p["U"] + p["b"]
            i, f, o, g = jax.numpy.split(z, 4, -1)
            c = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            return (h, c), h

        start = tuple(jax.numpy.tile(p[name], (B, 1)) for name in ("h0", "c0"))
        _, hs = jax.lax.scan(step, start, x)
        return (y_bar * (hs @ p["Wy"] + p["by"])).sum()

    gradient = jax.jit(jax.value_and_grad(value, (0, 1)))
    p, x = jax.tree.map(jax.numpy.asarray, (net.layout.unpack(theta)._asdict(), x))
    return lambda: np.asarray(jax.block_until_ready(gradient(p, x))[1][1])


# ---- RL^2: one iteration, on B Bernoulli bandits of T pulls.

def rl2_minimeta(B, T, H, seed):
    family = BernoulliBandit(ARMS, T)
    policy = RecurrentPolicy(family.obs_size, Categorical(ARMS), H)
    learner = RL2(policy, gamma=GAMMA, lam=LAM, clip=CLIP, epochs=EPOCHS, rate=RATE,
                  value_weight=VALUE, entropy_weight=ENTROPY, max_norm=NORM)

    def run():
        meta_train(learner, family, iterations=1, tasks=B, seed=seed)
    return run


def rl2_torch(B, T, H, seed):
    import torch
    from torch.distributions import Categorical
    torch.manual_seed(seed)
    lstm, read = torch.nn.LSTM(1 + ARMS + 2, H), torch.nn.LinearSchedule(H, ARMS + 1)
    parameters = [*lstm.parameters(), *read.parameters()]
    adam = torch.optim.Adam(parameters, RATE)

    def policy(x, state=None):
        h, state = lstm(x, state)
        y = read(h)
        return Categorical(logits=y[..., :-1]), y[..., -1], state

    @torch.no_grad()
    def rollout():
        p, last, state, steps = torch.rand(B, ARMS), torch.zeros(B, ARMS + 2), None, []
        for t in range(T):
            x = torch.cat([torch.full((B, 1), 1 - t / T), last], -1)
            pi, value, state = policy(x[None], state)
            action = pi.sample()
            log_prob, action = pi.log_prob(action)[0], action[0]
            reward = torch.bernoulli(p.gather(1, action[:, None]))
            done = torch.full((B, 1), float(t == T - 1))
            code = torch.nn.functional.one_hot(action, ARMS)
            last = torch.cat([code, reward, done], -1)
            steps.append((x, action, reward[:, 0], log_prob, value[0]))
        return [torch.stack(column) for column in zip(*steps)]

    def advantages(reward, value):
        A, following = torch.empty_like(reward), torch.zeros(2, B)
        for t in reversed(range(T)):
            A[t] = reward[t] - value[t] + GAMMA * (following[0] + LAM * following[1])
            following = value[t], A[t]
        return A

    def run():
        x, action, reward, old, value = rollout()
        A = advantages(reward, value)
        target, A = A + value, (A - A.mean()) / A.std()
        for _ in range(EPOCHS):
            pi, value, _ = policy(x)
            ratio = torch.exp(pi.log_prob(action) - old)
            clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
            gain = torch.minimum(ratio * A, clipped * A).mean()
            loss = VALUE * ((value - target) ** 2).mean() - gain
            loss = loss - ENTROPY * pi.entropy().mean()
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, NORM)
            adam.step()
    return run


GRADIENT = {"minimeta": gradient_minimeta, "torch": gradient_torch, "jax": gradient_jax}
ITERATION = {"minimeta": rl2_minimeta, "torch": rl2_torch}
SIZES = (256, 10, 48), (64, 100, 48), (64, 100, 256)
WORKLOADS = {"LSTM": GRADIENT, "RL^2": ITERATION}


# ---- the clock

def installed():
    """The libraries that are there; says which, and PyTorch's threads."""
    found = []
    for name in LIBRARIES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            print(f"{name} is not installed")
            continue
        threads = f"{module.get_num_threads()} threads" if name == "torch" else ""
        print(" ".join((name, getattr(module, "__version__", ""), threads)).strip())
        found.append(name)
    return found


def agree(outputs):
    """The same gradient from all libraries, to the precision of float32."""
    first, *others = outputs.values()
    for other in others:
        error = np.linalg.norm(other - first) / np.linalg.norm(first)
        assert error < 1e-4, f"{list(outputs)} differ by {error:.0e}"


def shortest(runs, turns, seconds):
    """The shortest time of each, milliseconds. They take turns."""
    best = dict.fromkeys(runs, np.inf)
    for _ in range(turns):
        for name, run in runs.items():
            stop = time.perf_counter() + seconds
            while (start := time.perf_counter()) < stop:
                run()
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


def gflop(B, T, H):
    """Of the LSTM's products; the backward pass has two for each forward one."""
    return 3 * 2 * T * B * ((N_IN + H) * 4 * H + H * N_OUT) / 1e9


def row(kind, sizes, best):
    ours = best["minimeta"]
    rate = f"{gflop(*sizes) / ours * 1e3:.0f}" if kind == "LSTM" else ""
    others = (f"{best[name]:10.2f}{ours / best[name]:7.2f}" if name in best else ""
              for name in LIBRARIES[1:])
    return f"{kind} {sizes!s:16}{ours:10.2f}{rate:>9}" + "".join(others)


def main(n_sizes=3, turns=TURNS, seconds=SECONDS, seed=0):
    """The table, for the first sizes of each kind. Returns {(kind, B, T, H): {library:
    milliseconds}}."""
    libraries, table = installed(), {}
    print(f"\n{'     (B, T, H)':21}{'minimeta':>10}{'GFLOP/s':>9}"
          + "".join(f"{name:>10}{'ratio':>7}" for name in LIBRARIES[1:]))
    for kind, makers in WORKLOADS.items():
        for sizes in SIZES[:n_sizes]:
            runs = {name: makers[name](*sizes, seed) for name in libraries
                    if name in makers}
            if kind == "LSTM":
                agree({name: run() for name, run in runs.items()})
            table[kind, *sizes] = best = shortest(runs, turns, seconds)
            print(row(kind, sizes, best), flush=True)
    print("milliseconds; ratio: minimeta's time to theirs, below 1 where it is faster")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="the first rows")
    args = parser.parse_args()
    main(**{"n_sizes": 1, "seconds": 0.2} if args.quick else {}, seed=args.seed)
    print("\nMAML")
    maml = importlib.import_module("benchmark_maml")
    maml.main(**{"sizes": maml.SIZES[:1], "seconds": 0.2} if args.quick else {},
              seed=args.seed)
