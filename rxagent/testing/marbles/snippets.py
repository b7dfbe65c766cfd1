"""The Python in a diagram: bindings, which are read, and the pipeline, which is evaluated."""

import ast
import builtins
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from symtable import SymbolTable, symtable
from types import CodeType
from typing import Any

from attrs import frozen

from ... import errors, events, messages
from ...errors import MarbleSyntaxError
from .lines import Line

__all__ = ["Snippet"]


@frozen
class Snippet:
    """An expression that begins in its first line from a column on, and may go on in others."""

    lines: tuple[Line, ...]
    start: int

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

    def flaw(self, what: str, row: int = 1, offset: int = 0) -> MarbleSyntaxError:
        """Return the error that says what is wrong at a place of the source."""
        if row > len(self.lines):
            row, offset = len(self.lines), len(self.lines[-1].text)
        return self.lines[row - 1].flaw(offset + self.begin if row == 1 else offset, what)

    def flaw_at(self, node: ast.expr, what: str) -> MarbleSyntaxError:
        """Return the error that says what is wrong with a part of the expression."""
        before = self.source.split("\n")[node.lineno - 1].encode(errors="replace")
        return self.flaw(what, node.lineno, len(before[: node.col_offset].decode(errors="ignore")))

    def parse(self) -> ast.expr:
        """Return the expression's syntax tree."""
        if not self.source:
            raise self.flaw("Here an expression is missing.")
        with self._python():
            return ast.parse(self.source, mode="eval").body

    def compile(self) -> tuple[CodeType, dict[str, ast.Name]]:
        """Return the expression's code, and where it first asks for each name from outside."""
        tree = self.parse()
        file = self.lines[0].file or "<marbles>"
        with self._python():
            code = compile(ast.Expression(tree), file, "eval")
            asked = set(_asked(symtable(self.source, file, "eval")))
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        return code, {node.id: node for node in reversed(names) if node.id in asked}

    @contextmanager
    def _python(self) -> Iterator[None]:
        """Raise what Python has to say against the expression as an error at its place."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                yield
        except SyntaxError as error:
            what = f"This is no Python expression: {error.msg}."
            raise self.flaw(what, error.lineno or 1, max(0, (error.offset or 1) - 1)) from None
        except (ValueError, RecursionError, MemoryError, Warning) as error:
            raise self.flaw(f"This is no Python expression: {error or 'too deep'}.") from None

    def value(self) -> Any:
        """Return what a binding means: a constructor's call or a literal; nothing is evaluated."""
        try:
            return self._value(self.parse())
        except RecursionError:
            raise self.flaw("This is too deep.") from None

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)):
                return -number
            case ast.List(items):
                return [self._value(item) for item in items]
            case ast.Tuple(items):
                return tuple(self._value(item) for item in items)
            case ast.Dict(keys, values) if None not in keys:
                return self._mapping(node, keys, values)
            case ast.Call(ast.Name(name)) if name in _constructors():
                return self._made(node, _constructors()[name])
            case ast.Call(ast.Name(name)):
                raise self.flaw_at(node, f"{name} is no event, message or error.")
        raise self.flaw_at(
            node,
            "A letter is bound to an event, a message or an error, such as "
            'TextDelta("Hi"), or to a literal.',
        )

    def _mapping(self, node: ast.Dict, keys: Any, values: list[ast.expr]) -> dict[Any, Any]:
        try:
            return {
                self._value(key): self._value(value)
                for key, value in zip(keys, values, strict=True)
            }
        except TypeError as error:
            raise self.flaw_at(node, f"This is no mapping: {error}.") from None

    def _made(self, node: ast.Call, constructor: type) -> Any:
        arguments = [self._value(argument) for argument in node.args]
        facts = {keyword.arg or "": self._value(keyword.value) for keyword in node.keywords}
        try:
            return constructor(*arguments, **facts)
        except Exception as error:
            what = f"{constructor.__name__} cannot be made so: {error}"
            raise self.flaw_at(node, what) from None


def _asked(table: SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and symbol.is_global() and not symbol.is_assigned():
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _asked(inner)


@cache
def _constructors() -> Mapping[str, type]:
    return {
        name: value
        for module in (builtins, messages, errors, events)
        for name in getattr(module, "__all__", dir(module))
        if isinstance(value := getattr(module, name), type)
        and (module is not builtins or issubclass(value, Exception))
    }
