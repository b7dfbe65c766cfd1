"""Reading a blocking source on a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from reactivex import abc

from .handoff import Handoff
from .interruptible_wait import POLL_SECONDS, Latch
from .scheduler import RunScheduler
from .serial_queue import as_error

__all__ = ["Leave", "ThreadReader", "Work", "drain"]

_T = TypeVar("_T")

Work = Callable[[Callable[[_T], None], Callable[[], bool]], None]
"""A function that reads, called as `work(emit, cancelled)`."""

Leave = Callable[[], None]
"""A function that stops waiting for a thread."""

_log = logging.getLogger("rxagent")


class ThreadReader(abc.DisposableBase, Generic[_T]):
    """One subscription to a source that is read on a thread, at most 64 items ahead of the run.

    Args:
        work: Reads the source.
        observer: The observer, notified on the run's loop thread.
        scheduler: The run's.
        began: Called on the loop's thread once the source has a thread, before it is read.
        abort: Called when this is disposed while it reads.
    """

    def __init__(
        self,
        work: Work[_T],
        observer: abc.ObserverBase[_T],
        scheduler: RunScheduler,
        began: Callable[[], None] | None,
        abort: Callable[[], None] | None,
    ) -> None:
        self._undisposed = [None]
        self._work = work
        self._scheduler = scheduler
        self._began = began
        self._abort = abort
        self._handoff = Handoff(observer, scheduler)
        self._may_read = Latch()
        self._reading = self._has_ended = False
        self._leave: Leave | None = None

    @property
    def is_disposed(self) -> bool:
        """Whether nothing more is read."""
        return not self._undisposed

    def started(self, leave: Leave) -> None:
        """Keep the function that stops waiting for the thread."""
        self._leave = leave
        if self.is_disposed:
            leave()

    def refuse(self, error: Exception) -> None:
        """Pass on the error that no thread is free to read on."""
        self._handoff.on_error(error)

    def read(self) -> None:
        """Read to the end, and pass the end on; raises nothing."""
        if self._began is not None and not self.is_disposed:
            self._begin(self._began)
        if self.is_disposed:
            return
        self._reading = True
        try:
            self._work(self._handoff.on_next, lambda: self.is_disposed)
        except BaseException as error:
            # No name of this frame, which the error's traceback keeps, may keep the error.
            self._reading, self._has_ended = False, True
            self._handoff.on_error(as_error("The source", error))
        else:
            self._reading, self._has_ended = False, True
            self._handoff.on_completed()

    def _begin(self, began: Callable[[], None]) -> None:
        """Call `began` on the run's loop thread, and wait for that."""

        def begin() -> None:
            if not self.is_disposed:
                began()
            self._may_read.set()

        self._scheduler.when_resumed(begin)
        while self._scheduler.can_wait and not self._may_read.wait(POLL_SECONDS):
            if self._scheduler.is_lost:
                self.dispose()

    def dispose(self) -> None:
        """Stop reading; any thread may do this."""
        try:
            self._undisposed.pop()
        except IndexError:
            return
        if self._leave is not None and not self._has_ended:
            self._leave()
        self._handoff.dispose()
        self._may_read.set()
        if self._reading and self._abort is not None:
            try:
                self._abort()
            except Exception as fault:
                _log.warning("a source could not be aborted", exc_info=fault)


def drain(
    open: Callable[[], Iterable[_T]],
    emit: Callable[[_T], None],
    cancelled: Callable[[], bool],
) -> None:
    """Emit what an iterable yields until it ends or is cancelled, and close its iterator."""
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
