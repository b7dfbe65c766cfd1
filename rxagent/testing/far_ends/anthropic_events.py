"""The events of Anthropic's Messages protocol, as a far end renders them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from ..frames import Chunk
from .http import Frame, one_by_one
from .items import Item, Reported

__all__ = ["FINISH_WORDS", "MessageRendering", "error_body", "event", "signature_of"]

FINISH_WORDS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "refusal": "refusal",
}
"""Our finish reasons, in the words of the protocol."""

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class MessageRendering:
    """Renders deltas as events; the end holds the stop reason, and the usage that remains.

    Args:
        items: The script, whose input tokens are reported at the beginning.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        used = Usage(0, 0)
        for item in items:
            if isinstance(item, Usage):
                used = Usage.sum(used, item) or used
        self._used = used
        self._kind: object = None
        self._index = -1
        self._thought = ""
        self._refusal = ""
        self._reason: str | None = None

    def begin(self) -> Iterable[Frame]:
        """Return the event that reports the input."""
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {
                "input_tokens": self._used.input_tokens
                - self._used.cached_tokens
                - self._used.cache_write_tokens,
                "cache_read_input_tokens": self._used.cached_tokens,
                "cache_creation_input_tokens": self._used.cache_write_tokens,
                "output_tokens": min(1, self._used.output_tokens),
            },
        }
        return [event("message_start", message=message), event("ping")]

    def delta(self, delta: Delta, /) -> Iterator[Frame]:
        """Return the events of a delta."""
        match delta:
            case TextDelta(text):
                yield from self._open("text", type="text", text="")
                yield self._grow(type="text_delta", text=text)
            case ReasoningDelta(text):
                yield from self._open("thinking", type="thinking", thinking="", signature="")
                self._thought += text
                yield self._grow(type="thinking_delta", thinking=text)
            case ToolCallDelta(index, id, name, arguments):
                yield from self._open(index, type="tool_use", id=id, name=name, input={})
                yield self._grow(type="input_json_delta", partial_json=arguments or "")
            case RefusalDelta(text):
                self._refusal += text
            case Finish(reason):
                self._reason = FINISH_WORDS.get(reason, reason)
            case Usage():
                pass
            case _:
                raise TypeError(f"No event says {delta!r}.")

    def blank(self) -> Iterable[Frame]:
        """Return pings, unknown events, and pieces that are empty or null."""
        return [
            event("ping"),
            event("something_new", index=0, text="new"),
            event("content_block_delta", index=max(self._index, 0), delta=None),
            self._grow(type="text_delta", text=""),
            self._grow(type="text_delta", text=None),
            self._grow(type="something_new", text="new"),
            b": a comment\n\n",
        ]

    def garbage(self) -> Iterable[Frame]:
        """Return an event of broken JSON."""
        return [b"event: content_block_delta\ndata: {this is not JSON\n\n"]

    def failure(self, failure: Reported, /) -> Iterable[Frame]:
        """Return the event that reports an error."""
        body = error_body(failure.status, failure.message)
        return [event("error", error=body["error"])]

    def end(self) -> Iterator[Frame]:
        """Return the end of the last block, the stop reason with the usage, and the end."""
        yield from self._close()
        explained = {"type": "refusal", "category": None, "explanation": self._refusal}
        details = explained if self._refusal else None
        delta = {"stop_reason": self._reason, "stop_sequence": None, "stop_details": details}
        thinking = {"thinking_tokens": self._used.reasoning_tokens}
        usage = {"output_tokens": self._used.output_tokens, "output_tokens_details": thinking}
        yield event("message_delta", delta=delta, usage=usage)
        yield event("message_stop")

    def last(self, items: Sequence[Delta | Reported], /) -> Iterator[Frame]:
        """Return one after another: the end is an event of its own."""
        return one_by_one(self, items)

    def _open(self, kind: object, **block: Any) -> Iterator[Frame]:
        """Yield what begins a block, unless it is the open one."""
        if kind == self._kind:
            return
        yield from self._close()
        self._kind = kind
        self._index += 1
        yield event("content_block_start", index=self._index, content_block=block)

    def _grow(self, **delta: Any) -> Frame:
        return event("content_block_delta", index=max(self._index, 0), delta=delta)

    def _close(self) -> Iterator[Frame]:
        if self._kind == "thinking":
            yield self._grow(type="signature_delta", signature=signature_of(self._thought))
            self._thought = ""
        if self._kind is not None:
            yield event("content_block_stop", index=self._index)


def event(kind: str, **fields: Any) -> bytes:
    """Return an event of the protocol."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def error_body(status: int, message: str) -> Chunk:
    """Return the body of an error, as Anthropic describes it."""
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": "req_1"}


def signature_of(thought: str) -> str:
    """Return what this far end signs a thought with."""
    return f"signature-{sha256(thought.encode()).hexdigest()}"
