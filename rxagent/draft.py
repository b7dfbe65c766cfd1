"""Drafts: an incomplete message, as its deltas arrive."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

from attrs import field, frozen

from .events import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    TextDelta,
    ToolCallDelta,
)
from .growing import MapView
from .messages import Message, ProviderData, ToolCall

__all__ = ["EMPTY", "Draft", "TextView", "grow"]


_new = object.__new__  # looked up once, not for each delta


class TextView:
    """A text that grows by pieces in linear time, with every earlier state still readable.

    ``+`` appends to a log that all views of a text share, and returns a new view. It copies the
    log first if another view has appended, or appends on another thread. Reading a view copies its
    text once; later reads cost nothing.
    """

    __slots__ = ("_length", "_log")

    def __init__(self, text: str = "") -> None:
        self._log = _Log(text)
        self._length = len(text)

    def __add__(self, piece: str) -> TextView:
        if not piece:
            return self
        log, length = self._log, self._length
        try:
            end = log.take_end()
        except IndexError:  # another thread appends
            end = None
        if end != length or not length:
            if end is not None:
                log.put_end(end)
            log = _Log(self.text)
            log.take_end()
        log.write(piece)
        length += len(piece)
        log.put_end(length)
        view = _new(TextView)
        view._log = log
        view._length = length
        return view

    @property
    def text(self) -> str:
        """The whole text."""
        return self._log.read(self._length)

    def __len__(self) -> int:
        return self._length

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"TextView({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextView) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return TextView, (self.text,)


class _Log:
    """The pieces that views share: a buffer, and the text that was last joined.

    Taking the end gives the right to append. That is atomic, so two threads never write at once. A
    writer that is interrupted does not put the end back, so nothing appends to the log any more.
    """

    __slots__ = ("_buffer", "_joined", "put_end", "take_end", "write")

    def __init__(self, text: str) -> None:
        self._buffer = StringIO()
        self._joined = text
        self.write = self._buffer.write
        self.write(text)
        end = [len(text)]
        self.take_end, self.put_end = end.pop, end.append

    def read(self, length: int) -> str:
        joined = self._joined
        if len(joined) < length:
            joined = self._joined = self._buffer.getvalue()
        return joined if len(joined) == length else joined[:length]


_NOTHING = TextView()


@frozen
class _CallDraft:
    index: int
    id: str = ""
    name: str = ""
    arguments: TextView = _NOTHING
    extra: tuple[ProviderData, ...] = ()

    def grow(self, piece: ToolCallDelta) -> _CallDraft:
        return _CallDraft(
            self.index,
            self.id or piece.id or "",
            piece.name or self.name,
            self.arguments + (piece.arguments or ""),
            self.extra + piece.extra if piece.extra else self.extra,
        )


@frozen
class _Calls:
    """The calls of a message, and the message's own extra, which is as rare.

    The latest call is separate, since usually only that one grows.
    """

    earlier: MapView[int, _CallDraft] = field(default=MapView(), hash=False)
    latest: _CallDraft | None = None
    extra: tuple[ProviderData, ...] = ()

    def __iter__(self) -> Iterator[_CallDraft]:
        yield from self.earlier.in_order()
        if self.latest is not None:
            yield self.latest

    def grow(self, piece: ToolCallDelta) -> _Calls:
        earlier, latest, index, extra = self.earlier, self.latest, piece.index, self.extra
        if latest is None:
            return _Calls(earlier, _CallDraft(index).grow(piece), extra)
        if latest.index == index:
            return _Calls(earlier, latest.grow(piece), extra)
        if index in earlier:
            return _Calls(earlier.set(index, earlier[index].grow(piece)), latest, extra)
        return _Calls(earlier.set(latest.index, latest), _CallDraft(index).grow(piece), extra)

    def add_extra(self, extra: tuple[ProviderData, ...]) -> _Calls:
        return _Calls(self.earlier, self.latest, self.extra + extra)


_NO_CALLS = _Calls()


@frozen
class Draft:
    """An incomplete message."""

    text: TextView = _NOTHING
    reasoning: TextView = _NOTHING
    refusal: TextView = _NOTHING
    calls: _Calls = _NO_CALLS

    @property
    def message(self) -> Message:
        """The message so far; its calls ordered by index, then arrival."""
        calls = sorted(self.calls, key=lambda call: call.index)
        return Message(
            "assistant",
            self.text.text,
            tuple(ToolCall(call.id, call.name, call.arguments.text, call.extra) for call in calls),
            reasoning=self.reasoning.text,
            extra=self.calls.extra,
        )

    @property
    def is_empty(self) -> bool:
        """Whether no delta had content."""
        return not (self.text or self.reasoning or self.calls.latest or self.calls.extra)


EMPTY = Draft()
"""The draft before the first delta."""


def grow(draft: Draft, delta: Event) -> Draft:
    """Return a draft with one more normalised delta."""
    # Constructors instead of `evolve`: a delta costs half as much.
    match delta:
        case TextDelta():
            return Draft(draft.text + delta.text, draft.reasoning, draft.refusal, draft.calls)
        case ReasoningDelta():
            calls = draft.calls.add_extra(delta.extra) if delta.extra else draft.calls
            return Draft(draft.text, draft.reasoning + delta.text, draft.refusal, calls)
        case ToolCallDelta():
            calls = draft.calls.grow(delta)
            return Draft(draft.text, draft.reasoning, draft.refusal, calls)
        case RefusalDelta():
            return Draft(draft.text, draft.reasoning, draft.refusal + delta.text, draft.calls)
        case StepRetried():
            return EMPTY
        case _:
            return draft
