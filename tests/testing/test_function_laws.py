"""check_function: any function of any shape; what is right passes, what is wrong is named."""
import math

import numpy as np
import pytest

from minimeta.testing import LawBroken, check_function, complex_step
from minimeta.testing.function_laws import Probe, as_nest
from minimeta.testing.nests import leaves

X = np.random.default_rng(0).normal(size=(3, 4))
A = np.random.default_rng(1).normal(size=(3, 3))


def dot(p):
    return p["s"] * (p["W"] @ p["b"]).sum()


def dot_grad(p):
    return {"W": p["s"] * np.ones((2, 1)) * p["b"], "b": p["s"] * p["W"].sum(0),
            "s": (p["W"] @ p["b"]).sum()}


POINT = {"W": X[:2, :3], "b": X[2, :3], "s": 2.0}
RIGHT = {
    "a function of one number": (np.sin, np.cos, 2.0),
    "a function of a whole number": (lambda x: x ** 3, lambda x: 3 * x ** 2, 2),
    "a power below 0 of a whole number": (lambda x: x ** -2, lambda x: -2 * x ** -3, 2),
    "a function of a 0-d array": (lambda x: x ** 2, lambda x: 2 * x, np.array(2.0)),
    "a function of one number in a list": (lambda x: x[0] ** 2, lambda x: 2 * x, [3.0]),
    "plain Python on one number": (math.exp, math.exp, 1.5),
    "an elementwise function": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, X),
    "a function of a matrix": (lambda x: (x ** 2).sum(), lambda x: 2 * x, X),
    "a function of three axes": (lambda x: np.exp(x).sum(), np.exp, X.reshape(3, 2, 2)),
    "one value in a list": (lambda x: [(x ** 2).sum()], lambda x: 2 * x, X),
    "a function of a dict": (dot, dot_grad, POINT),
    "a function of a tuple": (lambda p: (p[0] * p[1]).sum(), lambda p: (p[1], p[0]), (X, 2 * X)),
    "a constant": (lambda x: 3.0, lambda x: 0 * x, X),
    "absolute values": (lambda x: np.abs(x).sum(), np.sign, X),
    "a norm": (np.linalg.norm, lambda x: x / np.linalg.norm(x), X),
    "a float buffer": (lambda x: np.add(np.zeros(X.shape), x, dtype=float, casting="unsafe").sum(),
                       np.ones_like, X),
    "a kink close by": (lambda x: np.abs(x - 1e-8).sum(), np.sign, np.append(X.ravel(), 0.0)),
    "a large number": (lambda x: (1e200 * x).sum(), lambda x: 1e200 + 0 * x, X),
    "a small number": (lambda x: 1e-200 * (x ** 2).sum(), lambda x: 2e-200 * x, X),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    report = check_function(*RIGHT[name])
    assert report.counts["differences"] == 1


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("factor", [0.999, -1, 0])
def test_a_wrong_factor_is_caught_whatever_the_function(name, factor):
    f, grad, x = RIGHT[name]
    if name == "a constant":
        return

    def wrong(x):
        g = grad(x)
        if isinstance(g, dict):
            return {key: factor * value for key, value in g.items()}
        return tuple(factor * v for v in g) if isinstance(g, tuple) else factor * g

    with pytest.raises(LawBroken, match="minus true|times true|zero, not true"):
        check_function(f, wrong, x)


def test_above_the_limit_random_directions_are_tried():
    for limit, words in ((11, "worst at a random direction in x: "), (12, "worst at x[")):
        report = check_function.report(lambda x: (x ** 2).sum(), lambda x: 2.1 * x, X, limit=limit)
        for law in ("complex step", "differences"):
            assert report[law].detail.startswith(words)


@pytest.mark.parametrize("f, reason", [
    (lambda x: np.abs(x).sum() + 0 * x.sum(), "the imaginary part was lost"),
    (lambda x: np.abs(x).sum(), "the imaginary part was lost"),
    (lambda x: sum(math.fabs(v) for v in x), "complex numbers do not flow")])
def test_the_report_says_which_rule_was_used_and_why(f, reason):
    report = check_function(f, np.sign, np.array([1.0, -2.0, 3.0]))
    assert "judged by differences, since" in str(report) and reason in str(report)
    assert "complex step" in report.skipped
    report = check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x, X)
    assert "differences, since" not in str(report) and not report.skipped.get("complex step")


def test_the_taylor_order_is_shown_where_differences_judge():
    f = np.linalg.norm
    assert "Taylor order 2.0" in str(check_function(f, lambda x: x / f(x), X))
    assert "Taylor order 1.0" in str(check_function.report(f, lambda x: x, X))


