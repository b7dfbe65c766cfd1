"""Call forms: how models write one tool call as text, in JSON or in tags."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from .json_text import items_of, members_of

__all__ = ["Call", "Schemas", "begun_call", "calls_in"]

Call: TypeAlias = tuple[str, str]
"""The name of a tool, and the arguments as they were written."""

Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The schema of the arguments of each tool, by its name."""

_NAMES = ("name", "function")
_ARGUMENTS = ("arguments", "parameters")
_BEGUN = re.compile(r'\s*\{.*?"name"\s*:\s*("(?:[^"\\]|\\.)*")', re.DOTALL)
_BEGUN_ARGUMENTS = re.compile(r'"(?:arguments|parameters)"\s*:\s*(?=\{)(.*)\Z', re.DOTALL)
_FUNCTION = re.compile(r"\s*<function=([^>\n]+)>(.*)</function>\s*", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\n]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_OF_TEXT = ("string", None)


def calls_in(text: str, schemas: Schemas) -> list[Call] | None:
    """Return the calls that a text describes; None if it does not describe calls alone.

    Args:
        text: A JSON object, an array of them, or `<function=name>` with `<parameter=name>` in it.
        schemas: Say which parameters in tags are texts, and which are other values in JSON.
    """
    if found := _FUNCTION.fullmatch(text):
        name = found[1].strip()
        return [(name, _arguments(found[2], schemas.get(name, {})))]
    parts = items_of(text) if text.lstrip().startswith("[") else [text]
    calls = [_call(part) for part in parts or ()]
    known = [call for call in calls if call is not None]
    return known if known and len(known) == len(calls) else None


def begun_call(text: str) -> list[Call] | None:
    """Return a call that was cut, with its arguments so far; None if its name is unknown."""
    found = _BEGUN.match(text)
    name = _string(found[1]) if found else None
    if not name:
        return None
    arguments = _BEGUN_ARGUMENTS.search(text)
    return [(name, arguments[1] if arguments else "")]


def _call(text: str) -> Call | None:
    members = members_of(text)
    if members is None:
        return None
    if members.get("function", "").startswith("{"):
        members = members_of(members["function"]) or {}
    name = _string(next((members[key] for key in _NAMES if key in members), ""))
    arguments = next((members[key] for key in _ARGUMENTS if key in members), "{}")
    inner = _string(arguments)
    if inner is not None and members_of(inner) is not None:  # a text that holds JSON
        arguments = inner
    return (name, arguments) if name else None


def _arguments(text: str, schema: Mapping[str, Any]) -> str:
    kinds = schema.get("properties", {})
    values = {}
    for name, written in _PARAMETER.findall(text):
        kind = kinds.get(name.strip(), {}).get("type")
        values[name.strip()] = written if kind in _OF_TEXT else _value(written)
    return json.dumps(values, ensure_ascii=False)


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(written.strip(), written)


def _string(text: str) -> str | None:
    if not text.startswith('"'):
        return None
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
