"""Events of Anthropic's Messages protocol, read as deltas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...events import Delta, Finish, RefusalDelta
from ...finish_reasons import finish_of
from ...streams.fairness import REST, Rest, rested
from ..errors import ErrorFactory
from ..failures import failure_in, is_foreign, wordless_failure_in
from ..json_events import JsonEvents
from ..openai_chat.fields import number, reason_of
from ..own_tags import tags_of
from .content import Content, Piece
from .declined import without_declined
from .server_tools import CONTAINER
from .usage import MessageUsage

__all__ = ["MessageEvents"]

_PARTS = ("delta", "message", "content_block")
"""The parts of events that are objects of the protocol."""

_KINDS = {f"content_block_{part}" for part in ("start", "delta", "stop")}
_KINDS |= {f"message_{part}" for part in ("start", "delta", "stop")} | {"message", "ping"}
"""The events in which words, such as a message, are no error."""


class MessageEvents(JsonEvents):
    """Reads the events of one reply, one after the other, as deltas.

    A message that comes whole is read as the events that would have streamed it. Where its stop
    reason is null, as it is while a message streams, it has broken off.

    Attributes:
        answered: Whether a part of an answer, or its end, was read.
        failure: The error that an event has reported, if one has.
        finished: Whether the answer is whole, by its stop reason or its last event.
        is_stream: Whether the values are events of a stream.
        piece: What the latest event added to a block, if it was only that.
        stopped: Whether the last event was read.

    Args:
        errors: Makes the errors.
        origin: The origin that gets back the blocks it wants back; None keeps none.
        signs: Whether the server signs each thought that it takes back.
    """

    def __init__(self, errors: ErrorFactory, origin: str | None = None, signs: bool = True) -> None:
        super().__init__(errors)
        self.stopped = False
        self.piece: Piece | None = None
        self._content = Content(origin, signs, tags_of(errors.model))
        self._usage = MessageUsage(errors.model)
        self._reason: str | None = None
        self._first: Mapping[str, Any] = {}
        """The message of the first event, which is the answer where no block follows."""

    @property
    def is_plain(self) -> bool:
        """Whether a text that fits the latest one's mould is a whole piece."""
        return not self._content.has_halves and not self.stopped

    def said(self, text: str) -> None:
        """Note that this text of the answer was emitted."""
        self._content.said(text)

    def read(self, value: Any, /) -> Iterator[Delta | Rest]:
        """Yield the deltas of an event, or of a list of them.

        Raises:
            MalformedReply: The event has an unknown shape.
        """
        self.piece = None
        return super().read(value)

    def end(self) -> Iterator[Delta | Rest]:
        """Yield what was held back, at the end of the reply."""
        yield from self._content.end(self.finished)

    def _read(self, event: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        if self.answered and isinstance(event, int | float):
            return  # such as a count, which is no part of the protocol
        if (error := self._failure_in(event)) is not None:
            self.fail(error)
            return
        index = number(event.get("index"))
        match _kind_of(event):
            case "content_block_delta":
                if isinstance(delta := event.get("delta"), dict) and delta:
                    self.answered = self._content.repeats.is_streamed = True
                    self.piece = self._content.piece(index, delta)
                    yield from self._content.grow(index, delta)
            case "content_block_start":
                if block := event.get("content_block"):
                    self._content.repeats.is_streamed = True
                    yield from self._start(index, block)
            case "content_block_stop":
                yield from self._content.stop(index)
            case "message_start":
                message = event.get("message")
                if isinstance(message, Mapping):
                    self._first = message
                    yield from self._report(message.get("usage"))
            case "message_delta":
                end = event.get("delta")
                end = end if isinstance(end, Mapping) else {}
                if reason_of(end.get("stop_reason")):
                    yield from self._say_early()
                yield from self._finish(end)
                yield from self._report(event.get("usage"))
            case "message_stop":
                yield from self._say_early()
                if not self.finished:
                    yield from self._finish(self._first)
                self._stop()
            case "message":
                yield from self._read_whole(event)

    def _failure_in(self, event: Mapping[str, Any]) -> Any:
        """Return the description of an error that an event, or a part of it, reports, or None."""
        kind = event.get("type")
        if isinstance(kind, str) and kind in _KINDS:
            if (error := failure_in(event, is_known=True)) is not None:
                return error
            errors = (failure_in(event.get(name), inside=True) for name in _PARTS)
            return next((error for error in errors if error is not None), None)
        if (error := failure_in(event)) is not None or self.finished or _is_message(event):
            return error
        is_strange = self.answered and kind is None and is_foreign(event)
        return event if is_strange else wordless_failure_in(event)

    def _start(self, index: int | None, block: Any) -> Iterator[Delta | Rest]:
        self.answered = True
        if not isinstance(block, Mapping):
            return
        if (error := failure_in(block, inside=True)) is None:
            yield from self._content.start(index, block)
        else:
            self.fail(error)

    def _read_whole(self, message: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        content = message.get("content") or ()
        blocks = without_declined([content] if isinstance(content, str) else list(content))
        if self.answered:
            blocks = self._content.repeats.new_in(blocks)
            if self._content.repeats.is_contradicted:
                yield from self._report(message.get("usage"))
                what = "a whole message that differs from the pieces of it"
                self.failure = self.failure or self._errors.malformed(what, message)
                return
        self.answered = self.answered or bool(blocks)
        yield from self._read_blocks(blocks)
        yield from self._finish(message)
        yield from self._report(message.get("usage"))
        if "stop_reason" not in message:  # some servers leave it out
            self.finished = True
        self.stopped = self.finished

    def _read_blocks(self, blocks: list[Any]) -> Iterator[Delta | Rest]:
        for block in rested(blocks):
            if block is REST:
                yield REST
            else:
                said = {"type": "text", "text": block} if isinstance(block, str) else block
                yield from self._start(None, said)
                yield from self._content.stop(None)

    def _say_early(self) -> Iterator[Delta | Rest]:
        """Yield what only the first event said."""
        early = self._first.get("content")
        if early and not self.answered and isinstance(early, list | str):
            blocks = [early] if isinstance(early, str) else early
            yield from self._read_blocks(without_declined(blocks))

    def _stop(self) -> None:
        """Note the last event.

        Without a stop reason before it, a gateway has sent it behind what broke off.
        """
        self.stopped = True
        if not self.finished and self.failure is None:
            self.failure = self._errors.unavailable("broke off before its reply was whole")
        self.finished = True

    def _finish(self, end: Mapping[str, Any]) -> Iterator[Delta | Rest]:
        reason = reason_of(end.get("stop_reason"))
        if not reason:
            return
        meaning = finish_of(reason)
        if meaning is None:
            self.fail({"code": reason, "message": f"the reply ended with {reason!r}"})
            return
        if meaning == "tool_calls" and self._content.has_lost:
            raise LookupError  # a call, of which only arguments came
        self.answered = self.finished = True
        yield from self._content.end(self.finished, is_cut=meaning == "length")
        if meaning == self._reason:
            return
        container = end.get("container") or self._first.get("container")
        if isinstance(container, Mapping) and isinstance(id := container.get("id"), str):
            yield from self._content.keep({CONTAINER: id})
        self._reason = meaning
        details = end.get("stop_details")
        if meaning == "refusal" and isinstance(details, Mapping):
            explanation = details.get("explanation")
            if explanation and isinstance(explanation, str):
                yield RefusalDelta(explanation)
        yield Finish(meaning)

    def _report(self, report: Any) -> Iterator[Delta]:
        if usage := self._usage.add(report):
            yield usage


def _kind_of(event: Mapping[str, Any]) -> Any:
    """Return the type of an event; some servers leave it out of whole messages."""
    return "message" if _is_message(event) else event.get("type")


def _is_message(event: Mapping[str, Any]) -> bool:
    """Return whether an object is a whole message, or looks like one without its type."""
    is_named = event.get("type") in (None, "message")
    return is_named and isinstance(event.get("content"), list | str)
