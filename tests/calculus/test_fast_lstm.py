"""The LSTM's fast loops give what the recurrence gives with the plain cell."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta import LSTM
from minimeta.calculus import fast_lstm
from minimeta.calculus.recurrence import recur, recur_jvp, recur_vjp, recur_vjp_dot
from minimeta.testing.strategies import seeds

CELL = LSTM.cell
PLAIN = CELL._replace(**{form: lambda *at, form=form: getattr(CELL, form)(*at)
                         for form in ("forward", "jvp", "vjp", "vjp_dot")})


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


def assert_close(mine, theirs, dtype):
    for a, b in zip(flat(mine), flat(theirs), strict=True):
        assert a.dtype == b.dtype
        assert np.allclose(a, b, rtol=0, atol=50 * np.finfo(dtype).eps * (1 + abs(b).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@given(seed=seeds(), lead=st.sampled_from([(), (2,), (2, 3)]), T=st.integers(1, 4),
       sizes=st.permutations([1, 2, 5]))
def test_the_loops_are_the_recurrence(dtype, seed, lead, T, sizes):
    at, at_dot = (case(seed + k, lead, T, *sizes, dtype) for k in range(2))
    (V, x, state, *bars), (V_dot, x_dot, state_dot, *bars_dot) = at, at_dot
    quick, plain = recur(CELL, V, x, state), recur(PLAIN, V, x, state)
    close = dict(rtol=0, atol=500 * np.finfo(dtype).eps)
    for mine, theirs in zip(flat(quick), flat(plain), strict=True):
        assert mine.dtype == theirs.dtype and np.allclose(mine, theirs, **close)
    for cache in (quick, plain):               # each loop reads the other's cache
        mine, theirs = (recur_vjp(cell, V, cache, *bars) for cell in (CELL, PLAIN))
        assert_close(mine, theirs, dtype)
        quick_dot, plain_dot = (recur_jvp(cell, V, cache, V_dot, x_dot, state_dot)
                                for cell in (CELL, PLAIN))
        assert_close(quick_dot, plain_dot, dtype)
        for cache_dot in (quick_dot, plain_dot):
            mine, theirs = (recur_vjp_dot(cell, V, cache, *bars, V_dot, cache_dot, *bars_dot)
                            for cell in (CELL, PLAIN))
            assert_close(mine, theirs, dtype)


@pytest.mark.parametrize("B, T, n_products", [
    (300, 2, 2), (256, 3, 3), (128, 4, 2), (100, 5, 3), (64, 4, 1), (60, 9, 3), (2, 3, 1)])
@pytest.mark.parametrize("lead, dtype", [((), np.float32), ((2,), np.complex128)])
def test_where_v_is_wide_several_steps_share_a_product(
        lead, dtype, B, T, n_products, monkeypatch):
    V, x, state, *bars = case(0, lead, T, 3, 127, B, dtype)
    assert V.shape[-2] * V.shape[-1] >= fast_lstm.WIDE > 120 * 4 * 127
    cache, products, matmul = recur(CELL, V, x, state), [], np.matmul
    monkeypatch.setattr(fast_lstm, "matmul", lambda *a: products.append(1) or matmul(*a))
    mine, theirs = (recur_vjp(cell, V, cache, *bars) for cell in (CELL, PLAIN))
    assert_close(mine, theirs, dtype)
    assert len(products) == T + n_products   # a step has one for what it sees


def test_more_than_six_units_are_no_exception():
    at, at_dot = (case(k, (2,), 3, 1, 7, 2, np.float64) for k in range(2))
    (V, x, state, *bars), (V_dot, x_dot, state_dot, *bars_dot) = at, at_dot
    found = []
    for cell in (CELL, PLAIN):
        cache = recur(cell, V, x, state)
        cache_dot = recur_jvp(cell, V, cache, V_dot, x_dot, state_dot)
        found.append([cache, cache_dot, recur_vjp(cell, V, cache, *bars), recur_vjp_dot(
            cell, V, cache, *bars, V_dot, cache_dot, *bars_dot)])
    assert_close(*found, np.float64)


def test_complex_tangents_of_real_numbers_stay_complex():
    V, x, state, *bars = case(0, (), 3, 1, 2, 5, np.float64)
    V_dot, x_dot, state_dot, *bars_dot = case(1, (), 3, 1, 2, 5, np.complex128)
    cache = recur(CELL, V, x, state)
    for cell in (CELL, PLAIN):
        cache_dot = recur_jvp(cell, V, cache, V_dot, x_dot, state_dot)
        results = recur_vjp_dot(cell, V, cache, *bars, V_dot, cache_dot, *bars_dot)
        assert all(np.abs(array.imag).max() > 0 for array in flat([cache_dot.read, *results]))


def test_the_loops_write_to_nothing_that_they_are_given():
    V, x, state, *bars = case(0, (2,), 3, 1, 2, 5, np.float64)
    V_dot, x_dot, state_dot, *bars_dot = case(1, (2,), 3, 1, 2, 5, np.float64)
    cache = recur(CELL, V, x, state)
    cache_dot = recur_jvp(CELL, V, cache, V_dot, x_dot, state_dot)
    given = [V, x, state, *bars, cache, V_dot, x_dot, state_dot, *bars_dot, cache_dot]
    kept = [a.copy() for a in flat(given)]
    recur_jvp(CELL, V, cache, V_dot, x_dot, state_dot)
    recur_vjp(CELL, V, cache, *bars)
    recur_vjp_dot(CELL, V, cache, *bars, V_dot, cache_dot, *bars_dot)
    assert all(map(np.array_equal, kept, flat(given)))


def test_a_cell_with_a_vjp_of_its_own_is_asked_for_it():
    V, x, state, h_bars, bars = case(0, (), 3, 1, 2, 5, np.float64)

    def doubled(kept, state_bar):
        z_bar, rest = CELL.vjp(kept, state_bar)
        return 2 * z_bar, rest

    cache = recur(CELL, V, x, state)
    mine = recur_vjp(CELL._replace(vjp=doubled), V, cache, h_bars, bars)[0]
    assert np.abs(mine - recur_vjp(CELL, V, cache, h_bars, bars)[0]).max() > 0.1


def complex_at(k, args):
    """The nest of arrays with its k-th array complex; None if it has no k-th one."""
    count = iter(range(1000))

    def walk(nest):
        if isinstance(nest, np.ndarray):
            return nest * (1 + 0.5j) if next(count) == k else nest
        return type(nest)(map(walk, nest))

    found = walk(args)
    return found if next(count) > k else None


def assert_equal_numbers(mine, theirs):
    for a, b in zip(flat(mine), flat(theirs), strict=True):
        assert np.allclose(a, b, rtol=0, atol=1e-13 * (1 + abs(b).max()))


def test_one_complex_argument_among_real_ones_is_enough():
    V, x, state, h_bars, bars = case(0, (2,), 3, 1, 2, 5, np.float64)
    V_dot, x_dot, state_dot, h_bars_dot, bars_dot = case(1, (2,), 3, 1, 2, 5, np.float64)
    cache = recur(CELL, V, x, state)
    cache_dot = recur_jvp(CELL, V, cache, V_dot, x_dot, state_dot)
    whole, whole_dot = (recur_jvp(CELL, V * c, recur(CELL, V * c, x, state), V_dot, x_dot,
                                  state_dot)
                        if k else recur(CELL, V * c, x, state) for k, c in enumerate((1j, 1j)))
    n_tried = 0
    for form, args in (
            (recur, [V, x, state]),
            (lambda cell, *at: recur_jvp(cell, at[0], cache, *at[1:]),
             [V, V_dot, x_dot, state_dot]),
            (lambda cell, *at: recur_vjp(cell, at[0], cache, *at[1:]), [V, h_bars, bars]),
            (lambda cell, *at: recur_vjp_dot(cell, at[0], cache, *at[1:4], cache_dot, *at[4:]),
             [V, h_bars, bars, V_dot, h_bars_dot, bars_dot])):
        for k in range(9):
            given = complex_at(k, args)
            if given is None:
                break
            assert_equal_numbers(form(CELL, *given), form(PLAIN, *given))
            n_tried += 1
    for cell_cache, cell_cache_dot in ((whole, cache_dot), (cache, whole_dot)):
        mine, theirs = (recur_vjp_dot(cell, V, cell_cache, h_bars, bars, V_dot, cell_cache_dot,
                                      h_bars_dot, bars_dot) for cell in (CELL, PLAIN))
        assert_equal_numbers(mine, theirs)
    assert n_tried == 4 + 5 + 4 + 8
