"""Sendable: a request whose texts can be encoded, and whose calls say what they ran with."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from operator import is_
from typing import Any, TypeVar

from attrs import evolve

from ..call_arguments import as_object
from ..messages import ANSWER, Image, Message, Request, ToolCall, ToolSpec
from .openai_chat.fields import whole

__all__ = ["sendable"]

_T = TypeVar("_T")
_Names = Mapping[str, Collection[str]]
"""The names of the parameters of tools."""

_NAMES: _Names = {ANSWER: ("answer",)}
"""Those of a tool that not every request offers."""

_ENCODER = json.JSONEncoder(ensure_ascii=False)


def sendable(request: Request) -> Request:
    """Return a request whose texts can be encoded: halves of characters become U+FFFD.

    A file name or an argument of the command line may hold some. Arguments that are no object,
    and with which a call ran all the same, become that object; a state has done that already.
    """
    names = dict(_NAMES)
    for tool in request.tools:
        names[tool.name] = _names_in(tool.parameters.get("properties"))
    return _with(
        request,
        messages=_each(partial(_sendable_message, names), request.messages),
        tools=_each(_sendable_tool, request.tools),
        stop=_each(whole, request.stop),
        output=_whole_json(request.output),
        options=_whole_json(request.options),
    )


def _names_in(properties: Any) -> Collection[str]:
    return properties if isinstance(properties, Mapping) else ()


def _with(thing: _T, **fields: Any) -> _T:
    """Return a thing with some fields: the same one, if they all are the same."""
    changed = {name: new for name, new in fields.items() if new is not getattr(thing, name)}
    return evolve(thing, **changed) if changed else thing  # type: ignore[misc]  # it is attrs'


def _each(sent: Callable[[_T], _T], items: tuple[_T, ...]) -> tuple[_T, ...]:
    """Return items as they are sent: the same tuple, if they all are the same."""
    changed = tuple(map(sent, items))
    return items if all(map(is_, changed, items)) else changed


def _whole_json(value: Any) -> Any:
    """Return a JSON value whose texts can be encoded: the same one, if they all can be."""
    try:
        _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError):
        return _whole(value)
    return value


def _whole(value: Any) -> Any:
    match value:
        case str():
            return whole(value)
        case Mapping():
            parts = {_whole(name): _whole(each) for name, each in value.items()}
            is_same = all(map(is_, parts, value)) and all(map(is_, parts.values(), value.values()))
            return value if is_same else parts
        case list() | tuple():
            items = [_whole(each) for each in value]
            return value if all(map(is_, items, value)) else items
    return value


def _sendable_tool(tool: ToolSpec) -> ToolSpec:
    return _with(
        tool,
        name=whole(tool.name),
        description=whole(tool.description),
        parameters=_whole_json(tool.parameters),
    )


def _sendable_message(names: _Names, message: Message) -> Message:
    return _with(
        message,
        text=whole(message.text),
        reasoning=whole(message.reasoning),
        tool_call_id=message.tool_call_id and whole(message.tool_call_id),
        tool_calls=_each(partial(_sendable_call, names), message.tool_calls),
        images=_each(_sendable_image, message.images),
    )


def _sendable_image(image: Image) -> Image:
    return _with(image, url=whole(image.url))


def _sendable_call(names: _Names, call: ToolCall) -> ToolCall:
    arguments = as_object(whole(call.arguments), names.get(call.name, ()))
    return _with(call, id=whole(call.id), name=whole(call.name), arguments=arguments)
