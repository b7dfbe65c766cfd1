"""Channels: which pieces of a run may be joined, and how."""

from collections.abc import Hashable, Iterable, Iterator
from io import StringIO
from typing import Any

from ..events import (
    Event,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolOutput,
)

__all__ = ["Joiner", "channel", "coalesced", "piece", "with_piece"]

_TEXTS = frozenset((TextDelta, ReasoningDelta, RefusalDelta))


def channel(event: Any) -> Hashable | None:
    """Return the channel of a piece, which is its path and kind; None if an event is no piece.

    The pieces are fragments of text, reasoning, refusals and arguments, those of inner runs too.
    A fragment that names its call is none: a call begins there.
    """
    kind: type = type(event)
    if kind in _TEXTS:
        return kind
    if kind is ToolCallDelta:
        begins = event.id is not None or event.name is not None
        return None if begins or event.arguments is None else (kind, event.index)
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


def with_piece(event: Any, text: str) -> Event:
    """Return a piece of the same channel with another text."""
    match event:
        case ToolOutput(call_id, inner):
            return ToolOutput(call_id, with_piece(inner, text))
        case ToolCallDelta(index):
            return ToolCallDelta(index, arguments=text)
        case _:
            like: Event = type(event)(text)
            return like


class Joiner:
    """Pieces, joined by channel; the channels stay in the order in which they began."""

    def __init__(self) -> None:
        self._joints: dict[Hashable, tuple[Event, StringIO]] = {}

    def add(self, channel: Hashable, event: Event) -> None:
        """Join a piece to those of its channel."""
        joint = self._joints.get(channel)
        if joint is None:
            joint = self._joints[channel] = event, StringIO()
        joint[1].write(piece(event))

    def take(self) -> list[Event]:
        """Return what has been joined, and begin anew."""
        joints, self._joints = self._joints, {}
        return [with_piece(event, text.getvalue()) for event, text in joints.values()]

    def __len__(self) -> int:
        return len(self._joints)


def coalesced(events: Iterable[Event]) -> Iterator[Event]:
    """Join pieces by channel, each up to the next event that is none."""
    joiner = Joiner()
    for event in events:
        kind = channel(event)
        if kind is None:
            yield from joiner.take()
            yield event
        else:
            joiner.add(kind, event)
    yield from joiner.take()
