"""Requests of OpenAI's chat protocol: messages, tools, and names and ids that servers accept."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

from jiter import from_json

from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..blocks import data_of

__all__ = ["chat_body", "chat_messages"]

_TAKES_NO_STOP = re.compile(r"(?:.*/)?(?:o3|o4-mini|gpt-5|grok-3-mini|grok-4)(?![a-z\d]).*")
"""The families that answer 400 to the parameter `stop` (November 2026)."""

_MOST_STOPS = 4
"""The longest list of stops that OpenAI accepts (November 2026)."""

_LONGEST_NAME = 64
_LONGEST_ID = 40
"""What OpenAI and Azure accept (November 2026)."""


def chat_body(model: str, request: Request) -> dict[str, Any]:
    """Return the fields of a request beside its messages.

    Stops are left out where the model does not accept them, and after the fourth.
    """
    body: dict[str, Any] = {}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.stop and not _TAKES_NO_STOP.fullmatch(model.lower()):
        body["stop"] = list(request.stop[:_MOST_STOPS])
    if request.output is not None:
        name = re.sub(r"[^\w-]", "_", str(request.output.get("title", "answer")), flags=re.ASCII)
        schema = {"name": name[:64], "schema": dict(request.output)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def chat_messages(
    messages: Iterable[Message], origin: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield messages in the form of the protocol.

    Arguments that are no JSON object are sent as `{}`, because a server's template may parse them.
    Names and ids that a provider would reject are replaced, alike in a call and its result.
    Tool messages hold text only, so the images of tool results follow in a user's message.
    Data that a provider wants back is sent to that provider only: with calls always, with
    reasoning while the tools of the turn are called.

    Args:
        messages: The conversation.
        origin: Where the request goes.
    """
    sent = list(messages)
    turn = _beginning_of_turn(sent)
    ids = _Ids()
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
        back = _given_back(message, origin) if index >= turn else {}
        yield {**back, **_message(message, origin, ids)}
    if seen:
        yield {"role": "user", "content": [_image(image) for image in seen]}


def _beginning_of_turn(messages: Sequence[Message]) -> int:
    """Return the index of the last user's message that does not follow a tool's result."""
    return max(
        (
            index
            for index, message in enumerate(messages)
            if message.role == "user" and not (index and messages[index - 1].role == "tool")
        ),
        default=0,
    )


def _given_back(message: Message, origin: str | None) -> dict[str, Any]:
    """Return the fields of a message that its provider wants back."""
    fields: dict[str, Any] = {}
    for data in data_of(message.extra, origin):
        if isinstance(name := data.get("reasoning_field"), str) and message.reasoning:
            fields.setdefault(name, message.reasoning)
        for name, value in _fields(data.get("message")).items():
            both = isinstance(value, list) and isinstance(fields.get(name), list)
            fields[name] = [*fields[name], *value] if both else value
    return fields


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _message(message: Message, origin: str | None, ids: "_Ids") -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        text = [{"type": "text", "text": message.text}] if message.text else []
        fields["content"] = text + [_image(image) for image in message.images]
    if message.tool_calls:
        fields["content"] = message.text or None
        sent = ids.of_calls([call.id for call in message.tool_calls])
        fields["tool_calls"] = [
            _call(call, id, origin) for call, id in zip(message.tool_calls, sent, strict=True)
        ]
    return fields


def _image(image: Image) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image.url}}


def _call(call: ToolCall, id: str, origin: str | None) -> dict[str, Any]:
    arguments = call.arguments if _is_object(call.arguments) else "{}"
    function = {"name": _accepted_name(call.name), "arguments": arguments}
    back: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for data in data_of(call.extra, origin):
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


def _accepted_name(name: str) -> str:
    """Return a name of 1 to 64 letters, digits, `_` and `-`, unchanged if it is one already."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:_LONGEST_NAME] or "unnamed"


class _Ids:
    """The ids of the calls of one conversation: none too long, empty, or used twice.

    A result has the id of its call, which is one of the message before it.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._open: dict[str, deque[str]] = {}

    def of_calls(self, ids: Iterable[str]) -> list[str]:
        """Return the ids under which the calls of a message are sent."""
        self._open = {}
        sent = []
        for id in ids:
            unique = self._unique(id)
            self._used.add(unique)
            self._open.setdefault(id, deque()).append(unique)
            sent.append(unique)
        return sent

    def of_result(self, id: str) -> str:
        """Return the id under which a call's result is sent."""
        sent = self._open.get(id)
        if not sent:
            return _accepted_id(id)
        return sent.popleft() if len(sent) > 1 else sent[0]

    def _unique(self, id: str) -> str:
        accepted = _accepted_id(id)
        if accepted not in self._used:
            return accepted
        others = (_hashed(f"{id} {number}") for number in count(2))
        return next(other for other in others if other not in self._used)


def _accepted_id(id: str) -> str:
    return id if 0 < len(id) <= _LONGEST_ID else _hashed(id)


def _hashed(id: str) -> str:
    return f"call_{sha256(id.encode(errors='surrogatepass')).hexdigest()[:32]}"
