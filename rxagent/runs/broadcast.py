"""Broadcasting a run: one failing observer never affects another."""

from __future__ import annotations

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

from ..coalescing import NumberedEvents
from ..errors import BufferOverflow
from ..events import Event
from ..streams import Broadcaster, PartialObserver, RunScheduler
from ..streams.fairness import FairShare
from ..streams.process_end import awaited_at_end
from ..streams.serial_queue import is_main_thread
from ..streams.sink import Sink
from .event_log import EventLog
from .outcome import Outcome

__all__ = [
    "QueuedObserver",
    "ReplayObserver",
    "RunBroadcast",
    "RunSink",
    "ViewerFault",
    "ViewerFaults",
]

_log = logging.getLogger("rxagent")

_Again: TypeAlias = Callable[..., bool]
"""Called as `again(action, *args)`: schedules the action, if this slice has to end now."""


class ReplayObserver(abc.ObserverBase[Event]):
    """An observer of a run.

    Attributes:
        subscription: Its subscription to the run.
    """

    subscription: SingleAssignmentDisposable

    @property
    @abstractmethod
    def observes_errors(self) -> bool:
        """Whether it handles errors."""


class QueuedObserver(ReplayObserver):
    """An observer with a queue, which holds the replay too."""

    is_queued = True
    """Notifying it takes no time."""

    @abstractmethod
    def begin(self, replay: NumberedEvents, seq: int) -> None:
        """Queue the replay of the `seq` events so far."""


class RunBroadcast:
    """Broadcast the events of a run, one after the other, on its loop thread.

    Args:
        scheduler: The run's.
        event_log: The events so far, for late observers.
        outcome: How the run has ended; it is noted there when an observer handles the error.
    """

    def __init__(self, scheduler: RunScheduler, event_log: EventLog, outcome: Outcome) -> None:
        self.faults = ViewerFaults(scheduler)
        self.ended = False
        self._error: Exception | None = None
        self._scheduler = scheduler
        self._event_log = event_log
        self._outcome = outcome
        self._decision = outcome.decision
        self._broadcaster: Broadcaster[Event] = Broadcaster(self.report, self._warn)
        self._slow: WeakSet[object] | None = None  # it takes 800 bytes, and is hardly ever needed

    def admit(self, observer: QueuedObserver, since: int) -> None:
        """Replay what happened after the first `since` events to an observer, then add it."""
        post, loop = self._scheduler.post_or_run, self._scheduler.loop
        awaited_at_end("rxagent-viewer", loop, post, self._join, observer, since)

    def admit_direct(self, observer: ReplayObserver) -> None:
        """Replay all events to an observer without a queue, then add it.

        If the run has ended, the observer is notified on this thread; on the thread of an asyncio
        loop, in slices.
        """
        if not self.ended:
            self._scheduler.post_or_run(self._catch_up, observer, 0, self._again)
            return
        loop = asyncio._get_running_loop()
        again = _never if loop is None else partial(_next_turn, loop, FairShare.of(loop))
        self._scheduler.context.copy().run(self._catch_up, observer, 0, again)

    def _join(self, observer: QueuedObserver, since: int) -> None:
        if not observer.subscription.is_disposed:
            with self._reporting(observer):
                observer.begin(self._event_log.since(since), len(self._event_log))
                self._add(observer)

    def _catch_up(self, observer: ReplayObserver, since: int, again: _Again) -> None:
        """Replay the events so far, in slices; those that happen meanwhile follow likewise."""
        self._replay(observer, self._event_log.since(since), len(self._event_log), again)

    def _replay(
        self, observer: ReplayObserver, replay: NumberedEvents, seq: int, again: _Again
    ) -> None:
        with self._reporting(observer):
            for event, _ in replay:
                if observer.subscription.is_disposed:
                    return
                observer.on_next(event)
                if again(self._replay, observer, replay, seq, again):
                    return
            if len(self._event_log) > seq and self._event_log.is_kept:
                self._catch_up(observer, seq, again)
            elif not observer.subscription.is_disposed:
                self._add(observer)

    def _again(self, action: Callable[..., None], *args: Any) -> bool:
        """Queue the next slice, if the time of this one is used up."""
        return (
            self._scheduler.is_inside
            and self._scheduler.is_spent
            and self._scheduler.post(action, *args)
        )

    def _add(self, observer: ReplayObserver) -> None:
        if not self.ended:
            observer.subscription.disposable = self._broadcaster.add(observer)
        elif self._error is None:
            observer.on_completed()
        else:
            self._note_observed([observer])
            observer.on_error(self._error)

    @contextmanager
    def _reporting(self, observer: ReplayObserver) -> Iterator[None]:
        try:
            yield
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt) and is_main_thread():
                raise
            self.report(observer, fault)

    def _warn(self, observer: object, seconds: float) -> None:
        """Log an observer that holds the loop, once."""
        if self._slow is None:
            self._slow = WeakSet()
        if observer not in self._slow:
            self._slow.add(observer)
            watching = getattr(observer, "watching", observer)
            _log.warning(
                "%r held the event loop for %.0f ms; run.attach(...) gives it a thread",
                watching,
                seconds * 1000,
            )

    def emit(self, event: Event) -> None:
        """Log an event and notify all observers, unless the end of the run is decided."""
        log = self._event_log
        # Before the decision is read: a thread that decides reads this afterwards, so that either
        # the event is left out, or that thread knows that it may be added.
        log.is_adding = True
        try:
            if self._decision:
                return
            log.add(event)
        finally:
            log.is_adding = False
        self._broadcaster.on_next(event)

    def end(self, error: Exception | None) -> None:
        """Notify all observers of the end."""
        self.ended, self._error = True, error
        observers = self._broadcaster.observers
        if error is None:
            self._broadcaster.on_completed()
        else:
            self._note_observed(observers)
            self._broadcaster.on_error(error)
        for observer in observers:
            if isinstance(observer, ReplayObserver):
                observer.subscription.dispose()

    def _note_observed(self, observers: Iterable[abc.ObserverBase[Event]]) -> None:
        if any(
            isinstance(observer, ReplayObserver) and observer.observes_errors
            for observer in observers
        ):
            self._outcome.note_observed()

    def report(self, observer: object, fault: BaseException) -> None:
        """Emit what an observer has raised as a fault, and log it."""
        # A ReactiveX observer without on_error raises the run's own error, which is no fault.
        if fault is not self._error:
            self.faults.report(getattr(observer, "watching", observer), fault)


