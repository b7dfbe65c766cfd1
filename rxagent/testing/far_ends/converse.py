"""The Converse protocol, as a far end renders it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from ..scenarios import Reply
from .aws_frames import event_frame, exception_frame
from .http import Frame, one_by_one
from .items import Rejected, Reported

__all__ = [
    "FINISH_WORDS",
    "SIGNATURE",
    "ConverseRendering",
    "WholeRendering",
    "converse_rejection",
]

FINISH_WORDS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}
"""Our finish reasons, in the words of the protocol."""

SIGNATURE = "c2lnbmVk"
"""The signature of all reasoning."""

_EXCEPTIONS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


class ConverseRendering:
    """Renders deltas as frames: usage comes last, and once."""

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._kind: str | None = None
        self._block = -1
        self._calls: dict[int, int] = {}

    def begin(self) -> Iterable[Frame]:
        """Return the first frame, which has the role."""
        return [event_frame("messageStart", {"role": "assistant"})]

    def delta(self, delta: Delta, /) -> Iterable[Frame]:
        """Return the frames of a delta."""
        match delta:
            case TextDelta(text):
                yield from self._in_block("text")
                yield self._piece(self._block, {"text": text})
            case ReasoningDelta(text):
                yield from self._in_block("reasoning")
                yield self._piece(self._block, {"reasoningContent": {"text": text}})
            case ToolCallDelta(index, id, name, arguments):
                yield from self._of_call(index, id, name)
                if arguments is not None:
                    yield self._piece(self._calls[index], {"toolUse": {"input": arguments}})
            case Usage():
                self._usage = Usage.sum(self._usage, delta)
            case Finish(reason):
                yield from self._end_block()
                for block in self._calls.values():
                    yield event_frame("contentBlockStop", {"contentBlockIndex": block})
                yield event_frame("messageStop", {"stopReason": FINISH_WORDS.get(reason, reason)})
            case _:
                raise TypeError(f"No frame says {delta!r}.")

    def blank(self) -> Iterable[Frame]:
        """Return frames with empty texts, and of unknown kinds."""
        yield from self._in_block("text")
        yield self._piece(self._block, {"text": ""})
        yield self._piece(self._block, {"text": None})
        yield self._piece(self._block, {"citation": {"title": "A source"}})
        yield event_frame("contentBlockStart", {"contentBlockIndex": 99, "start": {}})
        yield event_frame("ping", {"p": "abcdef"})
        yield event_frame("ping", None)

    def garbage(self) -> Iterable[Frame]:
        """Return a frame whose checksum is wrong."""
        return [event_frame("contentBlockDelta", {})[:-1] + b"?"]

    def failure(self, failure: Reported, /) -> Iterable[Frame]:
        """Return the frame of an exception."""
        name = _EXCEPTIONS.get(failure.status, "InternalServerException")
        return [exception_frame(name[0].lower() + name[1:], failure.message)]

    def end(self) -> Iterable[Frame]:
        """Return the usage."""
        if self._usage is not None:
            yield event_frame("metadata", {"usage": usage_of(self._usage), "metrics": {}})

    def last(self, items: Sequence[Delta | Reported], /) -> Iterable[Frame]:
        """Return one after another: the end is a frame of its own."""
        return one_by_one(self, items)

    def _piece(self, block: int, delta: Mapping[str, Any]) -> bytes:
        piece = {"contentBlockIndex": block, "delta": delta, "p": "abcdefgh"}
        return event_frame("contentBlockDelta", piece)

    def _in_block(self, kind: str) -> Iterator[bytes]:
        """Begin a block of this kind, unless the latest is one."""
        if self._kind != kind:
            yield from self._end_block()
            self._kind = kind
            self._block = self._next_block()

    def _end_block(self) -> Iterator[bytes]:
        if self._kind == "reasoning":
            yield self._piece(self._block, {"reasoningContent": {"signature": SIGNATURE}})
        if self._kind is not None:
            yield event_frame("contentBlockStop", {"contentBlockIndex": self._block})
        self._kind = None

    def _of_call(self, index: int, id: str | None, name: str | None) -> Iterator[bytes]:
        if index not in self._calls:
            yield from self._end_block()
            self._calls[index] = block = self._next_block()
            use = {"toolUseId": id, "name": name}
            start = {"contentBlockIndex": block, "start": {"toolUse": use}}
            yield event_frame("contentBlockStart", start)

    def _next_block(self) -> int:
        return max([self._block, *self._calls.values()]) + 1


class WholeRendering:
    """Renders deltas as one reply of JSON."""

    def __init__(self) -> None:
        self._content: list[dict[str, Any]] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._usage: Usage | None = None
        self._reason = "end_turn"

    def begin(self) -> Iterable[Any]:
        """Return nothing."""
        return []

    def delta(self, delta: Delta, /) -> Iterable[Any]:
        """Note a delta."""
        match delta:
            case TextDelta(text):
                self._block("text", "")["text"] += text
            case ReasoningDelta(text):
                signed = {"reasoningText": {"text": "", "signature": SIGNATURE}}
                self._block("reasoningContent", signed)["reasoningContent"]["reasoningText"][
                    "text"
                ] += text
            case ToolCallDelta(index, id, name, arguments):
                if index not in self._calls:
                    use: dict[str, Any] = {"toolUseId": id, "name": name, "input": ""}
                    self._calls[index] = use
                    self._content.append({"toolUse": use})
                self._calls[index]["input"] += arguments or ""
            case Usage():
                self._usage = Usage.sum(self._usage, delta)
            case Finish(reason):
                self._reason = FINISH_WORDS.get(reason, reason)
            case _:
                raise TypeError(f"No reply says {delta!r}.")
        return []

    def blank(self) -> Iterable[Any]:
        """Note an unknown block, and an empty one."""
        self._content += [{"unknown": {}}, {"text": ""}]
        return []

    def garbage(self) -> Iterable[Any]:
        """Return a body of broken JSON."""
        return [Reply(200, "{this is not JSON")]

    def failure(self, failure: Reported, /) -> Iterable[Any]:
        """Return a reply of an error status."""
        return [converse_rejection(Rejected(failure.status, failure.message))]

    def end(self) -> Iterable[Any]:
        """Return the reply."""
        for use in self._calls.values():
            use["input"] = json.loads(use["input"] or "{}")
        message = {"role": "assistant", "content": self._content}
        usage = {} if self._usage is None else {"usage": usage_of(self._usage)}
        yield Reply(200, {"output": {"message": message}, "stopReason": self._reason, **usage})

    def last(self, items: Sequence[Delta | Reported], /) -> Iterable[Any]:
        """Return one after another: an error is a reply of its own."""
        return one_by_one(self, items)

    def _block(self, kind: str, empty: Any) -> dict[str, Any]:
        if not self._content or kind not in self._content[-1]:
            self._content.append({kind: empty})
        return self._content[-1]


def usage_of(usage: Usage) -> dict[str, int]:
    """Return a usage as Bedrock counts: what a cache held is no input."""
    read = usage.cached_tokens
    written = usage.cache_write_tokens
    sent = usage.input_tokens - read - written
    return {
        "inputTokens": sent,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def converse_rejection(rejected: Rejected) -> Reply:
    """Return the reply of an error status."""
    name = _EXCEPTIONS.get(rejected.status, "InternalServerException")
    headers = {"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/", **rejected.headers}
    return Reply(rejected.status, {"message": rejected.message}, headers)
