"""What `retry`, `fallback` and `draft` have in common: another stream follows one that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from reactivex import Observable, abc
from reactivex.disposable import SerialDisposable

from ..errors import describe
from ..events import RunStarted, StepRetried
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ._models import speaks

__all__ = ["Following", "going_on"]

Following: TypeAlias = Callable[[Exception, int, bool], tuple[float, Observable[Any]] | None]
"""`following(error, failures, spoken)` returns after how many seconds to continue, and with which
stream; if it returns None, the error passes."""


def going_on(
    first: Observable[Any], following: Following, says: Callable[[Any], bool] = speaks
) -> Observable[Any]:
    """Emit a stream; when it fails, emit StepRetried and continue with the one that follows.

    Args:
        first: The stream; a run is refused, as its tools would run twice.
        following: What follows.
        says: Whether an item says something, which would be said twice.
    """

    def subscribe(
        observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
    ) -> abc.DisposableBase:
        run_scheduler = RunScheduler.of(scheduler)
        return _GoingOn(observer, run_scheduler, following, says).follow(first, run_scheduler)

    return run_scoped(Producer(subscribe))


_NOT_OF_RUNS = (
    "A run cannot be retried, since its tools would run twice. Pipe the operator to the model: "
    "`Agent(model.pipe(ops.retry(...)))`; or to a tool: `tool.pipe(ops.retry(...))`."
)


class _GoingOn(Sink[Any, Any]):
    __slots__ = (
        "_failures",
        "_following",
        "_retractions",
        "_says",
        "_scheduler",
        "_spoken",
        "_wait",
    )

    def __init__(
        self,
        observer: abc.ObserverBase[Any],
        scheduler: RunScheduler,
        following: Following,
        says: Callable[[Any], bool],
    ) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._following = following
        self._says = says
        self._failures = self._retractions = 0
        self._spoken = False
        self._wait = SerialDisposable()

    def on_next(self, value: Any) -> None:
        if isinstance(value, StepRetried):
            self._spoken = False
            self._retractions += 1
        elif not self._spoken:
            if isinstance(value, RunStarted):
                super().on_error(TypeError(_NOT_OF_RUNS))
                return
            self._spoken = self._says(value)
        self.observer.on_next(value)

    def on_error(self, error: Exception) -> None:
        self._failures += 1
        next_one = self._following(error, self._failures, self._spoken)
        if next_one is None:
            super().on_error(error)
            return
        wait, source = next_one
        self.on_next(StepRetried(self._retractions + 1, describe(error)))

        def go_on(*_: object) -> None:
            self.follow(source, self._scheduler)

        if wait > 0:
            self._wait.disposable = self._scheduler.schedule_relative(wait, go_on)
        else:
            self._wait.disposable = self._scheduler.schedule(go_on)

    def dispose(self) -> None:
        super().dispose()
        self._wait.dispose()
