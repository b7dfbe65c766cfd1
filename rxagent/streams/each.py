"""Python loops over a stream: for, async for, and a plain call."""

from __future__ import annotations

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
from .foreign_loop import refuse_trio
from .interruptible_wait import InterruptibleWait
from .observe_on_run import observe_on_run
from .process_end import disposing
from .scheduler import RunScheduler

__all__ = ["EMPTY", "Each", "Pull", "Reader", "each", "last", "pull", "refuse_own_loop"]

_T = TypeVar("_T")

_ENOUGH = 1024


def each(source: Observable[_T]) -> Each[_T]:
    """Return an iterable for `for` or `async for`; leaving the loop disposes.

    A `for` blocks its thread and reads on the process's own loop; an `async for` reads on the
    running one. Nothing is dropped: when some 1,024 items wait, the stream is held until the loop
    has taken them, and so is each run that it is piped from.

    Raises:
        TypeError: `source` is no stream.
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
            return iter(self._source)  # a run has a loop of its own
        refuse_own_loop("Use `async for` instead.")
        scheduler = RunScheduler(loop=daemon_loop())
        scheduler.blocked = asyncio._get_running_loop()
        make = partial(_StreamReader[_T], scheduler)
        return pull(make, lambda reader: reader.subscribe_to(self._source))

    def __aiter__(self) -> AsyncIterator[_T]:
        if isinstance(self._source, Iterable) and isinstance(self._source, AsyncIterable):
            return aiter(self._source)
        make = partial(_StreamReader[_T], RunScheduler())
        return Pull(make, lambda reader: reader.subscribe_to(self._source))


EMPTY: Any = object()
"""The sign that nothing waits to be read."""


class ReadBuffer(Protocol[_T]):
    """The items that wait to be read, in order; put by one thread and taken by another."""

    def put(self, item: _T) -> None:
        """Add an item."""

    def take(self) -> _T:
        """Return the item that has waited longest, or `EMPTY`."""

    def close(self) -> None:
        """Drop what waits."""


class Reader(abc.ObserverBase[_T], abc.DisposableBase, Generic[_T]):
    """An observer that keeps what it receives until that is read.

    Args:
        buffer: Where the items wait.
        wake: Called, on any thread, when something arrives after `read` had nothing left.
    """

    def __init__(self, buffer: ReadBuffer[_T], wake: Callable[[], object]) -> None:
        self._buffer = buffer
        self._wake = wake
        self._woken = self._has_ended = self._is_left = False
        self._error: Exception | None = None

    def look(self) -> object:
        """End if nothing can arrive any more; called now and then while a thread waits."""

    def on_next(self, item: _T) -> None:
        """Keep an item."""
        self._buffer.put(item)
        if not self._woken:
            self._call()

    def on_error(self, error: Exception) -> None:
        """Keep the error."""
        self._error = error
        self.on_completed()

    def on_completed(self) -> None:
        """Keep the end."""
        self._has_ended = True
        self._call()

    def _call(self) -> None:
        self._woken = True
        self._wake()

    def read(self) -> Iterator[_T]:
        """Yield what has arrived, and `EMPTY` when that was all; raise the error."""
        while not self._is_left:
            ended, item = self._has_ended, self._buffer.take()
            if item is not EMPTY:
                yield item
            elif ended and self._error is not None:
                self.dispose()
                raise self._error
            elif ended:
                self.dispose()
            elif self._woken:
                self._woken = False
            else:
                yield item

    def dispose(self) -> None:
        """Unsubscribe from the source, and end the reading."""
        self._is_left = True
        self._buffer.close()
        self._call()


_R = TypeVar("_R", bound=Reader[Any])

Make = Callable[[Callable[[], object]], _R]


def pull(make: Make[_R], begin: Callable[[_R], object]) -> Iterator[Any]:
    """Yield what a reader receives, blocking until it arrives; leaving the loop disposes.

    Args:
        make: Makes the reader.
        begin: Called with the reader at the first `next`.
    """
    arrived: SimpleQueue[None] = SimpleQueue()
    reader = make(lambda: arrived.put(None))
    interruptible = InterruptibleWait()
    with disposing(reader.dispose):
        begin(reader)
        for item in reader.read():
            if item is EMPTY:
                interruptible.wait(
                    partial(_has_arrived, arrived), is_vain=lambda: bool(reader.look())
                )
            else:
                yield item


def _has_arrived(arrived: SimpleQueue[None], timeout: float | None) -> bool:
    try:
        arrived.get(timeout=timeout)
    except Empty:
        return False
    return True


class Pull(AsyncIterator[_T], Generic[_T, _R]):
    """One `async for`, on the running loop; leaving the loop, or dropping this, disposes.

    Args:
        make: Makes the reader.
        begin: Called with the reader at once.
    """

    def __init__(self, make: Make[_R], begin: Callable[[_R], object]) -> None:
        refuse_trio()
        self._arrived = asyncio.Event()
        self._reader = make(partial(_wake, asyncio.get_running_loop(), self._arrived))
        self._items: Iterator[_T] = self._reader.read()
        begin(self._reader)

    async def __anext__(self) -> _T:
        try:
            for item in self._items:
                if item is not EMPTY:
                    return item
                await self._arrived.wait()
                self._arrived.clear()
        except BaseException:
            del self  # the traceback keeps this frame, which must not keep an abandoned loop
            raise
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the reading."""
        self._reader.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.dispose()

    def __del__(self) -> None:
        if hasattr(self, "_reader"):  # or there was no loop to wait on
            self._reader.dispose()


