"""Loops of Python over a stream: for, async for, and a plain call."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, Self, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from ..arguments import shown
from ..errors import RunCancelled
from .background_loop import daemon_loop, on_daemon_loop
from .interruptible_wait import Patience
from .observe_on_run import entering
from .process_end import disposing
from .scheduler import Home

__all__ = ["DRY", "Each", "Inbox", "Pull", "each", "last", "pull", "refuse_own_loop"]

_T = TypeVar("_T")

_ENOUGH = 1024


def each(source: Observable[_T]) -> "Each[_T]":
    """Return what a `for` or an `async for` can loop over; leaving the loop disposes.

    A `for` blocks its thread and reads by the process's own loop; an `async for` reads by the
    running one. A loop that is slower than the stream brakes it, also a run from which the stream
    is piped: nothing is dropped, and some 1,024 items wait at most.

    Raises:
        TypeError: It is no stream.
    """
    if not isinstance(source, Observable):
        raise TypeError(f"each takes a stream, as each(agent(task)), not {shown(source)}.")
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
        if isinstance(self._source, Iterable):
            return iter(self._source)  # A run knows best how to be looped over.
        refuse_own_loop("Use `async for` instead.")
        home = Home(loop=daemon_loop())
        home.blocked = asyncio._get_running_loop()
        inbox = partial(_Inbox[_T], home)
        return pull(inbox, lambda inbox: inbox.subscribe_to(self._source))

    def __aiter__(self) -> AsyncIterator[_T]:
        if isinstance(self._source, Iterable) and isinstance(self._source, AsyncIterable):
            return aiter(self._source)
        return Pull(partial(_Inbox[_T], Home()), lambda inbox: inbox.subscribe_to(self._source))


class _Inbox(abc.ObserverBase[_T], abc.DisposableBase):
    """Holds what has arrived and was not read yet; holds the run while that is too much."""

    def __init__(self, home: Home, wake: Callable[[], object]) -> None:
        self._home = home
        self._wake = wake
        self._asleep = False
        self._items: deque[_T] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._hold: abc.DisposableBase | None = None
        self._subscription = SingleAssignmentDisposable()
        home.owns(self._subscription, self.on_error)

    def subscribe_to(self, source: Observable[_T]) -> None:
        self._home.gate(self._subscribe_to, source)

    def _subscribe_to(self, source: Observable[_T]) -> None:
        if not self._subscription.is_disposed:
            self._subscription.disposable = entering(source).subscribe(self, scheduler=self._home)

    def on_next(self, item: _T) -> None:
        self._items.append(item)
        if self._hold is None and len(self._items) >= _ENOUGH:
            self._hold = self._home.hold()
        if self._asleep:
            self._rouse()

    def on_error(self, error: Exception) -> None:
        self._error = error
        self.on_completed()

    def on_completed(self) -> None:
        self._ended = True
        self._rouse()

    def look(self) -> None:
        """End if the loop is gone, as it is in a forked child."""
        if self._home.is_lost and not self._ended:
            self.on_error(RunCancelled("The event loop of this stream is closed."))

    def dispose(self) -> None:
        """Let go of the stream; the reader finds that it has ended."""
        self._subscription.dispose()
        self._items.clear()
        self._go_on()
        self.on_completed()

    def read(self) -> Iterator[_T]:
        """Yield what arrives, and `DRY` whenever one has to wait until `wake` is called."""
        while True:
            while self._items:
                yield self._items.popleft()
            self._asleep = True
            ended = self._ended
            if self._items:  # They have arrived since, when nobody knew yet that we fall asleep.
                continue
            if ended:
                break
            self._go_on()
            yield DRY
        self.dispose()
        if self._error is not None:
            raise self._error

    def _rouse(self) -> None:
        self._asleep = False
        self._wake()

    def _go_on(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._home.soon(hold.dispose)


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
