"""The small mistakes that tests/mutants.py makes in a module, one at a time.

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
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

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
             "logical_or", "isinstance", "hasattr", "getattr", "setattr", "swapaxes"}
SILENT = {"print", "warn"}  # what they say is a message
HARMLESS = {"copy", "stacklevel"}  # keywords that change no value
ERRORS = {"ValueError": "TypeError", "TypeError": "ValueError"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)
UNSEEN = {"annotation", "returns", "ctx", "type_comment", "names"}
LONGEST = 100  # of a piece of code that is shown


@dataclass(frozen=True, eq=False)
class Mutant:
    """One mistake: `new` in the place of one node.

    lines       the first and the last line of the statement (without its body)
    at_import   True if the place is run when the module is imported, in no function
    """

    module: str
    function: str
    lines: tuple
    before: str
    after: str
    at_import: bool
    tree: Any
    place: tuple  # (node or list, field or index)
    new: ast.AST

    def __str__(self):
        return (f"{self.module}:{self.lines[0]} {self.function}: "
                f"{self.before} -> {self.after}")

    def code(self, file):
        """The module with the mistake, compiled."""
        return swapped(self.place, self.new, lambda: compile(self.tree, file, "exec"))


def get(place):
    owner, key = place
    return owner[key] if isinstance(owner, list) else getattr(owner, key)


def put(place, node):
    owner, key = place
    if isinstance(owner, list):
        owner[key] = node
    else:
        setattr(owner, key, node)


def swapped(place, new, look):
    """look() while `new` stands in the place."""
    old = get(place)
    put(place, new)
    try:
        return look()
    finally:
        put(place, old)


# ---- what each kind of node may become

def number(value):
    return (ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0
            else ast.Constant(value))


def numbers(value):
    """Other numbers, near this one."""
    yield number(value + 1)
    if isinstance(value, int):
        yield number(value - 1)
    if isinstance(value, float) and value:
        yield number(value * (1.03 if abs(value) > 1e-3 else 10))
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
        for elts in neighbours_swapped(node.elts):
            yield changed(node, elts=elts)
        if all(is_number(getattr(n, "operand", n)) for n in node.elts):
            for elts in without(node.elts):
                yield changed(node, elts=elts)


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
        if keyword.arg not in HARMLESS and not is_flag:
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


# ---- the walk through a module

@dataclass(frozen=True)
class Scope:
    """Where the walk is.

    path        names of the classes and functions around
    names       names of the innermost function, all of them
    bound       those that have a value before the statement
    depth       how many blocks deep in the function; 0 at import
    chain       places from the statement down to here
    """

    path: tuple = ()
    names: frozenset = frozenset()
    bound: frozenset = frozenset()
    depth: int = 0
    chain: tuple = ()
    lines: tuple = (1, 1)

    @property
    def is_function(self):
        return self.depth > 0


def bound_in(node):
    """Names that get a value in the node, those of nested functions left out."""
    names = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            names.add(child.id)
        if isinstance(child, ast.arg):
            names.add(child.arg)
        if not isinstance(child, (*SCOPES, ast.Lambda)):
            names |= bound_in(child)
    return frozenset(names)


def header(node):
    """The node without the statements in it."""
    empty = {field: [] for field in ("body", "orelse", "finalbody", "handlers")
             if isinstance(getattr(node, field, None), list)}
    return changed(node, **empty)


def text(node):
    return ast.unparse(header(node)).strip().removesuffix(":").replace("\n", "; ")


def places(node):
    for field, value in ast.iter_fields(node):
        if field not in UNSEEN:
            if isinstance(value, list):
                yield from ((field, (value, i)) for i in range(len(value)))
            else:
                yield field, (node, field)


def is_left_alone(node):
    return (not isinstance(node, ast.AST)
            or isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom))
            or isinstance(node, FUNCTIONS) and node.name in ("__repr__", "__str__")
            or isinstance(node, ast.Assign) and name_of(node.targets[0]) == "__all__"
            or isinstance(node, ast.Expr) and is_text(node.value))


def entered(scope, node, field, place):
    """The scope of what lies in that field of the node."""
    if field == "body" and isinstance(node, FUNCTIONS):
        names = bound_in(node)
        return Scope((*scope.path, node.name), names, bound_in(node.args), 1)
    if field == "body" and isinstance(node, ast.ClassDef):
        return Scope((*scope.path, node.name))
    if field == "body" and isinstance(node, ast.Lambda):
        return changed_scope(scope, depth=max(scope.depth, 1))
    if isinstance(get(place), ast.stmt) and scope.is_function:
        return changed_scope(scope, depth=scope.depth + 1)
    return scope


def changed_scope(scope, **fields):
    return Scope(**{**scope.__dict__, **fields})


def visit(node, scope):
    """Every (place, new node, scope) below the node."""
    for field, place in places(node):
        child, inner = get(place), entered(scope, node, field, place)
        if is_left_alone(child):
            continue
        if isinstance(child, ast.stmt):
            first = child.body[0].lineno - 1 if getattr(child, "body", 0) else child.end_lineno
            start = min([child.lineno, *(d.lineno for d in getattr(child, "decorator_list", []))])
            # Names bound on earlier lines; a loop's own count, since it comes around
            before = earlier(node, field, place) if isinstance(place[0], list) else frozenset()
            inner = changed_scope(inner, chain=(), lines=(start, max(first, start)),
                                  bound=inner.bound | before)
        inner = changed_scope(inner, chain=(*inner.chain, place))
        for new in rewrites(child, field, inner):
            yield place, new, inner
        is_message = isinstance(child, ast.Raise) or (
            isinstance(child, ast.Call) and name_of(child.func) in SILENT)
        if not is_message and not negative(child):
            yield from visit(child, inner)


def earlier(node, field, place):
    statements, i = place
    loop = statements if isinstance(node, (ast.For, ast.While)) else statements[:i]
    names = bound_in(node.target) | {getattr(node.target, "id", "")} \
        if isinstance(node, ast.For) else set()
    return frozenset(names).union(*(bound_in(s) for s in loop if s is not statements[i]))


def negative(node):
    """A negative number is one number."""
    return (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
            and is_number(node.operand))


def rewrites(node, field, scope):
    if type(node) in REWRITES:
        yield from REWRITES[type(node)](node, scope)
    if field in ("test", "ifs"):
        yield from of_condition(node)


def mutants_of(source, module):
    """All mutants of a module, each once; `module` is the file's name in reports."""
    tree, seen = ast.parse(source), set()
    for place, new, scope in visit(tree, Scope()):
        new = ast.fix_missing_locations(ast.copy_location(new, get(place)))
        before, after = shown(place, new, scope.chain)
        function = ".".join(scope.path) or "<module>"
        key = (function, scope.lines, whole(scope.chain[0], place, new))
        if before != after and key not in seen:
            seen.add(key)
            yield Mutant(module, function, scope.lines, before, after,
                         not scope.is_function, tree, place, new)


def whole(statement, place, new):
    return swapped(place, new, lambda: text(get(statement)))


def shown(place, new, chain):
    """The code before and after: as much of the statement as is short enough."""
    for outer in chain:
        before, after = text(get(outer)), whole(outer, place, new)
        if len(before) <= LONGEST or outer == chain[-1]:
            return before, after
