"""The events of OpenAI's Responses protocol, as a far end renders them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

from ...events import Delta, Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta, Usage
from .http import Frame
from .items import Reported

__all__ = ["FINISH_WORDS", "ResponseRendering", "encrypted", "event"]

FINISH_WORDS = {
    "stop": "stop",
    "length": "max_output_tokens",
    "tool_calls": "function_call",
    "content_filter": "content_filter",
}
"""Our finish reasons; a response is incomplete for one of the second and the last."""

_COMPLETED = "stop", "tool_calls"
_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}


class ResponseRendering:
    """Renders deltas as events; the last one has the whole response.

    Args:
        model: The name of the model.
    """

    def __init__(self, model: str = "scripted") -> None:
        self._model = model
        self._numbers = count()
        self._output: list[dict[str, Any]] = []
        self._kind: object = None
        self._pieces: list[str] = []
        self._reason = "stop"
        self._error: dict[str, Any] | None = None
        self._used: Usage | None = None

    def begin(self) -> Iterable[Frame]:
        """Return the events without content."""
        response = self.response("in_progress")
        return [
            self._event("response.created", response=response),
            self._event("response.in_progress", response=response),
        ]

    def delta(self, delta: Delta, /) -> Iterator[Frame]:
        """Return the events of a delta."""
        match delta:
            case TextDelta(text):
                yield from self._grow("output_text", text)
            case RefusalDelta(text):
                yield from self._grow("refusal", text)
            case ReasoningDelta(text):
                yield from self._grow("reasoning_summary_text", text)
            case ToolCallDelta(index, id, name, arguments):
                if self._kind != ("call", index):
                    yield from self._open(("call", index), _call(len(self._output), id, name))
                if arguments:
                    yield from self._grow("function_call_arguments", arguments)
            case Finish(reason):
                self._reason = reason
            case Usage():
                self._used = Usage.sum(self._used, delta)
            case _:
                raise TypeError(f"No event says {delta!r}.")

    def blank(self) -> Iterable[Frame]:
        """Return pings, unknown events, and pieces that are empty or null."""
        at = {"output_index": max(0, len(self._output) - 1), "item_id": "msg_0"}
        text = "response.output_text.delta"
        return [
            self._event("keepalive"),
            self._event("response.something_new", **at, text="new"),
            self._event("response.web_search_call.searching", **at),
            self._event("response.mcp_call.failed", **at),
            self._event(text, content_index=0, delta="", logprobs=[], **at),
            self._event(text, content_index=0, delta=None, logprobs=[], **at),
            b": a comment\n\n",
        ]

    def garbage(self) -> Iterable[Frame]:
        """Return an event of broken JSON."""
        return [b"event: response.output_text.delta\ndata: {this is not JSON\n\n"]

    def failure(self, failure: Reported, /) -> Iterable[Frame]:
        """Return the event that reports an error."""
        code = _CODES.get(failure.status, "server_error")
        return [self._event("error", code=code, message=failure.message, param=None)]

    def end(self) -> Iterator[Frame]:
        """Return the end of the last item, and the whole response."""
        yield from self._close()
        yield self._event(f"response.{self._status}", response=self.response(self._status))

    def last(self, items: Sequence[Delta | Reported], /) -> Iterable[Frame]:
        """Return the whole response alone, which has failed if there is an error."""
        for item in items:
            if isinstance(item, Reported):
                code = _CODES.get(item.status, "server_error")
                self._error = {"code": code, "message": item.message}
            else:
                deque(self.delta(item), maxlen=0)
        return list(self.end())[-1:]

    @property
    def _status(self) -> str:
        if self._error is not None:
            return "failed"
        return "completed" if self._reason in _COMPLETED else "incomplete"

    def response(self, status: str) -> dict[str, Any]:
        """Return the response as it is so far."""
        used = self._used
        word = FINISH_WORDS.get(self._reason, self._reason)
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_700_000_000,
            "status": status,
            "error": self._error,
            "incomplete_details": {"reason": word} if status == "incomplete" else None,
            "model": self._model,
            "output": self._output if status != "in_progress" else [],
            "store": False,
            "usage": used
            and {
                "input_tokens": used.input_tokens,
                "input_tokens_details": {
                    "cached_tokens": used.cached_tokens,
                    "cache_write_tokens": used.cache_write_tokens,
                },
                "output_tokens": used.output_tokens,
                "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
                "total_tokens": used.input_tokens + used.output_tokens,
            },
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        number = next(self._numbers)
        padding = {"obfuscation": "aBc1" * (number % 4 + 1)} if kind.endswith("delta") else {}
        fields |= {"sequence_number": number, **padding}
        return event(kind, **dict(sorted(fields.items())))

    def _at(self) -> dict[str, Any]:
        return {"item_id": self._output[-1]["id"], "output_index": len(self._output) - 1}

    def _open(self, kind: object, item: dict[str, Any]) -> Iterator[Frame]:
        yield from self._close()
        self._kind = kind
        self._output.append(item)
        at = {"output_index": len(self._output) - 1}
        yield self._event("response.output_item.added", item={**item}, **at)

    def _grow(self, kind: str, text: str) -> Iterator[Frame]:
        """Yield the events of a piece, and those that begin what it belongs to."""
        at: dict[str, Any] = {}
        if kind in ("output_text", "refusal"):
            at = {"content_index": 0}
            if self._kind != kind:
                yield from self._open(kind, _message(len(self._output)))
                part = _part(kind, "")
                yield self._event("response.content_part.added", part=part, **self._at(), **at)
        elif kind == "reasoning_summary_text":
            at = {"summary_index": 0}
            if self._kind != kind:
                yield from self._open(kind, _reasoning(len(self._output)))
                part = {"type": "summary_text", "text": ""}
                name = "response.reasoning_summary_part.added"
                yield self._event(name, part=part, **self._at(), **at)
        self._pieces.append(text)
        logprobs: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        yield self._event(f"response.{kind}.delta", delta=text, **logprobs, **self._at(), **at)

    def _close(self) -> Iterator[Frame]:
        """Yield the events that end the open item."""
        if self._kind is None:
            return
        item, text, at = self._output[-1], "".join(self._pieces), self._at()
        kind, self._kind, self._pieces = self._kind, None, []
        if kind in ("output_text", "refusal"):
            part = _part(str(kind), text)
            done = {"refusal": text} if kind == "refusal" else {"text": text, "logprobs": []}
            yield self._event(f"response.{kind}.done", content_index=0, **done, **at)
            yield self._event("response.content_part.done", content_index=0, part=part, **at)
            item["content"] = [part]
        elif kind == "reasoning_summary_text":
            part = {"type": "summary_text", "text": text}
            yield self._event(f"response.{kind}.done", summary_index=0, text=text, **at)
            name = "response.reasoning_summary_part.done"
            yield self._event(name, summary_index=0, part=part, **at)
            item |= {"summary": [part], "encrypted_content": encrypted(item["id"], text)}
        else:
            name = "response.function_call_arguments.done"
            yield self._event(name, arguments=text, **at)
            item["arguments"] = text
        item["status"] = "completed"
        yield self._event("response.output_item.done", item=item, output_index=at["output_index"])


def event(kind: str, **fields: Any) -> bytes:
    """Return an event of the protocol."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def encrypted(id: str, text: str) -> str:
    """Return what this far end encrypts the reasoning of an item as."""
    return f"encrypted-{sha256(f'{id} {text}'.encode()).hexdigest()}"


def _message(index: int) -> dict[str, Any]:
    begun = {"id": f"msg_{index:032}", "status": "in_progress"}
    return {**begun, "type": "message", "role": "assistant", "phase": None, "content": []}


def _reasoning(index: int) -> dict[str, Any]:
    return {"id": f"rs_{index:032}", "type": "reasoning", "summary": []}


def _call(index: int, id: str | None, name: str | None) -> dict[str, Any]:
    fields = {"type": "function_call", "call_id": id, "name": name, "arguments": ""}
    return {"id": f"fc_{index:032}", "status": "in_progress", **fields}


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": kind, "refusal": text}
    return {"type": kind, "annotations": [], "logprobs": [], "text": text}
