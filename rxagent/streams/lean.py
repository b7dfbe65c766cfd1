"""Lean operators: some of reactivex's, for streams that a gate has made serial.

reactivex makes each of them of several others, with locks and trampolines; every run has them, so
here each is one layer, and holds no lock while emitting.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, SingleAssignmentDisposable
from reactivex.scheduler import CurrentThreadScheduler

__all__ = ["flat_map", "reduce", "start_with"]

_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")


def start_with(first: _T) -> Callable[[Observable[_T]], Observable[_T]]:
    """Emit an item before all others; the source is subscribed to after that."""

    def starting(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            following = SingleAssignmentDisposable()

            def begin(*_: Any) -> None:
                if not following.is_disposed:
                    observer.on_next(first)
                if not following.is_disposed:
                    following.disposable = source.subscribe(observer, scheduler=scheduler)

            # Not at once, so that who subscribes can dispose at the first item already.
            (scheduler or CurrentThreadScheduler.singleton()).schedule(begin)
            return following

        return Observable(subscribe)

    return starting


def flat_map(project: Callable[[_T], Observable[_R]]) -> Callable[[Observable[_T]], Observable[_R]]:
    """Emit what the streams emit, side by side, that are made of the items."""

    def flattening(source: Observable[_T]) -> Observable[_R]:
        def subscribe(
            observer: abc.ObserverBase[_R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            group = CompositeDisposable()
            open = 1

            def on_next(item: _T) -> None:
                nonlocal open
                try:
                    inner = project(item)
                except Exception as error:
                    on_error(error)
                    return
                open += 1
                place = SingleAssignmentDisposable()
                group.add(place)

                def on_completed() -> None:
                    group.remove(place)
                    end()

                place.disposable = inner.subscribe(
                    observer.on_next, on_error, on_completed, scheduler=scheduler
                )

            def on_error(error: Exception) -> None:
                group.dispose()
                observer.on_error(error)

            def end() -> None:
                nonlocal open
                open -= 1
                if not open:
                    observer.on_completed()

            group.add(source.subscribe(on_next, on_error, end, scheduler=scheduler))
            return group

        return Observable(subscribe)

    return flattening


def reduce(fold: Callable[[_S, _T], _S], seed: _S) -> Callable[[Observable[_T]], Observable[_S]]:
    """Emit what all items come to, once they have completed."""

    def reducing(source: Observable[_T]) -> Observable[_S]:
        def subscribe(
            observer: abc.ObserverBase[_S], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            state = seed

            def on_next(item: _T) -> None:
                nonlocal state
                try:
                    state = fold(state, item)
                except Exception as error:
                    observer.on_error(error)

            def on_completed() -> None:
                observer.on_next(state)
                observer.on_completed()

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return reducing
