"""Streams of items that are there already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from reactivex import Observable, abc

from .sink import Producer, Sink

__all__ = ["from_items", "of"]

_T = TypeVar("_T")


def of(*items: _T) -> Observable[_T]:
    """Emit some items at once on subscribe, and complete."""
    return from_items(items)


def from_items(items: Iterable[_T]) -> Observable[_T]:
    """Emit the items of an iterable at once on subscribe, and complete.

    It differs from `from_iterable` in that many items are emitted in slices within a run, so that
    others have their turn.
    """

    def subscribe(
        observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        emission = _Emission(items, observer, getattr(scheduler, "run_scheduler", None))
        emission.go_on()
        return emission

    return Producer(subscribe)


class _Emission(Sink[_T, _T]):
    """Emits items that are there."""

    __slots__ = ("_left", "_run_scheduler")

    def __init__(
        self, items: Iterable[_T], observer: abc.ObserverBase[_T], run_scheduler: Any
    ) -> None:
        super().__init__(observer)
        self._left = iter(items)
        self._run_scheduler = run_scheduler

    def go_on(self) -> None:
        scheduler = self._run_scheduler
        for item in self._left:
            if self.is_stopped:
                return
            self.observer.on_next(item)
            if (
                scheduler is not None
                and scheduler.is_inside
                and (scheduler.is_busy or scheduler.is_spent)
            ):
                scheduler.post(self.go_on)
                return
        self.on_completed()
