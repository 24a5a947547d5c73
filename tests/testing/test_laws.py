"""Each law passes what is right, fails what is wrong, and says where."""
import numpy as np
import pytest
from hypothesis import given

from minimeta import Layout
from minimeta.testing import (central_difference, complex_step, memory, precision,
                              purity, second, symmetry, tangent, tasks, taylor_order,
                              transpose)
from minimeta.testing.behaviour import same
from minimeta.testing.laws import directions
from minimeta.testing.strategies import seeds, sizes

LAYOUT = Layout(W=(2, 3), b=(4,))
GRADIENT_LAWS = [(complex_step, 1e-12), (central_difference, 1e-7)]
each_gradient_law = pytest.mark.parametrize("law, gate", GRADIENT_LAWS)


def value(theta):
    """sum sin(theta) + theta_0^2 theta_last: curved, and its coordinates differ."""
    return np.sin(theta).sum(-1) + theta[..., 0] ** 2 * theta[..., -1]


def grad(theta):
    g = np.cos(theta)
    g[..., 0] += 2 * theta[..., 0] * theta[..., -1]
    g[..., -1] += theta[..., 0] ** 2
    return g


def hvp(theta, v):
    h = -np.sin(theta) * v
    h[..., 0] += 2 * (v[..., 0] * theta[..., -1] + theta[..., 0] * v[..., -1])
    h[..., -1] += 2 * theta[..., 0] * v[..., 0]
    return h


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ---- the gradient

@each_gradient_law
@pytest.mark.parametrize("shape", [(1,), (10,), (3, 10), (2, 3, 10), (301,), (3, 1000)])
def test_a_right_gradient_passes_at_every_size(law, gate, shape):
    assert law(value, grad, draw(*shape)) < gate


@each_gradient_law
@pytest.mark.parametrize("shape", [(10,), (3, 10), (3, 1000)])
def test_one_wrong_coordinate_is_caught_at_every_size(law, gate, shape):
    def wrong(theta):
        g = grad(theta)
        g.flat[-2] *= 1.001
        return g

    assert law(value, wrong, draw(*shape)) > 100 * gate


@each_gradient_law
def test_the_worst_coordinate_is_named_with_both_numbers(law, gate):
    theta = draw(10)

    def wrong(theta):
        g = grad(theta)
        g[4] *= 3
        return g

    message = str(law(value, wrong, theta, name=LAYOUT.name))
    assert "worst at W[1, 1]: claimed" in message and "3 times true, here" in message
    assert f"claimed {wrong(theta)[4]:.10g}" in message


@each_gradient_law
def test_the_task_is_named_too(law, gate):
    def wrong(theta):
        g = grad(theta)
        g[2, 7] += 1
        return g

    for f in (value, lambda theta: value(theta).sum()):
        error = law(f, wrong, draw(3, 10), name=LAYOUT.name)
        assert "worst at b[1] of task 2" in str(error)


@each_gradient_law
def test_the_block_is_named_where_directions_are_random(law, gate):
    layout = Layout(W=(20, 30), b=(40,))

    def wrong(theta):
        g = grad(theta)
        g[620] += 1
        return g

    error = law(value, wrong, draw(640), name=layout.name)
    assert "worst at a random direction in b" in str(error)


@each_gradient_law
def test_a_value_summed_over_tasks_passes_too(law, gate):
    assert law(lambda theta: value(theta).sum(), grad, draw(3, 10)) < gate


@each_gradient_law
def test_the_scale_of_the_value_does_not_matter(law, gate):
    for scale in (1e-200, 1e-9, 1e9):
        for factor, low, high in ((1, 0, gate), (1.001, 0.9e-3, 1e-3)):
            error = law(lambda t: scale * value(t), lambda t: factor * scale * grad(t),
                        draw(10))
            assert low <= error < high


@each_gradient_law
def test_a_gradient_of_zero_is_right_for_a_constant(law, gate):
    error = law(lambda theta: 0 * theta.sum(-1), lambda theta: 0 * theta, draw(3, 10))
    assert error == 0 and "both are zero" in str(error)


@each_gradient_law
def test_nan_and_a_wrong_shape_are_infinitely_wrong(law, gate):
    assert law(value, lambda theta: grad(theta) * np.nan, draw(10)) == np.inf
    error = law(value, lambda theta: grad(theta)[:9], draw(10))
    assert error == np.inf and "claimed has shape [9]" in str(error)


