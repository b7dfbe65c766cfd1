"""Sources: how what others offer becomes a cold Observable that owns what it opens."""

import logging
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from ..errors import RunCancelled, describe
from .home import Home
from .pace import Pace
from .workers import Workers

__all__ = ["from_async", "from_batches", "from_blocking", "from_callback", "from_worker"]

_T = TypeVar("_T")

_log = logging.getLogger("rxagent")


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
            try:
                await _pour(open, observer.on_next, home, fence)
            except (Exception, SystemExit) as error:
                await home.opened()
                home.gate(observer.on_error, _as_error(error))
            else:
                await home.opened()
                home.gate(observer.on_completed)

        def lost() -> None:
            home.gate(observer.on_error, RunCancelled("The task that read the source was stopped."))

        task = home.spawn("rxagent-source", pump, lost)
        return _owned(home, scheduler, CompositeDisposable(fence, task))

    return Observable(subscribe)


async def _pour(
    open: Callable[[], AsyncIterable[Iterable[_T]]],
    on_next: Callable[[_T], None],
    home: Home,
    fence: Disposable,
) -> None:
    gate, pace = home.gate, Pace.of(home.loop)
    await home.opened()
    batches = aiter(open())
    try:
        async for batch in batches:
            if home.is_held:
                await home.opened()
            for item in batch:
                gate(on_next, item)
                if pace.spent:
                    await pace.turn()
                if fence.is_disposed:
                    return
                if home.is_held:
                    await home.opened()
    finally:
        await _close(batches)


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
        abort: Called when the subscription is disposed after `open` was called and before the
            end; it must wake the thread when that waits for the next item.
    """
    return _on_thread(partial(_drain, open), lambda home: home.thread, abort)


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
    return _on_thread(partial(_drain, open), lambda home: home.work)


def _drain(
    open: Callable[[], Iterable[_T]],
    emit: Callable[[_T], None],
    cancelled: Callable[[], bool],
) -> None:
    items: Iterator[_T] = iter(open())
    try:
        if cancelled():
            return
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
        reading = False

        def wait() -> None:
            while home.is_held and home.can_wait:
                opened.clear()
                if fence.is_disposed:
                    return
                home.when_open(opened.set)
                with Workers.waiting():
                    opened.wait()

        def tell(notify: Callable[..., None], *told: Any) -> None:
            wait()
            if not fence.is_disposed:
                home.gate(notify, *told)

        def emit(item: _T) -> None:
            tell(observer.on_next, item)
            wait()

        def job() -> None:
            nonlocal reading
            if fence.is_disposed:
                return
            reading = True
            try:
                work(emit, lambda: fence.is_disposed)
            except BaseException as error:
                end = partial(tell, observer.on_error, _as_error(error))
            else:
                end = partial(tell, observer.on_completed)
            reading = False
            end()

        def dispose() -> None:
            fence.dispose()
            opened.set()
            if abort is not None and reading:
                _abort(abort)

        def begin() -> None:
            if not fence.is_disposed:
                start(home)("rxagent-source", job, dispose)

        home.when_open(begin)
        return _owned(home, scheduler, Disposable(dispose))

    return Observable(subscribe)


def _abort(abort: Callable[[], None]) -> None:
    try:
        abort()
    except Exception as fault:
        _log.warning("a source could not be aborted", exc_info=fault)


def _as_error(error: BaseException) -> Exception:
    """Return what `on_error` may carry in place of the wish to leave the interpreter."""
    if isinstance(error, Exception):
        return error
    cancelled = RunCancelled(f"The source raised {describe(error)}.")
    cancelled.__cause__ = error
    return cancelled


def _owned(
    home: Home, scheduler: abc.SchedulerBase | None, subscription: abc.DisposableBase
) -> abc.DisposableBase:
    if home is not scheduler:
        home.owns(subscription)
    return subscription
