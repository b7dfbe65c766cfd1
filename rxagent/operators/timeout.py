"""Time limits of a model's answer."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..arguments import number
from ..errors import ModelTimeout
from ..events import StepRetried, Usage
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ._operator import operator

__all__ = ["timeout"]

_T = TypeVar("_T")

_NOW = 1e-6
"""A timer that is due in fewer seconds is due now."""


@operator
def timeout(
    idle: float | None = None, first: float | None = None, total: float | None = None
) -> Callable[[Observable[_T]], Observable[_T]]:
    """Raise ModelTimeout when a stream is silent, begins or ends too late.

    It differs from `timeout` of ReactiveX in that an item costs no new timer: one timer checks
    the clock when it is due. Time in which the run is held does not count.

    `idle` and `first` count from the moment when the model's request is sent: importing an SDK
    and making a client, here or in another model of the same run, is not the model's silence.
    `total` counts from the subscription.

    .. marbles:: timeout/timeout

    Args:
        idle: The longest silence in seconds, before the first item and after each.
        first: The seconds until the first item, in place of `idle`; a report of usage is no item.
        total: The seconds until the end, with those before the request.

    Raises:
        ModelTimeout: One of the times is over; by `on_error`.
    """
    given = {"idle": idle, "first": first, "total": total}
    for name, seconds in given.items():
        number(name, seconds, above=0, optional=True)
    if not any(given.values()):
        raise TypeError("No time is given: write timeout(idle=20), or first= or total=.")

    def limited(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            return _Limiting(observer, run_scheduler, idle, first, total).follow(
                source, run_scheduler
            )

        return run_scoped(Producer(subscribe))

    return limited


class _Limiting(Sink[_T, _T]):
    __slots__ = (
        "_began",
        "_first",
        "_has_spoken",
        "_idle",
        "_latest",
        "_scheduler",
        "_timer",
        "_total",
    )

    def __init__(
        self, observer: abc.ObserverBase[_T], scheduler: RunScheduler, *times: float | None
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._idle, self._first, self._total = times
        self._timer = SerialDisposable()
        self._began = self._latest = scheduler.time()
        self._has_spoken = self._first is None
        self._look()

    def _limits(self) -> Iterator[tuple[float, str]]:
        idle, first, total = self._idle, self._first, self._total
        if total is not None:
            yield self._began + total, f"The model has not ended after {total:g} s."
        silent_since = self._scheduler.silent_since
        if not self._has_spoken and first is not None:
            yield silent_since(self._began) + first, f"The model has not begun after {first:g} s."
        elif idle is not None:
            yield silent_since(self._latest) + idle, f"The model has been silent for {idle:g} s."

    def _look(self, *_: object) -> None:
        for due, why in sorted(self._limits())[:1]:
            left = due - self._scheduler.time()
            if left > _NOW:
                self._timer.disposable = self._scheduler.schedule_relative(left, self._look)
            else:
                observer = self.observer
                self.dispose()
                observer.on_error(ModelTimeout(why))

    def on_next(self, value: _T) -> None:
        self._latest = self._scheduler.time()
        if not self._has_spoken and not isinstance(value, Usage | StepRetried):
            self._has_spoken = True
            self._look()
        self.observer.on_next(value)

    def dispose(self) -> None:
        super().dispose()
        self._timer.dispose()
