"""Streams that emit on any thread, observed on the run's loop thread."""

from __future__ import annotations

from threading import get_ident
from typing import Generic, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SingleAssignmentDisposable

from .handoff import Handoff
from .observers import PartialObserver
from .scheduler import RunScheduler
from .serial_queue import as_error
from .sink import Producer, Sink
from .worker_scheduler import WorkerScheduler

__all__ = ["OnLoop", "Serializing", "observe_on_run", "serialize_on_run"]

_T = TypeVar("_T")


def observe_on_run(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits, on any thread, on the run's loop thread.

    It differs from `observe_on` in that the source is subscribed on a worker, as it may block, and
    in that its thread blocks when it is 64 items ahead or while the run is held.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        entry = _Entry(observer, RunScheduler.of(scheduler))
        entry.begin(source)
        return entry

    return Producer(subscribe)


class _Entry(abc.DisposableBase, Generic[_T]):
    """One subscription to a source of foreign code; any thread may dispose it."""

    __slots__ = ("_handoff", "_scheduler", "_subscription", "_worker_scheduler")

    def __init__(self, observer: abc.ObserverBase[_T], scheduler: RunScheduler) -> None:
        self._scheduler = scheduler
        self._handoff = Handoff(observer, scheduler)
        self._worker_scheduler = WorkerScheduler(scheduler)
        self._subscription = SingleAssignmentDisposable()

    def begin(self, source: Observable[_T]) -> None:
        if getattr(source, "never_blocks", False):
            self._scheduler.run_serialized(self._subscribe, source, self._scheduler)
        else:
            self._worker_scheduler.run_serialized(self._subscribe, source, self._worker_scheduler)

    def _subscribe(self, source: Observable[_T], scheduler: abc.SchedulerBase) -> None:
        if self._handoff.is_disposed:
            return
        sink: Sink[_T, _T] = Sink(self._handoff)  # which a stream of ours notifies directly
        try:
            self._subscription.disposable = source.subscribe(sink, scheduler=scheduler)
        except BaseException as error:
            self._handoff.on_error(as_error("A stream", error))

    def dispose(self) -> None:
        self._handoff.dispose()
        if not self._scheduler.post(self._subscription.dispose):
            self._subscription.dispose()
        self._worker_scheduler.dispose()


def serialize_on_run(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits, on any thread, on the run's loop thread, one after the other.

    It differs from `observe_on_run` in that the source is subscribed here and now, as subscribing
    to it does not block, and in that what it emits on the loop's thread passes at once. A source
    that is serial already is returned as it is.
    """
    if getattr(source, "is_serial", False):
        return source

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        return Serializing(observer, run_scheduler).follow(source, run_scheduler)

    return Producer(subscribe)


class Serializing(Sink[_T, _T]):
    """Passes on what comes on the run's loop thread, and hands over what comes on others.

    What comes while the run is held is handed over, too, and waits there.
    """

    __slots__ = ("_handoff", "_scheduler")

    def __init__(self, observer: abc.ObserverBase[_T], scheduler: RunScheduler) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._handoff: Handoff[_T] | None = None

    @property
    def _is_here(self) -> bool:
        """Whether this thread may notify the observer now."""
        return self._scheduler.inside == get_ident() and not self._scheduler.is_held

    def on_next(self, value: _T) -> None:
        """Pass the item on, on the loop's thread."""
        if self._handoff is None and self._is_here:
            self.observer.on_next(value)
        else:
            self._handed.on_next(value)

    def on_error(self, error: Exception) -> None:
        """Pass the error on, on the loop's thread, and stop."""
        if self._handoff is None and self._is_here:
            super().on_error(as_error("A stream", error))
        else:
            self._handed.on_error(error)

    def on_completed(self) -> None:
        """Pass the end on, on the loop's thread, and stop."""
        if self._handoff is None and self._is_here:
            super().on_completed()
        else:
            self._handed.on_completed()

    @property
    def _handed(self) -> Handoff[_T]:
        # From the first notification that cannot pass on, all go this way, in their order.
        if self._handoff is None:
            passing = PartialObserver(self, self._pass, super().on_error, super().on_completed)
            self._handoff = Handoff(passing, self._scheduler)
        return self._handoff

    def _pass(self, value: _T) -> None:
        self.observer.on_next(value)

    def dispose(self) -> None:
        """Emit nothing more, and dispose the source."""
        super().dispose()
        if self._handoff is not None:
            self._handoff.dispose()


class OnLoop(Serializing[_T]):
    """Passes on at once what comes on the thread of the run's loop, also between its actions."""

    __slots__ = ()

    @property
    def _is_here(self) -> bool:
        return self._scheduler.on_loop_thread