@each_gradient_law
@pytest.mark.parametrize("P", [1, 3])
def test_a_value_may_be_an_array_of_one_number(law, gate, P):
    assert law(lambda t: (t ** 3).sum(keepdims=True), lambda t: 3 * t ** 2, draw(P)) < gate
    assert law(lambda t: [(t ** 3).sum()], lambda t: 3 * t ** 2, draw(P)) < gate


@each_gradient_law
def test_a_value_that_is_neither_one_number_nor_one_per_task_is_refused(law, gate):
    with pytest.raises(ValueError, match=r"shape \(\) or \(3,\), got shape \(10,"):
        law(lambda theta: theta.sum(0), grad, draw(3, 10))


@each_gradient_law
def test_of_a_function_of_one_number_too_the_cause_of_a_factor_is_named(law, gate):
    error = law(lambda t: 4 * t, lambda t: 1.0, 0.7, seed=3, sizes={"T": 4})
    assert error.hint.endswith("(1/T, T = 4: a mean in place of a sum?)")


def test_the_sides_of_a_pairing_are_compared_in_words():
    u, v = draw(4), draw(4)
    assert transpose(u, v, 2 * u, v).hint.startswith("the second is 2 times the first")
    assert transpose(3 * u, v, u, v).hint.startswith("the second is 1/3 of the first")


def test_code_that_drops_complex_numbers_is_pointed_out():
    for grad in (lambda t: 2 * t, lambda t: 0 * t):
        error = complex_step(lambda t: (t.real ** 2).sum(), grad, draw(4))
        assert error == np.inf and "the imaginary part was lost" in str(error)


def test_a_float32_theta_is_checked_in_float64():
    assert complex_step(value, grad, draw(10).astype(np.float32)) < 1e-12


@pytest.mark.parametrize("factor, words", [
    (0, "zero, not true"), (-1, "minus true"), (2, "2 times true"),
    (0.25, "1/4 of true"), (1.001, "1.001 times true")])
def test_a_recognised_factor_is_named(factor, words):
    error = complex_step(value, lambda theta: factor * grad(theta), draw(10))
    assert f"claimed is {words}, throughout" in str(error)


def test_swapped_coordinates_are_recognised():
    def wrong(theta):
        return grad(theta)[..., [0, 3, 2, 1, 4, 5, 6, 7, 8, 9]]

    message = str(complex_step(value, wrong, draw(10), name=LAYOUT.name))
    assert "claimed is what is true at W[" in message and "swapped?" in message


# ---- tangents, transposes, Hessians

@given(seeds())
def test_tangent_and_second_pass_what_is_right_and_fail_what_is_not(seed):
    theta, v, u = draw(3, 3, 10, seed=seed)

    def value_dot(theta, v):
        return (grad(theta) * v).sum(-1)

    assert tangent(value, value_dot, theta, v) < 1e-12
    off = tangent(value, lambda *args: 1.001 * value_dot(*args), theta, v)
    assert off == pytest.approx(1e-3 / 1.001, rel=1e-9)
    assert second(grad, hvp, theta, v) < 1e-12
    assert symmetry(hvp, theta, u, v) < 1e-13
    assert second(grad, lambda theta, v: -np.sin(theta) * v, theta, v) > 1e-3


@given(sizes(2), seeds())
def test_transpose_fails_one_that_is_a_thousandth_off(shape, seed):
    rng = np.random.default_rng(seed)
    A, u, v = (rng.normal(size=s) for s in (shape, shape[0], shape[1]))
    assert transpose(u, A @ v, A.T @ u, v) < 1e-13
    norm, JTu = np.linalg.norm, 1.001 * (A.T @ u)
    off = 1e-3 * abs(u @ A @ v) / max(norm(u) * norm(A @ v), norm(JTu) * norm(v))
    assert transpose(u, A @ v, JTu, v) == pytest.approx(off, rel=1e-9, abs=1e-13)
    assert transpose((u, v), (A @ v, A.T @ u), (A.T @ u, A @ v), (v, u)) < 1e-13


def test_transpose_is_not_fooled_by_a_sum_that_cancels():
    u, v = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    Jv = np.array([1e8, -1e8 + 1e-8])
    assert transpose(u, Jv, Jv * [1, 1], np.array([1.0, 1.0])) < 1e-13
    assert transpose(u, np.zeros(2), np.zeros(2), v) == 0
    assert transpose(u, Jv, np.array([np.nan, 1]), v) == np.inf
    assert transpose(u, Jv[:1], u, v) == np.inf


