"""Schemas to which OpenAI's structured output can make a model keep strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["is_strict"]

_KEYWORDS = {
    *("$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "format"),
    *("items", "maxItems", "maximum", "minItems", "minimum", "multipleOf", "pattern"),
    *("exclusiveMaximum", "exclusiveMinimum", "properties", "required", "title", "type"),
}
_KINDS = {"$ref", "anyOf", "const", "enum", "type"}
"""One of these says what a value is."""
_FORMATS = {
    *("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"),
}
"""What strict schemas may hold (platform.openai.com/docs/guides/structured-outputs, 2025)."""


def is_strict(schema: Any) -> bool:
    """Return whether a schema says what each value is, and each object requires all its properties.

    An object may have no others, and what a list holds must be said.
    Other schemas, and those with keywords that are not known to be accepted, are sent as a hint.
    """
    if not isinstance(schema, Mapping):
        return True
    if not _KINDS & schema.keys() or (schema.get("type") == "array" and "items" not in schema):
        return False
    if not schema.keys() <= _KEYWORDS or schema.get("format", "date") not in _FORMATS:
        return False
    fields = schema.get("properties", {})
    if "properties" in schema or schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return False
        if set(schema.get("required", ())) != set(fields):
            return False
    inner = [*fields.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    return all(map(is_strict, [*inner, schema.get("items")]))
