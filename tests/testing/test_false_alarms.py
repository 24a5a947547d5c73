"""Nothing right is refused: random networks, policies, losses and surrogates, of every activation,
at weights small and large, with ragged ends, and random families of tasks pass all their laws.

    python tests/testing/test_false_alarms.py 10000 0       how many, and the first seed
"""
import sys
import time

import numpy as np
import pytest

from minimeta import LSTM, MLP, Categorical, Gaussian, RecurrentPolicy, MLPPolicy, TabularPolicy
from minimeta.calculus.maps import ACTIVATIONS
from minimeta.objective.losses import KL, Entropy, MeanError, SquaredError, ValueFit
from minimeta.objective.surrogates import ESTIMATORS
from minimeta.tasks import (BernoulliBandit, DependentBandit, GridNavigation, InformativeBandit,
                            PlanarArm, PointNavigation, RandomMDP, RestlessBandit, TwoStep)
from minimeta.testing import (check_function, check_map, check_policy, check_recurrent,
                              check_scalar, check_surrogate, check_tasks)

SCALES = (0.1, 0.3, 1.0, 3.0)


def an_mlp(rng, scale, seed):
    *sizes, R = rng.choice(np.arange(2, 9), size=rng.integers(3, 7), replace=False).tolist()
    net = MLP(tuple(sizes), rng.choice(list(ACTIVATIONS)).item())
    return check_map.report(net, (R, sizes[0]), seed=seed, leads=((), (2,)), scales=(scale,))


def an_lstm(rng, scale, seed):
    T, B, n, H, m = rng.choice(np.arange(2, 7), size=5, replace=False).tolist()
    return check_recurrent.report(LSTM(n, H, m), (T, B, n), seed=seed, leads=((2,),),
                                  scales=(min(scale, 1.0),))


def a_policy(rng, scale, seed):
    n, H = rng.choice(np.arange(2, 7), size=2, replace=False).tolist()
    head = [Categorical(3), Categorical(5), Gaussian(1), Gaussian(2)][rng.integers(4)]
    activation = rng.choice(list(ACTIVATIONS)).item()
    policy = [MLPPolicy(n, head, (H,), activation), RecurrentPolicy(n, head, H),
              TabularPolicy(n, 4)][rng.integers(3)]
    return check_policy.report(policy, seed=seed, leads=((2,),), scales=(min(scale, 1.0),))


def steps(rng):
    """K, T, B and a mask of trials that end early, its first step never left out."""
    K, T, B = rng.integers(2, 6, size=3).tolist()
    return (K, T, B), np.arange(T)[:, None] < rng.integers(1, T + 1, size=(K, 1, B))


def a_surrogate(rng, scale, seed):
    shape, mask = steps(rng)
    A, l_old = scale * rng.normal(size=shape) * mask, -rng.exponential(size=shape)
    name = rng.choice(list(ESTIMATORS)).item()
    l = l_old + min(scale, 1.0) * 0.3 * rng.normal(size=shape)
    return check_surrogate.report(ESTIMATORS[name](A, l_old, mask), l, seed=seed)


def a_loss(rng, scale, seed):
    shape, mask = steps(rng)
    w = mask / mask.sum((-2, -1), keepdims=True)
    head = [Categorical(4), Gaussian(2)][rng.integers(2)]
    policy, n = MLPPolicy(3, head, (4,)), head.n_in
    y, other = min(scale, 1.0) * rng.normal(size=(2, *shape, n))
    loss = [Entropy(policy, w), KL(policy, other, w), SquaredError(other[0], w[0]),
            ValueFit(RecurrentPolicy(3, head, 4), other[..., 0], w)][rng.integers(4)]
    if isinstance(loss, SquaredError):
        y = y[0]
    if isinstance(loss, ValueFit):
        y = np.concatenate([y, other[..., :1] + 1], -1)
    if isinstance(head, Gaussian) and rng.random() < 0.3:
        loss, y = MeanError(policy, rng.normal(size=shape + (2,)), w), min(
            scale, 1.0) * rng.normal(size=shape + (n,))
    return check_scalar.report(loss, y, seed=seed)


def a_function(rng, scale, seed):
    """Smooth, with kinks, complex-safe or not; of numbers and of matrices."""
    shape = [(), (3,), (2, 4), (2, 2, 3)][rng.integers(4)]
    x = scale * rng.normal(size=shape)
    f, grad = [
        (lambda x: np.sum(np.sin(x) * x), lambda x: np.cos(x) * x + np.sin(x)),
        (lambda x: np.sum(np.abs(x) ** 3), lambda x: 3 * x * np.abs(x)),
        (lambda x: np.sum(np.abs(x - 1e-4)), lambda x: np.sign(x - 1e-4)),
        (lambda x: np.sqrt(1 + np.linalg.norm(x) ** 2),
         lambda x: x / np.sqrt(1 + np.linalg.norm(x) ** 2)),
        (lambda x: np.sum(np.where(x > 0, np.exp(0.5 * x), 1 + x)),
         lambda x: np.where(x > 0, 0.5 * np.exp(0.5 * x), 1.0)),
        (lambda x: np.max(x), lambda x: 1.0 * (x == np.max(x))),
        (lambda x: 1e-6 * np.sum(x ** 4), lambda x: 4e-6 * x ** 3)][rng.integers(7)]
    return check_function.report(f, grad, x if shape else float(x), seed=seed)


def a_family(rng, scale, seed):
    """One of the library, of random sizes; grids with and without walls. Arms move for a second
    at least: in half a second their expert, who is not the best, may earn less than chance."""
    n, m, T, E = rng.choice(np.arange(2, 8), size=4, replace=False).tolist()
    walls = tuple({(int(i), int(j)) for i, j in rng.integers(1, n + 1, size=(2, 2))})
    family = [
        lambda: BernoulliBandit(n, T), lambda: RestlessBandit(T + 5),
        lambda: DependentBandit(["easy", "medium", "hard", "uniform", "independent"][T % 5], m),
        lambda: InformativeBandit(), lambda: TwoStep(T),
        lambda: GridNavigation(n + 1, 3 * n, E, walls=walls if n > 3 else ()),
        lambda: RandomMDP(n, m, T, E, noise=0.1 * (n % 2)),
        lambda: PointNavigation(T + 8, reach=0.3 + 0.1 * m, radius=0.05 * n),
        lambda: PlanarArm(["target", "dynamics"][n % 2], horizon=T + 18, substeps=2)][
            rng.integers(9)]()
    return check_tasks.report(family, seed)


KINDS = (an_mlp, an_lstm, a_policy, a_surrogate, a_loss, a_function, a_family)


def alarms(n, first=0):
    """The failed reports of n seeds."""
    found = []
    for seed in range(first, first + n):
        rng = np.random.default_rng(seed)
        kind = KINDS[seed % len(KINDS)]
        report = kind(rng, SCALES[rng.integers(4)], seed)
        if report.failed or not any(report.counts.values()):
            found.append((seed, kind.__name__, report))
    return found


def test_nothing_right_is_refused():
    assert not alarms(120)


@pytest.mark.slow
def test_nothing_right_is_refused_among_ten_thousand():
    assert not alarms(10_000)


if __name__ == "__main__":
    start = time.time()
    n, first = int(sys.argv[1]), int(sys.argv[2])
    found = alarms(n, first)
    for seed, kind, report in found[:10]:
        print(f"seed {seed}, {kind}: {next(iter(report.failed.values()))}\n{report}\n")
    print(f"{len(found)} false alarms of {n}, {time.time() - start:.0f} s")
