"""Schemas of answers in the form in which Anthropic can make a model keep to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...frozen import thaw

__all__ = ["Inexpressible", "output_schema"]

_FORMATS = {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time"}
_FORMATS |= {"uri", "uuid"}
_SIMPLE = ("boolean", "integer", "null", "number")
_NAMING = ("description", "title")
_PRIMITIVES = (str, int, float, bool, type(None))
"""What Anthropic knows (platform.claude.com, November 2026)."""


class Inexpressible(ValueError):
    """A schema allows values that Anthropic's form of it would not allow."""


def output_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema in Anthropic's form.

    Constraints that Anthropic does not know become part of the descriptions, so that the model may
    keep to them. Objects have no other fields than those that are named: that is Anthropic's
    demand.

    Raises:
        Inexpressible: It has a part for which there is no such form, such as a dict.
    """
    try:
        return _schema(thaw(schema), "")
    except RecursionError:
        raise Inexpressible("it is nested too deeply") from None
    except (AttributeError, TypeError) as error:
        raise Inexpressible(f"it is no schema ({error})") from error


def _schema(schema: Any, at: str) -> dict[str, Any]:
    """Return a part of a schema; `at` is its path."""
    left = dict(schema) if isinstance(schema, Mapping) else {}
    sent: dict[str, Any] = {}
    for name in {"$defs", "definitions"} & left.keys():
        sent[name] = {key: _schema(each, key) for key, each in left.pop(name).items()}
    if "$ref" in left:
        return {**sent, "$ref": left["$ref"]}
    variants = left.pop("anyOf", None) or left.pop("oneOf", None)
    if not isinstance(variants, list) and isinstance(kinds := left.get("type"), list):
        one = {name: each for name, each in left.items() if name not in _NAMING}
        variants = [{**one, "type": kind} if kind != "null" else {"type": kind} for kind in kinds]
        left = {name: left[name] for name in _NAMING if name in left}
    if isinstance(variants, list):
        sent["anyOf"] = [_schema(variant, at) for variant in variants]
    elif literals := _literals(left):
        sent |= literals
        left = {name: each for name, each in left.items() if name not in (*literals, "type")}
    else:
        sent |= _typed(left.pop("type", None), left, at)
    described = [left.pop("description")] if left.get("description") else []
    sent |= {"title": left.pop("title")} if "title" in left else {}
    described += [json.dumps(left, ensure_ascii=False, default=repr)] if left else []
    return {**sent, **({"description": "\n\n".join(described)} if described else {})}


def _literals(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a schema lists, if Anthropic can tell them apart."""
    listed = schema.get("enum")
    if (
        isinstance(listed, list)
        and listed
        and all(isinstance(each, _PRIMITIVES) for each in listed)
    ):
        return {"enum": listed}
    has_one = "const" in schema and isinstance(schema["const"], _PRIMITIVES)
    return {"const": schema["const"]} if has_one else {}


def _typed(kind: Any, left: dict[str, Any], at: str) -> dict[str, Any]:
    """Return what Anthropic knows of a schema of one type, and take it out of what is left."""
    sent: dict[str, Any] = {"type": kind}
    if kind == "object":
        sent |= _object(left, at)
    elif kind == "array":
        if "items" in left:
            sent["items"] = _schema(left.pop("items"), f"{at}[*]")
        if left.get("minItems") in (0, 1):
            sent["minItems"] = left.pop("minItems")
    elif kind == "string":
        if left.get("format") in _FORMATS:
            sent["format"] = left.pop("format")
    elif kind not in _SIMPLE:
        raise Inexpressible(f"{at or 'the answer'} has no type that Anthropic knows")
    return sent


def _object(left: dict[str, Any], at: str) -> dict[str, Any]:
    fields = left.pop("properties", {})
    is_open = left.pop("additionalProperties", not fields) is not False
    if is_open or "patternProperties" in left:
        raise Inexpressible(f"{at or 'the answer'} may have fields of any name")
    required = list(left.pop("required", ()))
    if unknown := [name for name in required if name not in fields]:
        raise Inexpressible(f"{at or 'the answer'} lacks the required field {unknown[0]!r}")
    below = f"{at}." if at else ""
    return {
        "properties": {name: _schema(each, f"{below}{name}") for name, each in fields.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }
