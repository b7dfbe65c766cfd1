"""Lifted operators: those that need no layer of their own."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc
from reactivex.disposable import Disposable
from reactivex.observer import AutoDetachObserver

from .home import Home

__all__ = ["Bare", "Between", "lifted", "subscribed"]

_T = TypeVar("_T")
_R = TypeVar("_R")


class Between:
    """An observer that an operator puts between a stream and its observer."""

    __slots__ = ("on_completed", "on_error", "on_next")

    def __init__(
        self,
        on_next: Callable[[Any], None],
        on_error: Callable[[Exception], None],
        on_completed: Callable[[], None],
    ) -> None:
        self.on_next = on_next
        self.on_error = on_error
        self.on_completed = on_completed


class Bare(Observable[_T]):
    """A stream that needs nobody to let go of it at its end."""


def lifted(
    lift: Callable[[abc.ObserverBase[_R]], Between],
) -> Callable[[Observable[Any]], Observable[_R]]:
    """Return the operator that puts between a stream and an observer what is made for that one."""

    def operator(source: Observable[Any]) -> Observable[_R]:
        return Bare(lambda observer, scheduler: subscribed(source, lift(observer), scheduler))

    return operator


def subscribed(
    source: Observable[Any], observer: Any, scheduler: abc.SchedulerBase | None
) -> abc.DisposableBase:
    """Subscribe an observer from within an operator, at half the cost.

    Whoever subscribes to a stream of reactivex gets an observer more, which lets go of the stream
    at its end, and a trampoline. Of operators in a row the first has one such observer, which is
    enough, and where there is a home its gate does what a trampoline does.
    """
    if type(source) is Bare:
        return source._subscribe_core(observer, scheduler)
    if type(source) is not Observable or not isinstance(scheduler, Home):
        return source.subscribe(observer, scheduler=scheduler)
    detaching = AutoDetachObserver[Any](observer.on_next, observer.on_error, observer.on_completed)
    try:
        detaching.set_disposable(source._subscribe_core(detaching, scheduler))
    except Exception as error:
        if not detaching.fail(error):
            raise
    return Disposable(detaching.dispose)
