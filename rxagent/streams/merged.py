"""Merging, where a gate has made everything serial already."""

from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable

__all__ = ["merged"]

_T = TypeVar("_T")


def merged(*sources: Observable[_T]) -> Observable[_T]:
    """Emit what several sources emit, until all have completed or one has failed.

    It differs from `merge` in that it subscribes to all at once, in their order, and holds no
    lock while emitting.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        group = CompositeDisposable()
        left = len(sources)

        def on_error(error: Exception) -> None:
            group.dispose()
            observer.on_error(error)

        def on_completed() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                observer.on_completed()

        for source in sources:
            if not group.is_disposed:
                group.add(
                    source.subscribe(observer.on_next, on_error, on_completed, scheduler=scheduler)
                )
        if not sources:
            on_completed()
        return group

    return Observable(subscribe)