def _wake(loop: asyncio.AbstractEventLoop, arrived: asyncio.Event) -> None:
    if asyncio._get_running_loop() is loop:
        arrived.set()
        return
    try:
        loop.call_soon_threadsafe(arrived.set)
    except RuntimeError:  # the loop is closed, so nothing reads any more
        if not loop.is_closed():
            raise


class _StreamReader(Reader[_T]):
    """Reads a stream that is subscribed on a run scheduler's loop."""

    def __init__(self, scheduler: RunScheduler, wake: Callable[[], object]) -> None:
        super().__init__(_HoldingBuffer(scheduler), wake)
        self._scheduler = scheduler
        self._subscription = SingleAssignmentDisposable()
        scheduler.owns(self._subscription, self.on_error)

    def subscribe_to(self, source: Observable[_T]) -> None:
        self._scheduler.run_serialized(self._subscribe_to, source)

    def _subscribe_to(self, source: Observable[_T]) -> None:
        if not self._subscription.is_disposed:
            self._subscription.disposable = observe_on_run(source).subscribe(
                self, scheduler=self._scheduler
            )

    def look(self) -> None:
        """End if the loop is closed, or belongs to the process that forked this one."""
        if self._scheduler.is_lost and not self._has_ended:
            self.on_error(RunCancelled("The event loop of this stream is closed."))

    def dispose(self) -> None:
        """Unsubscribe from the stream, and end the reading."""
        self._subscription.dispose()
        self._scheduler.disown()
        super().dispose()


class _HoldingBuffer(Generic[_T]):
    """Keeps items, and holds the run while more than 1,024 wait."""

    def __init__(self, scheduler: RunScheduler) -> None:
        self._scheduler = scheduler
        self._items: deque[_T] = deque()
        self._hold: abc.DisposableBase | None = None

    def put(self, item: _T) -> None:
        self._items.append(item)
        if self._hold is None and len(self._items) >= _ENOUGH:
            self._hold = self._scheduler.hold()

    def take(self) -> _T:
        try:
            return self._items.popleft()
        except IndexError:
            self._release()
            empty: _T = EMPTY
            return empty

    def close(self) -> None:
        self._items.clear()
        self._release()

    def _release(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            self._scheduler.post_or_run(hold.dispose)
