"""Requests: what a server that speaks OpenAI's chat protocol is asked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jiter import from_json

from ..messages import Image, Message, Request, ToolCall, ToolSpec

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


def chat_messages(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Yield the messages as the protocol has them.

    Arguments that are no JSON object go as `{}`, because a server's template may parse them.
    Tools may answer in text alone, so the images of their results follow in a user's message.
    """
    seen: list[Image] = []
    for message in messages:
        if message.role == "tool":
            seen += message.images
            yield {
                "role": "tool",
                "tool_call_id": message.tool_call_id,
                "content": message.text,
            }
            continue
        if seen:
            yield {"role": "user", "content": [_image(image) for image in seen]}
            seen = []
        yield _message(message)
    if seen:
        yield {"role": "user", "content": [_image(image) for image in seen]}


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        text = [{"type": "text", "text": message.text}] if message.text else []
        said["content"] = text + [_image(image) for image in message.images]
    if message.tool_calls:
        said["content"] = message.text or None
        said["tool_calls"] = [_call(call) for call in message.tool_calls]
    return said


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image.url}}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments if _is_object(call.arguments) else "{}"
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


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
