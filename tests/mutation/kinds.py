"""The small mistakes that tests/mutants.py makes in a module: what each node may become.

    operators     + for -, * for /, .. ; operands swapped; one operand left out
    signs         a minus left out, a minus before a product
    comparisons   < for <=, < for >, == for !=; a condition negated, `and` for `or`
    numbers       one more, one less, a few percent more (tiny ones: ten times)
    indices       an index, a bound of a slice or an axis left out
    calls         a twin (sum for mean), neighbours swapped, a keyword left out,
                  a cast, a transpose or a copy left out, a range one step short
    names         y_dot for y_bar, and whatever else shares a stem in one function
    statements    left out; `x += y` becomes `x = y`; ValueError for TypeError

Docstrings, strings, messages (f-strings and what `raise` says), annotations, imports,
`__repr__` and `__str__` are left alone.
"""
import ast
import copy
from itertools import pairwise

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Pow: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv, ast.Mod)
PRODUCTS = (ast.Mult, ast.Div, ast.MatMult)
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,)}
TWINS = dict([pair for a, b in [
    ("sum", "mean"), ("max", "min"), ("argmax", "argmin"), ("maximum", "minimum"),
    ("sin", "cos"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("any", "all"),
    ("floor", "ceil"), ("exp", "expm1"), ("log", "log1p"), ("cumsum", "cumprod"),
    ("integers", "random"), ("normal", "uniform")] for pair in ((a, b), (b, a))])
WRAPPERS = {  # calls that are replaced by what they wrap
    "astype", "copy", "array", "asarray", "float", "int", "bool", "tuple", "list", "sorted",
    "reversed", "T", "transpose", "swapaxes", "moveaxis", "reshape", "ravel", "squeeze",
    "broadcast_to", "maximum", "minimum", "max", "min", "clip", "sqrt", "abs", "sum"}
SYMMETRIC = {"maximum", "minimum", "max", "min", "multiply", "add", "logical_and",
             "logical_or", "result_type", "dot", "inner", "isinstance", "hasattr",
             "getattr", "setattr", "swapaxes"}
ERRORS = {"ValueError": "TypeError", "TypeError": "ValueError"}


def number(value):
    return (ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0
            else ast.Constant(value))


def numbers(value):
    """Other numbers, near this one."""
    yield number(value + 1)
    if isinstance(value, int):
        yield number(value - 1)
    if isinstance(value, float) and value:
        yield number(float(f"{value * (1.03 if abs(value) > 1e-3 else 10):.6g}"))
    elif abs(value) >= 20:
        yield number(value + max(value // 20, 1) + 1)


def is_number(node):
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def is_text(node):
    return (isinstance(node, ast.JoinedStr)
            or isinstance(node, ast.Constant) and isinstance(node.value, str))


def is_dtype(node):
    return "dtype" in (getattr(node, "attr", ""), getattr(node, "id", ""))


def name_of(func):
    return getattr(func, "attr", getattr(func, "id", ""))


def changed(node, **fields):
    """A copy of the node with other fields."""
    new = copy.copy(node)
    for field, value in fields.items():
        setattr(new, field, value)
    return new


def without(items):
    """The list with each of its items left out in turn."""
    return [items[:i] + items[i + 1:] for i in range(len(items))]


def neighbours_swapped(items):
    for i, (a, b) in enumerate(pairwise(items)):
        if not any(is_text(n) or isinstance(n, ast.Starred) for n in (a, b)):
            yield items[:i] + [b, a] + items[i + 2:]


def of_BinOp(node, _):
    left, op, right = node.left, type(node.op), node.right
    if is_text(left) or is_text(right):
        return
    if op in OPERATORS:
        yield changed(node, op=OPERATORS[op]())
    if op in ORDERED:
        yield changed(node, left=right, right=left)
    yield left
    yield ast.UnaryOp(ast.USub(), right) if op is ast.Sub else right


def of_UnaryOp(node, _):
    yield node.operand
    if isinstance(node.op, ast.USub) and is_number(node.operand):
        yield from numbers(-node.operand.value)


def of_Compare(node, _):
    for i, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield changed(node, ops=node.ops[:i] + [other()] + node.ops[i + 1:])


def of_BoolOp(node, _):
    yield changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for values in without(node.values):
        yield changed(node, values=values) if len(values) > 1 else values[0]


def of_IfExp(node, _):
    yield from (node.body, node.orelse)


def of_Constant(node, _):
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif is_number(node):
        yield from numbers(node.value)


def of_Subscript(node, _):
    if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) > 1:
        for elts in without(node.slice.elts):
            yield changed(node, slice=changed(node.slice, elts=elts))


def of_Slice(node, _):
    for field in ("lower", "upper", "step"):
        if getattr(node, field) is not None:
            yield changed(node, **{field: None})


def of_display(node, _):
    """A tuple or a list: neighbours swapped; an axis left out of several."""
    if len(node.elts) > 1 and isinstance(node.ctx, ast.Load):
        is_axes = all(negative(item) for item in node.elts)
        is_numbers = is_axes or all(map(is_number, node.elts))
        if not is_axes:
            yield from (changed(node, elts=e) for e in neighbours_swapped(node.elts))
        if is_numbers:
            yield from (changed(node, elts=e) for e in without(node.elts))


def of_Attribute(node, _):
    if node.attr in ("T", "real", "mT") and isinstance(node.ctx, ast.Load):
        yield node.value


def of_Name(node, scope):
    """The next name of the function with the same stem, y_dot for y_bar."""
    stem = node.id.split("_")[0]
    family = sorted(name for name in scope.names if name.split("_")[0] == stem)
    if stem and isinstance(node.ctx, ast.Load) and node.id in family and len(family) > 1:
        yield ast.Name(family[(family.index(node.id) + 1) % len(family)], ast.Load())


def of_Call(node, _):
    func, args, name = node.func, node.args, name_of(node.func)
    owner = func.value if isinstance(func, ast.Attribute) else None
    is_checked = getattr(owner, "id", "") == "require"
    if name in TWINS and not is_checked:
        twin = {"attr" if owner is not None else "id": TWINS[name]}
        yield changed(node, func=changed(func, **twin))
    if name in WRAPPERS or is_checked and len(args) > 1:
        yield wrapped(owner, args[is_checked:])
    if name == "range" and args:
        stop = min(1, len(args) - 1)
        yield changed(node, args=args[:stop] + [ast.BinOp(args[stop], ast.Sub(), ast.Constant(1))]
                      + args[stop + 1:])
    if name not in SYMMETRIC and not is_checked:
        for swap in neighbours_swapped(args):
            yield changed(node, args=swap)
    for keyword, keywords in zip(node.keywords, without(node.keywords)):
        is_flag = isinstance(getattr(keyword.value, "value", None), bool)
        if not is_flag:
            yield changed(node, keywords=keywords)
    for arg, rest in zip(args, without(args)):
        if is_dtype(arg) and name != "astype":
            yield changed(node, args=rest)


def wrapped(owner, args):
    """What a call wraps: its first argument, or the array that it is a method of."""
    is_module = getattr(owner, "id", "") in ("np", "math", "maps", "require")
    return args[0] if args and (owner is None or is_module) else owner


def of_Return(node, scope):
    if scope.depth > 1:
        yield ast.Pass()
    yield from negated_product(node)


def of_Assign(node, scope):
    names = {n.id for target in node.targets for n in ast.walk(target)
             if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    if scope.is_function and names <= scope.bound:
        yield ast.Pass()
    yield from negated_product(node)


def negated_product(node):
    value = node.value
    if isinstance(value, ast.BinOp) and isinstance(value.op, PRODUCTS):
        yield changed(node, value=ast.UnaryOp(ast.USub(), value))


def of_AugAssign(node, _):
    yield ast.Pass()
    yield ast.Assign([node.target], node.value)
    if type(node.op) in OPERATORS:
        yield changed(node, op=OPERATORS[type(node.op)]())


def of_statement(node, _):
    yield ast.Pass()


def of_Expr(node, _):
    if not is_text(node.value):
        yield ast.Pass()


def of_Raise(node, _):
    yield ast.Pass()
    error = getattr(node.exc, "func", None)
    if name_of(error) in ERRORS:
        other = changed(error, id=ERRORS[error.id])
        yield changed(node, exc=changed(node.exc, func=other))


def of_condition(test):
    """Conditions that differ from one another by more than their operator are negated."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1
            or isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
        yield ast.UnaryOp(ast.Not(), test)


REWRITES = {
    ast.Tuple: of_display, ast.List: of_display, ast.Break: of_statement,
    ast.Continue: of_statement, ast.Delete: of_statement, ast.Assert: of_statement,
    **{getattr(ast, name[3:]): rewrite for name, rewrite in list(globals().items())
       if name.startswith("of_") and hasattr(ast, name[3:])}}


def negative(node):
    """A negative number is one number."""
    return (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
            and is_number(node.operand))


def rewrites(node, field, scope):
    if type(node) in REWRITES:
        yield from REWRITES[type(node)](node, scope)
    if field in ("test", "ifs"):
        yield from of_condition(node)
