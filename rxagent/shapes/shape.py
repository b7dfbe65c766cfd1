"""The shape of a value: its type, its JSON Schema, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import formatannotation, isroutine
from typing import Any, get_origin

from attrs import field, frozen
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ..arguments import shown
from ..exact_json import Partial
from ..json_schema import resolved
from .attrs_classes import readable
from .beginnings import MISSING, WHOLE_ONLY, Beginnings
from .json_type import JsonType

__all__ = ["MISSING", "Shape"]

_DEEPEST = 16


@frozen
class Shape:
    """The shape of a value that is written as JSON.

    Attributes:
        kind: The type of the value.
        json: Its JSON Schema.
        is_object: Whether its JSON is an object of its own, so that it needs no other around it.
    """

    kind: Any
    json: Mapping[str, Any]
    is_object: bool
    _type: JsonType = field(repr=False)
    _beginnings: Beginnings = field(repr=False)
    _has_formats: bool = field(repr=False)

    @classmethod
    def of(cls, argument: str, kind: Any) -> Shape:
        """Return the shape of a type, which is the value of an argument.

        Raises:
            TypeError: JSON cannot express the type.
        """
        try:
            if isroutine(kind):
                raise TypeError("It is a function.")
            made = JsonType.of(readable(kind), is_finite=True)
        except Exception as error:
            name = formatannotation(kind) if get_origin(kind) else shown(kind)
            raise TypeError(
                f"{argument} must be a type that JSON can express, not {name}. Write a dataclass, "
                "a class of attrs or pydantic, a TypedDict of typing_extensions, a Literal, str, "
                "int, float, bool, or a list or dict of them."
            ) from error
        json = made.json
        has_formats = any(f'"{keyword}":' in to_json(json).decode() for keyword in WHOLE_ONLY)
        return cls(kind, json, _is_object(json), made, Beginnings(json), has_formats)

    def parsed(self, text: str, partial: Partial = False) -> Any:
        """Return the value of a JSON text, for `validated`; see `JsonType.parsed`.

        Raises:
            ValueError: It is not JSON.
        """
        return self._type.parsed(text, partial)

    def grown(self, text: str, is_answer: bool = False) -> Any:
        """Return the value of a JSON text that is not at its end; MISSING if there is none yet.

        Parts that cannot be read yet are left out, the last one first.

        Args:
            text: The text so far.
            is_answer: Whether it is an object that holds the value as `answer`.
        """
        for level in range(_DEEPEST):
            try:
                value = self.parsed(text, True if level else "trailing-strings")
            except ValueError:
                break
            is_open = not level and self._has_formats and _ends_open(text, value)
            if is_answer or not self.is_object:
                value = _unwrapped(value)
            if level > 1 and not _cut(value, level - 2):
                break
            value = self._beginnings.complete(value, is_open)
            if value is not MISSING:
                try:
                    return self.validated(value)
                except ValidationError:
                    continue
        return MISSING

    def validated(self, value: Any) -> Any:
        """Return the value that JSON stands for.

        Raises:
            ValidationError: It does not fit.
        """
        return self._type.validated(value)


def _is_object(schema: Mapping[str, Any]) -> bool:
    return resolved(schema, schema).get("type") == "object"


def _ends_open(text: str, value: Any) -> bool:
    """Return whether the last part of the value is a text that has not ended."""
    try:
        return bool(value != from_json(text, allow_partial=True))
    except ValueError:  # all of it is a text
        return True


def _unwrapped(value: Any) -> Any:
    """Return the field `answer` of an object that has no other, and any other value as it is."""
    if isinstance(value, dict) and value.keys() <= {"answer"}:
        return value.get("answer", MISSING)
    return value


def _cut(value: Any, level: int) -> bool:
    """Drop the last part of the innermost last list or object, or of the one `level` above it."""
    around = []
    while isinstance(value, dict | list) and value:
        around.append(value)
        value = next(reversed(value.values())) if isinstance(value, dict) else value[-1]
    if level >= len(around):
        return False
    inner = around[-1 - level]
    if isinstance(inner, dict):
        inner.popitem()
    else:
        inner.pop()
    return True
