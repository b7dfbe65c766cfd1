"""Eager calls: tool calls that start while the model still writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reactivex import Observable, abc

from ..events import Event, StepRetried, ToolFailed
from ..messages import ToolCall
from ..streams.sink import MergeSink, lift
from .stopping import WholeCall

__all__ = ["eager_calls"]


def eager_calls(
    start: Callable[[ToolCall], Observable[Event]], retract: Callable[[str], ToolFailed]
) -> Callable[[Observable[ToolCall | StepRetried]], Observable[Event]]:
    """Start each call as it arrives and emit its events; StepRetried ends the calls still running.

    Args:
        start: Starts a call.
        retract: Makes the last event of a call from its id.
    """
    return lift(partial(_EagerCalls, start, retract))


class _EagerCalls(MergeSink[Any, Event]):
    __slots__ = ("_retract", "_running", "_start")

    def __init__(
        self,
        start: Callable[[ToolCall], Observable[Event]],
        retract: Callable[[str], ToolFailed],
        observer: abc.ObserverBase[Event],
    ) -> None:
        super().__init__(observer)
        self._start = start
        self._retract = retract
        self._running: dict[str, _EagerCall] = {}

    def on_next(self, value: ToolCall | StepRetried) -> None:
        if isinstance(value, ToolCall):
            self.join(self._run(value.id, self._start(value)))
            return
        running, self._running = self._running, {}
        for call_id, call in running.items():
            call.stop(partial(self._retract, call_id))

    def _run(self, call_id: str, events: Observable[Event]) -> Observable[Event]:
        def run(observer: abc.ObserverBase[Event]) -> _EagerCall:
            call = self._running[call_id] = _EagerCall(observer, call_id, self._running)
            return call

        return lift(run)(events)


class _EagerCall(WholeCall):
    __slots__ = ("_id", "_running")

    def __init__(
        self, observer: abc.ObserverBase[Event], id: str, running: dict[str, _EagerCall]
    ) -> None:
        super().__init__(observer)
        self._id = id
        self._running = running

    def on_completed(self) -> None:
        self._running.pop(self._id, None)
        super().on_completed()
