"""Schemas to which OpenAI's structured output can make a model keep strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..json_schema import resolved

__all__ = ["answer_format", "is_strict"]

_NO_REFERENCES: frozenset[str] = frozenset()

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


def answer_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name and the schema of an answer, and that it is strict, if it is."""
    name = re.sub(r"[^\w-]", "_", str(schema.get("title", "answer")), flags=re.ASCII)[:64]
    strict = _unmixed(schema, schema)
    if is_strict(strict):
        return {"name": name, "schema": strict, "strict": True}
    return {"name": name, "schema": dict(schema)}


def _unmixed(part: Any, root: Mapping[str, Any], within: frozenset[str] = _NO_REFERENCES) -> Any:
    """Return a part of a schema without references that stand beside other keywords.

    OpenAI refuses those. What such a reference means takes its place; within that itself, the
    reference stays, and what stands beside it goes.
    """
    if isinstance(part, list | tuple):
        return [_unmixed(each, root, within) for each in part]
    if not isinstance(part, Mapping):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str) and len(part) > 1:
        if reference in within:
            return {"$ref": reference}
        around = {name: value for name, value in part.items() if name != "$ref"}
        part, within = {**resolved(part, root), **around}, within | {reference}
    return {name: _unmixed(each, root, within) for name, each in part.items()}


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
