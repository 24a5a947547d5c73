"""Each trick of speed gives what the plain line beside it gives."""
import numpy as np
import pytest
from hypothesis import given, strategies as st

from minimeta.calculus import fast, maps
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


@pytest.mark.parametrize("dtypes", [["f4"] * 4, ["f8"] * 4, ["f8", "c16", "c16", "f8"],
                                    ["f4", "c8", "f4", "c8"], ["c16", "f8", "f8", "f8"]])
def test_the_forms_of_tanh_are_the_plain_ones_and_write_to_nothing(dtypes):
    y, *vs = given = [draw(k, (3, 4, 5), dtype) for k, dtype in enumerate(map(np.dtype, dtypes))]
    before = [array.copy() for array in given]
    for quick, plain in ((fast.slope_times(y, vs[0]), maps.tanh_vjp(y, vs[0])),
                         (fast.slope_times(y, vs[0]), maps.tanh_jvp(y, vs[0])),
                         (fast.tanh_vjp_dot(y, *vs), maps.tanh_vjp_dot(y, *vs))):
        assert quick.dtype == plain.dtype
        assert np.allclose(quick, plain, rtol=0, atol=100 * np.finfo(plain.dtype).eps)
    assert all(map(np.array_equal, given, before))


@pytest.mark.parametrize("dtypes", [["f4", "f4"], ["f8", "c16"], ["c16", "f8"]])
def test_in_the_memory_of_the_first_is_as_in_new_memory(dtypes):
    u, v = (draw(k, (2, 3, 4), np.dtype(dtype)) for k, dtype in enumerate(dtypes))
    for quick, plain in ((fast.plus(u.copy(), v), u + v), (fast.times(u.copy(), v), u * v)):
        assert quick.dtype == plain.dtype and np.array_equal(quick, plain)
    assert np.array_equal(fast.plus(u.copy(), v[:, :1]), u + v[:, :1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_with_the_transpose_is_the_plain_one(dtype):
    A, W = draw(0, (2, 3, 5, 4), dtype), draw(1, (2, 3, 6, 4), dtype)
    plain = A @ maps.transpose(W)
    assert np.allclose(fast.by_transpose(A, W), plain, rtol=0, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (2, 3, 4)])
def test_any_number_of_tasks_may_lead(lead):
    A, W = draw(0, lead + (5, 4)), draw(1, lead + (6, 4))
    assert np.allclose(fast.sum_rows(A), A.sum(-2), rtol=0, atol=1e-14)
    assert np.allclose(fast.sum_last(A), A.sum(-1, keepdims=True), rtol=0, atol=1e-14)
    assert np.array_equal(fast.max_last(A), A.max(-1, keepdims=True))
    assert np.allclose(fast.cumsum_last(A), A.cumsum(-1), rtol=0, atol=1e-14)
    assert np.allclose(fast.by_transpose(A, W), A @ maps.transpose(W), rtol=0, atol=1e-14)
