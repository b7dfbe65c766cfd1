"""The speed of a model's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from reactivex import Observable, abc

from ..events import (
    Finish,
    MessageCompleted,
    PlanStarted,
    ReasoningDelta,
    RefusalDelta,
    StepRetried,
    StepStarted,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ..streams import RunScheduler, run_scoped
from ..streams.sink import Producer, Sink
from ._operator import operator

__all__ = ["Speed", "speed"]

_CONTENT = {TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta}


@frozen
class Speed:
    """The speed of one turn of a model.

    Attributes:
        first: The seconds from its request to its first text, reasoning or call; None if there
            was none.
        seconds: The seconds from its request to its end.
        tokens: The tokens that it wrote; None if the model did not report them.
    """

    first: float | None
    seconds: float
    tokens: int | None = None

    @property
    def rate(self) -> float | None:
        """The tokens a second from the first one to the end; None if that is not known."""
        if self.first is None or self.tokens is None or self.seconds <= self.first:
            return None
        return self.tokens / (self.seconds - self.first)


@operator(takes="events or deltas", emits="speeds")
def speed() -> Callable[[Observable[Any]], Observable[Speed]]:
    """Emit the speed of each turn of a model, when the turn has ended.

    A `Speed` has `first`, the seconds to the first token, `seconds`, those to the end, `tokens`,
    as the model reports them, and `rate`, the tokens a second. What is not known is None. Time
    counts from when the request is sent, and stands still while the run is paused. Of a turn that
    is retried, the last attempt counts.

    .. marbles:: speed/speed
    """

    def measured(source: Observable[Any]) -> Observable[Speed]:
        def subscribe(
            observer: abc.ObserverBase[Speed], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            run_scheduler = RunScheduler.of(scheduler)
            return _Measuring(observer, run_scheduler).follow(source, run_scheduler)

        return run_scoped(Producer(subscribe))

    return measured


class _Measuring(Sink[Any, Speed]):
    __slots__ = ("_began", "_finished", "_first", "_scheduler", "_tokens")

    def __init__(self, observer: abc.ObserverBase[Speed], scheduler: RunScheduler) -> None:
        super().__init__(observer)
        self._scheduler = scheduler
        self._begin()

    def _begin(self) -> None:
        self._began = self._scheduler.time()
        self._first: float | None = None
        self._finished: float | None = None
        self._tokens: int | None = None

    def on_next(self, value: Any) -> None:
        kind = type(value)
        if kind in _CONTENT:
            if self._first is None:
                self._began = self._scheduler.silent_since(self._began)
                self._first = self._scheduler.time()
        elif kind is Usage:
            self._tokens = (self._tokens or 0) + value.output_tokens
        elif kind is Finish:
            self._finished = self._scheduler.time()
        elif kind is MessageCompleted:
            self._end()
        elif kind in (StepStarted, PlanStarted, StepRetried):
            self._begin()

    def _end(self) -> None:
        if self._first is None and self._tokens is None:
            return
        now = self._scheduler.time() if self._finished is None else self._finished
        first = None if self._first is None else _rounded(self._first - self._began)
        measured = Speed(first, _rounded(now - self._began), self._tokens)
        self._begin()
        self.observer.on_next(measured)

    def on_completed(self) -> None:
        self._end()
        super().on_completed()


def _rounded(seconds: float) -> float:
    return round(max(seconds, 0.0), 6)  # clocks count microseconds
