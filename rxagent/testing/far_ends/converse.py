"""The Converse protocol, as a far end renders and reads it."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from ...messages import Image, Message, Request, ToolCall, ToolSpec
from ..frames import Body
from ..scenarios import Reply
from .aws_frames import event_frame, exception_frame
from .http import Frame
from .items import Rejected, Reported

__all__ = [
    "FINISH_WORDS",
    "SIGNATURE",
    "ConverseRendering",
    "WholeRendering",
    "check_rules",
    "check_shape",
    "converse_rejection",
    "read_converse",
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
                yield event_frame("messageStop", {"stopReason": FINISH_WORDS[reason]})
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
                self._reason = FINISH_WORDS[reason]
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


# Requests.


def read_converse(body: Body) -> Request:
    """Return a request as the protocol means it."""
    system = [Message("system", block["text"]) for block in body.get("system") or ()]
    tools = [tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools") or ()]
    config = body.get("inferenceConfig") or {}
    return Request(
        system + [one for message in body["messages"] for one in _messages(message)],
        tools=[
            ToolSpec(tool["name"], tool.get("description", ""), tool["inputSchema"]["json"])
            for tool in tools
        ],
        stop=config.get("stopSequences") or (),
    )


def _messages(message: Mapping[str, Any]) -> Iterator[Message]:
    content = message["content"]
    if message["role"] == "assistant":
        thoughts = [block.get("reasoningContent", {}).get("reasoningText", {}) for block in content]
        yield Message(
            "assistant",
            _text(content),
            tool_calls=[_call(block["toolUse"]) for block in content if "toolUse" in block],
            reasoning="".join(thought.get("text", "") for thought in thoughts),
        )
        return
    results = [block["toolResult"] for block in content if "toolResult" in block]
    for result in results:
        said = result["content"]
        yield Message("tool", _text(said), tool_call_id=result["toolUseId"], images=_images(said))
    rest = [block for block in content if "toolResult" not in block]
    if rest:
        yield Message("user", _text(rest), images=_images(rest))


def _text(content: Sequence[Mapping[str, Any]]) -> str:
    return "".join(block.get("text", "") for block in content)


def _images(content: Sequence[Mapping[str, Any]]) -> list[Image]:
    images = [block["image"] for block in content if "image" in block]
    return [
        Image.from_bytes(base64.b64decode(one["source"]["bytes"]), f"image/{one['format']}")
        for one in images
    ]


def _call(use: Mapping[str, Any]) -> ToolCall:
    return ToolCall(use["toolUseId"], use["name"], json.dumps(use["input"]))


# What Bedrock accepts.


def check_shape(value: Any, shape: Any, path: str = "") -> None:
    """Check a value against what a service model says beyond what botocore itself checks.

    Raises:
        AssertionError: It is too long, or has another form.
    """
    limits = shape.metadata
    match shape.type_name:
        case "structure" if not shape.is_document_type:
            for name, member in shape.members.items():
                if name in value:
                    check_shape(value[name], member, f"{path}.{name}")
        case "list":
            assert len(value) <= limits.get("max", len(value)), f"{path} has too many items"
            for item in value:
                check_shape(item, shape.member, f"{path}[]")
        case "string":
            assert value in limits.get("enum", [value]), f"{path} is no {value!r}"
            assert len(value) <= limits.get("max", len(value)), f"{path} is too long: {value!r}"
            pattern = limits.get("pattern", r"[\s\S]*")
            assert re.fullmatch(pattern, value), f"{path} has another form: {value!r}"


def check_rules(body: Body) -> None:
    """Check what Bedrock demands beyond its service model, in its own sentences.

    Raises:
        AssertionError: It would be rejected.
    """
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    assert roles[:1] == ["user"], "A conversation must start with a user message."
    assert all(a != b for a, b in pairwise(roles)), "Roles must alternate."
    blocks = [block for message in messages for block in message["content"]]
    for block in blocks + list(body.get("system") or ()):
        if "text" in block:
            assert block["text"].strip(), "The text field in the ContentBlock object is blank."
    uses = any({"toolUse", "toolResult"} & block.keys() for block in blocks)
    declared = (body.get("toolConfig") or {}).get("tools")
    assert declared or not uses, (
        "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    )
    open_ids: list[str] = []
    for message in messages:
        content = message["content"]
        assert content, "The content field in the Message object is empty."
        results = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        assert sorted(results) == sorted(open_ids), f"Expected toolResult blocks for {open_ids}."
        first = ["toolResult" in block for block in content]
        assert first == sorted(first, reverse=True), "toolResult blocks must come first."
        open_ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        assert len(set(open_ids)) == len(open_ids), "Tool ids must be unique."
        is_thought = "reasoningContent" in content[-1]
        assert not is_thought, "The final block in an assistant message cannot be thinking."