def test_zero_is_not_a_gradient_of_absolute_values():
    with pytest.raises(LawBroken, match="claimed is zero, not true"):
        check_function(lambda x: np.abs(x).sum(), lambda x: 0 * x, X)
    error = complex_step(lambda x: np.abs(x).sum(), lambda x: 0 * x, X)
    assert error == np.inf and "the imaginary part was lost" in str(error)


def test_a_point_on_a_kink_is_no_place_to_look():
    with pytest.raises(LawBroken, match="could not look: a kink in every direction"):
        check_function(lambda x: np.abs(x).sum(), np.ones_like, np.zeros(3))


def test_second_order_and_jacobians_are_checked_too():
    def quadratic(x):
        return x @ A @ x + np.sin(x).sum()

    def grad(x):
        return (A + A.T) @ x + np.cos(x)

    x, names = X[:, 0], {"second": None, "symmetry": None}
    report = check_function(quadratic, grad, x, lambda x, v: (A + A.T) @ v - np.sin(x) * v)
    assert set(names) <= set(report.counts)
    with pytest.raises(LawBroken, match="^second"):
        check_function(quadratic, grad, x, lambda x, v: (A + A.T) @ v)
    with pytest.raises(LawBroken, match="^second"):
        check_function(quadratic, grad, x, lambda x, v: 2 * A @ v - np.sin(x) * v)

    def f(x):
        return np.sin(A @ x)

    check_function(f, None, x, jac=lambda x: np.cos(A @ x)[:, None] * A)
    check_function(lambda x: np.abs(A @ x), None, x, jac=lambda x: np.sign(A @ x)[:, None] * A)
    check_function(lambda x: np.array([x, x * x]), None, 3.0, jac=lambda x: np.array([1, 2 * x]))
    with pytest.raises(LawBroken, match="^jacobian.*claimed is what is true at x.* of output "
                                         ".: transposed or swapped"):
        check_function(f, None, x, jac=lambda x: (np.cos(A @ x)[:, None] * A).T)
    with pytest.raises(LawBroken, match=r"f\(x\) and that of x, \[3, 3\], got \[3\]"):
        check_function(f, None, x, jac=lambda x: np.cos(A @ x))


def test_coordinates_are_named_after_the_keys_of_a_dict():
    def wrong(p):
        g = dot_grad(p)
        g["W"] = g["W"] * [[1, 1, 1], [1, 3, 1]]
        return g

    with pytest.raises(LawBroken, match=r"worst at W\[1, 1\]: .*3 times true, here; all others"):
        check_function(dot, wrong, POINT)
    with pytest.raises(LawBroken, match=r"worst at x\[2, 3\]"):
        check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x * (np.arange(12).reshape(
            3, 4) != 11), X)


def test_a_gradient_of_another_shape_is_named():
    with pytest.raises(LawBroken, match=r"shape of x, \[\(3, 4\)\], got \[\(12,\)\]"):
        check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x.ravel(), X)


def test_a_function_that_writes_to_its_argument_or_remembers_is_caught_first():
    def writes(x):
        x *= 2
        return (x ** 2).sum()

    with pytest.raises(LawBroken, match="^pure.*argument 0 was written to"):
        check_function(writes, lambda x: 2 * x, X)
    assert X.max() < 4


def test_something_to_check_must_be_given():
    with pytest.raises(ValueError, match="grad or jac must be given"):
        check_function(np.sin, None, 1.0)
    with pytest.raises(ValueError, match="skip must hold names of laws"):
        check_function(np.sin, np.cos, 1.0, skip=("speed",))


def test_a_function_of_one_number_has_a_gradient():
    assert complex_step(np.sin, np.cos, 2.0) < 1e-12
    error = complex_step(np.sin, lambda x: 2 * np.cos(x), 2.0)
    assert "worst at theta" in str(error) and "2 times true" in str(error)


# ---- where it looks, and what it says

def near(point, f):
    """f, which must not be asked far from the point."""
    def asked(x, *rest):
        assert np.abs(x - point).max() < 0.3, "far away"
        return f(x, *rest)
    return asked


def test_a_function_is_evaluated_only_near_x():
    point = X + 100

    def norm(x):
        return np.sqrt((np.abs(x) ** 2).sum())

    def norm_hvp(x, v):
        n = norm(x)
        return v / n - x * (x * v).sum() / n ** 3

    for f, grad, hvp in ((norm, lambda x: x / norm(x), norm_hvp),
                         (lambda x: (x ** 3).sum(), lambda x: 3 * x ** 2, lambda x, v: 6 * x * v)):
        report = check_function(near(point, f), near(point, grad), point, near(point, hvp))
        assert {"second", "symmetry", "differences"} <= set(report.counts)


