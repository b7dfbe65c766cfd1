"""Sources: cold Observables of iterables and callbacks, which close what they open."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Generic, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable

from ..errors import RunCancelled
from .fairness import REST, FairShare, Rest
from .loop_task import cancels_itself
from .open_work import leaving_soon
from .scheduler import RunScheduler
from .serial_queue import as_error, is_main_thread
from .sink import Producer
from .thread_reader import Leave, ThreadReader, Work, drain
from .workers import Workers

__all__ = [
    "close_iterator",
    "from_async",
    "from_batches",
    "from_blocking",
    "from_callback",
    "from_worker",
    "preparing",
]

_T = TypeVar("_T")

Began = Callable[[], None]
"""Called in the run right before a source is read."""

Own = Callable[[asyncio.CancelledError], Exception]
"""Makes the error of a source whose own code has cancelled the task that reads it."""


def from_async(
    open: Callable[[], AsyncIterable[_T]], *, began: Began | None = None, own: Own | None = None
) -> Observable[_T]:
    """Emit what an asynchronous iterable yields, read by a task on the run's loop.

    Each subscription calls `open` and iterates over the result; disposing cancels the task, so
    whatever the iterable awaits is cancelled and its `finally` blocks run.

    Args:
        open: Called once for each subscription, in its task.
        began: Called in the run, right before `open`.
        own: Makes the error of an iterable that cancels its own task; without it, that ends the
            run as if other code had cancelled it.
    """

    async def batches() -> AsyncIterator[tuple[_T]]:
        items = aiter(open())
        try:
            async for item in items:
                yield (item,)
        finally:
            await close_iterator(items)

    return from_batches(batches, began=began, own=own)


def from_batches(
    open: Callable[[], AsyncIterable[Iterable[_T | Rest]]],
    *,
    began: Began | None = None,
    own: Own | None = None,
) -> Observable[_T]:
    """Emit the items of each iterable that an asynchronous iterable yields.

    It differs from `from_async` in cost alone: what arrived together is emitted together, and
    still other work on the loop runs after 2 ms, also inside a batch. A batch that takes long to
    make an item yields `REST`, which is no item, now and then.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        pump = _Pump(open, observer, run_scheduler, began, own)
        pump.begin()
        return _owned(run_scheduler, scheduler, pump)

    return Producer(subscribe, is_serial=True)


class _Pump(abc.DisposableBase, Generic[_T]):
    """Reads an asynchronous iterable in a task, and notifies an observer."""

    __slots__ = (
        "_began",
        "_has_ended",
        "_is_disposed",
        "_observer",
        "_open",
        "_own",
        "_scheduler",
        "_task",
        "_together",
    )

    def __init__(
        self,
        open: Callable[[], AsyncIterable[Iterable[_T | Rest]]],
        observer: abc.ObserverBase[_T],
        scheduler: RunScheduler,
        began: Began | None,
        own: Own | None,
    ) -> None:
        self._open = open
        self._observer = observer
        self._scheduler = scheduler
        self._began = began
        self._own = own
        self._is_disposed = self._has_ended = False
        self._together = 1  # so that the first item is emitted at once

    def begin(self) -> None:
        self._task = self._scheduler.spawn(
            "rxagent-source", self._run, self._lost, is_watched=self._own is not None
        )

    def dispose(self) -> None:
        self._is_disposed = True
        self._task.dispose()

    async def _run(self) -> None:
        scheduler, observer = self._scheduler, self._observer
        try:
            await self._pour()
            if not self._is_disposed and (scheduler.is_held or scheduler.is_busy):
                await scheduler.resumed()
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                if self._own is None or not cancels_itself():
                    raise
                error = self._own(error)
            # Nothing is awaited from here on, as the coroutine itself may be being closed.
            self._has_ended = True
            if not self._is_disposed:
                # No name of this frame, which the error's traceback keeps, may keep the error.
                scheduler.when_resumed(
                    partial(self._end, partial(observer.on_error, as_error("The source", error)))
                )
            if isinstance(error, KeyboardInterrupt) and is_main_thread():
                raise
            return
        self._has_ended = True
        scheduler.run_serialized(self._end, observer.on_completed)

    def _end(self, end: Callable[[], None]) -> None:
        if not self._is_disposed:
            end()

    def _lost(self) -> None:
        if self._has_ended:  # its code has cancelled it at its end
            return
        error = RunCancelled("The task that read the source was stopped.")
        self._scheduler.run_serialized(self._observer.on_error, error)

    async def _pour(self) -> None:
        scheduler = self._scheduler
        share = FairShare.of(scheduler.loop)
        # This may be disposed within its own task, which is not cancelled then: so it looks before
        # each wait, which may be as long as the run is held, and after it.
        await scheduler.resumed()
        if share.spent:
            await share.begin()
            await scheduler.resumed()
        if self._began is not None and not self._is_over():
            scheduler.run_serialized(self._began)
        if self._is_over():
            return
        batches = aiter(self._open())
        try:
            async for batch in batches:
                if share.spent:  # making the first item of a batch may take long already
                    await share.turn()
                await self._emit_all(iter(batch), share)
                if not self._is_over() and scheduler.must_wait():
                    await scheduler.resumed()
                if self._is_over():
                    return
        finally:
            await close_iterator(batches)

    async def _emit_all(self, batch: Iterator[_T | Rest], share: FairShare) -> None:
        """Make some items, then emit them in one action, until the batch is at its end."""
        items: deque[_T] = deque()
        has_more = True
        while has_more and not self._is_over():
            try:
                has_more = _make(batch, items, self._together)
            except BaseException:
                await self._emit(items, share)  # those before the one that failed
                raise
            await self._emit(items, share)
            if share.spent:
                await share.turn()

    async def _emit(self, items: deque[_T], share: FairShare) -> None:
        while items and not self._is_over():
            if share.spent:
                await share.turn()
            if self._scheduler.must_wait():
                await self._scheduler.resumed()
            if self._is_over():
                return
            self._scheduler.run_serialized(self._emit_some, items, share)
            self._together = _TOGETHER

    def _emit_some(self, items: deque[_T], share: FairShare) -> None:
        """Emit items until something else comes first."""
        on_next, must_wait = self._observer.on_next, self._scheduler.must_wait
        until = share.until
        while items:
            on_next(items.popleft())
            if self._is_disposed or must_wait() or perf_counter() > until:
                return

    def _is_over(self) -> bool:
        return self._is_disposed