def test_symmetry_is_blind_to_a_symmetric_mistake_and_second_is_not():
    theta, u, v = draw(3, 10)
    assert symmetry(lambda theta, v: 1.001 * hvp(theta, v), theta, u, v) < 1e-13
    assert second(grad, lambda theta, v: 1.001 * hvp(theta, v), theta, v) > 1e-4
    skew = np.triu(np.ones((10, 10)))
    assert symmetry(lambda theta, v: hvp(theta, v) @ skew, theta, u, v) > 1e-3


def test_taylor_order_is_two_with_the_gradient_and_three_with_the_hessian():
    theta, v = draw(2, 3, 10)
    assert 1.9 < taylor_order(value, grad, theta, v) < 2.1
    assert 2.7 < taylor_order(value, grad, theta, v, hvp) < 3.3
    assert taylor_order(value, lambda theta: 1.1 * grad(theta), theta, v) < 1.2
    start, v = np.zeros(4), np.ones(4)
    assert taylor_order(lambda t: t.sum(-1), np.ones_like, start, v, h=0.5) == np.inf


# ---- how a function behaves

def test_tasks_that_mix_are_caught():
    x, y = draw(3, 5, 4), draw(3, 5, 4, seed=1)
    assert tasks(lambda x, y: (x * y, (x.sum((-2, -1)), y)), x, y) < 1e-12
    assert tasks(lambda x, y: x * y - (x * y).mean(0), x, y) > 0.1
    assert tasks(lambda x, y: x.sum(), x, y) == np.inf


def test_what_is_not_pure_is_caught_and_named():
    memory_of_calls = []

    def remembers(x):
        memory_of_calls.append(1)
        return x + len(memory_of_calls)

    def writes(x, cache):
        cache[0][1][0] = 3.0
        return x

    def draws(x):
        np.random.random()
        return x

    def scales_in_place(x):
        x *= 1.0
        return x.copy()

    x = draw(4)
    assert purity(lambda x, y: (x, {"y": y}), x, [x]) == 0
    for function, arguments, words in (
            (remembers, (x,), "different results"),
            (draws, (x,), "global random state"),
            (writes, (x, [(x, x)]), "argument 1 was written to"),
            (scales_in_place, (x,), "read-only argument was refused")):
        error = purity(function, *arguments)
        assert error == np.inf and words in str(error)
    assert x.tolist() == draw(4).tolist()


def test_an_error_of_the_function_itself_is_not_swallowed():
    def broken(x):
        raise ValueError("x is too long")

    for law in (purity, memory):
        with pytest.raises(ValueError, match="too long"):
            law(broken, draw(4))


def test_what_depends_on_the_layout_in_memory_is_caught():
    x = draw(3, 5)
    assert memory(lambda x: (x + 1, x.sum(0)), x) == 0
    error = memory(lambda x: x.ravel("K").reshape(x.shape), x)
    assert error > 0.1 and "arguments, worst at index" in str(error)
    error = memory(lambda x: x + x.flags.f_contiguous, x)
    assert "from Fortran-ordered" in str(error)
    assert "from strided" in str(memory(lambda x: x + (x.strides[1] == 16), x))


def test_float64_that_creeps_in_is_caught():
    assert precision(lambda x: (x, x.sum()), draw(4)) == 0
    error = precision(lambda x: (x, x + np.zeros(4)), draw(4))
    assert error == np.inf and "result 1 of float32 arguments is float64" in str(error)


# ---- what the laws look at

def test_second_says_the_cause_of_a_factor():
    theta, v = draw(2, 10)
    error = second(grad, lambda theta, v: hvp(theta, v) / 5, theta, v, sizes={"T": 5})
    assert "claimed is 1/5 of true, throughout (1/T, T = 5" in str(error)
    error = second(grad, lambda theta, v: hvp(theta, v) + np.eye(10)[4], theta, v,
                   name=LAYOUT.name)
    assert error.law == "second" and "worst at W[1, 1]" in str(error)


