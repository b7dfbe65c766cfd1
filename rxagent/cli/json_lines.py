"""JSON lines: a run as one line of the wire for each event."""

from typing import TextIO

from reactivex import abc

from ..errors import describe
from ..events import Event, RunFailed
from ..wire import dumps

__all__ = ["JsonLines"]


class JsonLines(abc.ObserverBase[Event]):
    """Writes each event to a stream at once; what ends a run without an answer is the last."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def on_next(self, event: Event) -> None:
        """Write an event."""
        self._stream.write(dumps(event) + "\n")
        self._stream.flush()

    def on_error(self, error: Exception) -> None:
        """Write what ended the run."""
        self.on_next(RunFailed(type(error).__name__, describe(error)))

    def on_completed(self) -> None:
        """Write nothing; the last event has said it."""
