"""Stopping: whatever ends a call ends the calls within it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reactivex import abc

from ..events import ApprovalAsked, Event, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from ..streams.sink import Sink

__all__ = ["WholeCall"]

_OF_CALLS = frozenset((ApprovalAsked, ToolStarted, ToolCompleted, ToolFailed))
_OUTLIVED = "Cancelled: the call that made it ended before it did."

_Path = tuple[str, ...]
"""The id of a call behind the ids of the calls that it is within."""


class WholeCall(Sink[Event, Event]):
    """Passes the events of a call on, or of several at once, and can end it.

    Code makes calls of its own, and so does an agent that is called as a tool. Those that have not
    ended before the call that made them, because of a limit, an error or a message, end right
    before it: the latest first, and with the same error.
    """

    __slots__ = ("_unended",)

    def __init__(self, observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._unended: dict[_Path, None] = {}

    def on_next(self, value: Event) -> None:
        """Pass an event on; before the end of a call, end those within it."""
        path: _Path = ()
        inner: Any = value
        while type(inner) is ToolOutput:
            path, inner = (*path, inner.call_id), inner.value
        if type(inner) in _OF_CALLS:
            self._note(path, inner)
        self.observer.on_next(value)

    def _note(self, path: _Path, event: Any) -> None:
        if isinstance(event, ApprovalAsked | ToolStarted):
            self._unended[*path, event.call.id] = None
            return
        call = (*path, event.call_id)
        self._unended.pop(call, None)
        if self._unended:
            self._end_within(call, event.error if isinstance(event, ToolFailed) else _OUTLIVED)

    def _end_within(self, call: _Path, error: str) -> None:
        for path in [path for path in self._unended if path[: len(call)] == call][::-1]:
            del self._unended[path]
            event: Event = ToolFailed(path[-1], error)
            for outer in path[-2::-1]:
                event = ToolOutput(outer, event)
            self.observer.on_next(event)

    def stop(self, failed: Callable[[], ToolFailed]) -> None:
        """Dispose the source, and end the call.

        Args:
            failed: Makes the last event, when the call has been stopped.
        """
        self._dispose_source()
        WholeCall.on_next(self, failed())
        Sink.on_completed(self)
