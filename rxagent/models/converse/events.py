"""Events of the Converse protocol, read as deltas."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from ...errors import ModelError
from ...events import Delta, Finish, ToolCallDelta
from ...exact_json import exact_text
from ...finish_reasons import finish_of
from ..blocks import Blocks
from ..cut_calls import Latest
from ..divided import Divided
from ..errors import ErrorFactory
from ..failures import failure_in
from ..openai_chat.fields import Halves, Usages, id_of, number, string, whole
from ..openai_chat.reasoning import thoughts_in
from ..own_tags import THINK, Tags
from .failures import described_error, failure_of

__all__ = ["ConverseEvents"]

_TEXT = "text"

_PARTS = ("delta", "start")
"""The parts of events that are objects of the protocol, beside the calls in them."""

_OF_EVENTS = {"contentBlockIndex", "delta", "p"}
_OF_PIECES = {"text", "reasoningContent"}

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
        tags: The tags between which the model may write its thoughts.
    """

    def __init__(
        self,
        errors: ErrorFactory,
        origin: str | None,
        vendor: str,
        tags: Sequence[Tags] = (THINK,),
    ) -> None:
        self.is_finished = self.is_settled = False
        self._errors = errors
        self._vendor = vendor
        self._blocks = Blocks(origin)
        self._usages = Usages(errors.model)
        self._halves = Halves()
        self._latest = Latest()
        self._text = Divided(self._blocks, tags, {"vendor": vendor})
        self._calls: dict[int, int] = {}
        self._open: set[int] = set()
        """The blocks of calls that have begun and not ended."""

        self._given: dict[int, Any] = {}
        """The inputs that came with the starts of calls, by their blocks."""

        self._begun: set[tuple[int, str | None, Any]] = set()
        """The blocks, the ids and the names of the calls."""

        self._foreign: set[int] = set()
        self._reasoning: dict[int, _Reasoning] = {}
        self._block = 0
        self._meaning: str | None = None

    def read(self, kind: str, event: Any) -> Iterator[Delta]:
        """Yield the deltas of an event.

        Raises:
            MalformedReply: It has an unknown shape, or says that the model wrote what is none.
            ModelError: It reports an error, or the model ended for a reason that is unknown.
        """
        if not self.is_finished:  # a whole answer cannot break
            self._check(event, *_PARTS)
        try:
            match kind:
                case "contentBlockDelta":
                    yield from self._delta(self._index(event), event.get("delta") or {})
                case "contentBlockStart":
                    yield from self._start(self._index(event), event)
                case "contentBlockStop":
                    yield from self._stop(self._index(event))
                case "messageStop":
                    yield from self._finish(event["stopReason"])
                case "metadata":
                    self.is_settled = True
                    yield from self._usage(event)
        except (AttributeError, LookupError, TypeError) as error:
            if not self.is_finished:
                raise self._errors.malformed(f"an unreadable {kind}", event) from error

    def read_whole(self, reply: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield the deltas of a reply that is not streamed.

        Raises:
            ModelError: As for `read`.
        """
        try:
            self._check(reply)
            self._check(reply["output"])
            message = reply["output"]["message"]
            self._check(message)
            for index, block in enumerate(_blocks_in(message["content"])):
                self._check({"block": block}, "block")
                yield from self._whole_block(index, block)
            try:
                yield from self._finish(reply["stopReason"])
            except ModelError:  # the tokens were spent
                yield from self._usage(reply)
                raise
            yield from self._usage(reply)
        except (AttributeError, LookupError, TypeError) as error:
            raise self._errors.malformed("an unreadable reply", reply) from error

    def end(self, is_cut: bool = False) -> Iterator[Delta]:
        """Yield what was held back.

        Args:
            is_cut: Whether the length limit has cut the reply.
        """
        for key, half in self._halves.flush().items():
            match key:
                case int():
                    yield ToolCallDelta(self._calls[key], arguments=half)
                case str() if key == _TEXT:
                    yield from self._text.add(half)
                case _:
                    yield self._blocks.reason(half)
        yield from self._text.end()
        for index in (*self._reasoning, *self._given):
            yield from self._stop(index)
        yield from self._latest.release(is_cut)

    def _check(self, event: Any, *parts: str) -> None:
        """Raise the error that an event, or one of its parts, reports."""
        if _is_piece(event):
            return
        error = failure_of(event, is_known=True)
        for part in (event.get(name) for name in parts if isinstance(event, Mapping)):
            error = failure_in(part, inside=True) if error is None else error
            if isinstance(part, Mapping) and error is None:
                error = failure_in(part.get("toolUse"), inside=True)
        if error is not None:
            raise described_error(self._errors, error)

    def _index(self, event: Any) -> int:
        """Return the index of a block; without one, it is the latest."""
        index = number(event.get("contentBlockIndex")) if isinstance(event, dict) else None
        if index is not None:
            self._block = index
        return self._block

    def _start(self, index: int, event: Any) -> Iterator[Delta]:
        start = event.get("start") if isinstance(event, Mapping) else None
        if isinstance(start, Mapping) and (use := start.get("toolUse")):
            yield from self._begin(index, use)
            if index in self._open and use.get("input"):
                self._given[index] = use["input"]

    def _begin(self, index: int, use: Mapping[str, Any]) -> Iterator[Delta]:
        """Yield the beginning of a call, unless it is repeated."""
        key = index, id_of(use.get("toolUseId")), use.get("name")
        if key in self._begun and (index in self._open or key[1] is not None):
            if index not in self._open:
                self._foreign.add(index)  # its arguments are repeated, too
            return
        if use.get("type") == "server_tool_use":
            self._foreign.add(index)
            return
        yield from self._latest.release()
        yield from self._text.settle()
        self._foreign.discard(index)
        self._open.add(index)
        self._begun.add(key)
        yield self._call(index, use)

    def _call(self, index: int, use: Mapping[str, Any]) -> ToolCallDelta:
        name = use["name"]
        if not isinstance(name, str) or not name:
            raise TypeError
        number = self._calls[index] = self._blocks.calls
        self._blocks.calls += 1
        return ToolCallDelta(number, id_of(use.get("toolUseId")), whole(name))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Delta]:
        if (thought := delta.get("reasoningContent")) is not None:
            yield from self._text.settle()
            yield from self._reason(index, thought)
        text = delta.get("text")
        if text is not None and (text := self._halves.join(_TEXT, string(text))):
            yield from self._text.add(text)
        if (use := delta.get("toolUse")) is not None:
            yield from self._arguments(index, use.get("input"))

    def _arguments(self, index: int, given: Any) -> Iterator[Delta]:
        if index in self._foreign or given is None:
            return
        yield from self._latest.release()
        text = given if isinstance(given, str) else exact_text(given)
        self._given.pop(index, None)
        if text := self._halves.join(index, text):
            delta = ToolCallDelta(self._calls[index], arguments=text)
            if isinstance(given, str):
                yield delta
            else:
                self._latest.hold(delta)

    def _reason(self, index: int, thought: Any) -> Iterator[Delta]:
        """Yield a piece of reasoning, which a whole reply has in an object of its own."""
        inner = thought.get("reasoningText") if isinstance(thought, Mapping) else None
        reasoning = inner or thought
        kept = self._reasoning.setdefault(index, _Reasoning())
        fields = reasoning if isinstance(reasoning, Mapping) else {"text": reasoning}
        texts = [text for text in thoughts_in(fields.get("text")) if isinstance(text, str)]
        if any(texts):
            kept.has_text = True
            if text := self._halves.join((index,), "".join(texts)):
                yield self._blocks.reason(text)
        signature, redacted = fields.get("signature"), fields.get("redactedContent")
        if isinstance(signature, str):
            kept.signature.append(signature)
        if isinstance(redacted, str):
            kept.redacted.append(_bytes(redacted))

    def _stop(self, index: int) -> Iterator[Delta]:
        if given := self._given.pop(index, None):
            yield from self._arguments(index, given)
        self._open.discard(index)
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

    def _whole_block(self, index: int, block: Any) -> Iterator[Delta]:
        yield from self._latest.release()
        if not isinstance(block, Mapping):
            return
        if use := block.get("toolUse"):
            yield from self._begin(index, use)
            yield from self._arguments(index, use.get("input"))
        elif "reasoningContent" in block:
            yield from self._text.settle()
            yield from self._reason(index, block["reasoningContent"])
        elif isinstance(cited := block.get("citationsContent"), Mapping):
            for part in _blocks_in(cited.get("content") or ()):
                yield from self._whole_block(index, part)
        elif (text := block.get("text")) is not None:
            yield from self._delta(index, {"text": text})
        yield from self._stop(index)

    def _finish(self, reason: Any) -> Iterator[Delta]:
        meaning = finish_of(string(reason))
        if meaning is None and reason.startswith("malformed"):
            raise self._errors.malformed("what is no reply, as Bedrock says", reason)
        if meaning is None:
            message = f"the reply ended with {reason!r}"
            raise self._errors.reported({"code": reason, "message": message})
        yield from self.end(is_cut=meaning == "length")
        self.is_finished = True
        if meaning != self._meaning:
            self._meaning = meaning
            yield Finish(meaning)

    def _usage(self, event: Any) -> Iterator[Delta]:
        """Yield the usage; Bedrock counts what was read from and written to a cache apart."""
        report = event.get("usage") if isinstance(event, Mapping) else None
        if isinstance(report, Mapping):
            counts = {name: report.get(theirs) for name, theirs in _COUNTS.items()}
            if (usage := self._usages.add(counts)) is not None:
                yield usage


def _is_piece(event: Any) -> bool:
    """Return whether an event is a piece of text or reasoning and nothing else, as nearly always.

    Such an event reports no error.
    """
    if type(event) is not dict or not event.keys() <= _OF_EVENTS:
        return False
    delta = event.get("delta")
    return type(delta) is dict and delta.keys() <= _OF_PIECES


def _blocks_in(content: Any) -> Iterable[Any]:
    """Return the blocks of a message, or of a text with citations; some servers send a text."""
    blocks: Iterable[Any] = [{"text": content}] if isinstance(content, str) else content
    return blocks


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