def test_the_order_of_several_tasks_is_the_least_and_a_total_has_one_order():
    theta, v = draw(2, 3, 10)

    def total(theta):
        return value(theta).sum()

    def one_wrong(theta):
        return grad(theta) * [[1], [1], [1.1]]

    assert taylor_order(value, one_wrong, theta, v) < 1.1
    assert 1.9 < taylor_order(total, grad, theta, v) < 2.1
    assert 2.9 < taylor_order(total, grad, theta, v, hvp) < 3.1
    assert 3.9 < taylor_order(lambda t: (t ** 4).sum(), lambda t: 4 * t ** 3, np.zeros(3), v[0, :3],
                              lambda t, v: 12 * t ** 2 * v) < 4.1
    assert taylor_order(total, one_wrong, theta, v, hvp, n_steps=3, h=0.001) < 1.1


def test_taylor_order_is_infinite_if_rounding_alone_remains():
    theta, v = np.array([0.1, 0.2, -0.3]), draw(3)

    def linear(t):
        return t @ [1.0, 1.0, 1.0]

    for more in (0.0, 1e6, -1e6):
        assert taylor_order(lambda t: linear(t) + more, np.ones_like, theta, v) == np.inf
    slightly = taylor_order(lambda t: 1 + 1e-9 * (t ** 2).sum(), lambda t: 2e-9 * t, theta, v)
    assert slightly == np.inf     # the longest step shows a curve, and the shortest does not
    assert taylor_order(linear, lambda t: 1.0001 * np.ones_like(t), theta, v) < 1.1


@each_gradient_law
def test_a_gradient_may_be_a_list_and_a_value_a_list_of_one(law, gate):
    assert law(lambda t: [value(t)], lambda t: grad(t).tolist(), draw(10)) < gate
    assert law(value, grad, draw(1, 10)) < gate
    error = law(lambda t: np.sin(t), lambda t: [np.cos(t)], 2.0)
    assert error < gate


def test_a_direction_is_tried_for_each_coordinate_up_to_the_limit():
    for theta, is_total, n, last in ((draw(10), True, 10, "b[3]"), (draw(3, 10), False, 10, "b[3]"),
                                     (draw(3, 10), True, 30, "b[3] of task 2")):
        vs, label = directions(theta, is_total, LAYOUT.name, n, 0)
        assert len(vs) == n and label(n - 1) == last and label(4).startswith("W[1, 1]")
        shape = theta.shape if is_total else (10,)
        for i, v in enumerate(vs):
            assert np.array_equal(v, np.broadcast_to(np.eye(n)[i].reshape(shape), theta.shape))
    _, label = directions(draw(3, 10), True, None, 300, 0)
    assert label(14) == "theta[1, 4]"
    _, label = directions(draw(3, 10), False, None, 300, 0)
    assert label(4) == "theta[4]"


@pytest.mark.parametrize("n_blocks, n", [(1, 8), (2, 8), (3, 6), (5, 10), (9, 18)])
def test_beyond_the_limit_directions_are_random_unit_vectors_of_one_block_each(n_blocks, n):
    layout = Layout(**{name: (k + 2,) for k, name in enumerate("abcdefghi"[:n_blocks])})
    for theta, is_total in ((draw(layout.size), True), (draw(4, layout.size), False),
                            (draw(4, layout.size), True)):
        n_tasks = len(theta) if is_total and theta.ndim > 1 else 1
        limit = n_tasks * layout.size - 1
        vs, label = directions(theta, is_total, layout.name, limit, 0)
        assert len(vs) == n
        for i, v in enumerate(vs):
            block = "abcdefghi"[i % n_blocks]
            v = v if is_total else v.reshape(-1, layout.size)[:1]
            assert label(i) == f"a random direction in {block}"
            assert (v ** 2).sum() == pytest.approx(1)
            where = getattr(layout.unpack(v != 0), block)
            assert where.all() and where.sum() == (v != 0).sum()
        assert len({v.tobytes() for v in vs}) == n
        others, _ = directions(theta, is_total, layout.name, limit, 1)
        assert not np.array_equal(vs[0], others[0])


def test_the_step_of_a_central_difference_is_an_option():
    """Of x^3 with a step of 1: the claim is that of the difference, so no other is tried."""
    theta = draw(3)
    assert central_difference(lambda t: (t ** 3).sum(), lambda t: 3 * t ** 2 + 1, theta,
                              1.0) < 1e-12
    assert central_difference(lambda t: (t ** 3).sum(), lambda t: 3 * t ** 2 + 1, theta) > 0.01


# ---- what functions may be and do