def test_the_laws_stand_from_the_most_basic_to_the_least():
    report = check_function.report(lambda x: (x ** 2).sum(), lambda x: 2 * x, X,
                                   lambda x, v: 2 * v, lambda x: 3 * x)
    assert list(report.gates.items()) == [
        ("pure", 0), ("complex step", 1e-12), ("differences", 1e-7), ("jacobian", 1e-12),
        ("second", 1e-12), ("symmetry", 1e-12)]
    assert set(report.counts.values()) == {1} and "jacobian" in report.failed


def test_a_law_without_its_derivative_does_not_apply():
    report = check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x, X)
    assert report.skipped == {"jacobian": "no jac was given", "second": "no hvp was given",
                              "symmetry": "no hvp was given"}
    report = check_function(np.sin, None, 2.0, jac=np.cos, hvp=lambda x, v: -np.sin(x) * v)
    assert report.skipped == {"complex step": "no grad was given",
                              "differences": "no grad was given", "second": "no grad was given"}


POINTS = {
    "a tuple": ((X[0], (X[1], 2.0), np.array(3.0)), ["x0[", "x1.0[", "x1.1", "x2"]),
    "layers": ({"first": {"W": X[:2], "b": X[2]}, "last": [X[0], 2.0]},
               ["first.W[", "first.b[", "last.0[", "last.1"]),
    "a dict whose keys are no words": ({7: X[0], "b": X[1, :2], "c": np.array(1.0)},
                                       ["x7[", "b[", "c"]),
    "lists of arrays": ([X[0], X[1:]], ["x0[", "x1["]), "a list of numbers": ([1.0, 2.0], ["x["]),
    "a list of lists": ([[1.0, 2.0], [3.0, 4.0]], ["x["]), "a number": (2.0, ["x"]),
    "a row": (X[0], ["x["])}


def squares(nest):
    return sum((np.asarray(leaf) ** 2).sum() for leaf in leaves(nest))


def doubled(nest):
    if isinstance(nest, dict):
        return {key: doubled(part) for key, part in nest.items()}
    return type(nest)(map(doubled, nest)) if isinstance(nest, (tuple, list)) else 2 * nest


@pytest.mark.parametrize("name", POINTS)
def test_a_point_may_be_any_nest_and_its_coordinates_have_names(name):
    point, names = POINTS[name]
    assert not check_function(squares, doubled, point).failed
    probe = Probe(squares, doubled, point, None, None, None, 300, 0)
    told = [probe.name(i) for i in range(probe.z.size)]
    assert len(set(told)) == len(told)
    assert [n for n in names if any(t.startswith(n) if "[" in n else t == n for t in told)] == names
    assert all(t.endswith("]") == ("[" in t) for t in told)
    back = probe.x(probe.z)
    assert [np.shape(a) for a in leaves(back)] == [np.shape(a) for a in leaves(as_nest(point))]
    assert squares(back) == pytest.approx(squares(point))
    assert "seed 0, x [" in probe.context


def test_coordinates_have_the_name_that_is_given():
    with pytest.raises(LawBroken, match="worst at number 5: "):
        check_function(lambda x: (x ** 2).sum(),
                       lambda x: 2 * x * (np.arange(12).reshape(3, 4) != 5),
                       X, name="number {}".format)


def test_beyond_the_limit_directions_are_random():
    for limit, words in ((12, r"worst at x\[2, 3\]"), (11, "worst at a random direction in x")):
        with pytest.raises(LawBroken, match=words):
            check_function(lambda x: (x ** 2).sum(), lambda x: 2 * x * (np.arange(12).reshape(
                3, 4) != 11), X, limit=limit)


def test_differences_judge_where_the_complex_step_is_no_slope():
    """Of x conj(x) the complex step is 0, and the slope is 2 x."""
    report = check_function(lambda x: (x * np.conj(x)).sum(), lambda x: 2 * x, X)
    assert "the complex step of f is not its slope" in str(report)
    assert "complex step" in report.skipped
    half = check_function.report(lambda x: (x * np.conj(x)).sum(), lambda x: x, X)
    assert "claimed is 1/2 of true" in str(half.failed["differences"])


def test_a_slope_that_is_judged_by_differences_passes_up_to_their_gate():
    def f(x):
        return (np.abs(x) ** 3).sum()

    for off, is_right in ((1e-8, True), (1e-5, False)):
        def hvp(x, v):
            return 6 * np.abs(x) * v * (1 + off)

        report = check_function.report(f, lambda x: 3 * x * np.abs(x), X, hvp)
        assert ("second" not in report.failed) == is_right
        assert ("by differences, worst" in report["second"].detail) == is_right
        report = check_function.report(lambda x: (x ** 3).sum(), lambda x: 3 * x ** 2, X,
                                       lambda x, v: 6 * x * v * (1 + off))
        assert "second" in report.failed     # complex numbers flow: no rounding excuses it


