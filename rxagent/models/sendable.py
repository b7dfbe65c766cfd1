"""Sendable: a request whose texts can be encoded."""

from attrs import evolve

from ..messages import Message, Request, ToolCall
from .openai_chat.fields import whole

__all__ = ["sendable"]


def sendable(request: Request) -> Request:
    """Return a request whose texts can be encoded: halves of characters become U+FFFD.

    A file name or an argument of the command line may hold some.
    """
    messages = tuple(map(_sendable_message, request.messages))
    stop = tuple(map(whole, request.stop))
    is_same = all(map(_is, messages, request.messages)) and all(map(_is, stop, request.stop))
    return request if is_same else request.evolve(messages=messages, stop=stop)


def _sendable_message(message: Message) -> Message:
    texts = message.text, message.reasoning, message.tool_call_id or ""
    calls = tuple(map(_sendable_call, message.tool_calls))
    text, reasoning, id = map(whole, texts)
    if all(map(_is, (text, reasoning, id, *calls), (*texts, *message.tool_calls))):
        return message
    id_of_call = message.tool_call_id and id
    return evolve(
        message, text=text, reasoning=reasoning, tool_call_id=id_of_call, tool_calls=calls
    )


def _sendable_call(call: ToolCall) -> ToolCall:
    texts = call.id, call.name, call.arguments
    id, name, arguments = map(whole, texts)
    if all(map(_is, (id, name, arguments), texts)):
        return call
    return evolve(call, id=id, name=name, arguments=arguments)


def _is(one: object, other: object) -> bool:
    return one is other
