"""Readers: viewers that ask, which is what loops over a run do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Self

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..events import Event
from ..streams.blocking import Patience
from ..streams.loop import disposing
from .audience import Seat
from .mailbox import Mailbox
from .record import Told

__all__ = ["Following", "Reader", "following"]


class Reader(Seat, abc.DisposableBase):
    """A viewer that keeps what it is told until somebody asks for it.

    Args:
        mailbox: Where the events wait.
        wake: Called, on any thread, when something has come after `read` had nothing left.
    """

    def __init__(self, mailbox: Mailbox, wake: Callable[[], object]) -> None:
        self.seat = SingleAssignmentDisposable()
        self._mailbox = mailbox
        self._wake = wake
        self._woken = False
        self._ended = False
        self._error: Exception | None = None

    @property
    def hears_errors(self) -> bool:
        """Always, since it raises them."""
        return True

    @property
    def seq(self) -> int:
        """How many events of the run have been asked for."""
        return self._mailbox.seq

    def begin(self, replay: Told, seq: int) -> None:
        """Keep what has happened so far."""
        self._mailbox.begin(replay, seq)
        self._call()

    def on_next(self, event: Event) -> None:
        """Keep an event."""
        self._mailbox.put(event)
        if not self._woken:
            self._call()

    def on_error(self, error: Exception) -> None:
        """Keep the error."""
        self._error = error
        self.on_completed()

    def on_completed(self) -> None:
        """Keep the end."""
        self._ended = True
        self._call()

    def _call(self) -> None:
        self._woken = True
        self._wake()

    def read(self) -> Iterator[Event | None]:
        """Yield what has come, and None whenever that was all; raise the error."""
        while True:
            ended, event = self._ended, self._mailbox.take()
            if event is not None:
                yield event
            elif ended and self._error is not None:
                raise self._error
            elif ended:
                return
            elif self._woken:
                self._woken = False
            else:
                yield None

    def dispose(self) -> None:
        """Leave the run."""
        self._ended = True
        self.seat.dispose()
        self._mailbox.close()


def following(mailbox: Mailbox, admit: Callable[[Reader], None]) -> Iterator[Event]:
    """Yield what a reader is told, blocking for it; leaving the loop leaves the run."""
    arrived: SimpleQueue[None] = SimpleQueue()
    reader = Reader(mailbox, lambda: arrived.put(None))
    patience = Patience()
    with disposing(reader.dispose):
        admit(reader)
        for event in reader.read():
            if event is not None:
                yield event
            else:
                patience.wait(partial(_has_come, arrived))


def _has_come(arrived: SimpleQueue[None], timeout: float | None) -> bool:
    try:
        arrived.get(timeout=timeout)
    except Empty:
        return False
    return True


class Following(AsyncIterator[Event]):
    """One `async for` over a run; it leaves when it is dropped, as leaving the loop does."""

    def __init__(self, mailbox: Mailbox, admit: Callable[[Reader], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._reader = Reader(mailbox, partial(_wake, self._loop, self._arrived))
        self._events = self._reader.read()
        admit(self._reader)

    @property
    def seq(self) -> int:
        """How many events of the run it has been told of: what `since` takes to go on there."""
        return self._reader.seq

    async def __anext__(self) -> Event:
        for event in self._events:
            if event is not None:
                return event
            await self._arrived.wait()
            self._arrived.clear()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ask no more."""
        self._reader.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.dispose()

    def __del__(self) -> None:
        if hasattr(self, "_reader"):  # or there was no loop to follow on
            self._reader.dispose()


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(arrived.set)
    except RuntimeError:  # The loop is closed, so nobody asks any more.
        if not loop.is_closed():
            raise
