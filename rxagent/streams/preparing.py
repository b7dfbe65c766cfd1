"""Preparing: what a source does before its request is sent, in which it is not silent."""

from collections.abc import Callable
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable

from .scheduler import RunScheduler
from .sink import Producer

__all__ = ["preparing"]

_T = TypeVar("_T")


def preparing(source: Callable[[Callable[[], None]], Observable[_T]]) -> Observable[_T]:
    """Emit what a source emits; until it has sent its request, its silence is none.

    Importing an SDK, making a client and waiting for the loop take time in which no far end can
    answer: `timeout(idle=)`, `timeout(first=)` and `hedge(after=)` do not count it.

    .. code-block:: text

        subscribe ──── preparing ────┬── sent ── … ── first item ── … ──▶
                                     └ the idle clock starts here

    Args:
        source: Makes the source of each subscription, which calls the function that it is given
            when it sends its request.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        request = run_scheduler.preparing()
        subscription = CompositeDisposable(request)
        if not run_scheduler.is_of(scheduler):
            run_scheduler.owns(subscription)
        subscription.add(source(request.dispose).subscribe(observer, scheduler=run_scheduler))
        return subscription

    return Producer(subscribe)
