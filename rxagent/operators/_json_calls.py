"""Tool calls that a model spells out in its text, as a JSON object."""

import json
import re
from typing import Any

from ..errors import ParseError
from ..messages import ToolCall

__all__ = ["find_calls"]

_PATIENCE = 1000
"""So many braces may lead to nothing."""

_MOST_BRACES = 10_000
_MOST_VALUES = 200_000
_MOST_WASTED = 100_000
"""Characters that may be read in vain; with the two above, any text is read in some milliseconds,
as it has to be: it is read on the event loop."""

_decoder = json.JSONDecoder()
_opening = re.compile(r'\{\s*["}]')


def find_calls(
    text: str,
    names: frozenset[str],
    made_id: str = "call_1_1_0",
    name_key: str = "name",
    arguments_key: str = "arguments",
) -> tuple[ToolCall, ...]:
    """Return the one call that a text spells out, or nothing.

    Raises:
        ParseError: There are several, or one that is not JSON.
    """
    if _named_in(text, names, name_key) is None:
        return ()
    form = json.dumps({name_key: "<tool>", arguments_key: {"<argument>": "<value>"}})
    plea = f"Give one JSON object of the form {form}."
    try:
        objects, rest = _split(text)
        calls = [
            ToolCall(made_id, value[name_key], _as_text(value.get(arguments_key, {})))
            for value in objects
            if _is_one_of(names, value.get(name_key))
        ]
    except RecursionError:
        raise ParseError(f"The text holds braces that cannot be read. {plea}") from None
    if len(calls) > 1:
        raise ParseError(
            f"The text holds {len(calls)} calls, but only one can be made at a time. {plea}"
        )
    broken = _named_in(rest, names, name_key)
    if broken is not None:
        raise ParseError(f"The call of {broken!r} is not valid JSON. {plea}")
    return tuple(calls)


def _named_in(text: str, names: frozenset[str], name_key: str) -> str | None:
    """Return the first tool that is named behind the first brace, as a call names it."""
    said = re.compile(rf'"{re.escape(name_key)}"\s*:\s*"([^"]*)"')
    found = said.findall(text, max(0, text.find("{"))) if "{" in text else ()
    return next((name for name in found if name in names), None)


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _is_one_of(names: frozenset[str], value: Any) -> bool:
    return isinstance(value, str) and value in names


def _split(text: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects in a text, and what is left of it from the first bad brace on.

    The work is linear in the text, whatever it is.

    Raises:
        RecursionError: Braces are nested too deep, or too many of them lead to nothing.
    """
    if text.count("{") > _MOST_BRACES or sum(map(text.count, "[,")) > _MOST_VALUES:
        raise RecursionError
    objects = []
    rest = []
    failures = wasted = 0
    position = max(0, text.find("{"))
    while (brace := text.find("{", position)) >= 0:
        end = brace + 1
        if _opening.match(text, brace):
            try:
                value, end = _decoder.raw_decode(text, brace)
                objects.append(value)
            except ValueError as error:
                failures += 1
                wasted += getattr(error, "pos", brace) - brace
                if failures > _PATIENCE or wasted > _MOST_WASTED:
                    raise RecursionError from None
        if end == brace + 1:
            rest.append("{")
        following = text.find("{", end)
        position = following if following >= 0 else len(text)
        if rest:
            rest.append(text[end:position])
    return objects, "".join(rest)