def test_where_differences_judge_a_jacobian_is_compared_column_by_column():
    def f(x):
        return np.abs(A @ x) * x[0]

    def jac(x):
        return np.sign(A @ x)[:, None] * A * x[0] + np.abs(A @ x)[:, None] * [1, 0, 0]

    report = check_function(f, None, X[:, 0], jac=jac)
    assert "by differences" in report["jacobian"].detail and "Taylor" not in str(report)
    with pytest.raises(LawBroken, match=r"^jacobian: .*worst at x\[1\] of output [012]: claimed"):
        check_function(f, None, X[:, 0], jac=lambda x: jac(x) + [0, 1e-3, 0])


def test_a_wrong_entry_of_a_jacobian_is_named_with_its_output():
    def wrong(x):
        J = 1.0 * A
        J[2, 1] *= 3
        return J

    words = r"worst at x\[1\] of output 2: claimed .*3 times true, here; all others are right"
    with pytest.raises(LawBroken, match=words):
        check_function(lambda x: A @ x, None, X[0, :3], jac=wrong)
    with pytest.raises(LawBroken, match=r"worst at x\[1\] of output \[2, 0\]: claimed"):
        check_function(lambda x: (A @ x)[:, None], None, X[0, :3], jac=lambda x: wrong(x)[:, None])
    with pytest.raises(LawBroken, match=r"worst at x\[1\]: claimed"):
        check_function(lambda x: A[2] @ x, None, X[0, :3], jac=lambda x: wrong(x)[2])


def test_a_gradient_hvp_or_jacobian_that_writes_to_its_argument_is_caught():
    def writes(x):
        x *= 1
        return 2 * x

    def writes_v(x, v):
        v += 0
        return 2 * v

    def right(x):
        return 2 * x

    for grad, hvp, jac in ((writes, None, None), (right, writes_v, None), (right, None, writes),
                           (None, None, writes)):
        report = check_function.report(lambda x: (x ** 2).sum(), grad, X, hvp, jac)
        assert "pure" in report.failed
        assert "written to" in str(report["pure"]) or "read-only" in str(report["pure"])


def test_a_jacobian_that_moves_x_is_caught_first():
    """The Jacobian that it returns is right."""
    def moves(x):
        J = np.diag(2 * x)
        x += 1
        return J

    with pytest.raises(LawBroken, match="^pure.*argument 0 was written to"):
        check_function(lambda x: x ** 2, None, X[0], jac=moves)


def test_a_report_is_about_the_function_and_its_size():
    def energy(x):
        return (x ** 2).sum()

    assert str(check_function(energy, lambda x: 2 * x, X)).startswith("energy of 12 numbers\n")


def test_a_jacobian_of_one_number_in_an_array_has_an_axis_for_it():
    point = np.array([2.0])
    check_function(lambda x: np.array([x[0], x[0] ** 2]), None, point,
                   jac=lambda x: np.array([[1.0], [2 * x[0]]]))
    with pytest.raises(LawBroken, match=r"\[2, 1\], got \[2\]"):
        check_function(lambda x: np.array([x[0], x[0] ** 2]), None, point,
                       jac=lambda x: np.array([1.0, 2 * x[0]]))


def test_a_function_of_a_number_is_given_a_number():
    def cube(x):
        assert isinstance(x, (float, complex)), type(x)
        return x ** 3

    assert not check_function(cube, lambda x: 3 * x ** 2, 2.0).failed


def test_each_column_of_a_jacobian_takes_the_step_that_suits_it():
    def f(x):
        return np.abs(2 + np.sin(300 * x))      # bends in a short way, and is not complex-safe

    report = check_function(f, None, X[0], jac=lambda x: np.diag(300 * np.cos(300 * x)))
    assert "by differences" in report["jacobian"].detail


def test_a_jacobian_is_judged_by_differences_column_by_column():
    def f(x):
        return np.array([float(x[0] * x[1]), float(x[2] ** 2)])

    def jac(x):
        return np.array([[x[1], x[0], 0], [0, 0, 2 * x[2]]])

    report = check_function(f, None, np.array([0.3, -0.7, 1.1]), jac=jac)
    assert "judged by differences" in str(report) and report.counts["jacobian"] == 1
    wrong = check_function.report(f, None, np.array([0.3, -0.7, 1.1]), jac=lambda x: jac(x)[::-1])
    assert "jacobian" in wrong.failed
