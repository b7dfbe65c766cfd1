"""Observing what operators make of a run: an observer that raises is let go, and reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from reactivex import abc

from ..streams import RunScheduler
from ..streams.observe_on_run import OnLoop
from ..streams.sink import Sink

__all__ = ["Beside", "LettingGo"]

_Report: TypeAlias = Callable[[object, BaseException], None]
"""Called with an observer and with what it raised."""


class LettingGo(Sink[Any, Any]):
    """Passes all on where it comes, until its observer raises."""

    __slots__ = ("_report",)

    def __init__(self, observer: abc.ObserverBase[Any], report: _Report) -> None:
        super().__init__(observer)
        self._report = report

    def on_next(self, value: Any) -> None:
        """Pass the item on."""
        try:
            self.observer.on_next(value)
        except BaseException as fault:
            _let_go(self, self._report, fault)


class Beside(OnLoop[Any]):
    """Passes all on, on the thread of a run's loop, until its observer raises.

    Args:
        observer: The observer.
        scheduler: The one that the operators use, beside that of the run.
        report: Called with the observer and with what it raised.
    """

    __slots__ = ("_report",)

    def __init__(
        self, observer: abc.ObserverBase[Any], scheduler: RunScheduler, report: _Report
    ) -> None:
        super().__init__(observer, scheduler)
        self._report = report
        scheduler.owns(self)

    def on_next(self, value: Any) -> None:
        """Pass the item on, on the loop's thread."""
        if self._handoff is not None or not self._scheduler.on_loop_thread:
            self._handed.on_next(value)
            return
        try:
            self.observer.on_next(value)
        except BaseException as fault:
            _let_go(self, self._report, fault)

    def _pass(self, value: Any) -> None:
        try:
            self.observer.on_next(value)
        except BaseException as fault:
            _let_go(self, self._report, fault)

    def dispose(self) -> None:
        """Emit nothing more, and dispose the source."""
        super().dispose()
        self._scheduler.disown()


def _let_go(sink: Sink[Any, Any], report: _Report, fault: BaseException) -> None:
    # An error that were raised here might be lost: a source that emits while it is subscribed to
    # passes it to the `on_error` of this sink, which is stopped.
    observer = sink.observer
    sink.dispose()
    if not isinstance(fault, Exception):
        raise fault
    report(observer, fault)
