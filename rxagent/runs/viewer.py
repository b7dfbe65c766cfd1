"""Viewers: observers of a run with a queue of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Lock, get_ident
from time import perf_counter
from typing import Any

from reactivex import abc
from reactivex.disposable import SingleAssignmentDisposable

from ..coalescing import NumberedEvents
from ..events import Event
from ..streams import PartialObserver
from ..streams.each import EMPTY
from ..streams.interruptible_wait import InterruptibleWait, Latch
from .broadcast import QueuedObserver, ReplayObserver
from .buffers import Buffer
from .viewer_pool import Dispatch

__all__ = ["DirectObserver", "Drain", "Viewer"]


class DirectObserver(PartialObserver, ReplayObserver, abc.DisposableBase):
    """An observer that is notified at once, on the run's loop thread; disposing detaches it."""

    def __init__(self, *observing: Any) -> None:
        super().__init__(*observing)
        self.subscription = SingleAssignmentDisposable()

    def dispose(self) -> None:
        """Detach the observer; it receives nothing more from this moment on."""
        self.mute()
        self.subscription.dispose()


class Viewer(QueuedObserver, abc.DisposableBase):
    """An observer with a queue, notified beside the run; disposing detaches it.

    Args:
        observer: The observer.
        buffer: Its queue.
        dispatch: Where it is notified.
        on_fault: Called with the viewer and with what its observer raised.
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
        self._is_gone = dispatch.is_gone
        self._on_fault = on_fault
        self._context = copy_context()
        self._token = Lock()
        self._end: Callable[[], Any] | None = None
        self._afterwards: list[Callable[[], Any]] = []
        self._detached = False
        self._received = _Received(buffer.seq)
        self._thread: int | None = None

    @property
    def observes_errors(self) -> bool:
        """Whether its observer handles errors."""
        return self._observer.observes_errors

    @property
    def watching(self) -> Any:
        """The function or object that was attached."""
        return self._observer.watching

    @property
    def waiting(self) -> int:
        """How many events wait in the queue; joined pieces count as one."""
        return len(self._buffer)

    @property
    def merged(self) -> int:
        """How many pieces were joined to others in the queue."""
        return self._buffer.merged

    @property
    def dropped(self) -> int:
        """How many pieces were lost."""
        return self._buffer.dropped

    @property
    def seq(self) -> int:
        """How many events of the run the observer has received; as `since`, it continues there.

        Where pieces of several kinds were joined, it moves on when all of them were received.
        """
        return self._received.seq

    def is_notified_on(self, thread: int) -> bool:
        """Return whether a thread, by its number, is notifying the observer."""
        return self._thread == thread

    def __repr__(self) -> str:
        return (
            f"<Viewer {self._observer!r}: {self.seq:,} events received, {self.waiting:,} waiting>"
        )

    def dispose(self) -> None:
        """Detach the observer; it receives nothing more from this moment on."""
        self._detached = True
        self._received.close()
        self._observer.mute()
        self.subscription.dispose()
        self._put = lambda _: None  # for an event that the run is emitting right now
        self._end = None
        self._buffer.close()
        self._call_first(len(self._afterwards))

    # Called by the run, on its loop thread.

    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Queue the replay."""
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
        if not self._token.locked():  # a delivery looks again after it has released the token
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
        """Call a function once the events that wait now are received, or dropped."""
        self._afterwards.append(call)
        if self._detached or self._is_gone():
            self._call_first(1)
        else:
            self._wake()

    def _call_first(self, count: int) -> None:
        with suppress(IndexError):  # two threads may do this; each function is called by one
            for _ in range(count):
                self._afterwards.pop(0)()

    def _wake(self) -> None:
        if self._token.acquire(False):
            try:
                self._call(self._deliver)
            except BaseException:  # no thread can be started
                self.dispose()
                raise

    # Delivery, where the dispatch calls it, one at a time: by the holder of the token.

    def _deliver(self) -> None:
        due = len(self._afterwards)
        self._thread = get_ident()
        try:
            # It may be detached: the run also wakes it for an end that is already delivered.
            is_done = self._detached or self._context.run(self._notify)
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
        if not is_done:
            self._call(self._deliver)
            return
        self._call_first(len(self._afterwards) if self._detached else due)
        self._token.release()
        if not self._detached and (self._end is not None or len(self._buffer) or self._afterwards):
            self._wake()

    def _notify(self) -> bool:
        """Notify the observer of what waits, for one time slice; return whether that was all."""
        end, buffer, take, count = self._end, self._buffer, self._buffer.take, self._received.count
        on_next = self._observer.on_next  # not muted later, as what is counted must be received
        until = self._turn()
        while (event := take()) is not EMPTY:
            if not count(buffer.seq):
                return True
            on_next(event)
            if self._detached:
                return True
            if perf_counter() > until:
                return False
        if end is not None:
            end()
            self._detached = True
            self._end = None
        return True


_CLOSED: Any = object()


class _Received:
    """How many events an observer has received, up to the moment at which it is detached.

    One thread at a time counts. Another one may close this between any two of its steps, so each
    does its part in one step, and their order decides. After a count that returns False, there
    must be no other one.
    """

    __slots__ = ("_steps",)

    def __init__(self, seq: int) -> None:
        self._steps: list[Any] = [seq]

    def count(self, seq: int) -> bool:
        """Count the events up to one that the observer receives next, unless this is closed."""
        steps = self._steps
        steps.append(seq)
        if steps[1] is _CLOSED:
            return False
        del steps[0]
        return True

    def close(self) -> None:
        """Let nothing more be counted."""
        self._steps.append(_CLOSED)

    @property
    def seq(self) -> int:
        """How many events were counted."""
        steps = self._steps.copy()
        last = steps.index(_CLOSED) if _CLOSED in steps else len(steps)
        seq: int = steps[last - 1]
        return seq


class Drain:
    """The wait until some viewers have received all that waited for them when it began."""

    def __init__(self) -> None:
        self._late: set[Viewer] = set()
        self._over = Latch()
        self._thread = threading.get_ident()
        self._refused = False

    def begin(self, viewers: Collection[Viewer]) -> None:
        """Begin to wait for viewers, on their run's loop thread."""
        self._refused = any(viewer.is_notified_on(self._thread) for viewer in viewers)
        if self._refused:
            self._over.set()
            return
        self._late.update(viewers)
        for viewer in viewers:
            viewer.afterwards(partial(self._received, viewer))
        if not self._late:
            self._over.set()

    def _received(self, viewer: Viewer) -> None:
        self._late.discard(viewer)
        if not self._late:
            self._over.set()

    def wait(self, timeout: float | None, is_vain: Callable[[], bool]) -> None:
        """Block until all viewers have received what waited, or `is_vain()` is true.

        Raises:
            TimeoutError: Some have not, within `timeout` seconds.
            RuntimeError: One of them waits here for itself.
        """
        if not InterruptibleWait().wait(self._over.wait, timeout, is_vain):
            late = ", ".join(sorted(repr(viewer.watching) for viewer in list(self._late)))
            raise TimeoutError(f"After {timeout} s, events still wait for {late}.")
        if self._refused:
            raise RuntimeError("A viewer cannot wait for its own events inside its observer.")
