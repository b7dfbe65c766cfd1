"""Pulling: how the loops of Python ask for what others tell."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, Self, TypeVar

from .blocking import Patience
from .loop import disposing

__all__ = ["DRY", "Inbox", "Pull", "pull"]

_T = TypeVar("_T")
_Told = TypeVar("_Told", covariant=True)

DRY: Any = object()
"""What an inbox yields in place of an item when whoever asks has to wait."""


class Inbox(Protocol[_Told]):
    """What was told and not yet asked for; it is made with a function that wakes who waits."""

    def read(self) -> Iterator[_Told]:
        """Yield what has come, and `DRY` whenever that was all; raise what ended it."""

    def look(self) -> object:
        """End if nothing can come any more; called now and then while a thread waits."""

    def dispose(self) -> None:
        """Let go of who tells; whoever waits is woken."""


_I = TypeVar("_I", bound=Inbox[Any])

Make = Callable[[Callable[[], object]], _I]


def pull(make: Make[_I], begin: Callable[[_I], object]) -> Iterator[Any]:
    """Yield what an inbox is told, blocking for it; leaving the loop disposes.

    Args:
        make: Makes the inbox.
        begin: Called with it when somebody asks.
    """
    arrived: SimpleQueue[None] = SimpleQueue()
    inbox = make(lambda: arrived.put(None))
    patience = Patience()
    with disposing(inbox.dispose):
        begin(inbox)
        for item in inbox.read():
            if item is DRY:
                patience.wait(partial(_has_come, arrived), is_vain=lambda: bool(inbox.look()))
            else:
                yield item


def _has_come(arrived: SimpleQueue[None], timeout: float | None) -> bool:
    try:
        arrived.get(timeout=timeout)
    except Empty:
        return False
    return True


class Pull(AsyncIterator[_T], Generic[_T, _I]):
    """One `async for`, on the running loop; it disposes when it is dropped, as leaving it does.

    Args:
        make: Makes the inbox.
        begin: Called with it at once.
    """

    def __init__(self, make: Make[_I], begin: Callable[[_I], object]) -> None:
        self._arrived = asyncio.Event()
        self._inbox = make(partial(_wake, asyncio.get_running_loop(), self._arrived))
        self._items: Iterator[_T] = self._inbox.read()
        begin(self._inbox)

    async def __anext__(self) -> _T:
        for item in self._items:
            if item is not DRY:
                return item
            await self._arrived.wait()
            self._arrived.clear()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ask no more."""
        self._inbox.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._inbox.dispose()

    def __del__(self) -> None:
        if hasattr(self, "_inbox"):  # or there was no loop to wait on
            self._inbox.dispose()


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    if asyncio._get_running_loop() is loop:
        arrived.set()
        return
    try:
        loop.call_soon_threadsafe(arrived.set)
    except RuntimeError:  # The loop is closed, so nobody asks any more.
        if not loop.is_closed():
            raise
