"""Events of the Converse protocol, read as deltas."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field

from ...events import Delta, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from ..blocks import Blocks
from ..errors import ErrorFactory
from ..openai_chat.fields import Halves, Usages, finish_of, id_of, number, string, whole

__all__ = ["ConverseEvents"]

_TEXT = "text"

_COUNTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "cache_creation_input_tokens": "cacheWriteInputTokens",
}
"""The counts of a usage as Anthropic names them, and as Bedrock does."""


@define
class _Reasoning:
    """The reasoning of a block, which is kept at its end."""

    signature: list[str] = field(factory=list)
    redacted: list[bytes] = field(factory=list)
    has_text: bool = False


class ConverseEvents:
    """Reads the events of one reply, one after the other, as deltas.

    What stands beside text and calls, and cannot be read, is skipped, as are tools that Bedrock
    runs itself and events that are unknown.

    Attributes:
        is_finished: Whether the answer is whole.
        is_settled: Whether its usage has come, which is the last event.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the data it wants back; None keeps no such data.
        vendor: The vendor of the model; another one's gets no data back.
    """

    def __init__(self, errors: ErrorFactory, origin: str | None, vendor: str) -> None:
        self.is_finished = self.is_settled = False
        self._errors = errors
        self._vendor = vendor
        self._blocks = Blocks(origin)
        self._usages = Usages(errors.model)
        self._halves = Halves()
        self._calls: dict[int, int] = {}
        self._foreign: set[int] = set()
        self._reasoning: dict[int, _Reasoning] = {}
        self._block = 0

    def read(self, kind: str, event: Any) -> Iterator[Delta]:
        """Yield the deltas of an event.

        Raises:
            MalformedReply: It has an unknown shape, or says that the model wrote what is none.
            ModelError: The model ended for a reason that is unknown.
        """
        try:
            match kind:
                case "contentBlockDelta":
                    yield from self._delta(self._index(event), event["delta"])
                case "contentBlockStart":
                    yield from self._start(self._index(event), event.get("start") or {})
                case "contentBlockStop":
                    yield from self._stop(self._index(event))
                case "messageStop":
                    yield from self._finish(event["stopReason"])
                case "metadata":
                    self.is_settled = True
                    yield from self._usage(event.get("usage"))
        except (AttributeError, LookupError, TypeError) as error:
            if not self.is_finished:
                raise self._errors.malformed(f"an unreadable {kind}", event) from error

    def read_whole(self, reply: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield the deltas of a reply that is not streamed.

        Raises:
            ModelError: As for `read`.
        """
        try:
            for index, block in enumerate(reply["output"]["message"]["content"]):
                yield from self._whole_block(index, block)
            yield from self._finish(reply["stopReason"])
            yield from self._usage(reply.get("usage"))
        except (AttributeError, LookupError, TypeError) as error:
            raise self._errors.malformed("an unreadable reply", reply) from error

    def end(self) -> Iterator[Delta]:
        """Yield what was held back."""
        for key, half in self._halves.flush().items():
            match key:
                case int():
                    yield ToolCallDelta(self._calls[key], arguments=half)
                case str() if key == _TEXT:
                    yield self._said(half)
                case _:
                    yield self._blocks.reason(half)
        for index in tuple(self._reasoning):
            yield from self._stop(index)

    def _index(self, event: Mapping[str, Any]) -> int:
        """Return the index of a block; without one, it is the latest."""
        index = number(event.get("contentBlockIndex"))
        if index is not None:
            self._block = index
        return self._block

    def _start(self, index: int, start: Mapping[str, Any]) -> Iterator[Delta]:
        use = start.get("toolUse")
        if not use:
            return
        if use.get("type") == "server_tool_use":
            self._foreign.add(index)
            return
        yield self._call(index, use)

    def _call(self, index: int, use: Mapping[str, Any]) -> ToolCallDelta:
        name = use["name"]
        if not isinstance(name, str) or not name:
            raise TypeError
        number = self._calls[index] = self._blocks.calls
        self._blocks.calls += 1
        return ToolCallDelta(number, id_of(use.get("toolUseId")), whole(name))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Delta]:
        text = delta.get("text")
        if text is not None:
            if text := self._halves.join(_TEXT, string(text)):
                yield self._said(text)
        elif (use := delta.get("toolUse")) is not None:
            yield from self._arguments(index, use.get("input"))
        elif isinstance(reasoning := delta.get("reasoningContent"), Mapping):
            yield from self._reason(index, reasoning)

    def _said(self, text: str) -> TextDelta:
        self._blocks.text += len(text)
        return TextDelta(text)

    def _arguments(self, index: int, given: Any) -> Iterator[Delta]:
        if index in self._foreign or given is None:
            return
        text = given if isinstance(given, str) else json.dumps(given)
        if text := self._halves.join(index, text):
            yield ToolCallDelta(self._calls[index], arguments=text)

    def _reason(self, index: int, reasoning: Mapping[str, Any]) -> Iterator[Delta]:
        kept = self._reasoning.setdefault(index, _Reasoning())
        text, signature = reasoning.get("text"), reasoning.get("signature")
        redacted = reasoning.get("redactedContent")
        if isinstance(text, str):
            kept.has_text = True
            if text := self._halves.join((index,), text):
                yield self._blocks.reason(text)
        if isinstance(signature, str):
            kept.signature.append(signature)
        if isinstance(redacted, str):
            kept.redacted.append(_bytes(redacted))

    def _stop(self, index: int) -> Iterator[ReasoningDelta]:
        kept = self._reasoning.pop(index, None)
        if kept is None:
            return
        signature, redacted = "".join(kept.signature), b"".join(kept.redacted)
        if kept.has_text or signature:
            signed = {"signature": signature} if signature else {}
            yield from self._blocks.keep({"vendor": self._vendor, **signed})
        if redacted:
            data = base64.b64encode(redacted).decode()
            yield from self._blocks.keep({"vendor": self._vendor, "redactedContent": data})

    def _whole_block(self, index: int, block: Mapping[str, Any]) -> Iterator[Delta]:
        if "toolUse" in block:
            use = block["toolUse"]
            yield from self._start(index, block)
            yield from self._arguments(index, use.get("input"))
        elif "reasoningContent" in block:
            reasoning = block["reasoningContent"]
            yield from self._reason(index, reasoning.get("reasoningText") or reasoning)
            yield from self._stop(index)
        elif "citationsContent" in block:
            for part in block["citationsContent"].get("content") or ():
                yield from self._delta(index, part)
        else:
            yield from self._delta(index, block)

    def _finish(self, reason: Any) -> Iterator[Delta]:
        meaning = finish_of(string(reason))
        if meaning is None and reason.startswith("malformed"):
            raise self._errors.malformed("what is no reply, as Bedrock says", reason)
        if meaning is None:
            message = f"the reply ended with {reason!r}"
            raise self._errors.reported({"code": reason, "message": message})
        yield from self.end()
        self.is_finished = True
        yield Finish(meaning)

    def _usage(self, report: Any) -> Iterator[Delta]:
        """Yield the usage; Bedrock counts what was read from and written to a cache apart."""
        if isinstance(report, Mapping):
            counts = {name: report.get(theirs) for name, theirs in _COUNTS.items()}
            if (usage := self._usages.add(counts)) is not None:
                yield usage


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
