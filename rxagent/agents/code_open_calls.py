"""Open calls: those of asynchronous functions that a statement makes, and a later one may await."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .code_statements import parsed

__all__ = ["OpenCalls"]

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


class OpenCalls:
    """Finds the statements that do not await what they call.

    Args:
        names: The names of the asynchronous functions.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    def left_by(self, statement: str) -> bool:
        """Return whether a statement leaves calls open; functions that do so count from then on."""
        if not any(name in statement for name in self._names):
            return False
        tree = parsed(statement)
        if tree is None:
            return False
        leaves = False
        for node in tree.body:
            if not self._is_open(node):
                continue
            if isinstance(node, _FUNCTIONS):
                self._names.add(node.name)
            else:
                leaves = True
        return leaves

    def _is_open(self, statement: ast.AST) -> bool:
        todo = [statement]
        while todo:
            node = todo.pop()
            name = node.func if isinstance(node, ast.Call) else None
            if isinstance(name, ast.Name) and name.id in self._names:
                return True
            if not isinstance(node, ast.Await):
                todo += ast.iter_child_nodes(node)
        return False
