"""Readers: the loops over a run."""

from __future__ import annotations

from collections.abc import Callable

from reactivex.disposable import SingleAssignmentDisposable

from ..coalescing import NumberedEvents
from ..errors import BufferOverflow
from ..events import Event
from ..streams.each import Pull, Reader
from .broadcast import QueuedObserver
from .buffers import Buffer

__all__ = ["Following", "RunReader"]


class RunReader(Reader[Event], QueuedObserver):
    """An observer that keeps the events of a run until a loop reads them.

    Args:
        buffer: Where the events wait.
        look: Ends the run if its loop has stopped.
        wake: Called, on any thread, when something arrives after `read` had nothing left.
    """

    def __init__(
        self, buffer: Buffer, look: Callable[[], object], wake: Callable[[], object]
    ) -> None:
        super().__init__(buffer, wake)
        self.subscription = SingleAssignmentDisposable()
        self._events = buffer
        self._look = look

    @property
    def observes_errors(self) -> bool:
        """Always true, since reading raises them."""
        return True

    @property
    def seq(self) -> int:
        """How many events of the run have been read."""
        return self._events.seq

    def look(self) -> object:
        """End the run if its loop has stopped."""
        return self._look()

    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Keep the replay."""
        self._events.begin(replay, seq)
        self._call()

    def on_next(self, event: Event) -> None:
        """Keep an event; if the buffer refuses it, leave the run and let `read` raise that."""
        try:
            super().on_next(event)
        except BufferOverflow as error:
            self.on_error(error)
            self.subscription.dispose()

    def dispose(self) -> None:
        """Unsubscribe from the run, and end the reading."""
        self.subscription.dispose()
        super().dispose()


class Following(Pull[Event, RunReader]):
    """One `async for` over a run; leaving the loop, or dropping this, unsubscribes."""

    @property
    def seq(self) -> int:
        """How many events of the run were read; as `since`, it continues there.

        It counts as `Stamped.seq` does, from the run's first event on. Events that the buffer has
        joined or dropped count, too, and those before `since`.
        """
        return self._reader.seq
