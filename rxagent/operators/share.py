"""Operators that let several pipelines drink from one stream."""

from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, Disposable

from ..streams import merged

__all__ = ["branch"]

_T = TypeVar("_T")
_R = TypeVar("_R")


def branch(
    *operators: Callable[[Observable[_T]], Observable[_R]],
) -> Callable[[Observable[_T]], Observable[_R]]:
    """Subscribe to a stream once, hand it to several operators, and merge what they emit.

    Every operator is told of an item before the next one is, in their order. It differs from
    `publish(mapper)` with `merge` in that all branches are subscribed before the stream is, and
    in that no lock is held while emitting: a run's gate has made its notifications serial.

    .. marbles:: share/branch
    """

    def branched(source: Observable[_T]) -> Observable[_R]:
        def subscribe(
            observer: abc.ObserverBase[_R], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            stems: tuple[abc.ObserverBase[_T], ...] = ()

            def grow(
                stem: abc.ObserverBase[_T], _: abc.SchedulerBase | None = None
            ) -> abc.DisposableBase:
                nonlocal stems
                stems = (*stems, stem)
                return Disposable(lambda: cut(stem))

            def cut(stem: abc.ObserverBase[_T]) -> None:
                nonlocal stems
                stems = tuple(other for other in stems if other is not stem)

            def on_next(item: _T) -> None:
                for stem in stems:
                    stem.on_next(item)

            def on_error(error: Exception) -> None:
                for stem in stems:
                    stem.on_error(error)

            def on_completed() -> None:
                for stem in stems:
                    stem.on_completed()

            trunk: Observable[_T] = Observable(grow)
            branches = merged(*(operator(trunk) for operator in operators))
            group = CompositeDisposable(branches.subscribe(observer, scheduler=scheduler))
            group.add(source.subscribe(on_next, on_error, on_completed, scheduler=scheduler))
            return group

        return Observable(subscribe)

    return branched
