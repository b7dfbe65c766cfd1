"""Deltas: the fields of a delta whose form makes LiteLLM drop the text beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..openai_chat.calls import Fragment
from ..openai_chat.fields import id_of, number

__all__ = ["OF_DELTAS", "make_plain"]

_UNREAD = ("audio", "images")
"""What rxagent does not read, and beside which LiteLLM passes on nothing else."""

_CALLS, _OLD_CALL = "tool_calls", "function_call"
_LISTS = ("annotations", "reasoning_items", "thinking_blocks")
_WORDS = ("reasoning", "reasoning_content", "refusal")
OF_DELTAS = (*_UNREAD, _CALLS, _OLD_CALL, *_LISTS, *_WORDS)
"""The names of the fields."""

_TEXTS = {"id": str, "type": str, "index": int}


def make_plain(delta: dict[str, Any]) -> bool:
    """Give the calls of a delta their usual form, and return whether anything was changed.

    Calls that hold nothing are removed, as well as what rxagent does not read.
    """
    found = False
    for name in (*_UNREAD, *_LISTS, *_WORDS):
        if (value := delta.get(name)) is not None and not _is_readable(name, value):
            found = True
            del delta[name]
    if (calls := delta.get(_CALLS)) is not None and not _are_plain(calls):
        found = True
        given = [calls] if isinstance(calls, Mapping) else calls
        listed = given if isinstance(given, list) else ()
        plain = [_plain(call) for call in listed if isinstance(call, Mapping) and _holds(call)]
        delta[_CALLS] = plain or None
    if (call := delta.get(_OLD_CALL)) is not None and not _is_function(call):
        found = True
        is_one = isinstance(call, Mapping) and _holds(call)
        delta[_OLD_CALL] = _plain(call)["function"] if is_one else None
    return found


def _is_readable(name: str, value: Any) -> bool:
    if name in _LISTS:
        is_list = isinstance(value, list) and bool(value)
        return is_list and all(
            isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in value
        )
    return name in _WORDS and isinstance(value, str)


def _are_plain(calls: Any) -> bool:
    return isinstance(calls, list) and bool(calls) and all(map(_is_plain, calls))


def _is_plain(call: Any) -> bool:
    if not isinstance(call, Mapping) or not _is_function(call.get("function")):
        return False
    kinds = [(call.get(name), kind) for name, kind in _TEXTS.items()]
    return _holds(call) and all(value is None or type(value) is kind for value, kind in kinds)


def _is_function(function: Any) -> bool:
    if not isinstance(function, Mapping) or not function:
        return False
    values = function.get("name"), function.get("arguments")
    return all(value is None or isinstance(value, str) for value in values)


def _holds(call: Mapping[str, Any]) -> bool:
    """Return whether a call has an id, a name or arguments."""
    try:
        fragment = Fragment(call)
    except TypeError:  # which the reader of chunks reports
        return bool(call.get("id"))
    return bool(id_of(call.get("id")) or fragment.name or fragment.arguments)


def _plain(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call in the form in which LiteLLM can read it."""
    plain: dict[str, Any] = {"type": "function", "function": {}}
    if (index := number(call.get("index"))) is not None:
        plain["index"] = index
    if id := id_of(call.get("id")):
        plain["id"] = id
    try:
        fragment = Fragment(call)
    except TypeError:
        return plain
    if isinstance(fragment.name, str) and fragment.name:
        plain["function"]["name"] = fragment.name
    if fragment.arguments:
        plain["function"]["arguments"] = fragment.arguments
    return plain
