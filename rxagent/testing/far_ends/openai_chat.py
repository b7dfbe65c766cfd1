"""OpenAI's chat protocol, as a far end renders and reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..frames import (
    DONE,
    Body,
    Chunk,
    call_chunk,
    chunk,
    finish_chunk,
    reasoning_chunk,
    refusal_chunk,
    role_chunk,
    text_chunk,
    usage_chunk,
)
from ..scenarios import Reply
from .http import Frame
from .items import Rejected, Reported

__all__ = ["FINISH_WORDS", "ChatRendering", "chat_error", "chat_rejection", "read_chat"]

FINISH_WORDS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
"""Our finish reasons, in the words of the protocol."""

_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}


class ChatRendering:
    """Renders deltas as chunks: usage is a total so far, a refusal ends with stop."""

    def __init__(self) -> None:
        self._usage: Usage | None = None

    def begin(self) -> Iterable[Frame]:
        """Return the first chunk, which has the role."""
        return [role_chunk()]

    def delta(self, delta: Delta, /) -> Iterable[Frame]:
        """Return the chunk of a delta."""
        match delta:
            case TextDelta(text):
                yield text_chunk(text)
            case ReasoningDelta(text):
                yield reasoning_chunk(text)
            case RefusalDelta(text):
                yield refusal_chunk(text)
            case ToolCallDelta(index, id, name, arguments):
                yield call_chunk(index, id, name, arguments)
            case Usage():
                self._usage = total = Usage.sum(self._usage, delta) or delta
                yield usage_chunk(
                    total.input_tokens,
                    total.output_tokens,
                    total.cached_tokens,
                    total.reasoning_tokens,
                    total.cache_write_tokens,
                )
            case Finish(reason):
                yield finish_chunk(FINISH_WORDS.get(reason, reason))
            case _:
                raise TypeError(f"No chunk says {delta!r}.")

    def blank(self) -> Iterable[Frame]:
        """Return chunks without choices, without a delta, and with empty and null texts."""
        return [
            chunk({}),
            chunk(None),
            chunk({"content": None, "tool_calls": None, "reasoning_content": None}),
            text_chunk(""),
            reasoning_chunk(""),
            {"choices": []},
            b": a comment\n\n",
        ]

    def garbage(self) -> Iterable[Frame]:
        """Return a frame of broken JSON."""
        return [b"data: {this is not JSON\n\n"]

    def failure(self, failure: Reported, /) -> Iterable[Frame]:
        """Return the frame that reports an error."""
        return [chat_error(failure.status, failure.message)]

    def end(self) -> Iterable[Frame]:
        """Return the mark of the end."""
        return [DONE]

    def last(self, items: Sequence[Delta | Reported], /) -> Iterable[Frame]:
        """Return one chunk with all deltas, and with an error beside them."""
        delta: dict[str, Any] = {}
        reason: str | None = None
        error: Chunk = {}
        for item in items:
            match item:
                case Finish():
                    reason = FINISH_WORDS.get(item.reason, item.reason)
                case Reported():
                    error = chat_error(item.status, item.message)
                case TextDelta(text):
                    delta["content"] = delta.get("content", "") + text
                case ToolCallDelta(index, id, name, arguments):
                    (choice,) = call_chunk(index, id, name, arguments)["choices"]
                    delta.setdefault("tool_calls", []).extend(choice["delta"]["tool_calls"])
                case _:
                    raise TypeError(f"No last chunk says {item!r}.")
        return [chunk(delta, reason, **error), *self.end()]


def chat_error(status: int, message: str) -> Chunk:
    """Return an error as OpenAI describes it."""
    kind = _TYPES.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def chat_rejection(rejected: Rejected) -> Reply:
    """Return the reply of an error status."""
    error = chat_error(rejected.status, rejected.message)
    return Reply(rejected.status, error, rejected.headers)


# Requests.


def read_chat(body: Body) -> Request:
    """Return a request as the protocol means it."""
    tools = [tool["function"] for tool in body.get("tools") or ()]
    stop = body.get("stop") or ()
    return Request(
        [_message(message) for message in body["messages"]],
        tools=[ToolSpec(t["name"], t["description"], t["parameters"]) for t in tools],
        stop=[stop] if isinstance(stop, str) else stop,
    )


def _message(message: Mapping[str, Any]) -> Message:
    content = message.get("content") or ""
    plain: list[Mapping[str, Any]] = [{"type": "text", "text": content}]
    parts = plain if isinstance(content, str) else content
    return Message(
        message["role"],
        "".join(part["text"] for part in parts if part["type"] == "text"),
        tool_calls=list(_calls(message.get("tool_calls") or ())),
        tool_call_id=message.get("tool_call_id"),
        images=[Image(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"],
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
    )


def _calls(calls: Sequence[Mapping[str, Any]]) -> Iterator[ToolCall]:
    for call in calls:
        function = call["function"]
        json.loads(function["arguments"])  # a server's template may parse them
        yield ToolCall(call["id"], function["name"], function["arguments"])
