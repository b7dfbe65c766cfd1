"""Histories: a conversation with one provider goes on with each other."""

from __future__ import annotations

import json

from ...events import Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ...messages import Message, Request
from ..far_ends import FarEnd
from .calls import ADD, ARGUMENTS, NOW
from .listening import answer

__all__ = ["go_on", "history_of"]

_THOUGHT = "I have to add 2 and 3."
_NAMES = {"reasoning_field"}
"""Data that are names of fields, which another provider may use too."""

_SHORT = 12
"""Texts of this length or shorter may be anywhere in a request by chance."""


def history_of(far_end: FarEnd) -> list[Message]:
    """Return a conversation with a provider's model: reasoning, text, two calls, their results.

    It holds what the provider wants back, as its model has read it.
    """
    calls = (
        ToolCallDelta(0, "call_1", "add", ARGUMENTS),
        ToolCallDelta(1, "call_2", "now", "{}"),
    )
    reasoning = [] if "reasoning_is_apart" in far_end.not_offered else [ReasoningDelta(_THOUGHT)]
    model = far_end.serve(*reasoning, TextDelta("I add."), *calls, Finish("tool_calls"))
    history = [Message("system", "Be brief."), Message("user", "What is 2 + 3, and the time?")]
    said = answer(model, Request(history, tools=[ADD, NOW])).message
    results = [
        Message("tool", text, tool_call_id=call.id)
        for text, call in zip(["It is five.", "It is noon."], said.tool_calls, strict=True)
    ]
    return [*history, said, *results]


def go_on(far_end: FarEnd, history: list[Message], maker: str = "") -> Request:
    """Send a history to a far end, and return the request as that reads it.

    Args:
        far_end: The far end.
        history: The history, as `history_of` returns it.
        maker: The prefix of the provider that made the history.

    Raises:
        AssertionError: A text, a call or its result is missing, or another's data was sent.
    """
    model = far_end.serve(TextDelta("Five, at noon."), Finish("stop"))
    reply = answer(model, Request(history, tools=[ADD, NOW]))
    assert "Five, at noon." == reply.text
    far_end.verify()
    request = far_end.requests[-1]
    text = "\n".join(message.text for message in request.messages)
    missing = [message.text for message in history if message.text not in text]
    assert not missing, f"{far_end.prefix} was not sent {missing}"

    made = [call for message in request.messages for call in message.tool_calls]
    assert ["add", "now"] == [call.name for call in made]
    returned = {m.tool_call_id: m.text for m in request.messages if m.role == "tool"}
    assert ["It is five.", "It is noon."] == [returned[call.id] for call in made]
    if maker != far_end.prefix:
        body = json.dumps(far_end.bodies[-1], ensure_ascii=False)
        sent = [secret for secret in _secrets(history) if secret in body]
        assert not sent, f"{far_end.prefix} was sent {sent}, which {maker} alone wants back"
    return request


def _secrets(history: list[Message]) -> list[str]:
    """Return the long texts that stand nowhere but in the data of a provider."""
    extras = [message.extra for message in history]
    extras += [call.extra for message in history for call in message.tool_calls]
    data = [dict(kept.data) for extra in extras for kept in extra]
    known = [text for message in history for text in (message.text, message.reasoning)]
    return [
        text
        for text in _texts(json.loads(json.dumps(data, default=dict)))
        if len(text) > _SHORT and not any(text in other for other in known)
    ]


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in _texts(item)]
        case dict():
            kept = (item for name, item in value.items() if name not in _NAMES)
            return [text for item in kept for text in _texts(item)]
    return []
