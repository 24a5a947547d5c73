"""The walk through a module: every place where a mistake can be made, and what it looks like.

A mutant is one new node in one place of the module's syntax tree. Its code is compiled with
the new node in place, and the old node is put back.
"""
import ast
import warnings
from dataclasses import dataclass, replace
from typing import Any

from .kinds import changed, is_text, name_of, negative, rewrites

SILENT = {"print", "warn"}  # what they say is a message
HARMLESS = {"copy", "stacklevel"}  # keywords that change no value
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)
REDUCTIONS = {"sum", "mean", "max", "min", "any", "all", "prod", "std", "var"}
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

    @property
    def text(self):
        return f"{self.function}: {self.before} -> {self.after}"

    def __str__(self):
        return f"{self.module}:{self.lines[0]} {self.text}"

    def code(self, file):
        """The module with the mistake, compiled, even if Python warns of the mistake."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
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
            or isinstance(node, ast.Expr) and is_text(node.value)
            or isinstance(node, ast.Call) and name_of(node.func) in SILENT
            or isinstance(node, ast.keyword) and node.arg in HARMLESS)


def entered(scope, node, field, place):
    """The scope of what lies in that field of the node."""
    if field == "body" and isinstance(node, FUNCTIONS):
        names = bound_in(node)
        return Scope((*scope.path, node.name), names, bound_in(node.args), 1)
    if field == "body" and isinstance(node, ast.ClassDef):
        return Scope((*scope.path, node.name))
    if field == "body" and isinstance(node, ast.Lambda):
        return replace(scope, depth=max(scope.depth, 1))
    if isinstance(get(place), ast.stmt) and scope.is_function:
        return replace(scope, depth=scope.depth + 1)
    return scope


def visit(node, scope):
    """Every (place, new node, scope) below the node."""
    for field, place in places(node):
        child, inner = get(place), entered(scope, node, field, place)
        if is_left_alone(child):
            continue
        if isinstance(child, ast.stmt):
            inner = replace(inner, chain=(), lines=lines_of(child),
                            bound=inner.bound | earlier(node, place))
        inner = replace(inner, chain=(*inner.chain, place))
        for new in rewrites(child, field, inner):
            if not is_alike(inner.chain, new):
                yield place, new, inner
        if not isinstance(child, ast.Raise) and not negative(child):
            yield from visit(child, inner)


def is_alike(chain, new):
    """Whether NumPy takes both for the same: any negative size of a reshape is what is left,
    and a reduction does not mind the order of its axes."""
    *outer, old = map(get, chain)
    while outer and isinstance(outer[-1], (ast.Tuple, ast.BinOp, ast.keyword)):
        outer.pop()
    call = name_of(outer[-1].func) if outer and isinstance(outer[-1], ast.Call) else None
    if call == "reshape":
        return negative(old) and negative(new)
    return call in REDUCTIONS and all(isinstance(axes, ast.Tuple) for axes in (old, new)) \
        and sorted(map(ast.unparse, old.elts)) == sorted(map(ast.unparse, new.elts))


def lines_of(statement):
    """The first and the last line, without the statements in it."""
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in (statement, *decorators))
    body = getattr(statement, "body", [])
    return first, max(first, body[0].lineno - 1) if body else statement.end_lineno


def earlier(node, place):
    """Names that statements before this one bind; in a loop later ones do too, since the
    loop comes around."""
    statements, i = place
    is_loop = isinstance(node, (ast.For, ast.While))
    others = statements[:i] + (statements[i + 1:] if is_loop else [])
    return frozenset().union(*map(bound_in, others), bound_in(header(node)))


def mutants_of(source, module):
    """All mutants of a module, each once; `module` is the file's name in reports."""
    tree, seen = ast.parse(source), set()
    for place, new, scope in visit(tree, Scope()):
        new = ast.fix_missing_locations(ast.copy_location(new, get(place)))
        before, after = shown(place, new, scope.chain)
        function = ".".join(scope.path) or "<module>"
        key = (function, scope.lines, swapped(place, new, lambda: meaning(scope.chain[0])))
        if before != after and key not in seen:
            seen.add(key)
            yield Mutant(module, function, scope.lines, before, after,
                         not scope.is_function, tree, place, new)


def meaning(place):
    """The text of a statement; "pass" for those that do nothing."""
    node = get(place)
    if isinstance(node, ast.Expr) and isinstance(node.value, (ast.Name, ast.Attribute)):
        return "pass"
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == ast.unparse(node.value):
        return "pass"
    return text(node)


def shown(place, new, chain):
    """The code before and after: as much of the statement as is short enough."""
    for outer in chain:
        before, after = text(get(outer)), swapped(place, new, lambda: text(get(outer)))
        if len(before) <= LONGEST or outer == chain[-1]:
            return before, after
