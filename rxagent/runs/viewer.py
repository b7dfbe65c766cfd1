"""Viewers: observers of a run with a queue of their own."""

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock, get_ident
from typing import Any

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..events import Event
from ..streams import PartialObserver
from ..streams.each import EMPTY
from ..streams.interruptible_wait import InterruptibleWait, Latch
from .broadcast import QueuedObserver, ReplayObserver
from .buffers import Buffer
from .replay import NumberedEvents
from .viewer_pool import Dispatch

__all__ = ["DirectObserver", "Drain", "Viewer"]


class DirectObserver(PartialObserver, ReplayObserver, abc.DisposableBase):
    """An observer that is notified as things happen; disposing detaches it."""

    def __init__(self, *observing: Any) -> None:
        super().__init__(*observing)
        self.subscription = SingleAssignmentDisposable()

    def dispose(self) -> None:
        """Tell the observer nothing more, from this moment on."""
        self.mute()
        self.subscription.dispose()


class Viewer(QueuedObserver, abc.DisposableBase):
    """An observer with a queue, told beside the run; disposing detaches it.

    Args:
        observer: Who is told.
        mailbox: Its queue.
        place: Where it is told.
        on_fault: Told of the viewer and of what it raised.
    """

    def __init__(
        self,
        observer: PartialObserver,
        buffer: Buffer,
        dispatch: Dispatch,
        on_fault: Callable[[Any, BaseException], None],
    ) -> None:
        self.subscription = SingleAssignmentDisposable()
        self._observer = observer
        self._buffer = buffer
        self._put: Callable[[Event], None] = buffer.put
        self._call = dispatch.call
        self._turn = dispatch.turn
        self._is_nowhere = dispatch.is_gone
        self._on_fault = on_fault
        self._context = copy_context()
        self._token = Lock()
        self._end: Callable[[], Any] | None = None
        self._afterwards: list[Callable[[], Any]] = []
        self._gone = False
        self._thread: int | None = None

    @property
    def observes_errors(self) -> bool:
        """Whether its observer is told errors."""
        return self._observer.observes_errors

    @property
    def watching(self) -> Any:
        """What was attached."""
        return self._observer.watching

    @property
    def waiting(self) -> int:
        """How many events wait to be told; what was joined counts as one."""
        return len(self._buffer)

    @property
    def merged(self) -> int:
        """How many pieces were joined to others that were waiting."""
        return self._buffer.merged

    @property
    def dropped(self) -> int:
        """How many pieces were lost."""
        return self._buffer.dropped

    @property
    def seq(self) -> int:
        """How many events of the run it has been told of; as `since`, it goes on there.

        Where several channels were joined, it moves on when all of them have been told.
        """
        return self._buffer.seq

    def is_told_on(self, thread: int) -> bool:
        """Tell whether a thread, by its number, is telling the observer."""
        return self._thread == thread

    def __repr__(self) -> str:
        return f"<Viewer {self._observer!r}: {self.seq:,} events told, {self.waiting:,} waiting>"

    def dispose(self) -> None:
        """Tell the observer nothing more, from this moment on."""
        self._gone = True
        self._observer.mute()
        self.subscription.dispose()
        self._put = lambda _: None  # for an event that is on its way to it
        self._buffer.close()
        self._call_those(len(self._afterwards))

    # What the run tells, in its gate.

    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Queue what has happened so far."""
        self._buffer.begin(replay, seq)
        if seq:
            self._wake()

    def on_next(self, event: Event) -> None:
        """Queue an event."""
        try:
            self._put(event)
        except Exception as fault:
            self.on_error(fault)
            raise
        if not self._token.locked():  # whoever holds it looks again when it has let go
            self._wake()

    def on_error(self, error: Exception) -> None:
        """Queue the error."""
        self._end = lambda: self._observer.on_error(error)
        self._wake()

    def on_completed(self) -> None:
        """Queue the end."""
        self._end = lambda: self._observer.on_completed()
        self._wake()

    def afterwards(self, call: Callable[[], Any]) -> None:
        """Have a function called when all that waits by now is told, or never will be."""
        self._afterwards.append(call)
        if self._gone or self._is_nowhere():
            self._call_those(1)
        else:
            self._wake()

    def _call_those(self, count: int) -> None:
        with suppress(IndexError):  # Two may call; each function is called by one of them.
            for _ in range(count):
                self._afterwards.pop(0)()

    def _wake(self) -> None:
        if self._token.acquire(False):
            self._begin_show()

    def _begin_show(self) -> None:
        try:
            self._call(self._show)
        except BaseException:  # no thread is to be had
            self.dispose()
            raise

    # What the observer is told; by whoever holds the token.

    def _show(self) -> None:
        asked = len(self._afterwards)
        self._thread = get_ident()
        try:
            # It may be gone: the run wakes it for the end that others have told it meanwhile.
            told_all = self._gone or self._context.run(self._tell)
        except KeyboardInterrupt:
            self.dispose()
            raise
        except BaseException as fault:
            self._observer.mute()
            self._on_fault(self, fault)
            self.dispose()
            return
        finally:
            self._thread = None
        if not told_all:
            self._call(self._show)
            return
        self._call_those(len(self._afterwards) if self._gone else asked)
        self._token.release()
        if not self._gone and (self._end is not None or len(self._buffer) or self._afterwards):
            self._wake()

    def _tell(self) -> bool:
        """Tell what waits; return whether all was told."""
        end, take, observer = self._end, self._buffer.take, self._observer
        is_spent = self._turn()
        while (event := take()) is not EMPTY:
            observer.on_next(event)
            if self._gone:
                return True
            if is_spent():
                return False
        if end is not None:
            end()
            self._gone = True
        return True


class Drain:
    """The wait until some viewers have been told all that waited for them when it began."""

    def __init__(self) -> None:
        self._late: set[Viewer] = set()
        self._over = Latch()
        self._thread = threading.get_ident()
        self._refused = False

    def begin(self, viewers: Collection[Viewer]) -> None:
        """Wait for these; in the gate of their run."""
        self._refused = any(viewer.is_told_on(self._thread) for viewer in viewers)
        if self._refused:
            self._over.set()
            return
        self._late.update(viewers)
        for viewer in viewers:
            viewer.afterwards(partial(self._told, viewer))
        if not self._late:
            self._over.set()

    def _told(self, viewer: Viewer) -> None:
        self._late.discard(viewer)
        if not self._late:
            self._over.set()

    def wait(self, timeout: float | None, is_vain: Callable[[], bool]) -> None:
        """Block until all have been notified, or until that is in vain.

        Raises:
            TimeoutError: Some were not, within so many seconds.
            RuntimeError: One of them waits here for itself.
        """
        if not InterruptibleWait().wait(self._over.wait, timeout, is_vain):
            late = ", ".join(sorted(repr(viewer.watching) for viewer in list(self._late)))
            raise TimeoutError(f"Not all has been told after {timeout} s to {late}.")
        if self._refused:
            raise RuntimeError("A viewer cannot wait until it has been told.")
