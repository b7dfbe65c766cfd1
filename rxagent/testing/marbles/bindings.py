"""Bindings: the value of a letter, read without evaluating it, and compared with others."""

from __future__ import annotations

import ast
import builtins
import dataclasses
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from ... import errors, events, messages
from ...frozen import plain_type
from .rows import ERROR
from .snippets import Import, Snippet

__all__ = ["Unmade", "made", "matches", "value_of"]

_NO_ERROR = "The # carries an error; what is bound to `!` is none."
_NO_VALUE = "An error of your own class is bound to `!`, and drawn as #."


def value_of(letter: str, snippet: Snippet, imports: Mapping[str, Import]) -> Any:
    """Return the value of a letter: a literal, or a call of a constructor with literals.

    A value of an imported class is `Unmade`, since reading a diagram imports nothing.
    """
    tree = snippet.parse("eval").body
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    own = {name: one for name, one in imports.items() if name in names}
    value = _read(snippet, dict.fromkeys(own, lambda *args, **kwargs: ...))
    if own:
        return Unmade(letter, snippet, own)
    if letter == ERROR and not isinstance(value, Exception):
        raise snippet.flaw(_NO_ERROR)
    return value


@frozen
class Unmade:
    """A value of imported classes, not made yet."""

    letter: str
    snippet: Snippet
    imports: Mapping[str, Import]

    def make(self) -> Any:
        """Import the classes, and return the value."""
        own = {name: _loaded(one) for name, one in self.imports.items()}
        value = _read(self.snippet, own)
        if (self.letter == ERROR) is not isinstance(value, Exception):
            raise self.snippet.flaw(_NO_ERROR if self.letter == ERROR else _NO_VALUE)
        return value

    def __repr__(self) -> str:
        return " ".join(self.snippet.source.split())


def made(value: Any) -> Any:
    """Return a binding's value, and make it if necessary."""
    return value.make() if isinstance(value, Unmade) else value


def _loaded(one: Import) -> type:
    constructor = one.load()
    if not isinstance(constructor, type):
        raise one.flaw(f"{one.name} is no class; a letter is bound to an instance of a class.")
    return constructor


def _read(snippet: Snippet, own: Mapping[str, Callable[..., Any]]) -> Any:
    try:
        return _Reading(snippet, {**_constructors(), **own}).value(snippet.parse("eval").body)
    except RecursionError:
        raise snippet.flaw("This is nested too deeply.") from None


@frozen
class _Reading:
    snippet: Snippet
    constructors: Mapping[str, Callable[..., Any]]

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)):
                return -number
            case ast.List(items):
                return [self.value(item) for item in items]
            case ast.Tuple(items):
                return tuple(self.value(item) for item in items)
            case ast.Dict(keys, values) if None not in keys:
                return self._mapping(node, keys, values)
            case ast.Call(ast.Name(name)) if name in self.constructors:
                return self._made(node, name)
            case ast.Call(ast.Name(name)):
                what = (
                    f"{name} is no event, message or error; import a class of your own: "
                    f"`from package.module import {name}`."
                )
            case _:
                what = (
                    "A letter is bound to an event, a message or an error, such as "
                    'TextDelta("Hi"), or to a literal.'
                )
        raise self.snippet.flaw_at(node, what)

    def _mapping(self, node: ast.Dict, keys: Any, values: list[ast.expr]) -> dict[Any, Any]:
        try:
            return {
                self.value(key): self.value(value) for key, value in zip(keys, values, strict=True)
            }
        except TypeError as error:
            raise self.snippet.flaw_at(node, f"This is no mapping: {error}.") from None

    def _made(self, node: ast.Call, name: str) -> Any:
        arguments = [self.value(argument) for argument in node.args]
        fields = {keyword.arg or "": self.value(keyword.value) for keyword in node.keywords}
        try:
            return self.constructors[name](*arguments, **fields)
        except Exception as error:
            raise self.snippet.flaw_at(node, f"{name} refuses its arguments: {error}") from None


@cache
def _constructors() -> Mapping[str, type]:
    return {
        name: value
        for module in (builtins, messages, errors, events)
        for name in getattr(module, "__all__", dir(module))
        if isinstance(value := getattr(module, name), type)
        and (module is not builtins or issubclass(value, Exception))
    }


def matches(expected: Any, actual: Any) -> bool:
    """Compare values by type and value, and errors by their attributes.

    `...` within an expected text matches any text; alone it matches any value.
    """
    expected = made(expected)
    if expected is ...:
        return True
    if plain_type(expected) is not plain_type(actual):
        return False
    match expected:
        case str():
            pattern = ".*".join(map(re.escape, expected.split("...")))
            return re.fullmatch(pattern, actual, re.DOTALL) is not None
        case Exception():
            return matches(expected.args, actual.args) and matches(vars(expected), vars(actual))
        case list() | tuple():
            return len(expected) == len(actual) and all(map(matches, expected, actual))
        case Mapping():
            return expected.keys() == actual.keys() and all(
                matches(expected[key], actual[key]) for key in expected
            )
    if (names := _compared(expected)) is not None:
        return all(matches(getattr(expected, name), getattr(actual, name)) for name in names)
    # Events compare values without a plain `==`, such as arrays and NaN.
    return events.FinalAnswer(expected) == events.FinalAnswer(actual)


def _compared(value: Any) -> list[str] | None:
    """Return the names of the fields by which values of a class are compared, if it has fields."""
    if attrs.has(type(value)):
        return [field.name for field in attrs.fields(type(value)) if field.eq]
    if dataclasses.is_dataclass(type(value)):
        return [field.name for field in dataclasses.fields(value) if field.compare]
    return None
