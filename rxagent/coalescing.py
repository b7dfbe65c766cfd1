"""Coalescing: which pieces of a run may be joined, and how.

A piece is a fragment of a text. Its channel is the text that it belongs to, as a key: pieces of
one channel may be joined.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import accumulate, chain, islice, repeat
from typing import Any, TypeAlias

from .events import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
)

__all__ = [
    "TEXTS",
    "Joiner",
    "NumberedEvents",
    "channel",
    "coalesced",
    "like",
    "numbered",
    "piece",
    "texts_of",
]

TEXTS = frozenset((TextDelta, RefusalDelta))
"""The types whose every event is a piece, with its type as channel."""

_TYPED = TEXTS | {ReasoningDelta}
"""Types whose pieces have their type as channel."""

_MANY = 256


def channel(event: Any) -> Hashable | None:
    """Return the channel of a piece, which is its path and kind; None if an event is no piece.

    Pieces are fragments of text, reasoning, refusals and arguments, those of inner runs too. A
    fragment that names its call is no piece, since a call begins there; nor is a fragment with an
    `extra`, which must keep its position.
    """
    kind: type = type(event)
    if kind in TEXTS:
        return kind
    if kind is ReasoningDelta:
        return None if event.extra else kind
    if kind is ToolCallDelta:
        is_named = event.id is not None or event.name is not None
        is_piece = event.arguments is not None and not (is_named or event.extra)
        return (kind, event.index) if is_piece else None
    if kind is ToolOutput:
        inner = channel(event.value)
        return None if inner is None else (event.call_id, inner)
    return None


def piece(event: Any) -> str:
    """Return the text of a piece."""
    while type(event) is ToolOutput:
        event = event.value
    text: str = getattr(event, "arguments" if type(event) is ToolCallDelta else "text")
    return text


def texts_of(pieces: Sequence[Any], channels: Iterable[Hashable]) -> list[str]:
    """Return the text of each piece, of which `channels` are the channels."""
    if _TYPED.issuperset(channels):  # the usual case
        return [event.text for event in pieces]
    return list(map(piece, pieces))


def like(event: Any) -> Callable[[str], Event]:
    """Return a function that makes a piece of the same channel from another text."""
    match event:
        case ToolOutput(call_id, inner):
            make = like(inner)
            return lambda text: ToolOutput(call_id, make(text))
        case ToolCallDelta(index):
            return lambda text: ToolCallDelta(index, None, None, text)
        case _:
            kind: Callable[[str], Event] = type(event)
            return kind


NumberedEvents: TypeAlias = Iterator[tuple[Event, int]]
"""Events, each with the number of events of the run up to and with it."""


def numbered(
    joined: Sequence[Event], counts: Sequence[int] | None, start: int, end: int
) -> NumberedEvents:
    """Number joined pieces, which stand for the events from `start` to `end` of a run.

    Args:
        joined: One piece for each channel.
        counts: How many pieces each stands for; None if the channels alternate, so that the last
            one completes all of them.
        start: The number of the event before them.
        end: The number of the last of them.
    """
    if counts is None:
        return zip(joined, chain(repeat(start, len(joined) - 1), [end]), strict=False)
    return zip(joined, islice(accumulate(counts, initial=start), 1, None), strict=True)


class Joiner:
    """Joins pieces by channel; the channels stay in the order in which they began."""

    def __init__(self) -> None:
        self._joined: dict[Hashable, tuple[Event, StringIO]] = {}
        self._counts: list[int] = []
        self._latest: Hashable = None
        self._alternate = False
        self._channels: list[Hashable] = []
        self._pieces: list[Any] = []

    def add(self, channel: Hashable, event: Event) -> None:
        """Join a piece to those of its channel."""
        self._channels.append(channel)
        self._pieces.append(event)
        if len(self._pieces) >= _MANY:
            self._join()

    def extend(self, channel: Hashable, events: Sequence[Event]) -> None:
        """Join pieces that are all of one channel."""
        self._channels += [channel] * len(events)
        self._pieces += events
        if len(self._pieces) >= _MANY:
            self._join()

    def _join(self) -> None:
        channels, pieces = self._channels, self._pieces
        self._channels, self._pieces = [], []
        texts = texts_of(pieces, channels)
        if len(set(channels)) == 1:  # the usual case
            self._write(channels[0], pieces[0], "".join(texts), len(texts))
        else:
            for channel, event, text in zip(channels, pieces, texts, strict=True):
                self._write(channel, event, text, 1)

    def _write(self, channel: Hashable, event: Event, text: str, count: int) -> None:
        joined = self._joined.get(channel)
        if joined is None:
            joined = self._joined[channel] = event, StringIO()
            self._latest = channel
            self._counts.append(0)
        elif channel != self._latest:
            self._alternate = True
        self._counts[-1] += count
        joined[1].write(text)

    def take(self) -> list[Event]:
        """Return the joined pieces, and start again without any."""
        return [event for event, _ in self.take_numbered(0)]

    def take_numbered(self, start: int) -> NumberedEvents:
        """Return the joined pieces, counted on from `start`, and start again without any."""
        self._join()
        joined, counts, alternate = self._joined, self._counts, self._alternate
        self._joined, self._counts, self._alternate = {}, [], False
        events = [like(event)(text.getvalue()) for event, text in joined.values()]
        return numbered(events, None if alternate else counts, start, start + sum(counts))

    def __len__(self) -> int:
        return len({**self._joined, **dict.fromkeys(self._channels)})


def coalesced(events: Iterable[Event]) -> Iterator[Event]:
    """Join pieces by channel, each up to the next event that is no piece."""
    joiner = Joiner()
    for event in events:
        kind = channel(event)
        if kind is None:
            yield from joiner.take()
            yield event
        else:
            joiner.add(kind, event)
    yield from joiner.take()
