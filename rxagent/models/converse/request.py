"""Requests of the Converse protocol: messages, tools, and what Bedrock accepts of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...frozen import thaw
from ...messages import Message, Request, ToolSpec
from ..errors import ErrorFactory
from ..history import accepted_name
from ..options import merged
from .messages import Messages, vendor_of

__all__ = ["converse_call"]

_TAKES_NO_STOP = {"openai", "qwen"}
"""The vendors whose models answer 400 to `stopSequences` (November 2026)."""

_MOST_STOPS = 4
"""The longest list of stops that all other vendors accept (November 2026)."""

_SHORT = {"max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
"""The names that options of most providers have, and those of `inferenceConfig`."""

_NESTED = ("inferenceConfig", "outputConfig", "toolConfig")
"""Options whose fields are merged, as the request itself sets some of them."""

_TYPES_OF_JSON = {"type": "object", "properties": {}}

_GONE = "It cannot be called any more."
"""The description of a tool that is declared since it was called."""


def converse_call(
    model_id: str,
    request: Request,
    options: Sequence[Mapping[str, Any]],
    origin: str,
    errors: ErrorFactory,
) -> dict[str, Any]:
    """Return the arguments of boto3's `converse` and `converse_stream`.

    Args:
        model_id: The model's id, or the ARN of what invokes it.
        request: The request.
        options: The options, the later ones before the earlier ones.
        origin: Where the request goes; data that came from elsewhere is not sent back.
        errors: Makes the error of an image that Bedrock does not take.
    """
    system = [message.text for message in request.messages if message.role == "system"]
    offers_tools = "tools" not in request.options  # which may only be None
    asked = {
        "system": [{"text": text} for text in system if text.strip()] or None,
        "inferenceConfig": _inference(model_id, request.stop),
        "outputConfig": _output(request.output),
        "toolConfig": _tools(request.tools if offers_tools else ()),
    }
    given = _with_options(asked, options)
    if "toolConfig" not in given and (called := _called(request.messages)):
        given["toolConfig"] = _tools(ToolSpec(name, _GONE) for name in called)
    messages = Messages(model_id, origin, errors).of(request.messages)
    return {"modelId": model_id, "messages": messages, **given}


def _with_options(asked: Mapping[str, Any], options: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is asked, changed by options; None removes one."""
    given = dict(asked)
    for some in options:
        for name, value in _in_long(some).items():
            before = given.get(name)
            if name in _NESTED and isinstance(value, Mapping) and isinstance(before, Mapping):
                given[name] = _joined(before, value)
            else:
                given[name] = value
    given.pop("tools", None)
    for name in _NESTED:
        if isinstance(given.get(name), Mapping):
            given[name] = merged(given[name]) or None
    return merged(given)


def _in_long(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with those of short names inside `inferenceConfig`."""
    short = {_SHORT[name]: options[name] for name in _SHORT if name in options}
    given = {name: value for name, value in options.items() if name not in _SHORT}
    if short:
        given["inferenceConfig"] = {**short, **(given.get("inferenceConfig") or {})}
    return given


def _joined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both; further tools are added to those that there are."""
    more = {}
    if before.get("tools") and after.get("tools"):
        more["tools"] = [*before["tools"], *after["tools"]]
    return {**before, **after, **more}


def _inference(model_id: str, stops: Sequence[str]) -> dict[str, Any] | None:
    sent = [stop for stop in stops if stop.strip()][:_MOST_STOPS]
    takes_stops = vendor_of(model_id) not in _TAKES_NO_STOP
    return {"stopSequences": sent} if sent and takes_stops else None


def _output(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if schema is None:
        return None
    name = re.sub(r"[^\w-]", "_", str(schema.get("title", "answer")), flags=re.ASCII)[:64]
    described = {"jsonSchema": {"schema": json.dumps(schema), "name": name}}
    return {"textFormat": {"type": "json_schema", "structure": described}}


def _tools(tools: Iterable[ToolSpec]) -> dict[str, Any] | None:
    specs = [{"toolSpec": _tool(tool)} for tool in tools]
    return {"tools": specs} if specs else None


def _tool(tool: ToolSpec) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description.strip() else {}
    schema = thaw(tool.parameters) or _TYPES_OF_JSON
    return {"name": tool.name, **described, "inputSchema": {"json": schema}}


def _called(messages: Iterable[Message]) -> list[str]:
    """Return the names of the tools that were called, which Bedrock wants to be declared."""
    calls = [call for message in messages for call in message.tool_calls]
    return list(dict.fromkeys(accepted_name(call.name) for call in calls))
