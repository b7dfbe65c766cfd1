"""Reading on a thread: what a blocking source does between its first item and its end."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Generic, TypeVar

from reactivex import abc
from reactivex.disposable import Disposable

from .home import Home, as_error
from .workers import Workers

__all__ = ["Leave", "Reader", "Work", "drain"]

_T = TypeVar("_T")

Work = Callable[[Callable[[_T], None], Callable[[], bool]], None]
"""What reads: called as `work(emit, cancelled)`."""

Leave = Callable[[], None]
"""What says that nobody waits for a thread any more."""

_log = logging.getLogger("rxagent")


class Reader(Disposable, Generic[_T]):
    """One subscription to a source that is read on a thread.

    It reads no further before each item was told, and while the run is held.
    """

    def __init__(
        self,
        work: Work[_T],
        observer: abc.ObserverBase[_T],
        home: Home,
        abort: Callable[[], None] | None,
    ) -> None:
        super().__init__(self._let_go)
        self._work = work
        self._observer = observer
        self._home = home
        self._abort = abort
        self._reading = False
        self._waits: list[threading.Event] = []
        self._leave: Leave | None = None

    def started(self, leave: Leave) -> None:
        """Take what says that nobody waits for the thread any more."""
        self._leave = leave
        if self.is_disposed:
            leave()

    def read(self) -> None:
        """Do the work, and tell of its end; raises nothing."""
        if self.is_disposed:
            return
        self._reading = True
        try:
            self._work(self._emit, lambda: self.is_disposed)
        except BaseException as error:
            end = partial(self._tell, self._observer.on_error, as_error("The source", error))
        else:
            end = partial(self._tell, self._observer.on_completed)
        self._reading = False
        end()

    def _let_go(self) -> None:
        if self._leave is not None:
            self._leave()
        for wait in tuple(self._waits):
            wait.set()
        if self._reading and self._abort is not None:
            try:
                self._abort()
            except Exception as fault:
                _log.warning("a source could not be aborted", exc_info=fault)

    def _emit(self, item: _T) -> None:
        self._tell(self._observer.on_next, item)
        self._pass_valve()

    def _tell(self, notify: Callable[..., None], *told: Any) -> None:
        self._pass_valve()
        if not self.is_disposed:
            self._home.gate(notify, *told)
            if self._home.is_busy:
                self._wait_for(self._home.gate)

    def _pass_valve(self) -> None:
        while self._home.is_held and self._may_wait():
            self._wait_for(self._home.when_open)

    def _may_wait(self) -> bool:
        return self._home.can_wait and not self._home.is_inside and not self.is_disposed

    def _wait_for(self, turn: Callable[[Callable[[], None]], None]) -> None:
        come = threading.Event()
        self._waits.append(come)
        if self._may_wait():  # asked again, as who disposes wakes only those who wait by then
            turn(come.set)
            with Workers.waiting():
                come.wait()
        self._waits.remove(come)


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
