"""Merging, where a gate has made everything serial already."""

from typing import TypeVar

from reactivex import Observable, abc

from .link import Joint, Linked

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
        joint: Joint[_T, _T] = Joint(observer, scheduler)
        for source in sources:
            joint.join(source)
        joint.on_completed()
        return joint

    return Linked(subscribe)
