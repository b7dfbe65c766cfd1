"""Handoffs: what other threads emit, passed to a run's loop thread."""

from __future__ import annotations

import asyncio
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from reactivex import abc

from .interruptible_wait import POLL_SECONDS
from .scheduler import RunScheduler
from .serial_queue import as_error
from .sink import NO_OBSERVER

__all__ = ["AHEAD", "Handoff"]

_T = TypeVar("_T")

AHEAD = 64
"""How many items a thread may emit before the run has taken the first of them."""


class Handoff(abc.ObserverBase[_T], abc.DisposableBase, Generic[_T]):
    """Passes notifications from any thread to an observer, on the run's loop thread.

    A thread that is 64 items ahead waits, and so does one whose run is held; the thread of an
    asyncio loop never waits. A thread goes on when the run's loop has not turned for 0.1 s, since
    the loop may wait for a lock that this thread has, as operators of ReactiveX take one; then no
    thread waits until the run takes an item. Each batch is a turn of the run's queue, so streams
    that are nested in each other need no stack. What waits when this is disposed is dropped.
    """

    __slots__ = (
        "_end",
        "_is_disposed",
        "_is_queued",
        "_items",
        "_observer",
        "_scheduler",
        "_stands_still",
        "_waiting",
    )

    def __init__(self, observer: abc.ObserverBase[_T], scheduler: RunScheduler) -> None:
        self._observer = observer
        self._scheduler = scheduler
        self._items: deque[_T] = deque()
        self._end: Callable[[], None] | None = None
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_queued = False
        self._is_disposed = False
        self._stands_still = False

    @property
    def is_disposed(self) -> bool:
        """Whether nothing more is passed on."""
        return self._is_disposed

    def on_next(self, item: _T) -> None:
        """Pass an item on; block while the run is too far behind."""
        if self._is_disposed:
            return
        self._items.append(item)
        self._request_delivery()
        if self._is_behind and self._may_wait:
            self._wait()

    def on_error(self, error: Exception) -> None:
        """Pass the error on, after the items that wait."""
        self._finish(partial(self._observer.on_error, as_error("A stream", error)))

    def on_completed(self) -> None:
        """Pass the end on, after the items that wait."""
        self._finish(self._observer.on_completed)

    def _finish(self, end: Callable[[], None]) -> None:
        if self._end is None and not self._is_disposed:
            self._end = end
            self._request_delivery()

    def dispose(self) -> None:
        """Drop the items that wait and the observer, and wake the threads that wait."""
        self._is_disposed = True
        self._items.clear()
        self._wake_all()
        self._end, self._observer = None, NO_OBSERVER

    # On the run's loop thread.

    def _request_delivery(self) -> None:
        if self._is_queued:
            return
        self._is_queued = True
        if not self._scheduler.can_wait:  # in virtual time, what emits must not run ahead
            self._scheduler.run_serialized(self._deliver)
            return
        try:
            queued = self._scheduler.post(self._deliver)
        except BaseException:
            self._scheduler.post(self._deliver)
            raise
        if not queued:
            self.dispose()

    def _deliver(self) -> None:
        scheduler, items, on_next = self._scheduler, self._items, self._observer.on_next
        self._stands_still = False
        try:
            while not self._is_disposed:
                if scheduler.is_held:
                    scheduler.when_resumed(self._deliver)
                    return
                if items:
                    on_next(items.popleft())
                    if self._waiting and len(items) <= AHEAD // 2:
                        self._wake_all()
                    if (scheduler.is_busy or scheduler.is_spent) and (items or self._end):
                        scheduler.post(self._deliver)
                        return
                elif (end := self._end) is not None:
                    self.dispose()
                    end()
                else:
                    self._is_queued = False
                    if not items and self._end is None:
                        return
                    if self._is_queued:  # another thread has requested one meanwhile
                        return
                    self._is_queued = True
        except BaseException:
            self.dispose()
            raise

    # On the threads that emit.

    @property
    def _is_behind(self) -> bool:
        count = len(self._items)
        return count >= AHEAD or (count > 0 and self._scheduler.is_held)

    @property
    def _may_wait(self) -> bool:
        if self._stands_still or not self._scheduler.can_wait:
            return False
        return asyncio._get_running_loop() is None

    def _wait(self) -> None:
        waiting = allocate_lock()
        waiting.acquire()
        self._waiting.append(waiting.release)
        if self._is_disposed or not self._is_behind:
            self._wake_all()
        turns: list[bool] = []
        self._scheduler.call_on_loop(turns.append, True)
        while not waiting.acquire(timeout=POLL_SECONDS):
            if self._scheduler.is_lost:
                self.dispose()
            elif not turns:  # perhaps the loop waits for a lock that this thread has
                self._stands_still = True
                return
            turns.clear()
            self._scheduler.call_on_loop(turns.append, True)

    def _wake_all(self) -> None:
        while self._waiting:
            try:
                release = self._waiting.popleft()
            except IndexError:
                return
            release()
