"""The LSTM's fast loops give what the recurrence gives with the plain cell."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import LSTM
from minimeta.calculus.recurrence import recur, recur_vjp
from minimeta.testing.strategies import seeds

CELL = LSTM.cell
PLAIN = CELL._replace(forward=lambda *at: CELL.forward(*at), vjp=lambda *at: CELL.vjp(*at))


def case(seed, lead, T, n, H, B, dtype):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        noise = rng.normal(size=shape)
        if np.issubdtype(dtype, np.complexfloating):
            noise = noise + 0.1j * rng.normal(size=shape)
        return noise.astype(dtype)

    V, x = draw(*lead, n + H + 1, 4 * H), draw(T, *lead, n, B)
    state, bars = [tuple(draw(*lead, H, B) for _ in "hc") for _ in range(2)]
    return V, x, state, draw(T, *lead, H, B), bars


def flat(nest):
    if isinstance(nest, np.ndarray):
        return [nest]
    return [array for part in nest for array in flat(part)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@given(seed=seeds(), lead=st.sampled_from([(), (2,), (2, 3)]), T=st.integers(1, 4),
       sizes=st.permutations([1, 2, 5]))
def test_the_loops_are_the_recurrence(dtype, seed, lead, T, sizes):
    V, x, state, h_bars, bars = case(seed, lead, T, *sizes, dtype)
    quick, plain = recur(CELL, V, x, state), recur(PLAIN, V, x, state)
    close = dict(rtol=0, atol=500 * np.finfo(dtype).eps)
    for mine, theirs in zip(flat(quick), flat(plain), strict=True):
        assert mine.dtype == theirs.dtype and np.allclose(mine, theirs, **close)
    for cache in (quick, plain):               # each loop reads the other's cache
        mine, theirs = (recur_vjp(cell, V, cache, h_bars, bars) for cell in (CELL, PLAIN))
        for a, b in zip(flat(mine), flat(theirs), strict=True):
            assert a.dtype == b.dtype
            assert np.allclose(a, b, rtol=0, atol=50 * np.finfo(dtype).eps * (1 + abs(b).max()))


def test_the_loops_write_to_nothing_that_they_are_given():
    V, x, state, h_bars, bars = case(0, (2,), 3, 1, 2, 5, np.float64)
    cache = recur(CELL, V, x, state)
    kept = [a.copy() for a in flat([V, x, state, h_bars, bars, cache])]
    recur_vjp(CELL, V, cache, h_bars, bars)
    assert all(map(np.array_equal, kept, flat([V, x, state, h_bars, bars, cache])))


def test_a_cell_with_a_vjp_of_its_own_is_asked_for_it():
    V, x, state, h_bars, bars = case(0, (), 3, 1, 2, 5, np.float64)

    def doubled(kept, state_bar):
        z_bar, rest = CELL.vjp(kept, state_bar)
        return 2 * z_bar, rest

    cache = recur(CELL, V, x, state)
    mine = recur_vjp(CELL._replace(vjp=doubled), V, cache, h_bars, bars)[0]
    assert np.abs(mine - recur_vjp(CELL, V, cache, h_bars, bars)[0]).max() > 0.1
