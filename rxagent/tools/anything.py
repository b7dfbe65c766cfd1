"""A JSON Schema for any value, in which each part has a type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ANYTHING", "typed"]

_FLAT: tuple[dict[str, Any], ...] = (
    {"type": "string"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "object"},
)

ANYTHING: Mapping[str, Any] = {
    "anyOf": [*_FLAT, {"type": "array", "items": {"anyOf": [*_FLAT]}}],
}
"""Some servers answer 400 to a property without a type, and to an array without items."""

_KINDS = {"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"}


def typed(schema: Any) -> Any:
    """Return a JSON Schema in which every property, and every list's items, have a type."""
    if not isinstance(schema, Mapping):
        return schema
    whole = {key: _inside(key, value) for key, value in schema.items()}
    if whole.get("type") == "array" and not ({"items", "prefixItems"} & whole.keys()):
        whole["items"] = dict(ANYTHING)
    return whole


def _inside(key: str, value: Any) -> Any:
    match key, value:
        case (("properties" | "$defs"), Mapping()):
            return {name: _with_type(inner) for name, inner in value.items()}
        case (("anyOf" | "oneOf" | "allOf" | "prefixItems"), list()):
            return [_with_type(inner) for inner in value]
        case (("items" | "additionalProperties"), Mapping()):
            return _with_type(value)
    return value


def _with_type(schema: Any) -> Any:
    if isinstance(schema, Mapping) and not _KINDS & schema.keys():
        return {**schema, **ANYTHING}
    return typed(schema)
