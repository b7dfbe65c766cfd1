"""Beginnings: what a value is before all of its JSON is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..json_schema import part_of, resolved, values_of

__all__ = ["MISSING", "WHOLE_ONLY", "Beginnings"]

MISSING: Any = object()
"""Stands for a value that has no beginning, so it is there only when it is whole."""

_Json = Mapping[str, Any]

WHOLE_ONLY = {"format", "pattern"}
"""Keywords of texts that mean nothing before they are whole, such as dates."""


class Beginnings:
    """Completes values of a JSON Schema of which the end is not there yet.

    Texts, lists and objects grow, so they begin empty; what may be null begins as None. Numbers,
    truth values and choices do not grow: they are there once they are whole, and an object that
    requires one begins with it.
    """

    def __init__(self, schema: _Json) -> None:
        self._schema = schema
        self._is_open = False

    def complete(self, value: Any, is_open: bool = False) -> Any:
        """Return a value, whose last parts may be incomplete, with what it lacks; or MISSING.

        Args:
            value: What is there of it.
            is_open: Whether its last part is a text that has not ended.
        """
        self._is_open = is_open
        return self._completed(value, self._schema)

    def _completed(self, value: Any, schema: _Json) -> Any:
        schema = self._resolved(schema)
        if options := _options(schema):
            fitting = (self._completed(value, option) for option in options)
            return next((one for one in fitting if one is not MISSING), MISSING)
        if value is MISSING:
            return self._begun(schema)
        kinds = schema.get("type")
        match value:
            case dict() if kinds in (None, "object"):
                return self._object(value, schema)
            case list() if kinds in (None, "array"):
                return self._list(value, schema)
            case str() if values_of(schema) is not None:
                return value if value in (values_of(schema) or ()) else MISSING
            case str() if self._is_open and not WHOLE_ONLY.isdisjoint(schema):
                return MISSING
            case _:
                return value if kinds is None or _has_type(value, kinds) else MISSING

    def _begun(self, schema: _Json) -> Any:
        """Return what a value is before it is there."""
        kinds = schema.get("type")
        if values_of(schema) is not None:
            return MISSING
        match kinds:
            case "string" if WHOLE_ONLY.isdisjoint(schema):
                return MISSING if schema.get("minLength") else ""
            case "array":
                return self._list([], schema)
            case "object":
                return self._object({}, schema)
            case None | "null":
                return None
        return MISSING

    def _object(self, value: dict[str, Any], schema: _Json) -> Any:
        fields: _Json = schema.get("properties", {})
        if schema.get("additionalProperties") is False and not value.keys() <= fields.keys():
            return MISSING
        value = {**value}  # another member of a union may have to read it
        if value:
            name = next(reversed(value))
            grown = self._completed(value[name], self._of_field(schema, name))
            if grown is MISSING:
                del value[name]
            else:
                value[name] = grown
        for name, inner in fields.items():
            if name in value:
                given = values_of(self._resolved(inner))
                if given is not None and value[name] not in given:
                    return MISSING
            elif name in schema.get("required", ()):
                begun = self._completed(MISSING, inner)
                if begun is MISSING:
                    return MISSING
                value[name] = begun
        return value

    def _of_field(self, schema: _Json, name: str) -> _Json:
        inner = part_of(schema, name)
        return inner if isinstance(inner, Mapping) else {}

    def _list(self, value: list[Any], schema: _Json) -> Any:
        first = schema.get("prefixItems", ())
        value = [*value]
        if value:
            last = len(value) - 1
            inner = part_of(schema, last)
            grown = self._completed(value[last], inner if isinstance(inner, Mapping) else {})
            value[last:] = [] if grown is MISSING else [grown]
        for inner in first[len(value) :]:
            begun = self._completed(MISSING, inner)
            if begun is MISSING:
                return MISSING
            value.append(begun)
        return value if len(value) >= schema.get("minItems", 0) else MISSING

    def _resolved(self, schema: _Json) -> _Json:
        return resolved(schema, self._schema)


def _options(schema: _Json) -> list[_Json]:
    options: list[_Json] = list(schema.get("anyOf") or schema.get("oneOf") or ())
    return sorted(options, key=lambda option: option.get("type") != "null")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def _has_type(value: Any, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    return any(isinstance(value, _TYPES.get(name, (object,))) for name in names)
