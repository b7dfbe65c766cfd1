"""Requests of OpenAI's Responses protocol: their fields beside the conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...messages import Request, ToolSpec
from ..options import merged
from ..strict import answer_format
from .conversation import input_items

__all__ = ["response_body"]

_DOES_NOT_REASON = re.compile(r"(?:ft:)?(?:(?:chat)?gpt-(?:3|4)|gpt-5[.\d]*-chat).*")
"""The families that answer 400 if reasoning is requested, or sent back (November 2026)."""

_OPENING = {"role": "user", "content": "(The conversation begins.)"}
"""What the user says where nothing has been said, which OpenAI does not accept."""


def response_body(
    model: str, request: Request, options: tuple[Mapping[str, Any], ...], origin: str | None = None
) -> dict[str, Any]:
    """Return the fields of a request, and the options that go before them.

    Fields of `text` are added to those of the request, and items of `include`, too. The protocol
    has no stops.

    Args:
        model: The model's name.
        request: The request.
        options: The options, the later ones before the earlier ones.
        origin: Where the request goes.
    """
    ours: dict[str, Any] = {"store": False}
    reasons = not _DOES_NOT_REASON.fullmatch(model.lower())
    if reasons:
        ours["include"] = ["reasoning.encrypted_content"]
    if request.tools:
        ours["tools"] = [_tool(tool) for tool in request.tools]
    if request.output is not None:
        ours["text"] = {"format": {"type": "json_schema", **answer_format(request.output)}}
    body = merged(ours, *options)
    for name in body.keys() & {"include", "text"}:
        body[name] = _both(ours.get(name), body[name])
    return {"input": list(input_items(request.messages, origin, reasons)) or [_OPENING], **body}


def _both(ours: Any, given: Any) -> Any:
    if isinstance(ours, Mapping) and isinstance(given, Mapping):
        return {**ours, **given}
    if isinstance(ours, list) and isinstance(given, list | tuple):
        return [*ours, *(item for item in given if item not in ours)]
    return given


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters: Mapping[str, Any] = tool.parameters or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(parameters),
        "strict": False,  # else OpenAI makes every parameter a required one
    }
