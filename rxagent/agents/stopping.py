"""Stopping: what makes a call fail ends the calls within it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reactivex import abc

from ..events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    ToolCompleted,
    ToolFailed,
    ToolOutput,
    ToolStarted,
)
from ..streams.sink import Sink

__all__ = ["WholeCall"]

_OF_CALLS = frozenset((ApprovalAsked, ApprovalAnswered, ToolStarted, ToolCompleted, ToolFailed))

_Path = tuple[str, ...]
"""The id of a call behind the ids of the calls that it is within."""


class WholeCall(Sink[Event, Event]):
    """Passes the events of a call on, or of several at once, and can end it.

    Code makes calls of its own, and so does an agent that is called as a tool. Where the call
    fails before these have ended, because of a limit, an error or a message, they end right before
    it: the latest first, and with the same error. A call that completes ends none: its tool may
    have let through only some of the events within it.

    Calls within it may have the same path, as those of two agents whose streams a tool merges, so
    they are counted.
    """

    __slots__ = ("_answered", "_unended")

    def __init__(self, observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._unended: dict[_Path, int] = {}
        self._answered: dict[_Path, int] = {}
        """How many of these have not started, after a question about them was answered."""

    def on_next(self, value: Event) -> None:
        """Pass an event on; before the failure of a call, end those within it."""
        path: _Path = ()
        inner: Any = value
        while type(inner) is ToolOutput:
            path, inner = (*path, inner.call_id), inner.value
        if type(inner) in _OF_CALLS:
            self._note(path, inner)
        self.observer.on_next(value)

    def _note(self, path: _Path, event: Any) -> None:
        match event:
            case ApprovalAsked(call):
                _count(self._unended, (*path, call.id), 1)
            case ApprovalAnswered(call_id):
                _count(self._answered, (*path, call_id), 1)
            case ToolStarted(call):
                begun = (*path, call.id)
                was_asked = begun in self._answered
                _count(self._answered if was_asked else self._unended, begun, 1 - 2 * was_asked)
            case ToolCompleted(call_id) | ToolFailed(call_id):
                ended = (*path, call_id)
                left = _count(self._unended, ended, -1)
                _count(self._answered, ended, min(0, left - self._answered.get(ended, 0)))
                if not path and isinstance(event, ToolFailed):
                    self._end_within(ended, event.error)

    def _end_within(self, call: _Path, error: str) -> None:
        for path in [path for path in self._unended if path[:1] == call][::-1]:
            event: Event = ToolFailed(path[-1], error)
            for outer in path[-2::-1]:
                event = ToolOutput(outer, event)
            for _ in range(self._unended.pop(path)):
                self.observer.on_next(event)

    def stop(self, failed: Callable[[], ToolFailed]) -> None:
        """Dispose the source, and end the call.

        Args:
            failed: Makes the last event, when the call has been stopped.
        """
        self._dispose_source()
        WholeCall.on_next(self, failed())
        Sink.on_completed(self)


def _count(counts: dict[_Path, int], path: _Path, more: int) -> int:
    """Count more or fewer calls of a path, which is the latest then; return how many are left."""
    count = max(0, counts.pop(path, 0) + more)
    if count:
        counts[path] = count
    return count
