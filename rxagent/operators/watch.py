"""Operators for those who watch a stream without having a say in it."""

import logging
import time
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from reactivex import Observable, abc

from ..arguments import text
from ..events import Event, Stamped
from ..streams import Hub, Observing
from ._brackets import takes_nothing
from ._channels import Joiner, channel

__all__ = ["coalesce", "stamp", "watch"]

_T = TypeVar("_T")

_log = logging.getLogger("rxagent")


def watch(*observers: Any) -> Callable[[Observable[_T]], Observable[_T]]:
    """Pass a stream on, and tell others of it, each before the stream's own observer is told.

    It differs from `do` in that one that raises is taken off and logged, and the others and the
    stream go on. They are told at once, so they must never block; `Run.attach` is for those that
    may.

    .. marbles:: watch/watch

    Args:
        observers: Functions of an item, or objects with some of on_next, on_error, on_completed.
    """
    watching = [Observing.of(observer) for observer in observers]

    def watched(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            hub: Hub[_T] = Hub(_log_fault)
            for one in watching:
                hub.add(one)

            def on_next(item: _T) -> None:
                hub.on_next(item)
                observer.on_next(item)

            def on_error(error: Exception) -> None:
                hub.on_error(error)
                observer.on_error(error)

            def on_completed() -> None:
                hub.on_completed()
                observer.on_completed()

            return source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return watched


def _log_fault(observer: Any, fault: BaseException) -> None:
    _log.error("%r raised and watches no longer", observer.watching, exc_info=fault)


def stamp(run: str | None = None) -> Callable[[Observable[Event]], Observable[Stamped]]:
    """Emit each event with its run, its number in that run, and the time.

    .. marbles:: watch/stamp

    Args:
        run: The run's id; by default a new one for each subscription.
    """

    text("run", run, optional=True)

    def stamped(source: Observable[Event]) -> Observable[Stamped]:
        def subscribe(
            observer: abc.ObserverBase[Stamped], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            name = run or uuid4().hex
            number = count()

            def on_next(event: Event) -> None:
                at = scheduler.now.timestamp() if scheduler else time.time()
                observer.on_next(Stamped(name, next(number), at, event))

            return source.subscribe(
                on_next, observer.on_error, observer.on_completed, scheduler=scheduler
            )

        return Observable(subscribe)

    return stamped


@takes_nothing
def coalesce() -> Callable[[Observable[Event]], Observable[Event]]:
    """Join pieces of text, reasoning, refusals and arguments, up to the next event that is none.

    Pieces of the same path and kind become one; nothing is lost. It differs from `buffer` in that
    it emits events again, so that two runs which differ in their pieces alone become equal.

    .. marbles:: watch/coalesce
    """

    def coalesced(source: Observable[Event]) -> Observable[Event]:
        def subscribe(
            observer: abc.ObserverBase[Event], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            joiner = Joiner()

            def on_next(event: Event) -> None:
                kind = channel(event)
                if kind is not None:
                    joiner.add(kind, event)
                else:
                    flush()
                    observer.on_next(event)

            def flush() -> None:
                for joint in joiner.take():
                    observer.on_next(joint)

            def on_error(error: Exception) -> None:
                flush()
                observer.on_error(error)

            def on_completed() -> None:
                flush()
                observer.on_completed()

            return source.subscribe(on_next, on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return coalesced
