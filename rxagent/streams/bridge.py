"""Bridges from streams to the loops of Python: `for`, `async for`, and a plain call."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from .home import Home
from .loop import daemon_loop, on_daemon_loop
from .workers import Workers

__all__ = ["Each", "each", "last", "refuse_own_loop"]

_T = TypeVar("_T")

_HIGH = 1024
_LOW = _HIGH // 2


def each(source: Observable[_T]) -> "Each[_T]":
    """Return what a `for` or an `async for` can loop over; leaving the loop disposes.

    A `for` blocks its thread and reads by the process's own loop; an `async for` reads by the
    running one. A loop that is slower than the stream brakes it: nothing is dropped, and at most
    some 1,024 items wait.
    """
    return Each(source)


def last(source: Observable[_T]) -> _T:
    """Block until a stream has completed, and return its last item.

    Raises:
        LookupError: The stream completed without any item.
        RuntimeError: This is the thread of the loop that would have to do the work.
    """
    latest = deque(each(source), maxlen=1)
    if not latest:
        raise LookupError("The stream completed without any item.")
    return latest[0]


def refuse_own_loop(instead: str) -> None:
    """Raise RuntimeError on the thread of the process's own loop, which must not be blocked."""
    if on_daemon_loop():
        raise RuntimeError(
            f"This thread runs the loop that would do the work, so it cannot wait. {instead}"
        )


class Each(Generic[_T]):
    """A stream to loop over; each loop is a subscription."""

    def __init__(self, source: Observable[_T]) -> None:
        self._source = source

    def __iter__(self) -> Iterator[_T]:
        refuse_own_loop("Use `async for` instead.")
        home = Home(loop=daemon_loop())
        inbox = _Inbox[_T](home)
        arrived: SimpleQueue[None] = SimpleQueue()
        inbox.tell = lambda: arrived.put(None)
        subscription = inbox.subscribe_to(self._source)
        try:
            while True:
                with Workers.waiting():
                    arrived.get()
                while inbox.items:
                    yield inbox.take()
                if inbox.ended:
                    return
        finally:
            subscription.dispose()

    def __aiter__(self) -> "_Asking[_T]":
        return _Asking(self._source)


class _Asking(AsyncIterator[_T]):
    """One `async for`; disposes when it is dropped, as leaving the loop does."""

    def __init__(self, source: Observable[_T]) -> None:
        home = Home()
        arrived = asyncio.Event()
        self._inbox = _Inbox[_T](home)
        self._inbox.tell = lambda: arrived.set() if home.is_here else home.soon(arrived.set)
        self._arrived = arrived
        self._subscription = self._inbox.subscribe_to(source)

    async def __anext__(self) -> _T:
        while not self._inbox.items:
            if self._inbox.ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbox.take()

    async def aclose(self) -> None:
        self._subscription.dispose()

    async def __aenter__(self) -> "_Asking[_T]":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._subscription.dispose()


class _Inbox(abc.ObserverBase[_T]):
    """What has arrived and was not yet taken; holds the run while it is too much."""

    def __init__(self, home: Home) -> None:
        self.items: deque[_T | _Failure] = deque()
        self.ended = False
        self.tell: Any = None
        self._home = home
        self._hold: abc.DisposableBase | None = None

    def subscribe_to(self, source: Observable[_T]) -> abc.DisposableBase:
        subscription = SingleAssignmentDisposable()
        self._home.owns(subscription, self.on_error)
        subscription.disposable = source.subscribe(self, scheduler=self._home)
        return subscription

    def on_next(self, item: _T) -> None:
        self.items.append(item)
        if self._hold is None and len(self.items) >= _HIGH:
            self._hold = self._home.hold()
        self.tell()

    def on_error(self, error: Exception) -> None:
        self.items.append(_Failure(error))
        self.on_completed()

    def on_completed(self) -> None:
        self.ended = True
        self.tell()

    def take(self) -> _T:
        item = self.items.popleft()
        if self._hold is not None and len(self.items) <= _LOW:
            self._home.gate(self._let_go)
        if isinstance(item, _Failure):
            raise item.error
        return item

    def _let_go(self) -> None:
        if self._hold is not None and len(self.items) <= _LOW:
            self._hold.dispose()
            self._hold = None


class _Failure:
    def __init__(self, error: Exception) -> None:
        self.error = error
