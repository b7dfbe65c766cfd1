"""Stopping: calls that are ended from outside, with all calls within them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reactivex import abc

from ..events import ApprovalAsked, Event, ToolCompleted, ToolFailed, ToolOutput, ToolStarted
from ..streams.sink import Sink

__all__ = ["StoppableCall"]

_OF_CALLS = frozenset((ApprovalAsked, ToolStarted, ToolCompleted, ToolFailed))


class StoppableCall(Sink[Event, Event]):
    """Passes the events of a call on, and can end it.

    Code makes calls of its own, and so does an agent that is called as a tool. Those that run when
    the call is stopped end with the same error, the latest first.
    """

    __slots__ = ("_within",)

    def __init__(self, observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._within: dict[tuple[str, ...], None] = {}

    def on_next(self, value: Event) -> None:
        """Pass an event on, and note the calls within this one."""
        if type(value) is ToolOutput:
            self._note(value)
        self.observer.on_next(value)

    def _note(self, event: ToolOutput) -> None:
        path: tuple[str, ...] = ()
        inner: Any = event
        while type(inner) is ToolOutput:
            path, inner = (*path, inner.call_id), inner.value
        if type(inner) not in _OF_CALLS:
            return
        if isinstance(inner, ApprovalAsked | ToolStarted):
            self._within[*path, inner.call.id] = None
        else:
            self._within.pop((*path, inner.call_id), None)

    def stop(self, failed: Callable[[], ToolFailed]) -> None:
        """Dispose the source, and end the call.

        Args:
            failed: Makes the last event, when the call has been stopped.
        """
        self._dispose_source()
        last = failed()
        for event in self._endings(last.error):
            self.observer.on_next(event)
        self.observer.on_next(last)
        Sink.on_completed(self)

    def _endings(self, error: str) -> Iterator[Event]:
        for *path, call_id in reversed(self._within):
            event: Event = ToolFailed(call_id, error)
            for outer in reversed(path):
                event = ToolOutput(outer, event)
            yield event
