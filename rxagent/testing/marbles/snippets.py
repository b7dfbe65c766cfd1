"""The Python in a diagram: expressions and imports, and where in them an error is."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from symtable import SymbolTable, symtable
from types import CodeType
from typing import Any, Literal, overload

from attrs import field, frozen

from ...errors import MarbleSyntaxError, describe
from .rows import Line

__all__ = ["Import", "Snippet", "imports_of"]

_NOT_PYTHON = "This is no Python expression"


@frozen
class Snippet:
    """Python that begins at a column of its first line, and may continue on others."""

    lines: tuple[Line, ...]
    start: int

    @property
    def place(self) -> str:
        """The file and the number of its first line."""
        return self.lines[0].place

    @property
    def begin(self) -> int:
        """The column of the first character that is not a space."""
        text = self.lines[0].text
        return len(text) - len(text[self.start :].lstrip()) if text[self.start :] else self.start

    @property
    def source(self) -> str:
        """The text of the Python."""
        first, *others = (line.text for line in self.lines)
        return "\n".join([first[self.begin :], *others])

    @property
    def _file(self) -> str:
        return self.lines[0].file or "<marbles>"

    def flaw(self, what: str, row: int = 1, offset: int = 0) -> MarbleSyntaxError:
        """Return an error at a place of the source."""
        if row > len(self.lines):
            row, offset = len(self.lines), len(self.lines[-1].text)
        return self.lines[row - 1].flaw(offset + self.begin if row == 1 else offset, what)

    def flaw_at(self, node: ast.expr | ast.alias, what: str) -> MarbleSyntaxError:
        """Return an error at a part of the expression."""
        return self._flaw_at_byte(node.lineno, node.col_offset, what)

    def flaw_raised(self, error: Exception, what: str) -> MarbleSyntaxError:
        """Return an error at the part of the expression from which another was raised."""
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
        """Return the syntax tree; the error for invalid syntax begins with `what`."""
        if not self.source:
            raise self.flaw("An expression is missing here.")
        with self._python(what):
            return ast.parse(self.source, mode=mode)

    def compile(self) -> tuple[CodeType, dict[str, ast.Name]]:
        """Return the expression's code, and the first use of each name from outside."""
        tree = self.parse("eval")
        file = self._file
        with self._python():
            compile(tree, file, "eval")  # Its errors have places in the source.
            free = set(_free_names(symtable(self.source, file, "eval")))
        code = compile(self._in_place(self.parse("eval")), file, "eval")
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        return code, {node.id: node for node in reversed(names) if node.id in free}

    def _in_place(self, tree: ast.Expression) -> ast.Expression:
        """Return the tree with its places in the diagram, for tracebacks."""
        for node in ast.walk(tree):
            if isinstance(node, ast.expr | ast.arg | ast.keyword):
                if node.lineno == 1:
                    node.col_offset += self.begin
                if node.end_lineno == 1 and node.end_col_offset is not None:
                    node.end_col_offset += self.begin
        return ast.increment_lineno(tree, self.lines[0].number - 1)

    @contextmanager
    def _python(self, what: str = _NOT_PYTHON) -> Iterator[None]:
        """Raise the errors and warnings of Python as an error at their place."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                yield
        except SyntaxError as error:
            column = max(0, (error.offset or 1) - 1)
            raise self.flaw(f"{what}: {error.msg}.", error.lineno or 1, column) from None
        except (ValueError, RecursionError, MemoryError, Warning) as error:
            raise self.flaw(f"{what}: {error or 'too deep'}.") from None


def _free_names(table: SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and symbol.is_global() and not symbol.is_assigned():
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _free_names(inner)


_HOW = "An import is written `from package.module import name, other as alias`"
_WHERE = (
    "Is its folder on sys.path? pytest's setting `pythonpath = .` puts it there, "
    "or `sys.path.insert` in the conf.py of Sphinx."
)


@frozen
class Import:
    """A name that a diagram imports from a module."""

    name: str
    module: str
    attribute: str
    _snippet: Snippet = field(eq=False)
    _alias: ast.alias = field(eq=False)

    def flaw(self, what: str) -> MarbleSyntaxError:
        """Return an error at this name."""
        return self._snippet.flaw_at(self._alias, what)

    def load(self) -> Any:
        """Import the module, and return the value of the name."""
        try:
            module = import_module(self.module)
            if hasattr(module, self.attribute):
                return getattr(module, self.attribute)
            return import_module(f"{self.module}.{self.attribute}")
        # Importing a script without a `__main__` guard may exit.
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and error.name:
                if error.name == f"{self.module}.{self.attribute}":
                    what = f"There is no {self.attribute!r} in the module {self.module!r}."
                    raise self.flaw(what) from None
                if f"{self.module}.".startswith(f"{error.name}."):
                    what = f"There is no module {error.name!r}. {_WHERE}"
                    raise self._snippet.flaw(what, offset=len("from ")) from None
            what = f"The module {self.module!r} raises {describe(error)}"
            raise self.flaw(what) from error


def imports_of(snippet: Snippet) -> Iterator[Import]:
    """Yield the names that a line imports."""
    match snippet.parse("exec", _HOW).body:
        case [ast.ImportFrom(module=str(module), names=names, level=0)]:
            for alias in names:
                if alias.name == "*":
                    raise snippet.flaw_at(alias, f"{_HOW}; list the names.")
                yield Import(alias.asname or alias.name, module, alias.name, snippet, alias)
        case [ast.ImportFrom(level=level)] if level:
            raise snippet.flaw(
                f"{_HOW}; a diagram is not in a package, so a module does not begin with a dot."
            )
        case _:
            raise snippet.flaw(f"{_HOW}.")