def test_results_that_are_no_floats_keep_their_types_in_float32():
    x = draw(4)
    assert precision(lambda x: (x, x.argmax(), x > 0, np.uint8(3), None), x) == 0
    error = precision(lambda x: (x > 0, x + 0j, x * 1j * np.ones(4)), x)
    assert "result 1 of float32 arguments is complex64" in str(error)


def test_arguments_of_whole_numbers_are_not_broadcast():
    def takes(x, k):
        assert k.tolist() == [0, 2, 1]
        return x[k]

    assert memory(takes, draw(3, 2), np.array([0, 2, 1])) == 0
    assert tasks(lambda x, k: x[..., :1] * k, draw(2, 3), np.array([[0], [2]])) == 0


def test_tasks_names_the_index_that_differs():
    x = draw(3, 4)
    error = tasks(lambda x: x * (1 if x.ndim == 1 else [[1], [1], [2]]), x)
    k = np.abs(x[2]).argmax()
    assert f"worst at index [2, {k}]: claimed {2 * x[2, k]:.10g}, true {x[2, k]:.10g}" in str(error)
    assert tasks(lambda x: {"a": x, "b": [x.sum(-1)]}, x) < 1e-15


def test_purity_looks_into_results_bit_by_bit():
    state = []

    def alternates(x):
        state.append(0)
        return [x, (x, {"last": x + 1e-16 * (len(state) % 2)})][len(state) % 2 - 1:]

    error = purity(alternates, np.zeros(2))
    assert error == np.inf and "it gave different results" in str(error)
    assert same([np.zeros(2)], [np.zeros(2)]) and not same([np.zeros(2)], [-np.zeros(2)])
    assert not same([np.zeros(2)], [np.zeros((2, 1))]) and not same([np.zeros(2)], [])
    assert not same([np.zeros(2)], [np.zeros(2, int)])


def test_purity_fails_a_function_that_returns_its_own_buffer():
    kept = np.zeros(2)

    def reuses(x):
        kept[...] += x
        return kept

    assert "different results" in str(purity(reuses, np.ones(2)))


def test_memory_names_the_arguments_from_which_results_differ():
    x = draw(3, 5)
    for f, words in ((lambda x: x + (x.strides[0] == 0), "from broadcast arguments, worst"),
                     (lambda x: x + x.flags.f_contiguous, "from Fortran-ordered arguments, worst"),
                     (lambda x: x + (x.strides[1] == 16), "from strided arguments, worst")):
        assert words in str(memory(f, x)) and memory(f, x) > 0.1
    assert memory(lambda x, y: x * y, x, np.array(2.0)) == 0
    assert "could not look" in str(memory(lambda x: "words", x))


def test_points_and_directions_may_be_lists_or_in_float32():
    theta, v, u = draw(3, 10)

    def value_dot(theta, v):
        return (grad(theta) * v).sum(-1)

    for kind in (np.ndarray.tolist, np.float32):
        for error in (tangent(value, value_dot, kind(theta), kind(v)), second(
                grad, hvp, kind(theta), kind(v)), symmetry(hvp, kind(theta), kind(u), kind(v))):
            assert error < 1e-12


@each_gradient_law
def test_zero_tasks_give_error_zero(law, gate):
    assert law(value, grad, np.zeros((0, 5))) == 0


@each_gradient_law
def test_a_number_is_called_theta_unless_it_has_a_name(law, gate):
    for name, told in ((None, "worst at theta: claimed"), ("x{}".format, "worst at x0: claimed")):
        assert told in str(law(np.sin, lambda x: 2 * np.cos(x), 2.0, name=name))


def test_a_batch_and_odd_memory_are_the_claim_and_the_plain_result_is_true():
    error = tasks(lambda x: x * len(x), np.ones((3, 2)))
    assert error.detail.endswith("claimed 3, true 2")   # a task alone has two numbers
    error = memory(lambda x: x + (x.flags.f_contiguous and not x.flags.c_contiguous),
                   np.ones((3, 2)))
    assert error.detail.startswith("from Fortran-ordered arguments, worst at ")
    assert error.detail.endswith("claimed 2, true 1")
    error = memory(lambda x: x + (x.strides[-1] == 16), np.ones((3, 4)))
    assert error.detail.startswith("from strided arguments, worst at ")
    assert error.detail.endswith("claimed 2, true 1")


def test_a_law_takes_its_arguments_by_name():
    u, v = draw(4), draw(4)
    assert transpose(u=u, Jv=v, JTu=u, v=v) == 0
