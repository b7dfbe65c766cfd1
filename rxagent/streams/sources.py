"""Sources: how what others offer becomes a cold Observable that owns what it opens."""

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from ..errors import RunCancelled
from .home import Home
from .pace import Pace

__all__ = ["from_async", "from_batches", "from_blocking", "from_callback", "from_worker"]

_T = TypeVar("_T")


def from_async(open: Callable[[], AsyncIterable[_T]]) -> Observable[_T]:
    """Emit what an asynchronous iterable yields, read by a task on the home's loop.

    Each subscription calls `open` and iterates what it returns; disposing cancels the task, so
    whatever the iterable awaits is cut short and its `finally` blocks run.
    """

    async def batches() -> AsyncIterator[tuple[_T]]:
        items = aiter(open())
        try:
            async for item in items:
                yield (item,)
        finally:
            await _close(items)

    return from_batches(batches)


def from_batches(open: Callable[[], AsyncIterable[Iterable[_T]]]) -> Observable[_T]:
    """Emit the items of each iterable that an asynchronous iterable yields.

    It differs from `from_async` in cost alone: what arrived together is emitted together, and
    still the loop is given back after 5 ms, also inside a batch.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        fence = Disposable()

        async def pump() -> None:
            batches = aiter(open())
            try:
                await _pour(batches, observer, home, fence)
            except asyncio.CancelledError:
                if not fence.is_disposed:
                    home.gate(observer.on_error, RunCancelled("The event loop was stopped."))
                raise
            except Exception as error:
                home.gate(observer.on_error, error)
            else:
                home.gate(observer.on_completed)
            finally:
                await _close(batches)

        task = home.spawn("rxagent-source", pump)
        return _owned(home, scheduler, CompositeDisposable(fence, task))

    return Observable(subscribe)


async def _pour(
    batches: AsyncIterator[Iterable[_T]],
    observer: abc.ObserverBase[_T],
    home: Home,
    fence: Disposable,
) -> None:
    gate, on_next, pace = home.gate, observer.on_next, Pace.of(home.loop)
    await home.opened()
    async for batch in batches:
        for item in batch:
            gate(on_next, item)
            if pace.spent:
                await pace.turn()
            if fence.is_disposed:
                return
            if home.is_held:
                await home.opened()


async def _close(items: AsyncIterator[Any]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


def from_blocking(
    open: Callable[[], Iterable[_T]], abort: Callable[[], None] | None = None
) -> Observable[_T]:
    """Emit what an iterable yields, read by a thread of the subscription's own.

    Args:
        open: Called once for each subscription, on its thread.
        abort: Called when the subscription is disposed before its end; it must wake the thread
            when that waits for the next item.
    """

    def work(emit: Callable[[_T], None], cancelled: Callable[[], bool]) -> None:
        _drain(open, emit, cancelled)

    return _on_thread(work, lambda home: home.thread, abort)


def from_callback(
    work: Callable[[Callable[[_T], None], Callable[[], bool]], None],
) -> Observable[_T]:
    """Emit what a function hands to its callback, run on a thread of the subscription's own.

    The function is called as `work(emit, cancelled)`; it should return soon after `cancelled()`
    has become true.
    """
    return _on_thread(work, lambda home: home.thread)


def from_worker(open: Callable[[], Iterable[_T]]) -> Observable[_T]:
    """Emit what an iterable yields, read by a worker of the shared pool.

    It differs from `from_blocking` in where it runs: many short jobs share few threads.
    """

    def work(emit: Callable[[_T], None], cancelled: Callable[[], bool]) -> None:
        _drain(open, emit, cancelled)

    return _on_thread(work, lambda home: home.work)


def _drain(
    open: Callable[[], Iterable[_T]],
    emit: Callable[[_T], None],
    cancelled: Callable[[], bool],
) -> None:
    if cancelled():
        return
    items: Iterator[_T] = iter(open())
    try:
        for item in items:
            emit(item)
            if cancelled():
                return
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


def _on_thread(
    work: Callable[[Callable[[_T], None], Callable[[], bool]], None],
    start: Callable[[Home], Callable[[str, Callable[[], None], Callable[[], None]], None]],
    abort: Callable[[], None] | None = None,
) -> Observable[_T]:
    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        fence = Disposable()
        opened = threading.Event()
        ended = threading.Event()

        def emit(item: _T) -> None:
            if not fence.is_disposed:
                home.gate(observer.on_next, item)
            while home.can_wait and home.is_held and not fence.is_disposed:
                opened.clear()
                home.when_open(opened.set)
                opened.wait()

        def job() -> None:
            try:
                work(emit, lambda: fence.is_disposed)
            except Exception as error:
                home.gate(observer.on_error, error)
            else:
                home.gate(observer.on_completed)
            finally:
                ended.set()

        def dispose() -> None:
            fence.dispose()
            opened.set()
            if abort is not None and not ended.is_set():
                abort()

        home.when_open(lambda: start(home)("rxagent-source", job, dispose))
        return _owned(home, scheduler, Disposable(dispose))

    return Observable(subscribe)


def _owned(
    home: Home, scheduler: abc.SchedulerBase | None, subscription: abc.DisposableBase
) -> abc.DisposableBase:
    if home is not scheduler:
        home.owns(subscription)
    return subscription
