"""Requests: what a server that speaks OpenAI's chat protocol is asked."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jiter import from_json

from ..messages import Image, Message, ProviderData, Request, ToolCall, ToolSpec
from .names import Ids, mended_name

__all__ = ["chat_body", "chat_messages", "takes_stop"]

_TAKES_NO_STOP = re.compile(r"(?:.*/)?(?:o3|o4-mini|gpt-5|grok-3-mini|grok-4)(?![a-z\d]).*")
"""The families that answer 400 to the parameter `stop` (November 2026)."""

_MOST_STOPS = 4
"""The longest list of stops that OpenAI takes (November 2026)."""


def takes_stop(model: str) -> bool:
    """Tell whether a model, by its name, takes the parameter `stop`."""
    return _TAKES_NO_STOP.fullmatch(model.lower()) is None


def chat_body(model: str, request: Request) -> dict[str, Any]:
    """Return what a request asks for beside its messages, in the protocol's own names.

    Stops that are too many, or that the model does not take, are not among it.
    """
    body: dict[str, Any] = {}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.stop and takes_stop(model):
        body["stop"] = list(request.stop[:_MOST_STOPS])
    if request.output is not None:
        name = re.sub(r"[^\w-]", "_", str(request.output.get("title", "answer")), flags=re.ASCII)
        schema = {"name": name[:64], "schema": dict(request.output)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def chat_messages(
    messages: Iterable[Message], origin: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the messages as the protocol has them.

    Arguments that are no JSON object go as `{}`, because a server's template may parse them.
    Names and ids that a provider would refuse are mended, the same for a call and its result.
    Tools may answer in text alone, so the images of their results follow in a user's message.
    What a provider wants back is sent to it alone: of calls always, of reasoning while the tools
    of the turn are called.

    Args:
        messages: The conversation.
        origin: Where the request goes.
    """
    said = list(messages)
    loop = _beginning_of_loop(said)
    ids = Ids()
    seen: list[Image] = []
    for place, message in enumerate(said):
        if message.role == "tool":
            seen += message.images
            yield {
                "role": "tool",
                "tool_call_id": ids.answered(message.tool_call_id or ""),
                "content": message.text,
            }
            continue
        if seen:
            yield {"role": "user", "content": [_image(image) for image in seen]}
            seen = []
        back = _given_back(message, origin) if place >= loop else {}
        yield {**back, **_message(message, origin, ids)}
    if seen:
        yield {"role": "user", "content": [_image(image) for image in seen]}


def _beginning_of_loop(messages: Sequence[Message]) -> int:
    """Return the place from which on tools are called for the last thing that the user has said.

    What a user's message says right after a tool's result is part of that.
    """
    return max(
        (
            place
            for place, message in enumerate(messages)
            if message.role == "user" and not (place and messages[place - 1].role == "tool")
        ),
        default=0,
    )


def _given_back(message: Message, origin: str | None) -> dict[str, Any]:
    """Return the fields of a message that its provider wants back."""
    fields: dict[str, Any] = {}
    for data in _data_of(message.extra, origin):
        if isinstance(name := data.get("reasoning_field"), str) and message.reasoning:
            fields.setdefault(name, message.reasoning)
        for name, value in _fields(data.get("message")).items():
            both = isinstance(value, list) and isinstance(fields.get(name), list)
            fields[name] = [*fields[name], *value] if both else value
    return fields


def _data_of(extra: Iterable[ProviderData], origin: str | None) -> Iterator[dict[str, Any]]:
    """Yield what came from an origin and can be sent as JSON."""
    for kept in extra:
        if kept.provider == origin:
            try:
                yield from_json(json.dumps(kept.data, allow_nan=False).encode())
            except (TypeError, ValueError, RecursionError):  # it is not worth the request
                continue


def _fields(said: Any) -> dict[str, Any]:
    return said if isinstance(said, dict) else {}


def _message(message: Message, origin: str | None, ids: Ids) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        text = [{"type": "text", "text": message.text}] if message.text else []
        said["content"] = text + [_image(image) for image in message.images]
    if message.tool_calls:
        said["content"] = message.text or None
        sent = ids.made([call.id for call in message.tool_calls])
        said["tool_calls"] = [
            _call(call, id, origin) for call, id in zip(message.tool_calls, sent, strict=True)
        ]
    return said


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image.url}}


def _call(call: ToolCall, id: str, origin: str | None) -> dict[str, Any]:
    arguments = call.arguments if _is_object(call.arguments) else "{}"
    function = {"name": mended_name(call.name), "arguments": arguments}
    back: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for data in _data_of(call.extra, origin):
        inner |= _fields(data.pop("function", None))
        back |= data
    return {**back, "id": id, "type": "function", "function": {**inner, **function}}


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text.encode(), allow_inf_nan=False), dict)
    except ValueError:
        return False


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters: Mapping[str, Any] = tool.parameters or {"type": "object", "properties": {}}
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(parameters),
    }
    return {"type": "function", "function": function}
