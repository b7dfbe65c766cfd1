"""Entering: streams that are told on threads of their own come in by a run's gate."""

from collections.abc import Callable
from typing import Any, TypeVar

from reactivex import Observable, abc

from .home import Home
from .link import Link, Linked

__all__ = ["entering"]

_T = TypeVar("_T")


def entering(source: Observable[_T]) -> Observable[_T]:
    """Emit what a source emits, on whatever thread, where the run emits everything else."""

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        home = Home.of(scheduler)
        return _Entering(observer, home).follow(source, home)

    return Linked(subscribe)


class _Entering(Link[_T, _T]):
    __slots__ = ("_home",)

    def __init__(self, observer: abc.ObserverBase[_T], home: Home) -> None:
        super().__init__(observer)
        self._home = home

    def on_next(self, value: _T) -> None:
        self._enter(self._tell, value)

    def on_error(self, error: Exception) -> None:
        self._enter(super().on_error, error)

    def on_completed(self) -> None:
        self._enter(super().on_completed)

    def _tell(self, value: _T) -> None:
        self.observer.on_next(value)

    def _enter(self, tell: Callable[..., None], *told: Any) -> None:
        if self._home.is_inside:
            tell(*told)
        else:
            self._home.gate(tell, *told)
