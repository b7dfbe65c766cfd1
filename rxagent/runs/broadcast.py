"""Broadcasting a run: one failing observer never affects another."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias
from weakref import WeakSet

from attrs import frozen
from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from ..errors import BufferOverflow
from ..events import Event
from ..streams import Home, Hub
from ..streams.fairness import Pace
from ..streams.serial_queue import is_main_thread
from .replay import Record, Told

__all__ = ["Audience", "Fault", "Faults", "QueueSeat", "Seat"]

_log = logging.getLogger("rxagent")

_Again: TypeAlias = Callable[..., bool]
"""Called as `again(action, *args)`: has the action run later, if this slice has to end now."""


class Seat(abc.ObserverBase[Event]):
    """An observer of a run.

    Attributes:
        seat: Holds its place among those who are told.
    """

    seat: SingleAssignmentDisposable

    @property
    @abstractmethod
    def hears_errors(self) -> bool:
        """Whether somebody notices when it is told an error."""


class QueueSeat(Seat):
    """An observer with a queue, from which it takes the past, too."""

    is_queued = True
    """Notifying it takes no time."""

    @abstractmethod
    def begin(self, replay: Told, seq: int) -> None:
        """Take what is kept of the `seq` events so far."""


class Audience:
    """All who watch a run, told one thing after the other, in its gate.

    Args:
        home: The run's.
        record: What those who come late are told.
        on_heard: Called when somebody is told the error that ended the run.
    """

    def __init__(self, home: Home, record: Record, on_heard: Callable[[], None]) -> None:
        self.faults = Faults(home)
        self.ended = False
        self._error: Exception | None = None
        self._home = home
        self._record = record
        self._on_heard = on_heard
        self._hub: Hub[Event] = Hub(self.report, self._warn)
        self._slow: WeakSet[object] = WeakSet()

    def admit(self, seat: QueueSeat, since: int) -> None:
        """Replay what happened after the first `since` events to an observer, then add it."""
        self._home.post_or_run(self._join, seat, since)

    def admit_direct(self, seat: Seat) -> None:
        """Do the same for an observer that is notified as things happen.

        That of a run that has ended is notified on this thread; on the thread of an asyncio loop,
        in slices.
        """
        if not self.ended:
            self._home.post_or_run(self._catch_up, seat, 0, self._again)
            return
        loop = asyncio._get_running_loop()
        again = _never if loop is None else partial(_next_turn, loop, Pace.of(loop))
        self._home.context.copy().run(self._catch_up, seat, 0, again)

    def _join(self, seat: QueueSeat, since: int) -> None:
        if not seat.seat.is_disposed:
            with self._reporting(seat):
                seat.begin(self._record.since(since), len(self._record))
                self._add(seat)

    def _catch_up(self, seat: Seat, since: int, again: "_Again") -> None:
        """Replay all there is by now, in slices; what happens meanwhile follows in the same way."""
        self._replay(seat, self._record.since(since), len(self._record), again)

    def _replay(self, seat: Seat, replay: Told, seq: int, again: "_Again") -> None:
        with self._reporting(seat):
            for event, _ in replay:
                if seat.seat.is_disposed:
                    return
                seat.on_next(event)
                if again(self._replay, seat, replay, seq, again):
                    return
            if len(self._record) > seq and self._record.is_kept:
                self._catch_up(seat, seq, again)
            elif not seat.seat.is_disposed:
                self._add(seat)

    def _again(self, action: Callable[..., None], *args: Any) -> bool:
        """Queue the next slice, if the time of this one is used up."""
        return self._home.is_inside and self._home.is_spent and self._home.post(action, *args)

    def _add(self, seat: Seat) -> None:
        if not self.ended:
            seat.seat.disposable = self._hub.add(seat)
        elif self._error is None:
            seat.on_completed()
        else:
            self._hear([seat])
            seat.on_error(self._error)

    @contextmanager
    def _reporting(self, seat: Seat) -> Iterator[None]:
        try:
            yield
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt) and is_main_thread():
                raise
            self.report(seat, fault)

    def _warn(self, seat: object, seconds: float) -> None:
        """Log an observer that holds the loop, once."""
        if seat not in self._slow:
            self._slow.add(seat)
            watching = getattr(seat, "watching", seat)
            _log.warning(
                "%r held the event loop for %.0f ms; run.attach(...) gives it a thread",
                watching,
                seconds * 1000,
            )

    def tell(self, event: Event) -> None:
        """Tell all of an event."""
        self._record.add(event)
        self._hub.on_next(event)

    def end(self, error: Exception | None) -> None:
        """Tell all of the end."""
        self.ended, self._error = True, error
        if error is None:
            self._hub.on_completed()
        else:
            self._hear(self._hub.observers)
            self._hub.on_error(error)

    def _hear(self, observers: Iterable[abc.ObserverBase[Event]]) -> None:
        if any(isinstance(seat, Seat) and seat.hears_errors for seat in observers):
            self._on_heard()

    def report(self, seat: object, fault: BaseException) -> None:
        """Tell of what somebody has raised, and log it."""
        # Whoever gave no on_error to ReactiveX raises the run's own error, which is no fault.
        if fault is not self._error:
            self.faults.report(getattr(seat, "watching", seat), fault)


def _never(action: Callable[..., None], *args: Any) -> bool:
    return False


def _next_turn(
    loop: asyncio.AbstractEventLoop, pace: Pace, action: Callable[..., None], *args: Any
) -> bool:
    if pace.spent:
        loop.call_soon(action, *args)
        return True
    return False


_log = logging.getLogger("rxagent")


@frozen
class Fault:
    """A viewer was detached from its run because of an error, its own or an overflow."""

    viewer: Any
    error: BaseException


class Faults(Observable[Fault]):
    """The faults of a run's viewers; who subscribes late is told of the earlier ones too.

    It never ends, since viewers may outlive the run.
    """

    def __init__(self, home: Home) -> None:
        super().__init__()
        self._home = home
        self._known: list[Fault] = []
        self._hub: Hub[Fault] = Hub(_log_fault)

    def report(self, viewer: Any, error: BaseException) -> None:
        """Tell of a fault, and log it."""
        _log_fault(viewer, error)
        self._home.post_or_run(self._tell, Fault(viewer, error))

    def _tell(self, fault: Fault) -> None:
        self._known.append(fault)
        self._hub.on_next(fault)

    def _subscribe_core(
        self, observer: abc.ObserverBase[Fault], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        seat = SingleAssignmentDisposable()

        def join() -> None:
            if not seat.is_disposed:
                try:
                    for fault in self._known:
                        observer.on_next(fault)
                except Exception as fault:
                    _log_fault(observer, fault)
                else:
                    seat.disposable = self._hub.add(observer)

        self._home.post_or_run(join)
        return seat


def _log_fault(viewer: Any, error: BaseException) -> None:
    if isinstance(error, BufferOverflow):
        _log.warning("%r was detached from its run: %s", viewer, error)
    else:
        _log.error("%r was detached from its run", viewer, exc_info=error)
