"""What an iteration asks of Python and of the memory is bounded: counts, which no busy
machine disturbs, in place of times."""
import dis
import gc
import sys
import tracemalloc
from collections import Counter
from functools import lru_cache
from unittest.mock import patch

import numpy as np
import pytest

from minimeta import LSTM, MAML, RL2, Categorical, Gaussian, MLPPolicy, RecurrentPolicy
from minimeta.calculus import fast_lstm
from minimeta.rl import Rollout, rollout
from minimeta.tasks import BernoulliBandit, GridNavigation

LARGE = 2 ** 20      # bytes of an array that counts
MARGIN = 1.1         # of the counts: NumPy 1.26 calls a little more than NumPy 2

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="later Pythons trace not all instructions")


@lru_cache(maxsize=None)
def products(code):
    """The offsets in a function's code where there is an @."""
    return {at.offset for at in dis.get_instructions(code)
            if "MATRIX_MULTIPLY" in at.opname or at.argrepr in ("@", "@=")}


MATMUL = np.matmul


def matmul(*arguments, **options):
    """Stands in the place of np.matmul while products are counted."""
    return MATMUL(*arguments, **options)


def counted(run):
    """How often a run multiplies matrices by @ or np.matmul, calls a function that is
    written in Python, and makes an array of LARGE bytes or more."""
    counts, held = Counter(products=0, calls=0, arrays=0), 0

    def trace(frame, event, argument):
        nonlocal held
        now, peak = tracemalloc.get_traced_memory()
        counts["arrays"] += peak - held >= LARGE
        tracemalloc.reset_peak()
        held = now
        if event == "call":
            counts["products" if frame.f_code is matmul.__code__ else "calls"] += 1
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
        elif event == "opcode":
            counts["products"] += frame.f_lasti in products(frame.f_code)
        return trace

    run()    # what is computed once for all is there
    tracemalloc.start()
    before = sys.gettrace()
    gc.disable()    # what is collected meanwhile may call functions too
    try:
        with patch("numpy.matmul", matmul), patch.object(fast_lstm, "matmul", matmul):
            sys.settrace(trace)
            run()
    finally:
        sys.settrace(before)
        gc.enable()
        tracemalloc.stop()
    return counts


# ---- the iterations

def maml(K=20, R=2000, H=100, n=10, m=4):
    """The meta-gradient of one inner step, R episodes of one step for each task."""
    rng, ones = np.random.default_rng(0), np.ones((K, 1, R), bool)
    policy = MLPPolicy(n, Gaussian(m), (H, H))
    learner = MAML(policy, gamma=0.0, baseline="none", normalise=False, trials=R)
    theta = policy.init(rng, np.float32)

    def batch():
        x, a, A = (rng.normal(size=(K, 1, R, *last)).astype(np.float32)
                   for last in ((n,), (m,), ()))
        return Rollout(x, a, A, np.full_like(A, -6), 0 * A, ones, ones)

    before, after = batch(), batch()
    return lambda: learner.meta_gradient(theta, [before], after)


def lstm(B=64, T=100, H=48, n=8, m=6):
    """Forward and back through T steps."""
    rng, net = np.random.default_rng(0), LSTM(n, H, m)
    theta = net.init(rng, np.float32)
    x, y_bar = (rng.normal(size=(T, B, k)).astype(np.float32) for k in (n, m))
    return lambda: net.vjp(theta, net.forward(theta, x)[1], y_bar)


def rl2(B=256, T=10, H=48, arms=5):
    """An update of 3 epochs, without the collection."""
    family, rng = BernoulliBandit(arms, T), np.random.default_rng(0)
    learner = RL2(RecurrentPolicy(family.obs_size, Categorical(arms), H))
    theta = learner.init(rng)
    data = learner.collect(theta, family.sample(B, rng), rng)
    return lambda: learner.update(theta, None, [], data, 0.0)


def acting(K=10, B=100):
    """An episode of 15 steps on each of K grids, B times."""
    family, rng = GridNavigation(), np.random.default_rng(0)
    policy, tasks = MLPPolicy(family.obs_size, Categorical(5)), family.sample(K, rng)
    theta = policy.init(rng, np.float32)
    return lambda: rollout(policy, theta, tasks, trials=B, episodes=1, rng=rng)


# products (@), calls of Python functions, arrays of 1 MiB or more
BOUNDS = {maml: (470, 9697, 290), lstm: (303, 214, 4), rl2: (126, 2008, 3),
          acting: (90, 1602, 1)}


@pytest.mark.parametrize("iteration", BOUNDS, ids=lambda f: f.__name__)
def test_an_iteration_asks_no_more_of_the_machine_than_it_did(iteration):
    counts = counted(iteration())
    for (name, count), most in zip(counts.items(), BOUNDS[iteration]):
        assert count <= MARGIN * most, f"{name}: {dict(counts)}"


def test_what_is_counted_is_counted():
    """Six products, large arrays of a sum, a product and an identity, two calls."""
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(512, 256)), rng.normal(size=(256, 512))    # 1 MiB each

    def again(C):
        C = C + 1                        # 2 MiB
        C @= np.eye(512)[::-1]           # 2 MiB, and the identity 2 MiB
        return C

    def run():
        again(A @ B)                     # 2 MiB
        np.matmul(A, B)                  # 2 MiB
        for _ in range(3):
            B[:2, :4] @ A[:4]            # 4 kiB

    counts = counted(run)
    assert counts["products"] == 6
    assert 4 <= counts["arrays"] <= 6    # NumPy may make some of its own, and calls too
    assert 2 <= counts["calls"] <= 8     # run, again