_TOGETHER = 8
"""How many items are made at most before they are emitted."""


def _make(batch: Iterator[_T | Rest], items: deque[_T], count: int) -> bool:
    """Make so many items, or those up to a rest, and return whether there may be more."""
    for item in batch:
        if item is REST:
            return True
        items.append(item)
        if len(items) >= count:
            return True
    return False


async def close_iterator(items: AsyncIterator[Any]) -> None:
    """Close an asynchronous iterator, if it can be closed.

    One that still runs cannot: it is collected together with the task that reads it.
    """
    close = getattr(items, "aclose", None)
    if close is not None and not getattr(items, "ag_running", False):
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
    return _read(partial(drain, open), lambda scheduler: scheduler.thread, abort)


def from_callback(work: Work[_T]) -> Observable[_T]:
    """Emit what a function passes to its callback, run on a thread of the subscription's own.

    The function is called as `work(emit, cancelled)`; it should return soon after `cancelled()`
    has become true. The end of the process waits for it, for at most 2 seconds.
    """

    def read(emit: Callable[[_T], None], cancelled: Callable[[], bool]) -> None:
        with leaving_soon():
            work(emit, cancelled)

    return _read(read, lambda scheduler: scheduler.thread)


def from_worker(
    open: Callable[[], Iterable[_T]],
    *,
    began: Began | None = None,
    workers: Workers | None = None,
    name: object = "a source",
) -> Observable[_T]:
    """Emit what an iterable yields, read by a worker of a pool.

    It differs from `from_blocking` in where it runs: many short jobs share few threads.

    Args:
        open: Called once for each subscription, on its worker.
        began: Called in the run once there is a worker, right before `open`.
        workers: The pool; by default the one that the process shares.
        name: The name in logs of what is read.

    Raises:
        PoolExhausted: Too many stopped jobs of the pool have not returned; by `on_error`.
    """
    work = partial(drain, open)
    return _read(
        work, lambda scheduler: partial(scheduler.work, workers=workers, name=name), began=began
    )


def _read(
    work: Work[_T],
    place: Callable[[RunScheduler], Callable[..., Leave]],
    abort: Callable[[], None] | None = None,
    began: Began | None = None,
) -> Observable[_T]:
    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        reader = ThreadReader(work, observer, run_scheduler, began, abort)

        def begin() -> None:
            if reader.is_disposed:
                return
            try:
                work = "rxagent-source", reader.read, reader.dispose, reader.refuse
                reader.started(place(run_scheduler)(*work))
            except Exception as error:  # no thread can be started
                observer.on_error(error)

        run_scheduler.when_resumed(begin)
        return _owned(run_scheduler, scheduler, reader)

    return Producer(subscribe)


def preparing(source: Callable[[Callable[[], None]], Observable[_T]]) -> Observable[_T]:
    """Emit what a source emits; until it has sent its request, it does not count as silent.

    Importing an SDK, making a client and waiting for the loop take time in which no server can
    answer: `timeout(idle=)`, `timeout(first=)` and `hedge(after=)` do not count it.

    .. code-block:: text

        subscribe ──── preparing ────┬── sent ── … ── first item ── … ──▶
                                     └ the idle clock starts here

    Args:
        source: Makes the source of each subscription; it gets a function to call when the
            request is sent.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        request = run_scheduler.preparing()
        subscription = CompositeDisposable(request)
        _owned(run_scheduler, scheduler, subscription)
        subscription.add(source(request.dispose).subscribe(observer, scheduler=run_scheduler))
        return subscription

    return Producer(subscribe, is_serial=True)


def _owned(
    run_scheduler: RunScheduler,
    scheduler: abc.SchedulerBase | None,
    subscription: abc.DisposableBase,
) -> abc.DisposableBase:
    if not run_scheduler.is_of(scheduler):
        run_scheduler.owns(subscription)
    return subscription