_NOBODY = PartialObserver.of(None)
"""The observer of a run's sink, which it never notifies."""


class RunSink(Sink[Event, Event]):
    """Observes the source of a run.

    Args:
        broadcast: Emits its events.
        end: Called with its error, or with None when it has completed.
    """

    __slots__ = ("_end", "on_next")

    def __init__(self, broadcast: RunBroadcast, end: Callable[[Exception | None], None]) -> None:
        super().__init__(_NOBODY)
        self.on_next = broadcast.emit  # type: ignore[assignment]  # a method as a value
        self._end = end

    def on_error(self, error: Exception) -> None:
        """End the run with an error."""
        self._end(error)

    def on_completed(self) -> None:
        """End the run."""
        self._end(None)


def _never(action: Callable[..., None], *args: Any) -> bool:
    return False


def _next_turn(
    loop: asyncio.AbstractEventLoop, share: FairShare, action: Callable[..., None], *args: Any
) -> bool:
    if share.spent:
        loop.call_soon(action, *args)
        return True
    return False


@frozen
class ViewerFault:
    """An observer was detached from its run because of an error, its own or an overflow."""

    observer: Any
    error: BaseException


class ViewerFaults(Observable[ViewerFault]):
    """The faults of a run's viewers, with a replay of the earlier ones for late subscribers.

    It never completes, since viewers may outlive the run.
    """

    def __init__(self, scheduler: RunScheduler) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._known: list[ViewerFault] = []
        self._broadcaster: Broadcaster[ViewerFault] = Broadcaster(_log_fault)

    def report(self, viewer: Any, error: BaseException) -> None:
        """Emit a fault, and log it."""
        _log_fault(viewer, error)
        self._scheduler.post_or_run(self._emit, ViewerFault(viewer, error))

    def _emit(self, fault: ViewerFault) -> None:
        self._known.append(fault)
        self._broadcaster.on_next(fault)

    def _subscribe_core(
        self, observer: abc.ObserverBase[ViewerFault], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        subscription = SingleAssignmentDisposable()

        def join() -> None:
            if not subscription.is_disposed:
                try:
                    for fault in self._known:
                        observer.on_next(fault)
                except Exception as fault:
                    _log_fault(observer, fault)
                else:
                    subscription.disposable = self._broadcaster.add(observer)

        self._scheduler.post_or_run(join)
        return subscription


def _log_fault(viewer: Any, error: BaseException) -> None:
    if isinstance(error, BufferOverflow):
        _log.warning("%r was detached from its run: %s", viewer, error)
    else:
        _log.error("%r was detached from its run", viewer, exc_info=error)
