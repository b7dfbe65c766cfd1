"""JsonLines: a run as lines of JSON."""

from __future__ import annotations

from typing import TextIO

from reactivex import abc

from ..errors import describe
from ..events import Event, RunFailed
from ..wire import dumps

__all__ = ["JsonLines"]


class JsonLines(abc.ObserverBase[Event]):
    """Writes each event to a stream as a line of JSON, and an error as `RunFailed`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_next(self, event: Event) -> None:
        """Write an event."""
        self._stream.write(dumps(event) + "\n")
        self._stream.flush()

    def on_error(self, error: Exception) -> None:
        """Write the error that ended the run."""
        self.on_next(RunFailed(type(error).__name__, describe(error)))

    def on_completed(self) -> None:
        """Write nothing: the last event was RunCompleted."""
