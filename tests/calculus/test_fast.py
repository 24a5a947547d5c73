"""Each trick of speed gives what the plain line beside it gives."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta.calculus import fast
from minimeta.testing.strategies import seeds

DTYPES = [np.float32, np.float64, np.complex128]


def draw(seed, shape, dtype=np.float64):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=shape)
    if np.issubdtype(dtype, np.complexfloating):
        noise = noise + 1j * rng.normal(size=shape)
    return noise.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@given(seed=seeds(), R=st.integers(0, 9), n=st.integers(1, 9))
def test_sums_are_the_plain_ones_to_rounding(dtype, seed, R, n):
    A = draw(seed, (3, 4, R, n), dtype)
    for quick, plain, size in (
            (fast.sum_rows(A), A.sum(-2), abs(A).sum(-2)),
            (fast.sum_last(A), A.sum(-1, keepdims=True), abs(A).sum(-1, keepdims=True))):
        assert quick.shape == plain.shape and quick.dtype == plain.dtype
        assert np.all(abs(quick - plain) <= 10 * np.finfo(dtype).eps * size)


@given(seed=seeds(), n=st.integers(1, 9))
def test_the_largest_is_the_plain_one(seed, n):
    u = draw(seed, (3, 4, n))
    assert np.array_equal(fast.max_last(u), u.max(-1, keepdims=True))


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_concatenate_last_is_concatenate_with_columns_that_are_contiguous(lead):
    a, b = np.arange(30.0).reshape(2, 3, 1, 5), 1j * np.arange(12).reshape(2, 3, 1, 2)
    joined = fast.concatenate_last([a, b], lead)
    plain = np.concatenate([a, b], -1)
    assert np.array_equal(joined, plain) and joined.dtype == plain.dtype
    assert np.moveaxis(joined, -1, lead).flags.c_contiguous


@given(seed=seeds(), n=st.integers(1, 9))
def test_running_sums_and_numbers_of_rows_are_the_plain_ones(seed, n):
    u, a = draw(seed, (3, 4, n)), np.random.default_rng(seed).integers(n, size=(3, 4))
    assert np.allclose(fast.cumsum_last(u), u.cumsum(-1), rtol=0, atol=1e-14)
    assert np.array_equal(fast.take_last(u, a), np.take_along_axis(u, a[..., None], -1)[..., 0])
    assert np.array_equal(fast.take_last(fast.cumsum_last(u), a),
                          fast.take_last(np.ascontiguousarray(fast.cumsum_last(u)), a))


@pytest.mark.parametrize("start, stop", [(0, 2), (2, 0), (1, 2), (1, 1)])
def test_an_axis_is_moved_as_numpy_moves_it(start, stop):
    u = np.arange(24).reshape(2, 3, 4)
    assert np.array_equal(fast.moved(u, start, stop), np.moveaxis(u, start, stop))
