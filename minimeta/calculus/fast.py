"""This file holds the tricks of speed and memory. Each one stands beside the plain line
of NumPy that it replaces, and a test compares the two. Two longer tricks stand in
fast_lstm and pullback. Nothing else in minimeta is written for speed at the price of
plainness.

    sum_rows(A)                    A.sum(-2)
    sum_last(u)                    u.sum(-1, keepdims=True)
    max_last(u)                    u.max(-1, keepdims=True)
    cumsum_last(u)                 u.cumsum(-1)
    take_last(u, a)                u[.., a], a number of each row
    concatenate_last(arrays, lead) np.concatenate(arrays, -1)
    by_transpose(A, W)             A @ transpose(W)
    plus(u, v), times(u, v)        u + v, u * v
    slope_times(y, v)              maps.tanh_jvp(y, v), maps.tanh_vjp(y, v)
    tanh_vjp_dot(..)               maps.tanh_vjp_dot(..)
    keep_freed_memory()            nothing: results do not depend on it

NumPy is slow along a last axis of 2 to 5 numbers, such as those of an action. Times are
medians of 20 runs or more, float32, one thread.
"""
from functools import reduce

import numpy as np

LARGEST = 31 << 20  # bytes; the C library's own limit is 32 MB


def sum_rows(A):
    """A.sum(-2). At 20 x 2000 x 100: 0.25 ms in place of 0.67; at 20 x 2000 x 5: 0.04
    in place of 0.48."""
    return (np.ones((1, A.shape[-2]), A.dtype) @ A)[..., 0, :]


def sum_last(u):
    """u.sum(-1, keepdims=True). At 20 x 100 x 20 x 2: 0.06 ms in place of 0.43."""
    return u @ np.ones((u.shape[-1], 1), u.dtype)


def max_last(u):
    """u.max(-1, keepdims=True). At 20 x 100 x 20 x 2: 0.02 ms in place of 1.12."""
    return reduce(np.maximum, moved(u, u.ndim - 1, 0))[..., None]


def cumsum_last(u):
    """u.cumsum(-1). In memory the last axis comes first. At 4096 x 5: 0.009 ms in
    place of 0.093."""
    P = np.array(moved(u, u.ndim - 1, 0), order="C")
    for k in range(1, len(P)):
        P[k] += P[k - 1]
    return moved(P, 0, P.ndim - 1)


def take_last(u, a):
    """The number a [...] of each row of u [..., n]. At 64 x 5: 0.0016 ms in
    place of 0.0030."""
    rows = u.reshape(-1, u.shape[-1])
    return rows[np.arange(len(rows)), a.ravel()].reshape(a.shape)


def moved(u, start, stop):
    """np.moveaxis(u, start, stop), for axes that count from 0: 0.4 us in place of 2.4.
    """
    axes = list(range(u.ndim))
    axes.insert(stop, axes.pop(start))
    return u.transpose(axes)


def concatenate_last(arrays, lead):
    """np.concatenate(arrays, -1), but in memory the last axis comes right after the
    first `lead` axes, so that each column is contiguous. At 20 x 100 x 20 x 2, a
    Gaussian's log_prob and log_prob_grad then take 0.26 ms in place of 1.18."""
    columns = [moved(array, array.ndim - 1, lead) for array in arrays]
    like, n = columns[0], sum(array.shape[-1] for array in arrays)
    shape = like.shape[:lead] + (n,) + like.shape[lead + 1:]
    room = np.empty(shape, np.result_type(*arrays))
    return moved(np.concatenate(columns, lead, out=room), lead, room.ndim - 1)


def by_transpose(A, W):
    """A @ transpose(W). A small transpose is quicker as a copy. At 20 x 200 x 32 with a
    W of 32 x 32: 0.041 ms in place of 0.055."""
    return A @ W.swapaxes(-1, -2).copy()


def plus(u, v):
    """u + v in the memory of u, which was just computed and which nobody else has. With
    those below, a meta-gradient of 20 x 200 x 32 takes 0.95 of its time."""
    return np.add(u, v, out=u if u.dtype == v.dtype else None)


def times(u, v):
    """u * v in the memory of u, as plus."""
    return np.multiply(u, v, out=u if u.dtype == v.dtype else None)


def slope_times(y, v):
    """(1 - y * y) * v, the slope of tanh times v: tanh_jvp and tanh_vjp. At 20 x 200 x
    32: 0.026 ms in place of 0.033."""
    slope = y * y
    return times(np.subtract(1, slope, out=slope), v)


def tanh_vjp_dot(y, y_bar, y_dot, y_bar_dot):
    """(1 - y * y) * y_bar_dot - 2 * y * y_dot * y_bar. At 20 x 200 x 32: 0.068 ms in
    place of 0.077."""
    return plus(slope_times(y, y_bar_dot), times(times(-2 * y, y_dot), y_bar))


def keep_freed_memory():
    """Tells the C library to keep the memory that arrays free: allocates one block of
    LARGEST bytes and frees it. `import minimeta` calls this once.

    The outputs of some thousand rows are megabytes. The GNU C library gives freed
    blocks of this size back to the system, and the system clears each new one. This
    costs 5000 page faults in one Fisher product of a policy with 64 units at 20 x 100 x
    20, which takes 38 ms in place of 26. The C library keeps blocks up to the size of
    the largest block that it has seen freed. Nothing is written to the block, so the
    process does not grow.
    """
    np.empty(LARGEST, np.uint8)
