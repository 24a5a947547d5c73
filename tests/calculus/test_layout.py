"""Layout: pack and unpack are inverse, blocks are views, coordinates have names."""
from math import prod

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from minimeta import Layout

layouts = st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=5).map(
    lambda shapes: Layout(**{f"p{i}": tuple(s) for i, s in enumerate(shapes)}))
leads = st.lists(st.integers(1, 3), max_size=2).map(tuple)


@given(layout=layouts, lead=leads, seed=st.integers(0, 2 ** 31))
@example(layout=Layout(a=(), W=(3, 2)), lead=(4,), seed=0)
def test_pack_and_unpack_are_inverse(layout, lead, seed):
    theta = np.random.default_rng(seed).normal(size=lead + (layout.size,))
    blocks = layout.unpack(theta)
    for (name, shape), block in zip(layout.shapes, blocks):
        assert block.shape == lead + shape
    assert np.array_equal(layout.pack(**blocks._asdict()), theta)


@given(layout=layouts)
def test_every_coordinate_has_its_own_name_in_the_order_of_the_blocks(layout):
    names = [layout.name(i) for i in range(layout.size)]
    assert len(set(names)) == layout.size == sum(prod(s) for _, s in layout.shapes)
    theta = layout.unpack(np.arange(layout.size))
    for i, name in enumerate(names):
        block, _, index = name.rstrip("]").partition("[")
        index = tuple(int(j) for j in index.split(",") if j)
        assert getattr(theta, block)[index] == i


def test_blocks_may_be_lists():
    layout = Layout(W=(2, 3), b=(2,))
    assert layout.pack(W=[[1, 2, 3], [4, 5, 6]], b=[7, 8]).tolist() == [*range(1, 9)]


def test_a_name_is_the_block_and_its_index():
    layout = Layout(W=(3, 4), s=(), b=(4,))
    names = [layout.name(i) for i in (0, 11, 12, 15)]
    assert names == ["W[0, 0]", "W[2, 3]", "s", "b[2]"]


@pytest.mark.parametrize("i", [-1, 17])
def test_a_coordinate_that_does_not_exist_has_no_name(i):
    with pytest.raises(ValueError, match=rf"\[0, 17\), got {i}"):
        Layout(W=(3, 4), s=(), b=(4,)).name(i)


def test_blocks_are_read_only_views_and_theta_stays_writable():
    layout, theta = Layout(W=(3, 4), b=(4,)), np.zeros((2, 16))
    for block in layout.unpack(theta):
        assert np.shares_memory(block, theta) and not block.flags.writeable
    theta[1, 13] = 5
    assert layout.unpack(theta).b[1, 1] == 5


def test_a_read_only_or_broadcast_theta_is_unpacked_without_a_copy():
    layout = Layout(W=(3, 4), b=(4,))
    theta = np.broadcast_to(np.arange(16.0), (5, 16))
    assert np.shares_memory(layout.unpack(theta).W, theta)


def test_the_type_of_theta_is_kept():
    layout = Layout(W=(3, 4), b=(4,))
    for dtype in (np.float32, np.float64, np.complex128):
        blocks = layout.unpack(np.zeros(16, dtype))
        assert {b.dtype for b in blocks} == {np.dtype(dtype)}
        assert layout.pack(**blocks._asdict()).dtype == dtype


def test_layouts_add_up_in_order():
    total = Layout(W=(3, 4)) + Layout(b=(2,))
    assert total == Layout(W=(3, 4), b=(2,)) and total.name(13) == "b[1]"


def test_layouts_with_a_name_in_common_are_not_added_but_a_prefix_tells_them_apart():
    net = Layout(W=(3, 4), b=(2,))
    with pytest.raises(ValueError, match=r"both have \['b'\]; use layout.prefixed"):
        net + Layout(b=(5,))
    both = net.prefixed("encoder_") + net
    assert both == Layout(encoder_W=(3, 4), encoder_b=(2,), W=(3, 4), b=(2,))


def test_the_table_shows_each_block_with_its_norm():
    text = Layout(W=(1, 2), b=(2,)).table(np.array([3.0, 4.0, 0.0, 2.0]))
    assert [row.split()[0] for row in text.splitlines()] == ["block", "W", "b"]
    assert [row.split()[-1] for row in text.splitlines()[1:]] == ["5", "2"]


@pytest.mark.parametrize("shape", [(15,), (2, 17), (16, 1), ()])
def test_a_theta_of_the_wrong_length_is_refused(shape):
    with pytest.raises(ValueError, match=r"theta must have shape \[\.\.\., 16\] .*got"):
        Layout(W=(3, 4), b=(4,)).unpack(np.zeros(shape))


def test_blocks_that_are_missing_unknown_or_misshapen_are_refused():
    layout, W, b = Layout(W=(3, 4), b=(4,)), np.zeros((3, 4)), np.zeros(4)
    with pytest.raises(ValueError, match=r"\['W', 'b'\], got \['W'\]"):
        layout.pack(W=W)
    with pytest.raises(ValueError, match=r"\['W', 'b'\], got \['W', 'b', 'c'\]"):
        layout.pack(W=W, b=b, c=b)
    with pytest.raises(ValueError, match=r"W must have shape \[.*3, 4\], got \[4, 3\]"):
        layout.pack(W=W.T, b=b)
    with pytest.raises(ValueError, match=r"be equal, got \{'W': \[\], 'b': \[2\]\}"):
        layout.pack(W=W, b=np.zeros((2, 4)))


def test_sizes_are_whole_numbers():
    with pytest.raises(TypeError, match="a size of W must be a whole number, got 2.5"):
        Layout(W=(2.5,))
    with pytest.raises(ValueError, match="a size of W must be at least 0, got -1"):
        Layout(W=(-1,))
