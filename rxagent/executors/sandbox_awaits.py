"""What an `await` in the code of the sandbox holds: the calls that it may wait for.

The library only says that code waits, not for which of its calls. So the code is read: a call is
held by an `await` in which it stands, or in which a name stands whose value may come from it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

from attrs import frozen

__all__ = ["Awaits", "Place"]

Place: TypeAlias = tuple[str, int, int]
"""The name of a piece of code, and from where to where in it, in bytes."""

_Span: TypeAlias = tuple[int, int]

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_RESULTS = ast.Return | ast.Await


@frozen
class _Flow:
    """Names, and the parts of the code from which their values may come."""

    names: frozenset[str]
    parts: tuple[ast.AST, ...]


class Awaits:
    """The awaits of a piece of code.

    Args:
        code: The code.
        tools: The names of the tools, which change nothing that they are given.
    """

    def __init__(self, code: str, tools: Iterable[str]) -> None:
        self._code = code
        self._unchanging = {*tools, *dir(builtins)}
        self._held: dict[_Span, list[_Span]] = {}

    def hold(self, place: Place | None, call: Place | None) -> bool:
        """Return whether an `await` may wait for a call; also true where that is unknown.

        Args:
            place: Where the `await` stands.
            call: Where the call stands.
        """
        if place is None or call is None or place[0] != call[0]:
            return True
        awaited = place[1:]
        if awaited not in self._nodes:  # of code before this one
            return True
        if awaited not in self._held:
            self._held[awaited] = [*map(self._span, self._reached(self._nodes[awaited]))]
        return any(begin <= call[1] and call[2] <= end for begin, end in self._held[awaited])

    @cached_property
    def _tree(self) -> list[ast.AST]:
        try:
            return [*ast.walk(ast.parse(self._code))]
        except (MemoryError, RecursionError, SyntaxError, ValueError):
            return []  # the sandbox reads other code than Python does

    @cached_property
    def _lines(self) -> list[int]:
        """Where the lines begin."""
        lines = self._code.encode().split(b"\n")
        return [0, *accumulate(len(line) + 1 for line in lines)]

    @cached_property
    def _nodes(self) -> dict[_Span, ast.AST]:
        return {self._span(node): node for node in self._tree if isinstance(node, ast.Await)}

    @cached_property
    def _flows(self) -> list[_Flow]:
        return [flow for node in self._tree for flow in self._flows_of(node)]

    def _span(self, node: Any) -> _Span:
        """Return where a statement or an expression begins and ends, as all of these say."""
        begin = self._lines[node.lineno - 1] + node.col_offset
        return begin, self._lines[node.end_lineno - 1] + node.end_col_offset

    def _reached(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield a part of the code, and all from which the values in it may come."""
        flows, parts = self._flows, [node]
        while parts:
            yield from parts
            names = _names_in(*parts)
            reached = [flow for flow in flows if flow.names & names]
            flows = [flow for flow in flows if not flow.names & names]
            parts = [part for flow in reached for part in flow.parts]

    def _flows_of(self, node: ast.AST) -> Iterator[_Flow]:
        match node:
            case ast.Assign(targets=targets, value=value):
                yield _Flow(_names_in(*targets), (value,))
            case ast.AugAssign() | ast.AnnAssign() | ast.NamedExpr():
                if node.value is not None:
                    yield _Flow(_names_in(node.target), (node.value,))
            case ast.For() | ast.comprehension():
                yield _Flow(_names_in(node.target), (node.iter,))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = tuple(part for part in ast.walk(node) if isinstance(part, _RESULTS))
                yield _Flow(frozenset({node.name}), inner)
            case ast.ClassDef(name=name):
                yield _Flow(frozenset({name}), (node,))
            case ast.Call():
                if (names := self._changed_by(node)) is not None:
                    yield _Flow(names, (*node.args, *(word.value for word in node.keywords)))

    def _changed_by(self, call: ast.Call) -> frozenset[str] | None:
        """Return the names of what may hold what a call is given, if it is one that may do that."""
        owner = function = call.func
        while isinstance(owner, ast.Attribute | ast.Subscript | ast.Call):
            owner = owner.func if isinstance(owner, ast.Call) else owner.value
        if isinstance(owner, ast.Name) and owner.id in self._unchanging | self._imported:
            return None
        name: str = getattr(function, "id", "") or getattr(function, "attr", "")
        owners = [] if isinstance(function, ast.Name) else [owner]
        given = (*call.args, *(word.value for word in call.keywords))
        return _names_in(*owners, *given) | self._parameters.get(name, set())

    @cached_property
    def _imported(self) -> set[str]:
        return {
            alias.asname or alias.name
            for node in self._tree
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }

    @cached_property
    def _parameters(self) -> dict[str, set[str]]:
        """The parameters of functions, by their names."""
        found: dict[str, set[str]] = {}
        for node in self._tree:
            if isinstance(node, _FUNCTIONS):
                names = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
                found.setdefault(node.name, set()).update(names)
        return found


def _names_in(*nodes: ast.AST) -> frozenset[str]:
    parts = (part for node in nodes for part in ast.walk(node))
    return frozenset(part.id for part in parts if isinstance(part, ast.Name))
