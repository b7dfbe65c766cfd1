"""Operators for watching a stream: they do not change what its observer receives."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import Any, Self, TypeVar
from uuid import uuid4

from reactivex import Observable, abc
from reactivex.disposable import Disposable, SerialDisposable

from ..arguments import number, text
from ..coalescing import Joiner, channel
from ..events import Event, Stamped
from ..streams import Broadcaster, PartialObserver, RunScheduler, run_scoped
from ..streams.sink import HoldingSink, Producer, Sink, lift
from ._operator import operator

__all__ = ["coalesce", "stamp", "watch"]

_T = TypeVar("_T")

_log = logging.getLogger("rxagent")


@operator
def watch(*observers: Any) -> Callable[[Observable[_T]], Observable[_T]]:
    """Pass a stream on, and notify other observers of it, before the stream's own observer.

    It differs from `do` in that an observer that raises is removed and logged, and the others and
    the stream go on. Observers are notified at once, so they must never block; `Run.attach` is
    for those that may.

    .. marbles:: watch/watch

    Args:
        observers: Functions of an item, or objects with some of on_next, on_error, on_completed.
    """
    return lift(partial(_Watching, [PartialObserver.of(observer) for observer in observers]))


class _Watching(Sink[_T, _T]):
    """Watchers receive nothing after the stream's own observer has left."""

    __slots__ = ("_broadcaster",)

    def __init__(self, watching: Iterable[PartialObserver], observer: abc.ObserverBase[_T]) -> None:
        super().__init__(observer)
        self._broadcaster: Broadcaster[_T] = Broadcaster(_log_fault)
        for one in watching:
            self._broadcaster.add(one)

    def on_next(self, value: _T) -> None:
        if not self.is_stopped:
            self._broadcaster.on_next(value)
            self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        if not self.is_stopped:
            self._broadcaster.on_error(error)
            super().on_error(error)

    def on_completed(self) -> None:
        if not self.is_stopped:
            self._broadcaster.on_completed()
            super().on_completed()


def _log_fault(observer: Any, fault: BaseException) -> None:
    _log.error("%r raised and watches no longer", observer.watching, exc_info=fault)


@operator(takes="events or deltas", emits="stamped events")
def stamp(run: str | None = None) -> Callable[[Observable[Event]], Observable[Stamped]]:
    """Emit each event with its run, its number in that run, and the time.

    .. marbles:: watch/stamp

    Args:
        run: The run's id; by default a new one for each subscription.
    """

    text("run", run, optional=True)
    return lift(partial(_Stamping, run))


class _Stamping(Sink[Event, Stamped]):
    __slots__ = ("_number", "_run", "_scheduler")

    def __init__(self, run: str | None, observer: abc.ObserverBase[Stamped]) -> None:
        super().__init__(observer)
        self._run = run or uuid4().hex
        self._number = count()

    def follow(self, source: Observable[Event], scheduler: abc.SchedulerBase | None) -> Self:
        self._scheduler = scheduler
        return super().follow(source, scheduler)

    def on_next(self, value: Event) -> None:
        at = self._scheduler.now.timestamp() if self._scheduler else time.time()
        self.observer.on_next(Stamped(self._run, next(self._number), at, value))


@operator(takes="events or deltas")
def coalesce(seconds: float | None = None) -> Callable[[Observable[Event]], Observable[Event]]:
    """Join pieces of text, reasoning, refusals and arguments, up to the next other event.

    Pieces of the same path and kind become one; nothing is lost. It differs from `buffer` in that
    it emits events again, so that two runs that differ in their pieces alone become equal.

    .. marbles:: watch/coalesce

    Args:
        seconds: The longest time that a piece waits for others; None for no limit.
    """
    number("seconds", seconds, above=0, optional=True)
    if seconds is None:
        return lift(_Coalescing)

    def coalesced(source: Observable[Event]) -> Observable[Event]:
        def subscribe(
            observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            return _Timed(observer, seconds, run_scheduler).follow(source, run_scheduler)

        return run_scoped(Producer(subscribe))

    return coalesced


class _Coalescing(HoldingSink[Event, Event]):
    __slots__ = ("_joiner",)

    def __init__(self, observer: abc.ObserverBase[Event]) -> None:
        super().__init__(observer)
        self._joiner = Joiner()

    def on_next(self, value: Event) -> None:
        kind = channel(value)
        if kind is not None:
            self._joiner.add(kind, value)
        else:
            self.flush()
            self.observer.on_next(value)

    def flush(self) -> None:
        for joined in self._joiner.take():
            self.observer.on_next(joined)


class _Timed(_Coalescing):
    """Emits what waits when the first piece of it has waited for so many seconds."""

    __slots__ = ("_is_due", "_scheduler", "_seconds", "_timer")

    def __init__(
        self, observer: abc.ObserverBase[Event], seconds: float, scheduler: RunScheduler
    ) -> None:
        super().__init__(observer)
        self._seconds = seconds
        self._scheduler = scheduler
        self._timer = SerialDisposable()
        self._is_due = False

    def on_next(self, value: Event) -> None:
        super().on_next(value)
        if not self._is_due and self._joiner and not self.is_stopped:
            self._is_due = True
            self._timer.disposable = self._scheduler.schedule_relative(
                self._seconds, lambda *_: self.flush()
            )

    def flush(self) -> None:
        if self._is_due:
            self._is_due = False
            self._timer.disposable = Disposable()
        super().flush()

    def dispose(self) -> None:
        super().dispose()
        self._timer.dispose()
