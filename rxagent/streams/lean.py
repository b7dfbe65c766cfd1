"""Lean operators: some of reactivex's, for streams that a gate has made serial.

reactivex makes most of these of several others, with locks and trampolines. Every run has them,
so here each is one layer at most, and holds no lock while emitting.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import (
    CompositeDisposable,
    Disposable,
    SerialDisposable,
    SingleAssignmentDisposable,
)
from reactivex.scheduler import CurrentThreadScheduler

from .lifted import Between, lifted, subscribed

__all__ = ["catch", "flat_map", "just", "map", "reduce", "start_with", "with_latest"]

_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")


def just(item: _T) -> Observable[_T]:
    """Emit an item, as soon as it is subscribed to."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        observer.on_next(item)
        observer.on_completed()
        return Disposable()

    return Observable(subscribe)


def map(project: Callable[[_T], _R]) -> Callable[[Observable[_T]], Observable[_R]]:
    """Emit what is made of each item."""

    def lift(observer: abc.ObserverBase[_R]) -> Between:
        def on_next(item: _T) -> None:
            try:
                projected = project(item)
            except Exception as error:
                observer.on_error(error)
            else:
                observer.on_next(projected)

        return Between(on_next, observer.on_error, observer.on_completed)

    return lifted(lift)


def reduce(fold: Callable[[_S, _T], _S], seed: _S) -> Callable[[Observable[_T]], Observable[_S]]:
    """Emit what all items come to, once they have completed."""

    def lift(observer: abc.ObserverBase[_S]) -> Between:
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

        return Between(on_next, observer.on_error, on_completed)

    return lifted(lift)


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
                    following.disposable = subscribed(source, observer, scheduler)

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
                if group.is_disposed:
                    return
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

                told = Between(observer.on_next, on_error, on_completed)
                place.disposable = subscribed(inner, told, scheduler)

            def on_error(error: Exception) -> None:
                group.dispose()
                observer.on_error(error)

            def end() -> None:
                nonlocal open
                open -= 1
                if not open:
                    observer.on_completed()

            group.add(subscribed(source, Between(on_next, on_error, end), scheduler))
            return group

        return Observable(subscribe)

    return flattening


def with_latest(
    other: Observable[_S], default: _S
) -> Callable[[Observable[_T]], Observable[tuple[_T, _S]]]:
    """Emit each item with what another stream has emitted last, or else with a default."""

    def combined(source: Observable[_T]) -> Observable[tuple[_T, _S]]:
        def subscribe(
            observer: abc.ObserverBase[tuple[_T, _S]], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            latest = default

            def on_other(item: _S) -> None:
                nonlocal latest
                latest = item

            def on_next(item: _T) -> None:
                observer.on_next((item, latest))

            told = Between(on_other, observer.on_error, lambda: None)
            group = CompositeDisposable(subscribed(other, told, scheduler))
            told = Between(on_next, observer.on_error, observer.on_completed)
            group.add(subscribed(source, told, scheduler))
            return group

        return Observable(subscribe)

    return combined


def catch(
    handler: Callable[[Exception], Observable[_T]],
) -> Callable[[Observable[_T]], Observable[_T]]:
    """Emit, in place of an error, the stream that is made of it."""

    def catching(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            current = SerialDisposable()
            first = SingleAssignmentDisposable()
            current.disposable = first

            def on_error(error: Exception) -> None:
                try:
                    following = handler(error)
                except Exception as fault:
                    observer.on_error(fault)
                    return
                place = SingleAssignmentDisposable()
                current.disposable = place
                place.disposable = subscribed(following, observer, scheduler)

            told = Between(observer.on_next, on_error, observer.on_completed)
            first.disposable = subscribed(source, told, scheduler)
            return current

        return Observable(subscribe)

    return catching
