"""Every kind of mistake is made, and nothing is changed that nobody computes with."""
import ast

import pytest
from mutation.walk import mutants_of


def changes(source):
    """{before -> after} of all mutants of a piece of code."""
    return {f"{m.before} -> {m.after}" for m in mutants_of(source, "m.py")}


def of_body(*lines):
    return changes("def f(x, y, x_dot, n):\n" + "\n".join("    " + line for line in lines))


@pytest.mark.parametrize("line, after", [
    ("return x + y", "return x - y"), ("return x * y", "return x / y"),
    ("return x ** y", "return x * y"), ("return x - y", "return y - x"),
    ("return x @ y", "return y @ x"), ("return x + y", "return x"),
    ("return x - y", "return -y"), ("return x * y", "return y"),
    ("return -x", "return x"), ("return x * y", "return -(x * y)"),
    ("return x < y", "return x <= y"), ("return x < y", "return x > y"),
    ("return x == y", "return x != y"), ("return x is y", "return x is not y"),
    ("return x in y", "return x not in y"), ("return x and y", "return x or y"),
    ("return x and y", "return y"), ("return not x", "return x"),
    ("return x if y else n", "return x if not y else n"),
    ("return x if y else n", "return n"),
    ("return [z for z in x if z]", "return [z for z in x if not z]"),
    ("return 3", "return 4"), ("return 3", "return 2"), ("return -3", "return -4"),
    ("return -3", "return 3"), ("return 0.5", "return 0.515"), ("return 0.5", "return 1.5"),
    ("return 1e-12", "return 1e-11"), ("return 100", "return 106"),
    ("return True", "return False"),
    ("return x[..., 0, :]", "return x[..., :]"), ("return x[1:]", "return x[:]"),
    ("return x[::-1]", "return x[:]"), ("return x[1]", "return x[2]"),
    ("return x.sum((-2, -1))", "return x.sum((-2,))"),
    ("return x.sum((-2, -1))", "return x.mean((-2, -1))"),
    ("return x.max(-1)", "return x.min(-1)"), ("return np.argmax(x)", "return np.argmin(x)"),
    ("return np.zeros(n)", "return np.ones(n)"), ("return np.sin(x)", "return np.cos(x)"),
    ("return g(x, y)", "return g(y, x)"), ("return x, y", "return (y, x)"),
    ("return np.sum(x, axis=0)", "return np.sum(x)"),
    ("return np.zeros(n, x.dtype)", "return np.zeros(n)"),
    ("return x.astype(float)", "return x"), ("return x.swapaxes(-1, -2)", "return x"),
    ("return x.T", "return x"), ("return np.array(x)", "return x"),
    ("return float(x)", "return x"), ("return require.count('x', x)", "return x"),
    ("return range(n)", "return range(n - 1)"),
    ("return range(2, n)", "return range(2, n - 1)"),
    ("return x_dot", "return x"), ("x += y", "x = y"), ("x += y", "x -= y"),
    ("x += y", "pass"), ("x[0] = y", "pass"), ("g(x)", "pass"), ("x = y", "pass"),
    ("raise ValueError(x)", "pass"), ("raise ValueError(x)", "raise TypeError(x)"),
])
def test_a_mistake_of_each_kind_is_made(line, after):
    before = ast.unparse(ast.parse(line))
    assert f"{before} -> {after}" in of_body(line)


def test_conditions_are_negated_and_early_returns_left_out():
    made = of_body("if x(y):", "    return y", "while x(y):", "    break", "return n")
    assert {"if x(y) -> if not x(y)", "while x(y) -> while not x(y)", "return y -> pass",
            "break -> pass"} <= made


def test_a_later_assignment_is_left_out_so_that_the_stale_value_stays():
    assert "z = n -> pass" in of_body("z = y", "z = n", "return z")


def test_axes_are_not_swapped_since_their_order_changes_nothing():
    assert "return x.sum((-1, -2))" not in str(of_body("return x.sum((-2, -1))"))


def test_a_first_assignment_is_not_left_out_since_python_itself_would_notice():
    assert "z = y -> pass" not in of_body("z = y", "return z")


def test_an_assignment_in_a_loop_is_left_out_if_the_loop_comes_around_to_it():
    assert "z = y -> pass" in of_body("for y in x:", "    z += y", "    z = y")


@pytest.mark.parametrize("source", [
    '"""Says 1 + 1."""', "import a.b as c", "from a import b", "__all__ = ['a', 'b']",
    "class A:\n    def __repr__(self):\n        return 1 + 1", "x: int",
    "def f(x: 1 + 1) -> 2 + 2:\n    return x"])
def test_what_nobody_computes_with_is_left_alone(source):
    assert not changes(source)


def test_messages_are_left_alone_but_not_that_they_come():
    made = of_body("print(x, 1)", "raise ValueError(f'{x + 1}', 1 + 1)")
    assert made == {"print(x, 1) -> pass"} | {
        f"raise ValueError(f'{{x + 1}}', 1 + 1) -> {after}"
        for after in ("pass", "raise TypeError(f'{x + 1}', 1 + 1)")}


def test_code_is_shown_without_what_stands_in_its_body_and_no_mutant_is_made_twice():
    made = [str(m) for m in mutants_of("def f(x):\n    if x < 1:\n        return x\n", "m.py")]
    assert "m.py:2 f: if x < 1 -> if x <= 1" in made
    assert len(set(made)) == len(made)


def test_two_ways_to_do_nothing_are_one_mutant():
    made = of_body("require.count('x', x)", "x = x + y", "return x")
    assert "x = x + y -> pass" in made and "x = x + y -> x = x" not in made
    assert "require.count('x', x) -> pass" in made and "require.count('x', x) -> x" not in made


def test_making_a_mutant_leaves_the_others_as_they_were():
    source = "def f(x):\n    return x + 1\n"
    results = []
    for mutant in [*mutants_of(source, "m.py")] * 2:
        space = {}
        exec(mutant.code("m.py"), space)
        results.append((mutant.after, space["f"](5)))
    assert results[:len(results) // 2] == results[len(results) // 2:]
    assert {"return x - 1": 4, "return x": 5, "return 1": 1, "return x + 2": 7,
            "return x + 0": 5} == dict(results)


@pytest.mark.parametrize("line, after", [
    ("return x.reshape(-1)", "return x.reshape(-2)"),
    ("return x.reshape(x.shape[:1] + (-1,))", "return x.reshape(x.shape[:1] + (-2,))"),
    ("return np.reshape(x, (n, -1))", "return np.reshape(x, (n, -2))"),
    ("return x.all((0, 2))", "return x.all((2, 0))"),
    ("return x.sum(axis=(0, 2))", "return x.sum(axis=(2, 0))"),
])
def test_what_numpy_takes_for_the_same_is_left_alone(line, after):
    assert f"{line} -> {after}" not in of_body(line)


@pytest.mark.parametrize("line, after", [
    ("return x.reshape(x.shape[-1])", "return x.reshape(x.shape[-2])"),
    ("return x.reshape(-1)", "return x.reshape(0)"), ("return x[-1]", "return x[-2]"),
    ("return x.sum(-1)", "return x.sum(-2)"), ("return x.all((0, 2))", "return x.all((0, 3))"),
    ("return x.transpose((0, 2))", "return x.transpose((2, 0))"),
])
def test_what_numpy_tells_apart_is_not_left_alone(line, after):
    assert f"{line} -> {after}" in of_body(line)
