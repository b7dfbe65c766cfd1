"""Requests of OpenAI's chat protocol: messages, tools, and names and ids that servers accept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..blocks import data_of
from ..history import (
    Ids,
    accepted_name,
    beginning_of_turn,
    beginnings_of_turns,
    is_object,
    without_bare_data,
)
from ..strict import answer_format
from ..urls import shown_url
from .ids import IdForm
from .kept import OF_MODEL
from .oddities import USUAL, Oddities, apart, joined

__all__ = ["chat_body", "chat_messages"]

_TAKES_NO_STOP = re.compile(r"(?:.*/)?(?:o3|o4-mini|gpt-[5-9]|grok-(?:3-mini|4|code))(?![a-z\d]).*")
"""The families that answer 400 to the parameter `stop` (November 2026)."""

_MOST_STOPS = 4
"""The longest list of stops that OpenAI accepts (November 2026)."""


def chat_body(model: str, request: Request, *, keeps_both: bool) -> dict[str, Any]:
    """Return the fields of a request beside its messages.

    Stops are left out where the model does not accept them, and after the fourth.

    Args:
        model: The model's name.
        request: The request.
        keeps_both: Whether the server takes a schema of the answer beside tools. Most refuse that,
            or keep the model from calling any, so it is left out there.
    """
    body: dict[str, Any] = {}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.stop and not _TAKES_NO_STOP.fullmatch(model.lower()):
        body["stop"] = list(request.stop[:_MOST_STOPS])
    if request.output is not None and (keeps_both or not request.tools):
        schema = answer_format(request.output)
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def chat_messages(
    messages: Iterable[Message],
    origin: str | None = None,
    oddities: Oddities = USUAL,
    model: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield messages in the form of the protocol.

    Arguments that are no JSON object are sent as `{}`, because a server's template may parse them.
    Names and ids that a provider would reject are replaced, alike in a call and its result; it
    gets the ids that it made itself unchanged.
    Only the user's messages may hold images, so those of tool results and of replies follow in
    one.
    Data that a provider wants back is sent to that provider only: with calls always, with
    reasoning while the tools of the turn are called, unless the server demands more.

    Args:
        messages: The conversation.
        origin: Where the request goes.
        oddities: What the server demands.
        model: The model, which gets back no reasoning of another one; None for any.
    """
    given = list(without_bare_data(messages))
    forms = _forms(given, origin, oddities, model and shown_url(model))
    if oddities.alternate:
        forms = joined(forms)
    return apart(forms, oddities.between) if oddities.between else forms


def _forms(
    sent: list[Message], origin: str | None, oddities: Oddities, model: str | None
) -> Iterator[dict[str, Any]]:
    form = oddities.ids
    turn = beginning_of_turn(sent)
    thinking = set(_with_calls(sent)) if oddities.thought else ()
    ids = Ids(form.accepted.fullmatch)
    seen: list[Image] = []
    for index, message in enumerate(sent):
        if message.role == "tool":
            seen += message.images
            yield {
                "role": "tool",
                "tool_call_id": ids.of_result(message.tool_call_id or ""),
                "content": message.text,
            }
            continue
        if seen:
            yield {"role": "user", "content": [_image(image) for image in seen]}
            seen = []
        if message.role == "assistant":
            seen += message.images
        back = _given_back(message, origin, model) if index >= turn or index in thinking else {}
        if index in thinking and message.role == "assistant":
            back.setdefault("reasoning_content", oddities.thought)
        content = {"content": back.pop("content")} if "content" in back else {}
        fields = _message(message, origin, ids, form)
        if oddities.signature and index >= turn:
            _sign(fields.get("tool_calls", ()), oddities.signature)
        yield {**back, **fields, **content}
    if seen:
        yield {"role": "user", "content": [_image(image) for image in seen]}


def _with_calls(messages: Sequence[Message]) -> Iterator[int]:
    """Yield the indexes of the messages of all turns in which tools were called."""
    for start, end in pairwise([0, *beginnings_of_turns(messages), len(messages)]):
        if any(message.tool_calls for message in messages[start:end]):
            yield from range(start, end)


def _sign(calls: Iterable[dict[str, Any]], signature: str) -> None:
    """Sign the calls of a message, unless one is signed: of parallel ones only the first is.

    Some gateways before Vertex have the signature under `vertex`.
    """
    outers = [_fields(call.get("extra_content")) for call in calls]
    inners = (_fields(inner) for outer in outers for inner in outer.values())
    if not any(inner.get("thought_signature") for inner in inners):
        for call, outer in zip(calls, outers, strict=True):
            google = {**_fields(outer.get("google")), "thought_signature": signature}
            call["extra_content"] = {**outer, "google": google}


def _given_back(message: Message, origin: str | None, model: str | None) -> dict[str, Any]:
    """Return the fields of a message that its provider wants back, its thoughts in their form."""
    fields: dict[str, Any] = {}
    around: tuple[str, str] | None = None
    for data in data_of(message.extra, origin):
        if model is not None and data.get(OF_MODEL, model) != model:
            continue
        if isinstance(name := data.get("reasoning_field"), str) and message.reasoning:
            fields.setdefault(name, message.reasoning)
        match data.get("think_tags"):
            case [str(opening), str(closing)]:
                around = opening, closing
        for name, value in _fields(data.get("message")).items():
            both = isinstance(value, list) and isinstance(fields.get(name), list)
            fields[name] = [*fields[name], *value] if both else value
    if isinstance(thoughts := fields.pop("content", None), list):
        text = [{"type": "text", "text": message.text}] if message.text else []
        fields["content"] = thoughts + text
    elif around and message.reasoning and message.reasoning not in fields.values():
        fields["content"] = f"{around[0]}{message.reasoning}{around[1]}{message.text}"
    return fields


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _message(message: Message, origin: str | None, ids: Ids, form: IdForm) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images and message.role != "assistant":
        text = [{"type": "text", "text": message.text}] if message.text else []
        fields["content"] = text + [_image(image) for image in message.images]
    if message.tool_calls:
        fields["content"] = message.text or None
        own = {call.id for call in message.tool_calls if form.takes_own and _is_from(call, origin)}
        sent = ids.of_calls([call.id for call in message.tool_calls], own)
        fields["tool_calls"] = [
            _call(call, id, origin) for call, id in zip(message.tool_calls, sent, strict=True)
        ]
    return fields


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image.url}}


def _is_from(call: ToolCall, origin: str | None) -> bool:
    """Return whether an unusual id of a call was made by this origin."""
    return any(data.get("id") == call.id for data in data_of(call.extra, origin))


def _call(call: ToolCall, id: str, origin: str | None) -> dict[str, Any]:
    arguments = call.arguments if is_object(call.arguments) else "{}"
    function = {"name": accepted_name(call.name), "arguments": arguments}
    back: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for data in data_of(call.extra, origin):
        inner |= _fields(data.pop("function", None))
        back |= data
    return {**back, "id": id, "type": "function", "function": {**inner, **function}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters: Mapping[str, Any] = tool.parameters or {"type": "object", "properties": {}}
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(parameters),
    }
    return {"type": "function", "function": function}
