"""Sendable: a request whose texts can be encoded."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ..messages import Image, Message, Request, ToolCall, ToolSpec
from .openai_chat.fields import whole

__all__ = ["sendable"]


def sendable(request: Request) -> Request:
    """Return a request whose texts can be encoded: halves of characters become U+FFFD.

    A file name or an argument of the command line may hold some.
    """
    fields = {
        "messages": tuple(map(_sendable_message, request.messages)),
        "tools": tuple(map(_sendable_tool, request.tools)),
        "stop": tuple(map(whole, request.stop)),
        "output": _whole(request.output),
        "options": _whole(request.options),
    }
    changed = {name: new for name, new in fields.items() if not _is(new, getattr(request, name))}
    return request.evolve(**changed) if changed else request


def _whole(value: Any) -> Any:
    """Return a JSON value whose texts can be encoded: the same one, if they all can be."""
    match value:
        case str():
            return whole(value)
        case Mapping():
            parts = {_whole(name): _whole(each) for name, each in value.items()}
            is_same = all(map(_is, parts, value)) and all(map(_is, parts.values(), value.values()))
            return value if is_same else parts
        case list() | tuple():
            items = [_whole(each) for each in value]
            return value if all(map(_is, items, value)) else items
    return value


def _sendable_tool(tool: ToolSpec) -> ToolSpec:
    name, description = whole(tool.name), whole(tool.description)
    parameters = _whole(tool.parameters)
    is_same = name is tool.name and description is tool.description
    if is_same and parameters is tool.parameters:
        return tool
    return evolve(tool, name=name, description=description, parameters=parameters)


def _sendable_message(message: Message) -> Message:
    texts = message.text, message.reasoning, message.tool_call_id or ""
    calls = tuple(map(_sendable_call, message.tool_calls))
    images = tuple(map(_sendable_image, message.images))
    text, reasoning, id = map(whole, texts)
    before = (*texts, *message.tool_calls, *message.images)
    if all(map(_is, (text, reasoning, id, *calls, *images), before)):
        return message
    return evolve(
        message,
        text=text,
        reasoning=reasoning,
        tool_call_id=message.tool_call_id and id,
        tool_calls=calls,
        images=images,
    )


def _sendable_image(image: Image) -> Image:
    url = whole(image.url)
    return image if url is image.url else evolve(image, url=url)


def _sendable_call(call: ToolCall) -> ToolCall:
    texts = call.id, call.name, call.arguments
    id, name, arguments = map(whole, texts)
    if all(map(_is, (id, name, arguments), texts)):
        return call
    return evolve(call, id=id, name=name, arguments=arguments)


def _is(one: Any, other: Any) -> bool:
    both_are_tuples = type(one) is type(other) is tuple
    return one is other or (
        both_are_tuples and len(one) == len(other) and all(map(_is, one, other))
    )
