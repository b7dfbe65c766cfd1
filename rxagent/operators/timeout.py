"""Time limits of a model's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..arguments import number
from ..errors import ModelTimeout, ToolTimeout
from ..events import StepRetried, Usage
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ._operator import Operator, operator

__all__ = ["timeout"]

_T = TypeVar("_T")

_NOW = 1e-6
"""A timer that is due in fewer seconds is due now."""


def _timeout_of_a_tool(
    idle: float | None = None, first: float | None = None, total: float | None = None
) -> Operator:
    return _timeout("tool", ToolTimeout, idle, first, total)


@operator(tool=_timeout_of_a_tool)
def timeout(
    idle: float | None = None, first: float | None = None, total: float | None = None
) -> Callable[[Observable[_T]], Observable[_T]]:
    """Raise ModelTimeout when a stream is silent, begins or ends too late.

    It differs from `timeout` of ReactiveX in that an item costs no new timer: one timer checks
    the clock when it is due. Time in which the run is held does not count.

    `idle` and `first` count from the moment when the model's request is sent: importing an SDK
    and making a client, here or in another model of the same run, is not the model's silence.
    `total` counts from the subscription.

    Piped to a tool, it raises ToolTimeout, which the model reads.

    .. marbles:: timeout/timeout

    Args:
        idle: The longest silence in seconds, before the first item and after each.
        first: The seconds until the first item, in place of `idle`; a report of usage is no item.
        total: The seconds until the end, with those before the request.

    Raises:
        ModelTimeout: One of the times is over; by `on_error`.
    """
    return _timeout("model", ModelTimeout, idle, first, total)


def _timeout(
    what: str,
    kind: type[Exception],
    idle: float | None,
    first: float | None,
    total: float | None,
) -> Callable[[Observable[_T]], Observable[_T]]:
    given = {"idle": idle, "first": first, "total": total}
    for name, seconds in given.items():
        number(name, seconds, above=0, optional=True)
    if not any(given.values()):
        raise TypeError("No time is given: write timeout(idle=20), or first= or total=.")

    def limited(source: Observable[_T]) -> Observable[_T]:
        def subscribe(
            observer: abc.ObserverBase[_T], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler).apart()
            late = partial(_late, what, kind)
            return _Limiting(observer, run_scheduler, late, idle, first, total).follow(
                source, run_scheduler
            )

        return run_scoped(Producer(subscribe))

    return limited


def _late(what: str, kind: type[Exception], why: str) -> Exception:
    return kind(f"The {what} {why}.")


class _Limiting(Sink[_T, _T]):
    __slots__ = (
        "_began",
        "_first",
        "_has_spoken",
        "_idle",
        "_late",
        "_latest",
        "_scheduler",
        "_timer",
        "_total",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[_T],
        scheduler: RunScheduler,
        late: Callable[[str], Exception],
        *times: float | None,
    ) -> None:
        super().__init__(observer)
        self._late = late
        self._scheduler = scheduler
        self._idle, self._first, self._total = times
        self._timer = SerialDisposable()
        self._began = self._latest = scheduler.time()
        self._has_spoken = self._first is None
        self._look()

    def _limits(self) -> Iterator[tuple[float, str]]:
        idle, first, total = self._idle, self._first, self._total
        if total is not None:
            yield self._began + total, f"has not ended after {total:g} s"
        silent_since = self._scheduler.silent_since
        if not self._has_spoken and first is not None:
            yield silent_since(self._began) + first, f"has not begun after {first:g} s"
        elif idle is not None:
            yield silent_since(self._latest) + idle, f"has been silent for {idle:g} s"

    def _look(self, *_: object) -> None:
        for due, why in sorted(self._limits())[:1]:
            left = due - self._scheduler.time()
            if left > _NOW:
                self._timer.disposable = self._scheduler.schedule_relative(left, self._look)
            else:
                observer = self.observer
                self.dispose()
                observer.on_error(self._late(why))

    def on_next(self, value: _T) -> None:
        if self._idle is not None:
            self._latest = self._scheduler.time()
        if not self._has_spoken and not isinstance(value, Usage | StepRetried):
            self._has_spoken = True
            self._look()
        self.observer.on_next(value)

    def dispose(self) -> None:
        super().dispose()
        self._timer.dispose()
