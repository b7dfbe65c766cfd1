"""Merging what is serial already."""

from typing import TypeVar

from reactivex import Observable, abc

from .link import Joint, Linked

__all__ = ["merged"]

_T = TypeVar("_T")


def merged(*sources: Observable[_T]) -> Observable[_T]:
    """Emit what several sources emit, until all have completed or one has failed.

    It differs from `merge` in that it subscribes to all of them, in their order, and holds no lock
    while emitting. In a run, many are subscribed in slices, so that others have their turn.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        joint: Joint[_T, _T] = Joint(observer, scheduler)
        home = getattr(scheduler, "home", None)
        left = iter(sources)

        def begin() -> None:
            for source in left:
                if joint.is_stopped:
                    return
                joint.join(source)
                if home is not None and home.is_inside and home.is_spent:
                    home.post(begin)
                    return
            joint.on_completed()

        begin()
        return joint

    return Linked(subscribe)
