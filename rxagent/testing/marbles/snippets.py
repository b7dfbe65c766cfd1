"""The Python in a diagram, and where in it something is wrong."""

import ast
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from symtable import SymbolTable, symtable
from types import CodeType
from typing import Literal, overload

from attrs import frozen

from ...errors import MarbleSyntaxError
from .lines import Line

__all__ = ["Snippet"]

_NOT_PYTHON = "This is no Python expression"


@frozen
class Snippet:
    """An expression that begins in its first line from a column on, and may go on in others."""

    lines: tuple[Line, ...]
    start: int

    @property
    def place(self) -> str:
        """The file and the number of its first line."""
        return self.lines[0].place

    @property
    def begin(self) -> int:
        """The column of the first sign that is not blank."""
        text = self.lines[0].text
        return len(text) - len(text[self.start :].lstrip()) if text[self.start :] else self.start

    @property
    def source(self) -> str:
        """The expression's text."""
        first, *others = (line.text for line in self.lines)
        return "\n".join([first[self.begin :], *others])

    @property
    def _file(self) -> str:
        return self.lines[0].file or "<marbles>"

    def flaw(self, what: str, row: int = 1, offset: int = 0) -> MarbleSyntaxError:
        """Return the error that says what is wrong at a place of the source."""
        if row > len(self.lines):
            row, offset = len(self.lines), len(self.lines[-1].text)
        return self.lines[row - 1].flaw(offset + self.begin if row == 1 else offset, what)

    def flaw_at(self, node: ast.expr | ast.alias, what: str) -> MarbleSyntaxError:
        """Return the error that says what is wrong with a part of the expression."""
        return self._flaw_at_byte(node.lineno, node.col_offset, what)

    def flaw_raised(self, error: Exception, what: str) -> MarbleSyntaxError:
        """Return the error that says what was raised, where in the expression it came from."""
        row, column = 1, self.begin
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == self._file:
                places = islice(code.co_positions(), trace.tb_lasti // 2, None)
                line, _, column_then, _ = next(places)
                if line is not None and column_then is not None:
                    row, column = line - self.lines[0].number + 1, column_then
            trace = trace.tb_next
        return self._flaw_at_byte(row, column - self.begin if row == 1 else column, what)

    def _flaw_at_byte(self, row: int, offset: int, what: str) -> MarbleSyntaxError:
        before = self.source.split("\n")[row - 1].encode(errors="replace")[:offset]
        return self.flaw(what, row, len(before.decode(errors="ignore")))

    @overload
    def parse(self, mode: Literal["eval"], what: str = ...) -> ast.Expression: ...
    @overload
    def parse(self, mode: Literal["exec"], what: str = ...) -> ast.Module: ...
    def parse(self, mode: str, what: str = _NOT_PYTHON) -> ast.AST:
        """Return the syntax tree; when there is none, raise an error that begins with `what`."""
        if not self.source:
            raise self.flaw("Here an expression is missing.")
        with self._python(what):
            return ast.parse(self.source, mode=mode)

    def compile(self) -> tuple[CodeType, dict[str, ast.Name]]:
        """Return the expression's code, and where it first asks for each name from outside."""
        tree = self.parse("eval")
        file = self._file
        with self._python():
            compile(tree, file, "eval")  # What it refuses, it refuses at a place of the source.
            asked = set(_asked(symtable(self.source, file, "eval")))
        code = compile(self._in_place(self.parse("eval")), file, "eval")
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        return code, {node.id: node for node in reversed(names) if node.id in asked}

    def _in_place(self, tree: ast.Expression) -> ast.Expression:
        """Return a tree whose places are those of the diagram, as tracebacks show them."""
        for node in ast.walk(tree):
            if isinstance(node, ast.expr | ast.arg | ast.keyword):
                if node.lineno == 1:
                    node.col_offset += self.begin
                if node.end_lineno == 1 and node.end_col_offset is not None:
                    node.end_col_offset += self.begin
        return ast.increment_lineno(tree, self.lines[0].number - 1)

    @contextmanager
    def _python(self, what: str = _NOT_PYTHON) -> Iterator[None]:
        """Raise what Python has to say against the expression as an error at its place."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                yield
        except SyntaxError as error:
            column = max(0, (error.offset or 1) - 1)
            raise self.flaw(f"{what}: {error.msg}.", error.lineno or 1, column) from None
        except (ValueError, RecursionError, MemoryError, Warning) as error:
            raise self.flaw(f"{what}: {error or 'too deep'}.") from None


def _asked(table: SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and symbol.is_global() and not symbol.is_assigned():
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _asked(inner)
