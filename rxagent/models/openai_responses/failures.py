"""Failures: which events, responses and items of the Responses protocol report an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..failures import failure_in, is_foreign, wordless_failure_in
from .contents import CALL, OF_MODEL, typed

__all__ = ["failure_in_event", "failure_in_item", "failure_in_response", "is_of_tool"]

_OF_TOOL = re.compile(
    r"response\.(?!function_call|custom_tool_call)\w+_(call|tools)\.(failed|error)"
)
"""The events by which a tool fails that the provider runs; the reply goes on.

What the model itself makes is no such tool: calls of ours, messages, and their parts.
"""

_INNER = {"item", "part", "response", "delta", "annotation", "logprobs"}
_ECHOED = {"input", "instructions", "metadata", "output", "prompt", "reasoning", "text", "tools"}
_ECHOED |= {"incomplete_details", "tool_choice", "usage"}
"""What a response repeats of its request, and what has a meaning of its own."""

_FAILED = {"aborted", "canceled", "cancelled", "error", "expired", "failed", "timed_out", "timeout"}
_ENDED_BADLY = {f"response.{state}" for state in _FAILED}


def is_of_tool(event: Any) -> bool:
    """Return whether an event only says that a tool of the provider's has failed."""
    kind = event.get("type") if isinstance(event, Mapping) else None
    return isinstance(kind, str) and _OF_TOOL.fullmatch(kind) is not None


def failure_in_event(event: Mapping[str, Any], answered: bool) -> Any:
    """Return the description of an error that an event holds, or None.

    Args:
        event: The event, or a response that came whole.
        answered: Whether a part of an answer came before it.
    """
    kind = event.get("type")
    if not (isinstance(kind, str) and kind.startswith("response.")):
        if _is_response(event):
            return failure_in_response(event)
        error = failure_in(event)
        if error is None:
            is_strange = answered and not kind and is_foreign(event)
            error = event if is_strange else wordless_failure_in(event)
        return error
    if is_of_tool(event):
        return None
    outer = {name: value for name, value in event.items() if name not in _INNER}
    inner = event.get("response")
    if not isinstance(inner, Mapping) and _is_response(event):  # its fields stand in the event
        inner = {name: value for name, value in event.items() if name != "type"}
        outer = {"type": kind}
    if isinstance(inner, Mapping):
        error = failure_in_response(inner)
        if error is not None:
            return error
        outer.pop("type")
    error = failure_in(outer, is_known=True)
    if error is None and kind in _ENDED_BADLY:
        error = {"code": kind, "message": f"the reply ended with {kind!r}"}
    for name in ("item", "part", "delta"):
        error = failure_in_item(event.get(name)) if error is None else error
    return error


def failure_in_response(response: Mapping[str, Any]) -> Any:
    """Return the description of an error that a response holds, or None."""
    outer = {name: value for name, value in response.items() if name not in _ECHOED}
    error = failure_in(outer, is_known=True)
    if error is None or error is outer:
        error = _described(outer, "response") if _has_failed(response) else error
    output = response.get("output")
    for item in output if error is None and isinstance(output, list) else ():
        error = failure_in_item(item) if error is None else error
    return error


def failure_in_item(item: Any) -> Any:
    """Return the description of an error that an item, or a part of one, holds, or None.

    The model reads what a tool of the provider's has met, so that it is no failure of the reply.
    """
    item = typed(item)
    if not isinstance(item, Mapping):
        return None
    kind = item.get("type")
    if isinstance(kind, str) and kind.endswith(("_call", "_output", "_tools")) and kind != CALL:
        return None
    error = failure_in(item, inside=True)
    if error is None and kind in OF_MODEL and _has_failed(item):
        error = _described(item, "item")
    content = item.get("content")
    for part in content if error is None and isinstance(content, list) else ():
        error = failure_in(part, inside=True) if error is None else error
    return error


def _has_failed(whole: Mapping[str, Any]) -> bool:
    status = whole.get("status")
    return isinstance(status, str) and status in _FAILED


def _described(failed: Mapping[str, Any], what: str) -> dict[str, Any]:
    status = failed.get("status")
    given = {name: value for name, value in failed.items() if value is not None}
    return {"code": status, "message": f"the {what} is {status}", **given}


def _is_response(event: Mapping[str, Any]) -> bool:
    """Return whether an object is a response, and no event."""
    return event.get("object") == "response" or isinstance(event.get("output"), list)
