"""Tool calls that a model spells out in its text, as a JSON object."""

import json
import re
from typing import Any

from ..errors import ParseError
from ..messages import ToolCall

__all__ = ["find_calls"]

_decoder = json.JSONDecoder()


def find_calls(
    text: str,
    names: frozenset[str],
    made_id: str = "call_1_1_0",
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> tuple[ToolCall, ...]:
    """Return the one call that a text spells out, or nothing."""
    if not any(name in text for name in names):
        return ()
    form = json.dumps({name_key: "<tool>", arguments_key: {"<argument>": "<value>"}})
    objects, rest = _split(text)
    calls = [value for value in objects if value.get(name_key) in names]
    if len(calls) > 1:
        raise ParseError(
            f"The text holds {len(calls)} calls, but only one can be made at a time. "
            f"Give one JSON object of the form {form}."
        )
    broken = _named_in(rest, names, name_key)
    if broken:
        raise ParseError(
            f"The call of {broken!r} is not valid JSON. Give one JSON object of the form {form}."
        )
    if not calls:
        return ()
    arguments = calls[0].get(arguments_key, {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return (ToolCall(made_id, calls[0][name_key], arguments),)


def _split(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects in a text, and what is left of it from the first brace on."""
    objects = []
    rest = []
    position = max(0, text.find("{"))
    while (brace := text.find("{", position)) >= 0:
        try:
            value, end = _decoder.raw_decode(text, brace)
            objects.append(value)
        except (ValueError, RecursionError):
            end = brace + 1
            rest.append("{")
        following = text.find("{", end)
        position = following if following >= 0 else len(text)
        rest.append(text[end:position])
    return objects, "".join(rest)


def _named_in(rest: str, names: frozenset[str], name_key: str) -> str | None:
    """Return the tool that braces which do not parse would have called."""
    if "{" not in rest:
        return None
    said = re.findall(rf'"{re.escape(name_key)}"\s*:\s*"([^"]*)"', rest[rest.index("{") :])
    return next((name for name in said if name in names), None)
