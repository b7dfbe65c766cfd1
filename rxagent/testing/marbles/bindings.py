"""Bindings: what a letter means is read, and not evaluated."""

import ast
import builtins
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from attrs import frozen

from ... import errors, events, messages
from .imports import Import
from .snippets import Snippet

__all__ = ["Unmade", "made", "value_of"]

_NO_ERROR = "What the # carries is an error."
_NO_VALUE = "An error of your own is bound to `!`, and drawn as #."


def value_of(letter: str, snippet: Snippet, imports: Mapping[str, Import]) -> Any:
    """Return what a letter is bound to: what a constructor makes of literals, or a literal.

    What a class makes that is imported is `Unmade`, since nothing is imported by reading.
    """
    tree = snippet.parse("eval").body
    own = {
        node.id: imports[node.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in imports
    }
    value = _read(snippet, tree, dict.fromkeys(own, _anything))
    if own:
        return Unmade(letter, snippet, own)
    if letter == "!" and not isinstance(value, Exception):
        raise snippet.flaw(_NO_ERROR)
    return value


@frozen
class Unmade:
    """What is made by classes of the user's own, once it is asked for."""

    letter: str
    snippet: Snippet
    imports: Mapping[str, Import]

    def make(self) -> Any:
        """Return what the letter is bound to.

        Raises:
            MarbleSyntaxError: A class cannot be imported, is none, or makes nothing of this.
        """
        own = {name: _loaded(one) for name, one in self.imports.items()}
        value = _read(self.snippet, self.snippet.parse("eval").body, own)
        if (self.letter == "!") is not isinstance(value, Exception):
            raise self.snippet.flaw(_NO_ERROR if self.letter == "!" else _NO_VALUE)
        return value

    def __repr__(self) -> str:
        return " ".join(self.snippet.source.split())


def made(value: Any) -> Any:
    """Return a binding's value, made by now."""
    return value.make() if isinstance(value, Unmade) else value


def _anything(*args: Any, **kwargs: Any) -> Any:
    return ...


def _loaded(one: Import) -> type:
    constructor = one.load()
    if not isinstance(constructor, type):
        raise one.flaw(f"{one.name} is no class, and a letter is bound to what a class makes.")
    return constructor


def _read(snippet: Snippet, tree: ast.expr, own: Mapping[str, Callable[..., Any]]) -> Any:
    try:
        return _Reading(snippet, {**_constructors(), **own}).value(tree)
    except RecursionError:
        raise snippet.flaw("This is too deep.") from None


@frozen
class _Reading:
    """How the parts of a binding are read."""

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
                raise self.snippet.flaw_at(
                    node,
                    f"{name} is no event, message or error; a class of your own is imported: "
                    f"`from package.module import {name}`.",
                )
        raise self.snippet.flaw_at(
            node,
            "A letter is bound to an event, a message or an error, such as "
            'TextDelta("Hi"), or to a literal.',
        )

    def _mapping(self, node: ast.Dict, keys: Any, values: list[ast.expr]) -> dict[Any, Any]:
        try:
            return {
                self.value(key): self.value(value) for key, value in zip(keys, values, strict=True)
            }
        except TypeError as error:
            raise self.snippet.flaw_at(node, f"This is no mapping: {error}.") from None

    def _made(self, node: ast.Call, name: str) -> Any:
        arguments = [self.value(argument) for argument in node.args]
        facts = {keyword.arg or "": self.value(keyword.value) for keyword in node.keywords}
        try:
            return self.constructors[name](*arguments, **facts)
        except Exception as error:
            raise self.snippet.flaw_at(node, f"{name} cannot be made so: {error}") from None


@cache
def _constructors() -> Mapping[str, type]:
    return {
        name: value
        for module in (builtins, messages, errors, events)
        for name in getattr(module, "__all__", dir(module))
        if isinstance(value := getattr(module, name), type)
        and (module is not builtins or issubclass(value, Exception))
    }
