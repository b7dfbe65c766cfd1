"""Readers: viewers that ask, which is what `async for` does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..events import Event
from .audience import Seat
from .mailbox import Mailbox
from .record import Told

__all__ = ["Following", "Reader"]


class Reader(Seat, abc.DisposableBase):
    """A viewer that keeps what it is told until somebody on this thread's loop asks for it.

    Args:
        mailbox: Where the events wait.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self.seat = SingleAssignmentDisposable()
        self._mailbox = mailbox
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._called = False
        self._ended = False
        self._error: Exception | None = None

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
        if not self._called:
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
        self._called = True
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # The loop is closed, so nobody will ask.
            self.dispose()

    async def ask(self) -> Event:
        """Wait for the next event."""
        while True:
            ended, event = self._ended, self._mailbox.take()
            if event is not None:
                return event
            if ended and self._error is not None:
                raise self._error
            if ended:
                raise StopAsyncIteration
            if self._called:
                self._called = False
            else:
                await self._arrived.wait()
                self._arrived.clear()

    def dispose(self) -> None:
        """Leave the run."""
        self._ended = True
        self.seat.dispose()
        self._mailbox.close()


class Following(AsyncIterator[Event]):
    """One `async for` over a run; it leaves when it is dropped, as leaving the loop does."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def seq(self) -> int:
        """How many events of the run it has been told of: what `since` takes to go on there."""
        return self._reader.seq

    async def __anext__(self) -> Event:
        return await self._reader.ask()

    async def aclose(self) -> None:
        """Ask no more."""
        self._reader.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.dispose()

    def __del__(self) -> None:
        self._reader.dispose()
