"""All the ways in which a text of Python is broken at one place, found by its syntax tree."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

# What a log tells is for people's eyes, and what can never be reached the types show.
_NOT_BROKEN = {"log", "assert_never"}
_TURNED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SHORT, _AROUND = 8, 40
# Each of a pair is what the other is taken for.
_OTHER = {"min": "max", "max": "min", "any": "all", "all": "any"}
# The order of what they are given says nothing, or a wrong one is no program any more.
_NO_ORDER = {*_OTHER, "isinstance", "issubclass"}
# Methods that ask for a text by which something is decided.
_ASKING = {"endswith", "get", "partition", "removeprefix", "removesuffix", "split", "startswith"}


class Kind(StrEnum):
    """The ways in which a place can be broken."""

    COMPARISON = "comparison"
    BOUNDARY = "boundary"
    BOOLEAN = "boolean"
    ARITHMETIC = "arithmetic"
    CONSTANT = "constant"
    TEXT = "text"
    RETURN = "return"
    RAISE = "raise"
    CALL = "call"
    SWAP = "swap"
    CONTEXT = "context"


# ``a < b`` and ``a <= b`` differ at the boundary alone.
_BOUNDARY = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_NO_CONTEXT = '__import__("contextlib").nullcontext()'


@dataclass(frozen=True, slots=True)
class Change:
    """One place that is broken: these bytes of the text, and what stands there instead."""

    kind: Kind
    function: str
    is_at_import: bool
    line: int
    last_line: int
    start: int
    end: int
    after: str
    # What is changed, in one line; of what is short what stands around it, too.
    told: str

    def apply(self, text: str) -> str:
        """Return `text` with this place broken."""
        raw = text.encode()
        return (raw[: self.start] + self.after.encode() + raw[self.end :]).decode()


def changes(text: str) -> list[Change]:
    """Return every change of `text`, in the order of its places; no two of a function are alike."""
    finder = _Finder(text)
    finder.visit(ast.parse(text))
    seen = Counter[tuple[str, str]]()
    numbered = []
    for change in sorted(set(finder.found), key=lambda one: (one.start, one.end, one.after)):
        seen[change.function, change.told] += 1
        number = seen[change.function, change.told]
        told = change.told if number == 1 else f"{change.told} ({number})"
        numbered.append(replace(change, told=told))
    return numbered


class _Finder(ast.NodeVisitor):
    """Walks through a module and collects what can be broken in it."""

    def __init__(self, text: str) -> None:
        self._raw = text.encode()
        self._starts = [0]
        for line in self._raw.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._names: list[str] = []
        self._depth = 0
        self.found: list[Change] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Leave out decorators and bases."""
        self._walk_named(node.name, node.body)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Leave out decorators and annotations, but take the defaults."""
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        self._depth += 1
        self._walk_named(node.name, node.body)
        self._depth -= 1

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out the annotation."""
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Pass by: Python 3.11 does not know the places inside of such a text."""

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self._negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self._negate(node.test)
        for inner in (*([] if isinstance(node.test, ast.Constant) else [node.test]), *node.body):
            self.visit(inner)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negate(test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for number, operator in enumerate(node.ops):
            for turned in _TURNED[type(operator)][: 1 if _is_of_clock(node) else None]:
                broken = copy.deepcopy(node)
                broken.ops[number] = turned()
                is_boundary = _BOUNDARY.get(type(operator)) is turned
                kind = Kind.BOUNDARY if is_boundary else Kind.COMPARISON
                self._replace(kind, node, f"({ast.unparse(broken)})")
        self._turn_text(node.left)
        for operator, side in zip(node.ops, node.comparators, strict=True):
            # The signs of a text in which one is looked for would still be there.
            if not isinstance(operator, ast.In | ast.NotIn):
                self._turn_text(side)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        broken = copy.deepcopy(node)
        broken.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._replace(Kind.BOOLEAN, node, f"({ast.unparse(broken)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add | ast.Sub) and not any(
            map(_is_text, (node.left, node.right))
        ):
            broken = copy.deepcopy(node)
            broken.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            self._replace(Kind.ARITHMETIC, node, f"({ast.unparse(broken)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(Kind.CONSTANT, node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._replace(Kind.CONSTANT, node, repr(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        told = "None" if node.value is None else ast.unparse(node.value)
        # Who is told False is told no more by None.
        if told not in {"None", "False"}:
            self._replace(Kind.RETURN, node, "return None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(Kind.RAISE, node, "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            if ast.unparse(node.value.func).split(".")[0] in _NOT_BROKEN:
                return
            self._replace(Kind.CALL, node, "pass")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Take the other one of a pair, and two things given in the other order."""
        name = ast.unparse(node.func)
        if name in _OTHER:
            self._replace(Kind.SWAP, node.func, _OTHER[name])
        if name not in _NO_ORDER:
            for first, second in pairwise(node.args):
                self._swap(first, second)
        if name.rpartition(".")[2] in _ASKING:
            for given in node.args:
                self._turn_text(given)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if ast.unparse(node.value) == "Literal":
            return
        self._turn_text(node.slice)
        self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> None:
        self._turn_texts(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._turn_texts(node)

    def visit_List(self, node: ast.List) -> None:
        self._turn_texts(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key in filter(None, node.keys):
            self._turn_text(key)
        self.generic_visit(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        for key in node.keys:
            self._turn_text(key)
        self.generic_visit(node)

    def visit_match_case(self, node: ast.match_case) -> None:
        if node.guard is not None:
            self._negate(node.guard)
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        """Take away each lock, transaction and the like of which the block needs no value."""
        for item in node.items:
            if item.optional_vars is None:
                self._replace(Kind.CONTEXT, item.context_expr, _NO_CONTEXT)
        self.generic_visit(node)

    def _walk_named(self, name: str, body: list[ast.stmt]) -> None:
        self._names.append(name)
        for statement in body:
            self.visit(statement)
        self._names.pop()

    def _negate(self, test: ast.expr) -> None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._replace(Kind.BOOLEAN, test, f"({ast.unparse(test.operand)})")
        elif not isinstance(test, ast.Compare) or len(test.ops) > 1:
            self._replace(Kind.BOOLEAN, test, f"(not ({ast.unparse(test)}))")

    def _turn_texts(self, node: ast.Set | ast.Tuple | ast.List) -> None:
        for element in node.elts:
            self._turn_text(element)
        self.generic_visit(node)

    def _turn_text(self, node: ast.expr) -> None:
        """Take another text where one decides; prose, which is for people's eyes, does not."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._replace(Kind.TEXT, node, repr(f"other_{node.value}"))

    def _swap(self, first: ast.expr, second: ast.expr) -> None:
        texts = ast.unparse(first), ast.unparse(second)
        # Two texts of a table are alternatives, in whatever order.
        is_table = self._depth == 0 and _is_text(first) and _is_text(second)
        is_several = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
        if texts[0] == texts[1] or is_table or is_several:
            return
        self._replace(Kind.SWAP, first, f"{texts[1]}, {texts[0]}", until=second)

    def _replace(
        self, kind: Kind, node: ast.expr | ast.stmt, after: str, *, until: ast.expr | None = None
    ) -> None:
        """Let `after` stand where `node` stands, or where all stands from there `until` another."""
        start = self._starts[node.lineno - 1] + node.col_offset
        ending = until or node
        last = ending.lineno if ending.end_lineno is None else ending.end_lineno
        end = self._starts[last - 1] + (ending.end_col_offset or 0)
        told = f"{_one_line(self._raw[start:end])} -> {_one_line(after.encode())}"
        if end - start < _SHORT:
            line, rest = self._starts[node.lineno - 1], self._starts[last]
            around = _one_line(self._raw[line:start]), _one_line(self._raw[end:rest])
            told = f"{around[0][-_AROUND:]} [{told}] {around[1][:_AROUND]}".strip()
        function = ".".join(self._names) or "<module>"
        is_at_import = self._depth == 0
        place = function, is_at_import, node.lineno, last, start, end
        self.found.append(Change(kind, *place, after, told))


def _is_of_clock(node: ast.Compare) -> bool:
    """Tell whether a moment is compared, which is never met to the nanosecond."""
    return "monotonic()" in ast.unparse(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _one_line(text: bytes) -> str:
    return " ".join(text.decode().split())
