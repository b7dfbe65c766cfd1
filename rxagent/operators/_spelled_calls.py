"""Spelled calls: a text that as a whole is a tool call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeAlias

from ..call_forms import CALL_CLOSE, CALL_OPEN, KEYS, Call, Keys, Schemas, calls_in
from ..errors import ParseError

__all__ = ["spelled_calls"]

_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_OPENING = re.compile(rf"[\s;,]*(?:Action:)?\s*(?:(```)\w*\s|({CALL_OPEN}))?\s*")
_SIGNS = ("{", "[", "`", "<", "A")
"""What a call begins with."""

_TAG = re.compile(rf"\s*{CALL_CLOSE}")
_CLOSING = {"```": re.compile(r"\s*```"), CALL_OPEN: _TAG, "": _TAG}
"""What closes a call, by what has opened it; some models leave out the opening tag."""

_BETWEEN = re.compile(r"[\s;,]*")
_FUNCTION = re.compile(
    rf"<function=.*?</function>(?=[\s;,]*(?:{CALL_CLOSE}|{CALL_OPEN}|<function=|```|\Z))", re.DOTALL
)
_IN_TAGS = re.compile(
    rf"(?:[\s;,]*(?:Action:\s*)?{CALL_OPEN}\s*(?=[\[{{<])(?:(?!{CALL_CLOSE}).)*"
    rf"(?:{CALL_CLOSE}|(?<={CALL_OPEN})\Z))+[\s;,]*",
    re.DOTALL,
)
"""Text that stands in the tags of calls as a whole, though the closing one may be miswritten."""

_VALUE = re.compile(r"""(?:\[\s*)?\{\s*["'}]""")

_MOST_BRACES = 10_000
_MOST_VALUES = 200_000
"""These limits keep the reading of any text to some milliseconds, as it happens on the event
loop."""

_decode = json.JSONDecoder(strict=False).raw_decode


def spelled_calls(text: str, schemas: Schemas, keys: Keys = KEYS) -> list[Call]:
    """Return the call that a text is, if it is nothing else.

    It may stand behind a thought and the word `Action:`, and in a fence or the tags of a call.

    Raises:
        ParseError: The text is several calls, or one that is not JSON.
    """
    thought = _THOUGHT.match(text)
    text = (text[thought.end() :] if thought else text).strip()
    if not text.startswith(_SIGNS):
        return []
    named = _naming(schemas, keys)
    plea = f"Give one JSON object of the form {keys.form}."
    try:
        parts = _parts(text, named)
        found = (
            [None]
            if parts is None
            else [calls_in(part, schemas, keys, is_marked=marked) for part, marked in parts]
        )
    except _Broken as broken:
        raise ParseError(f"The call of {broken.name!r} is not valid JSON. {plea}") from None
    except RecursionError:
        if named(text) is None:
            return []
        raise ParseError(f"The text holds braces that cannot be read. {plea}") from None
    calls = [call for several in found for call in several or ()]
    if None in found:
        if _IN_TAGS.fullmatch(text):
            raise ParseError(f"What stands between {CALL_OPEN} and {CALL_CLOSE} is no call. {plea}")
        return []
    if len(calls) > 1:
        raise ParseError(
            f"The text holds {len(calls)} calls, but only one can be made at a time. {plea}"
        )
    return calls


class _Broken(Exception):
    """Says which call is not JSON."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


_Naming: TypeAlias = Callable[[str], str | None]
"""Returns the first tool that a text names as a call does."""


def _naming(schemas: Schemas, keys: Keys) -> _Naming:
    listed = "|".join(map(re.escape, keys.names))
    named = re.compile(rf'"(?:{listed})"\s*:\s*"([^"]*)"')
    return lambda text: next((name for name in named.findall(text) if name in schemas), None)


def _parts(text: str, named: _Naming) -> list[tuple[str, bool]] | None:
    """Return the values that a text consists of, and whether each stands in tags of a call.

    Returns:
        None, if there is anything else in the text.

    Raises:
        _Broken: A value is not JSON, and names a tool.
        RecursionError: A value is nested too deep, or there are too many.
    """
    if text.count("{") > _MOST_BRACES or sum(map(text.count, "[,")) > _MOST_VALUES:
        raise RecursionError
    parts: list[tuple[str, bool]] = []
    mark, at = "", 0
    while at < len(text):
        if not mark:
            opening = _OPENING.match(text, at)
            mark, at = (opening[1] or opening[2] or "", opening.end()) if opening else ("", at)
        end = _end(text, at, named)
        if end is None:
            return None
        closing = _CLOSING[mark].match(text, end)
        parts.append((text[at:end], mark == CALL_OPEN or (not mark and closing is not None)))
        if closing:
            mark = ""
        behind = _BETWEEN.match(text, closing.end() if closing else end)
        at = behind.end() if behind else end
    return parts


def _end(text: str, at: int, named: _Naming) -> int | None:
    """Return where the value ends that begins at a place; None if none begins there."""
    if function := _FUNCTION.match(text, at):
        return function.end()
    if not _VALUE.match(text, at):
        return None
    try:
        return _decode(text, at)[1]
    except ValueError:
        name = named(text[at:])
        if name is None:
            return None
        raise _Broken(name) from None
