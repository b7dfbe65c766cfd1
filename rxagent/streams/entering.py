"""Entering: streams that are told on threads of their own come in by a run's gate."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from reactivex import Observable, abc

from .home import Home
from .link import Linked

__all__ = ["entering"]

_T = TypeVar("_T")


def entering(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits, on whatever thread, where the run emits everything else."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)

        def enter(tell: Callable[..., None], *told: Any) -> None:
            if home.is_inside:
                tell(*told)
            else:
                home.gate(tell, *told)

        return source.subscribe(
            partial(enter, observer.on_next),
            partial(enter, observer.on_error),
            partial(enter, observer.on_completed),
            scheduler=home,
        )

    return Linked(subscribe)
