"""Forms: what a class of a signature is, to code that holds dicts and texts in its place."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from reactivex import Observable
from typing_extensions import TypedDict

from ..shapes.attrs_classes import readable
from .argument_errors import expected
from .signature import Signature

__all__ = ["form_of", "form_of_result", "types_in"]

_Json = Mapping[str, Any]

_PLAIN = {str, int, float, bool, None, NoneType, bytes, Any, list, dict, tuple, set, object}
_CONTAINERS = {list, dict, tuple, set, Union, UnionType}
_STREAMS = {AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterator, Observable}
"""The result of a tool that yields is its last value."""


def form_of(kind: Any, schema: _Json, root: _Json) -> str | None:
    """Return the form of a value whose type has a class in it; None where there is no class.

    Args:
        kind: The type.
        schema: Its JSON Schema.
        root: The schema that it is a part of.
    """
    has_class = _is_of_class(schema) or any(isinstance(each, Enum) for each in types_in(kind))
    return expected(schema, root) if has_class else None


def form_of_result(signature: Signature) -> str | None:
    """Return the form of what a function returns; None without a class, or where it has no form."""
    kind = signature.returned
    while (origin := get_origin(kind)) in _STREAMS or origin in (Awaitable, Coroutine):
        arguments = get_args(kind) or (Any,)
        kind = arguments[-1 if origin is Coroutine else 0]
    if origin is Annotated:
        kind = get_args(kind)[0]
    if _is_plain(kind) or origin is Iterable:
        return None
    try:
        whole = cast(Any, TypedDict)("Result", {"value": readable(kind)})
        whole.__module__ = signature.module  # where forward references are looked up
        root = TypeAdapter(whole).json_schema(
            by_alias=False, mode="serialization", schema_generator=_Held
        )
    except Exception:  # pydantic has many for a type that JSON cannot express
        return None
    return form_of(kind, root["properties"]["value"], root)


def types_in(kind: Any) -> list[Any]:
    """Return the types, and the values of literals, of which a type is made."""
    return [kind, *(inner for each in get_args(kind) for inner in types_in(each))]


def _is_plain(kind: Any) -> bool:
    try:
        if kind in _PLAIN:
            return True
    except TypeError:  # it has metadata that cannot be hashed
        return False
    return get_origin(kind) in _CONTAINERS and all(map(_is_plain, get_args(kind)))


def _is_of_class(schema: Any) -> bool:
    if isinstance(schema, list | tuple):
        return any(map(_is_of_class, schema))
    if not isinstance(schema, Mapping):
        return False
    is_class = "$ref" in schema or (schema.get("type") == "object" and "properties" in schema)
    return is_class or any(map(_is_of_class, schema.values()))


class _Held(GenerateJsonSchema):
    """Schemas of values as code holds them: with all their fields, and dates that are no texts."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Return whether a value always has the field."""
        return super().field_is_required(field, total) if _may_lack(field) else True

    def date_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "date"}

    def datetime_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "datetime"}

    def time_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "time"}

    def timedelta_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "timedelta"}

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "Decimal"}

    def bytes_schema(self, schema: Any) -> dict[str, Any]:
        """Name the type."""
        return {"type": "bytes"}


def _may_lack(field: Any) -> bool:
    return bool(field["type"] == "typed-dict-field")
